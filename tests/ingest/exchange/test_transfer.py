"""A member's data leaves as files and comes in elsewhere as it was; nothing of a damaged export is taken in."""

import asyncio
import hashlib
import json
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from domain.envelope import Record, seal
from domain.keys import SigningKey
from domain.records.membership import Revoke
from domain.records.result import Tree
from ingest.exchange.archive import check_archive
from ingest.exchange.errors import (
    ExportChanged,
    ExportFolderUsed,
    InvalidExport,
    InvalidTrust,
    TruncatedExport,
)
from ingest.exchange.exporting import RECORDS, SUMMARY, SUMS, TREES, export
from ingest.exchange.importing import ImportReport, import_folder
from ingest.exchange.store import open_store
from ingest.exchange.trust import Trust, trust_organisation, trust_service
from ingest.journal import now_ms
from ingest.pipeline.follower import Follower
from ipfs.car import CarReader
from ipfs.memory import MemoryBlockStore
from ipfs.store import BlockStore
from ipfs.unixfs import build_file, read_file
from register.sqlite import SqliteRegister
from tests.ingest.devices import AT_MS, ORG_KEY, Device
from tests.ingest.exchange.houses import (
    ORG,
    OTHER,
    OTHER_KEY,
    SERVICE_KEY,
    House,
    make_campaign,
    make_stand,
    open_house,
)

CLOUD = random.Random(3).randbytes(2_500_000)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path / "j") as house:
        yield house


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path / "empty") as house:
        yield house


async def write(house: House, out: Path, clouds: BlockStore | None = None) -> dict[str, object]:
    await house.digest()
    return await house.journal.read(lambda db: export(db, ORG, out, now_ms=AT_MS, clouds=clouds))


async def read(house: House, folder: Path, blocks: BlockStore | None = None) -> ImportReport:
    return await import_folder(house.journal, folder, clock=now_ms, blocks=blocks)


async def fill_well(house: House) -> list[Record]:
    """Fill an installation with records of every kind that travels, and those of another member."""
    device = Device()
    revoke = seal(Revoke(ORG, device.name, device.key.public.raw, "lost", AT_MS), ORG_KEY)
    stand = make_stand(40)
    tree = stand[1].expect(Tree)
    await house.admit(device, device.enrol, device.observe("one"), device.observe("two"), revoke)
    await house.fill(make_campaign(), *stand, make_campaign(org=OTHER), *make_stand(3, org=OTHER, key=OTHER_KEY))
    survey = make_stand(0, "again")[0]
    grown = seal(replace(tree, survey=survey.cid, prev=stand[1].cid), SERVICE_KEY)
    await house.fill(survey, grown)
    return [record for record in await house.records() if record.body.org == ORG]


async def test_a_round_trip_into_an_empty_installation_gives_the_same_trees_features_and_roots(
    house: House, empty: House, tmp_path: Path
) -> None:
    records = await fill_well(house)
    summary = await write(house, tmp_path / "out")
    assert summary["records"] == len(records)
    report = await read(empty, tmp_path / "out")
    assert (report.taken, report.known, dict(report.refused)) == (len(records), 0, {})
    assert [record.raw for record in await empty.records()] == [record.raw for record in records]
    assert await empty.digest() == await house.digest()
    assert await _index(house, tmp_path / "r1") == await _index(empty, tmp_path / "r2")


async def _index(house: House, path: Path) -> list[object]:
    """Return all that a register made from an installation's records says of the member's trees."""
    async with SqliteRegister.open(path) as register:
        while await Follower(house.journal, MemoryBlockStore(), register).step():
            pass
        features = [json.loads(feature) for feature in (await register.features(limit=1_000)).features]
        ours = [feature for feature in features if await _is_ours(house, feature["id"], register)]
        return [ours, *[await register.tree(feature["id"]) for feature in ours]]


async def _is_ours(house: House, code: str, register: SqliteRegister) -> bool:
    entry = await register.tree(code)
    return any(record.cid == entry.record and record.body.org == ORG for record in await house.records())


async def test_an_import_again_changes_nothing(house: House, empty: House, tmp_path: Path) -> None:
    records = await fill_well(house)
    await write(house, tmp_path / "out")
    await read(empty, tmp_path / "out")
    again = await read(empty, tmp_path / "out")
    assert (again.taken, again.known) == (0, len(records))


async def test_clouds_travel_when_asked_for_and_are_whole_on_the_other_side(
    house: House, empty: House, tmp_path: Path
) -> None:
    blocks, received, device = MemoryBlockStore(), MemoryBlockStore(), Device()
    dag = build_file(BytesIO(CLOUD), lambda cid, block: blocks.put_many([(cid, block)]))
    await house.admit(device, device.enrol, device.declare(dag.root, dag.size))
    await house.journal.save_whole(ORG, dag.root, b"\xff")
    summary = await write(house, tmp_path / "out", blocks)
    assert summary["clouds"] == 1
    report = await read(empty, tmp_path / "out", received)
    assert (report.taken, report.clouds, report.blocks) == (2, 1, 4)
    assert b"".join(read_file(dag.root, received.get)) == CLOUD
    upload = await empty.journal.upload(ORG, dag.root)
    assert upload is not None
    assert upload.is_whole
    assert await empty.journal.claim_job("survey") is None


async def test_the_table_is_geoparquet_with_each_tree_once_and_its_units(house: House, tmp_path: Path) -> None:
    records = await fill_well(house)
    await write(house, tmp_path / "out")
    file = pq.ParquetFile(tmp_path / "out" / TREES)
    geo = json.loads(file.schema_arrow.metadata[b"geo"])
    assert (geo["version"], geo["primary_column"]) == ("1.1.0", "geometry")
    assert geo["columns"]["geometry"]["encoding"] == "WKB"
    assert geo["columns"]["geometry"]["geometry_types"] == ["Point"]
    rows = file.read().to_pylist()
    trees = [record for record in records if isinstance(record.body, Tree)]
    assert [row["record"] for row in rows] == [str(record.cid) for record in trees]
    tree = trees[5].expect(Tree)
    # WKB of a point: byte order 1 (little endian), type 1, x, y as IEEE 754 doubles (OGC 06-103r4, 8.2).
    assert rows[5]["geometry"][:5] == bytes.fromhex("0101000000")
    assert (rows[5]["lon"], rows[5]["lat"]) == (tree.position.lon_nd / 1e9, tree.position.lat_nd / 1e9)  # type: ignore[operator]
    assert tree.height_mm is not None
    assert rows[5]["height_m"] == tree.height_mm.value / 1000
    assert file.schema_arrow.field("height_m").metadata == {b"unit": b"m"}


async def test_the_archive_is_a_car_whose_root_leads_to_every_record(house: House, tmp_path: Path) -> None:
    records = await fill_well(house)
    summary = await write(house, tmp_path / "out")
    with (tmp_path / "out" / RECORDS).open("rb") as stream:
        reader = CarReader(stream)
        cids = [cid for cid, _ in reader]
    assert [str(root) for root in reader.roots] == [summary["manifest"]]
    assert cids[2:] == [record.cid for record in records]
    assert check_archive(tmp_path / "out" / RECORDS).count == len(records)


async def test_the_checksums_are_sha256sums(house: House, tmp_path: Path) -> None:
    await house.fill(make_campaign())
    await write(house, tmp_path / "out")
    for line in (tmp_path / "out" / SUMS).read_text("ascii").splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest() == digest


async def test_an_export_of_nobody_is_whole_too(house: House, empty: House, tmp_path: Path) -> None:
    await write(house, tmp_path / "out")
    assert (await read(empty, tmp_path / "out")).taken == 0


async def test_an_export_never_overwrites_and_sweeps_what_a_crash_left(house: House, tmp_path: Path) -> None:
    (tmp_path / "out.part").mkdir()
    (tmp_path / "out.part" / "half").write_bytes(b"x")
    await write(house, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted([RECORDS, TREES, SUMMARY, SUMS])
    with pytest.raises(ExportFolderUsed):
        await write(house, tmp_path / "out")


def _resum(folder: Path) -> None:
    """Write the checksums anew, as whoever forges an export would."""
    lines = [
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in (RECORDS, TREES, SUMMARY)
    ]
    (folder / SUMS).write_text("".join(lines))


async def test_an_archive_cut_anywhere_is_named_and_nothing_of_it_is_taken_in(
    house: House, empty: House, tmp_path: Path
) -> None:
    await house.fill(make_campaign(), *make_stand(3))
    await write(house, tmp_path / "out")
    path = tmp_path / "out" / RECORDS
    whole = path.read_bytes()
    for length in range(1, len(whole), 97):
        path.write_bytes(whole[:length])
        _resum(tmp_path / "out")
        with pytest.raises(InvalidExport) as caught:
            await read(empty, tmp_path / "out")
        if length > 100:
            assert caught.type is TruncatedExport
    assert await empty.records() == []


async def test_every_changed_byte_is_found(house: House, empty: House, tmp_path: Path) -> None:
    await house.fill(make_campaign())
    await write(house, tmp_path / "out")
    path = tmp_path / "out" / RECORDS
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ExportChanged):
            await read(empty, tmp_path / "out")
        _resum(tmp_path / "out")
        with pytest.raises(InvalidExport):
            await read(empty, tmp_path / "out")
        path.write_bytes(whole)
        _resum(tmp_path / "out")
    assert await empty.records() == []


def _no_sums(folder: Path) -> None:
    (folder / SUMS).unlink()


def _strange_sums(folder: Path) -> None:
    (folder / SUMS).write_text("0  ../../etc/passwd\n")


def _no_table(folder: Path) -> None:
    (folder / TREES).unlink()


@pytest.mark.parametrize("spoil", [_no_sums, _strange_sums, _no_table])
async def test_a_folder_that_is_no_export_is_named(
    house: House, empty: House, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    await write(house, tmp_path / "out")
    spoil(tmp_path / "out")
    with pytest.raises(InvalidExport):
        await read(empty, tmp_path / "out")


async def test_records_of_an_unknown_organisation_or_key_are_refused_by_rule_and_key(
    house: House, tmp_path: Path
) -> None:
    await fill_well(house)
    await write(house, tmp_path / "out")
    async with open_house(tmp_path / "stranger", is_trusting=False) as stranger:
        report = await read(stranger, tmp_path / "out")
        assert (report.taken, set(report.refused)) == (0, {"UnknownOrganisation"})
        await stranger.journal.write(lambda db: trust_organisation(db, Trust(ORG, ORG_KEY.public)))
        report = await read(stranger, tmp_path / "out")
        assert set(report.refused) == {"UntrustedSigner"}
        assert SERVICE_KEY.public.raw.hex() in report.examples[0].reason
        await stranger.journal.write(lambda db: trust_service(db, Trust(ORG, SERVICE_KEY.public)))
        assert dict((await read(stranger, tmp_path / "out")).refused) == {}
        assert await stranger.digest() == await house.digest()


async def test_an_organisation_known_by_another_key_is_not_taken_over(empty: House) -> None:
    with pytest.raises(InvalidTrust, match="known here"):
        await empty.journal.write(lambda db: trust_organisation(db, Trust(ORG, OTHER_KEY.public)))


async def test_records_that_a_stranger_signed_do_not_pass_for_the_members(house: House, tmp_path: Path) -> None:
    forger = SigningKey.from_seed(b"f" * 32)
    await house.fill(make_campaign(), *make_stand(4, "forged", key=forger))
    await write(house, tmp_path / "out")
    async with open_house(tmp_path / "other") as other:
        report = await read(other, tmp_path / "out")
        assert (report.taken, dict(report.refused)) == (1, {"UntrustedSigner": 6})


async def test_a_killed_import_goes_on_where_it_was(house: House, tmp_path: Path) -> None:
    records = [make_campaign(), *make_stand(1_200)]
    await house.fill(*records)
    await write(house, tmp_path / "out")
    async with open_house(tmp_path / "other") as other:

        def die(done: int, _count: int) -> None:
            if done >= 500:
                raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            await import_folder(other.journal, tmp_path / "out", clock=now_ms, told=die)
        assert len(await other.records()) == 500
        report = await read(other, tmp_path / "out")
        assert (report.taken, report.known) == (703, 500)
        assert await other.digest() == await house.digest()


async def test_a_command_works_beside_a_running_server(house: House, tmp_path: Path) -> None:
    await house.fill(make_campaign(), *make_stand(30))
    async with open_store(tmp_path / "j") as side:
        await house.digest()
        await side.read(lambda db: export(db, ORG, tmp_path / "out", now_ms=AT_MS))
        await side.write(lambda db: trust_service(db, Trust(ORG, OTHER_KEY.public)))
        await house.fill(*make_stand(3, "more"))
    assert check_archive(tmp_path / "out" / RECORDS).count == 33
