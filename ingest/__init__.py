"""The server: broker, admission, receipts, upload assembly, and the pipeline from clouds to anchored trees.

``journal`` holds the truth at admission; blocks and register follow from it and can be rebuilt.
"""
