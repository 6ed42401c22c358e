"""Anchoring 100,000 records to finality on disk, and checking every path.

Run: ``python -m benchmarks.anchor [--json]``. The peer of verification is the same loop over ``hashlib`` alone: what
the hashes of a path cost without any of our code.
"""

import asyncio
import hashlib
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import Figure, parse_options, print_figures
from chain.core.wallet import Wallet
from chain.node import SUPPLY_UCEC, Node, create_genesis
from chain.proof import verify_proof
from chain.wire.cosmos import MsgAccreditKey, MsgAnchor, MsgRegisterOrganisation
from domain.cid import DAG_CBOR, Cid
from domain.envelope import seal
from domain.keys import SigningKey
from domain.merkle import MerkleTree, compute_root
from domain.readings import Note
from domain.records.field import Observation, Place
from ingest.pipeline.manifest import build_batch
from ipfs.local import LocalBlockStore

RECORDS = 100_000


async def measure(folder: Path) -> list[Figure]:
    """Return the figures of one run in an empty folder."""
    validator, org = SigningKey.from_seed(b"v" * 32), SigningKey.from_seed(b"o" * 32)
    wallet = Wallet(b"w" * 32)
    genesis = create_genesis(
        "cec-bench",
        validator=validator,
        authority=wallet.address,
        balances={wallet.address: SUPPLY_UCEC},
        time_ns=time.time_ns(),
    )
    place = Place(bytes(16), 0, 1_790_000_000_000, bytes(16), 0)
    record = seal(Observation("org", "device", "campaign", place, (Note(1, "a note"),)), org)
    cids = [Cid(DAG_CBOR, hashlib.sha256(b"%d" % number).digest()) for number in range(RECORDS - 1)]
    async with Node.open(folder / "chain", genesis, validator) as node:
        await node.execute(
            wallet, [MsgRegisterOrganisation(wallet.address, "org", wallet.address, org.public.raw, "Org")]
        )
        service = SigningKey.from_seed(b"s" * 32)
        await node.execute(wallet, [MsgAccreditKey(wallet.address, "org", service.public.raw, "service", "line")])
        began = time.perf_counter()
        batch = build_batch([*cids, record.cid])
        with LocalBlockStore(folder / "blocks") as blocks:
            blocks.put_many(batch.blocks)
        await node.execute(wallet, [MsgAnchor(wallet.address, batch.tree.root, batch.tree.count, str(batch.manifest))])
        anchored_s = time.perf_counter() - began
        path = batch.tree.path(batch.cids.index(record.cid))
        proof = node.reader.build_proof([(record.raw, path)], batch.tree.root)
        began = time.perf_counter()
        verify_proof(proof, node.reader.pin)
        verified_s = time.perf_counter() - began
    paths_per_s, peer_per_s = _check_paths(batch.cids, batch.tree)
    return [
        Figure("anchor 100,000 records, final on disk", anchored_s, "s", "<= 1"),
        Figure("paths verified", paths_per_s, "1/s", ">= 20000", "hashes alone", peer_per_s),
        Figure("proof beyond the record's bytes", len(proof) - len(record.raw), "B", "<= 3000"),
        Figure("one proof verified, all eight steps", 1000 * verified_s, "ms"),
    ]


def _check_paths(cids: Sequence[Cid], tree: MerkleTree) -> tuple[float, float]:
    began = time.perf_counter()
    for index, cid in enumerate(cids):
        if compute_root(bytes(cid), tree.path(index)) != tree.root:
            raise AssertionError(index)
    ours = time.perf_counter() - began
    began = time.perf_counter()
    for cid in cids:
        node = hashlib.sha256(b"\x00" + bytes(cid)).digest()
        for _ in range(17):
            node = hashlib.sha256(b"\x01" + node + node).digest()
    return RECORDS / ours, RECORDS / (time.perf_counter() - began)


def main() -> None:
    """Measure and print."""
    options = parse_options(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(print_figures(asyncio.run(measure(Path(folder))), as_json=options.json))


if __name__ == "__main__":
    main()
