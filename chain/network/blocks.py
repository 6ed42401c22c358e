"""The block store: blocks, their commits and results by height, transactions by hash; nothing is ever rewritten."""

from dataclasses import dataclass
from typing import Final

from chain.data.kv import KeyValueStore
from chain.network.application import TxResult
from chain.wire.codec import decode_message, encode_message
from chain.wire.comet import Block, Commit
from domain.codec import decode_list, encode

_LAST: Final = b"b/last"


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A block and the commit that made it final.

    Attributes
    ----------
    block
        Whole.
    commit
        Who signed it: the next block carries it too.
    """

    block: Block
    commit: Commit


class BlockStore:
    """Blocks on a key-value store.

    Parameters
    ----------
    kv
        Where they are kept; keys begin with ``b/``.
    """

    def __init__(self, kv: KeyValueStore) -> None:
        self._kv = kv
        # Every new block looks at the last one several times; decoding it costs as much as making it.
        self._newest: StoredBlock | None = None

    def last_height(self) -> int:
        """Return the height of the last block; 0 when there is none."""
        return int.from_bytes(self._kv.get(_LAST) or b"", "big")

    def get(self, height: int) -> StoredBlock | None:
        """Return a block, if it is there."""
        if self._newest is not None and self._newest.block.header.height == height:
            return self._newest
        block, commit = self._kv.get(_key(b"block", height)), self._kv.get(_key(b"commit", height))
        if block is None or commit is None:
            return None
        return StoredBlock(decode_message(Block, block), decode_message(Commit, commit))

    def put(self, stored: StoredBlock) -> None:
        """Store a block with its commit: after this it is final, whatever happens."""
        height = stored.block.header.height
        self._kv.write(
            {
                _key(b"block", height): encode_message(stored.block),
                _key(b"commit", height): encode_message(stored.commit),
                _LAST: height.to_bytes(8, "big"),
            }
        )
        self._newest = stored

    def put_results(self, height: int, txs: dict[bytes, int], results: tuple[TxResult, ...]) -> None:
        """Store a block's results, and where each transaction (by hash) stands in it."""
        changes: dict[bytes, bytes | None] = {
            b"b/tx/" + tx: height.to_bytes(8, "big") + index.to_bytes(4, "big") for tx, index in txs.items()
        }
        changes[_key(b"results", height)] = encode([_to_map(result) for result in results])
        self._kv.write(changes)

    def find_tx(self, tx_hash: bytes) -> tuple[int, int] | None:
        """Return height and index of a transaction, if it stands in a block."""
        raw = self._kv.get(b"b/tx/" + tx_hash)
        return None if raw is None else (int.from_bytes(raw[:8], "big"), int.from_bytes(raw[8:], "big"))

    def results(self, height: int) -> tuple[TxResult, ...] | None:
        """Return a block's results, without their events, if they are there."""
        raw = self._kv.get(_key(b"results", height))
        if raw is None:
            return None
        return tuple(TxResult(**item) for item in decode_list(raw))  # type: ignore[arg-type]


def _to_map(result: TxResult) -> dict[str, int | str | bytes]:
    return {
        "code": result.code,
        "codespace": result.codespace,
        "log": result.log,
        "data": result.data,
        "gas_wanted": result.gas_wanted,
        "gas_used": result.gas_used,
    }


def _key(kind: bytes, height: int) -> bytes:
    return b"b/" + kind + b"/" + height.to_bytes(8, "big")
