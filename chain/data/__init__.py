"""Where the chain keeps things: a key-value store, and sparse Merkle trees over it."""
