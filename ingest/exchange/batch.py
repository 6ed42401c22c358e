"""Records on the wire between installations: one CAR whose first block lists what follows.

The list is a map with the links of the records under ``records``, in the order in which they were admitted where they
come from; other keys say what the batch is. Every block is checked against its CID, and the list against the blocks.
"""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from domain.cid import DAG_CBOR, Cid
from domain.codec import Value, decode_map, encode
from domain.errors import CecError
from ingest.exchange.errors import InvalidExchange
from ipfs.car import CarReader, write_car

MEDIA_TYPE: Final = "application/vnd.ipld.car"
MAX_RECORDS: Final = 1_000
"""Records in one batch: about 1 MB of trees, and an admission of well under a second."""
MAX_RECORD_BYTES: Final = 8 << 20
"""Bytes of records in one batch, beyond which it ends early; one more envelope of 256 KiB may stand above it."""
MAX_BYTES: Final = MAX_RECORD_BYTES + (1 << 20)
"""Largest batch read: its records, one envelope more, their CIDs and the list."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that was read.

    Attributes
    ----------
    fields
        What its list says beside the records.
    records
        Envelopes in order, each checked against its CID, not yet opened.
    """

    fields: Mapping[str, Value]
    records: tuple[bytes, ...]


def pack_batch(kind: str, records: Sequence[tuple[Cid, bytes]], fields: Mapping[str, Value] | None = None) -> bytes:
    """Return the archive of a batch."""
    links: list[Value] = [cid for cid, _ in records]
    head = encode({"v": 1, "kind": kind, **(fields or {}), "records": links})
    root = Cid.of(DAG_CBOR, head)
    stream = io.BytesIO()
    write_car(stream, [root], [(root, head), *records])
    return stream.getvalue()


def unpack_batch(kind: str, archive: bytes) -> Batch:
    """Return the batch of an archive.

    Raises
    ------
    InvalidExchange
        When it is too large, damaged, of another kind, or does not hold what its list says.
    """
    if len(archive) > MAX_BYTES:
        raise InvalidExchange("batch", f"at most {MAX_BYTES} bytes, these are {len(archive)}; send fewer records")
    try:
        reader = CarReader(io.BytesIO(archive))
        blocks = list(reader)
        fields = dict(decode_map(blocks[0][1])) if blocks else {}
    except CecError as error:
        raise InvalidExchange("batch", str(error)) from error
    links = fields.pop("records", None)
    if fields.get("kind") != kind or not isinstance(links, Sequence) or reader.roots != (blocks[0][0],):
        raise InvalidExchange("batch", f"its root must be a list of records of kind {kind!r}")
    if len(links) > MAX_RECORDS or list(links) != [cid for cid, _ in blocks[1:]]:
        raise InvalidExchange("batch", f"its blocks must be the at most {MAX_RECORDS} records of its list, in order")
    return Batch(fields, tuple(block for _, block in blocks[1:]))


def cut(records: Iterable[tuple[Cid, bytes]]) -> list[tuple[Cid, bytes]]:
    """Return as many records from the front as one batch carries; at least one where there is one."""
    taken: list[tuple[Cid, bytes]] = []
    size = 0
    for record in records:
        size += len(record[1])
        if taken and (size > MAX_RECORD_BYTES or len(taken) >= MAX_RECORDS):
            break
        taken.append(record)
    return taken
