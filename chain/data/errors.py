"""Failures of the chain's storage.

::

    CecError
    +-- StoreError
        +-- StoreBusy      another process has the store open
        +-- StoreBroken    the store's files cannot be read
"""

from domain.errors import CecError


class StoreError(CecError):
    """Root of the storage's failures."""


class StoreBusy(StoreError):
    """Another process has the store open."""

    def __init__(self, folder: str) -> None:
        super().__init__(f"Chain store {folder} is in use by another process: stop it first")
        self.folder = folder


class StoreBroken(StoreError):
    """The store's files cannot be read."""

    def __init__(self, folder: str, reason: str) -> None:
        super().__init__(f"Chain store {folder} cannot be read ({reason}): keep a copy, restore the last backup")
        self.folder = folder
        self.reason = reason
