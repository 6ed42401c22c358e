"""Bytes on the chain: a strict protobuf codec and the messages of CometBFT and Cosmos in it.

One value has one encoding: what decodes but would encode differently is refused, as is every unknown field.
"""
