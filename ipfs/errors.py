"""Failures of the IPFS room.

::

    CecError
    +-- IpfsError
        +-- BlockMissing       the store does not hold the block
        +-- BlockMismatch      bytes are not the block that the CID names
        +-- BlockTooLarge      a block is larger than IPFS nodes exchange
        +-- StoreDamaged       the store's own files cannot be read
        +-- InvalidNode        bytes are not a canonical DAG-PB node
        +-- InvalidUnixFs      a node is not the UnixFS file that its parent says
        +-- InvalidCar         bytes are not a CARv1 archive
        +-- InvalidVarint      bytes are not a minimal unsigned varint
"""

from domain.errors import CecError


class IpfsError(CecError):
    """Root of the failures of the IPFS room."""


class BlockMissing(IpfsError):
    """The store does not hold the block."""

    def __init__(self, cid: str) -> None:
        super().__init__(f"Block {cid} is not in this store: fetch it from whoever announced it, then put it")
        self.cid = cid


class BlockMismatch(IpfsError):
    """Bytes are not the block that the CID names."""

    def __init__(self, cid: str) -> None:
        super().__init__(f"Invalid block for {cid}: its SHA-256 differs, so it was damaged or forged; get it again")
        self.cid = cid


class BlockTooLarge(IpfsError):
    """A block is larger than IPFS nodes exchange."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"Invalid block of {size} bytes: at most {limit}; cut the file into leaves first")
        self.size = size
        self.limit = limit


class StoreDamaged(IpfsError):
    """The store's own files cannot be read."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"Block store {path} is damaged ({reason}): keep a copy of the folder, open a new one, "
            "and put the blocks again from their sources"
        )
        self.path = path
        self.reason = reason


class InvalidNode(IpfsError):
    """Bytes are not a canonical DAG-PB node."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid DAG-PB node: {reason}")
        self.reason = reason


class InvalidUnixFs(IpfsError):
    """A node is not the UnixFS file that its parent says."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid UnixFS file: {reason}")
        self.reason = reason


class InvalidCar(IpfsError):
    """Bytes are not a CARv1 archive."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(f"Invalid CAR archive at byte {offset}: {reason}")
        self.offset = offset
        self.reason = reason


class InvalidVarint(IpfsError):
    """Bytes are not a minimal unsigned varint."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid varint: {reason}")
        self.reason = reason
