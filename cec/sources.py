"""Adapters between rooms: the chain as the pipeline and the portal see it, and the line's counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chain.core.wallet import Wallet
from chain.network.errors import TxNotTaken
from chain.network.forms import time_ns_of
from chain.node import ChainReader, Node
from chain.wire.cosmos import MsgAnchor
from domain.cid import Cid
from domain.envelope import open_envelope
from domain.merkle import MerklePath, build_sorted_tree
from domain.records.result import Tree
from ingest.entries import Stand
from ingest.journal import Journal
from ingest.pipeline.ports import Anchored
from portal.ports import ChainStatus
from portal.ports import Pin as PortalPin
from register.ports import RegisterReader

_NOBODY = bytes(32)


@dataclass(frozen=True, slots=True)
class ChainAnchors:
    """An `ingest.pipeline.ports.Anchors` on our own node.

    Attributes
    ----------
    node
        The chain.
    wallet
        Who pays.
    """

    node: Node
    wallet: Wallet

    async def anchor(self, root: bytes, count: int, manifest: Cid) -> Anchored:
        """Return where a root stands, anchored now if it is not yet."""
        tx_hash = _NOBODY
        if self.node.reader.find_anchor(root) is None:
            message = MsgAnchor(self.wallet.address, root, count, str(manifest))
            try:
                final = await self.node.execute(self.wallet, [message])
            except TxNotTaken:
                # Somebody was faster with the same root: then it stands, and that is what was wanted.
                if self.node.reader.find_anchor(root) is None:
                    raise
            else:
                tx_hash = final.tx_hash
        entry = self.node.reader.find_anchor(root)
        assert entry is not None, "an anchor that is final stands"  # noqa: S101
        return Anchored(entry.height, entry.time_ms, tx_hash)


@dataclass(frozen=True, slots=True)
class Proofs:
    """A `portal.ports.ProofSource` over register and chain.

    Attributes
    ----------
    register
        Knows in which batch a record was anchored.
    reader
        Proves what stands on the chain.
    """

    register: RegisterReader
    reader: ChainReader

    async def proof(self, cid: Cid) -> bytes:
        """Return the proof file of a record; that of a tree holds its survey as well."""
        raw = await self.register.record(cid)
        anchor, cids = await self.register.anchor_of(cid)
        body = open_envelope(raw).body
        wanted = [(cid, raw)]
        if isinstance(body, Tree) and body.survey in set(cids):
            wanted.append((body.survey, await self.register.record(body.survey)))
        tree = build_sorted_tree([bytes(one) for one in cids])
        places = {one: index for index, one in enumerate(cids)}
        records: list[tuple[bytes, MerklePath]] = [(envelope, tree.path(places[one])) for one, envelope in wanted]
        return self.reader.build_proof(records, anchor.root)


@dataclass(frozen=True, slots=True)
class RegisterStands:
    """An `ingest.answering.AnchorBook` over the register."""

    register: RegisterReader

    async def anchors_of(self, cids: Sequence[Cid]) -> Mapping[Cid, Stand]:
        """Return where those records stand that are anchored."""
        anchors = await self.register.anchors_of(cids)
        return {cid: Stand(anchor.root, anchor.height, anchor.time_ms) for cid, anchor in anchors.items()}


@dataclass(frozen=True, slots=True)
class ChainTeller:
    """A `portal.ports.ChainSource` on our own chain."""

    reader: ChainReader

    def pin(self) -> PortalPin:
        """Return the chain's id and genesis hash."""
        pin = self.reader.pin
        return PortalPin(pin.chain_id, pin.genesis_hash.hex())

    async def status(self) -> ChainStatus:
        """Return where the chain stands."""
        stored = self.reader.blocks.get(self.reader.blocks.last_height())
        assert stored is not None, "the first block is made before the node is open"  # noqa: S101
        header = stored.block.header
        return ChainStatus(header.height, time_ns_of(header.time) // 1_000_000, len(self.reader.genesis.validators))


@dataclass(frozen=True, slots=True)
class LineTeller:
    """A `portal.ports.LineSource` over journal and register."""

    journal: Journal
    register: RegisterReader

    async def line(self) -> Mapping[str, int]:
        """Return counts by station, in the line's order."""
        journal, register = await self.journal.counts(), await self.register.counts()
        return {
            "received": journal.records,
            "refused": journal.quarantined,
            "uploads": journal.uploads_whole,
            "trees": register.trees,
            "anchored": register.anchored,
        }
