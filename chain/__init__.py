"""The chain: a deterministic state machine, the engines that drive it, and proofs that stand alone.

Layers, upper may use lower: node, proof > applications > core > network > data > wire. Nothing here knows what a tree
is; records come as hashes.
"""
