"""Failures of anchors.

::

    TxRefused
    +-- AnchorExists       1   the root stands on the chain already
    +-- InvalidRoot        2   a root has 32 bytes
    +-- InvalidCount       3   a root covers 1 to 2^48 records
    +-- InvalidManifest    4   the manifest is not a CID
"""

from chain.core.errors import TxRefused


class AnchorExists(TxRefused):
    """The root stands on the chain already: whoever anchored it, it proves the same."""

    CODESPACE = "anchor"
    CODE = 1

    def __init__(self, root: bytes, height: int) -> None:
        super().__init__(f"Anchor {root.hex()} stands since height {height}: nothing is to be done")
        self.root = root
        self.height = height


class InvalidRoot(TxRefused):
    """A root has 32 bytes."""

    CODESPACE = "anchor"
    CODE = 2

    def __init__(self, length: int) -> None:
        super().__init__(f"Invalid root of {length} bytes: a Merkle root has 32")
        self.length = length


class InvalidCount(TxRefused):
    """A root covers 1 to 2^48 records."""

    CODESPACE = "anchor"
    CODE = 3

    def __init__(self, count: int) -> None:
        super().__init__(f"Invalid count {count}: a root covers 1 to 2^48 records")
        self.count = count


class InvalidManifest(TxRefused):
    """The manifest is not a CID."""

    CODESPACE = "anchor"
    CODE = 4

    def __init__(self, text: str) -> None:
        super().__init__(f"Invalid manifest {text[:80]!r}: expected a CIDv1 in base32")
        self.text = text
