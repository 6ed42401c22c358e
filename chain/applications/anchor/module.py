"""The anchor module: one message, one kind of entry, first come stays."""

from dataclasses import dataclass
from typing import Final

from chain.applications.anchor.errors import AnchorExists, InvalidCount, InvalidManifest, InvalidRoot
from chain.core.machine import Module
from chain.core.messages import Context, Handler
from chain.core.state import CommittedState, Layer, StateReader
from chain.network.application import Event
from chain.wire.cosmos import MsgAnchor
from domain.cid import Cid
from domain.codec import decode_map, encode
from domain.errors import InvalidCid
from domain.merkle import HASH_LENGTH

NAME: Final = "anchor"
GAS: Final = 30_000
MAX_COUNT: Final = 1 << 48


@dataclass(frozen=True, slots=True)
class AnchorEntry:
    """An anchor as it stands on the chain.

    Attributes
    ----------
    by
        Address of who anchored it.
    count
        Records under the root.
    height, time_ms
        Of the block.
    manifest
        CID (text) of the DAG that lists them.
    """

    by: str
    count: int
    height: int
    time_ms: int
    manifest: str


def compute_key(root: bytes) -> bytes:
    """Return the state key of a root."""
    return b"a/" + root


def get_anchor(state: StateReader, root: bytes) -> AnchorEntry | None:
    """Return the anchor of a root, if it stands."""
    raw = state.get(NAME, compute_key(root))
    return None if raw is None else AnchorEntry(**decode_map(raw))  # type: ignore[arg-type]


def process_anchor(state: Layer, message: MsgAnchor, context: Context) -> None:
    """Put a root on the chain; see README.md for each way this fails."""
    if len(message.root) != HASH_LENGTH:
        raise InvalidRoot(len(message.root))
    if not 0 < message.count <= MAX_COUNT:
        raise InvalidCount(message.count)
    try:
        Cid.parse(message.manifest)
    except InvalidCid as error:
        raise InvalidManifest(message.manifest) from error
    standing = get_anchor(state, message.root)
    if standing is not None:
        raise AnchorExists(message.root, standing.height)
    value = encode(
        {
            "by": message.submitter,
            "count": message.count,
            "height": context.height,
            "manifest": message.manifest,
            "time_ms": context.time_ms,
        }
    )
    state.set(NAME, compute_key(message.root), value)
    context.emit(Event("anchor", (("root", message.root.hex()), ("by", message.submitter))))


def find_broken_invariant(state: CommittedState) -> str | None:
    """Return what is wrong with the anchors, in words: each covers at least one record."""
    for key, raw in state.iterate(NAME, b""):
        entry = AnchorEntry(**decode_map(raw))  # type: ignore[arg-type]
        if len(key) != len(compute_key(bytes(HASH_LENGTH))) or not 0 < entry.count <= MAX_COUNT:
            return f"anchor {key.hex()} covers {entry.count} records"
    return None


MODULE: Final = Module(
    NAME,
    (Handler(MsgAnchor, "submitter", GAS, process_anchor),),
    lambda _state, _genesis: None,
    find_broken_invariant,
)
