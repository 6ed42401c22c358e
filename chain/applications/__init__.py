"""Modules that users meet: what stands on the chain and who may put it there."""
