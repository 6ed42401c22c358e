"""Trees indexed a second on PostgreSQL with PostGIS and on SQLite, and a page of 1,000 features of a box.

Run: ``python -m benchmarks.register [--json]``. A row is one tree record, indexed: its envelope in `records`; its code,
links, place on the curve, geometry and ready feature in `trees`; all indexes kept; a transaction each 2,000, synced.
The peer of COPY is the same rows by the driver's own `executemany`, in turns with it. Each figure is the best of five
rounds, because what else the machine does can only add to a time.
"""

import asyncio
import dataclasses
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from benchmarks.report import Figure, parse_options, print_figures
from domain.cid import RAW, Cid
from domain.codes import mint_cloud_code
from domain.envelope import Record, seal
from domain.keys import SigningKey
from domain.records.result import Crown, Estimate, Position, Species, Stem, Tree
from register import rows
from register.entries import Box
from register.ports import Register
from register.postgres import PostgresRegister, copy_rows
from register.sqlite import SqliteRegister
from tests.register.postgres_server import running_server

TREES = 20_000
BATCH = 2_000
ROUNDS = 5
PAGES = 20
SIDE_ND = 20_000_000
"""The stand's side, about 2 km."""
LON_ND, LAT_ND = 15_000_000_000, 47_000_000_000
BOX = Box(LON_ND + 5_000_000, LAT_ND + 5_000_000, LON_ND + 12_000_000, LAT_ND + 12_000_000)
"""Holds 2,450 of the trees, so that a page of 1,000 is full."""
SURVEY = Cid.of(RAW, b"a survey")
TAKEN_MS = 1_790_000_000_000
ENGINE = Path(__file__).parent.parent / "scripts" / "engines" / "postgis"


@dataclass(frozen=True, slots=True)
class ReadyRows:
    """One batch as rows, so that making them is not part of the time."""

    records: list[rows.RecordRow]
    trees: list[rows.TreeRow]


async def measure(folder: Path, programs: Path) -> list[Figure]:
    """Return the figures of one run in an empty folder."""
    raws = _grow_stand()
    ready = [_make_rows(batch) for batch in _split(raws)]
    with running_server(programs) as server:
        server.execute("CREATE DATABASE bench")
        async with PostgresRegister.open(server.url("bench")) as register:
            copied, listed = [], []
            for _ in range(ROUNDS):
                copied.append(await _time_rows(register, ready, _copy))
                listed.append(await _time_rows(register, ready, _execute_many))
            indexed = [await _time_records(register, raws) for _ in range(ROUNDS)]
            page_s = await _time_page(register)
    async with SqliteRegister.open(folder / "register.sqlite") as register_file:
        peer_s = min([await _time_records(register_file, raws) for _ in range(2)])
        peer_page_s = await _time_page(register_file)
    copy_per_s, list_per_s = TREES / min(copied), TREES / min(listed)
    return [
        Figure("rows by COPY, ready rows", copy_per_s, "1/s", ">= 40000", "executemany", list_per_s),
        Figure("COPY over executemany", copy_per_s / list_per_s, "times", ">= 1.3"),
        Figure("rows from records, end to end", TREES / min(indexed), "1/s", None, "SQLite", TREES / peer_s),
        Figure("page of 1,000 features of a box", 1000 * page_s, "ms", None, "SQLite", 1000 * peer_page_s),
    ]


def _grow_stand() -> list[Record]:
    key = SigningKey.from_seed(b"s" * 32)
    cloud = Cid.of(RAW, b"a cloud")
    places = random.Random(1)  # noqa: S311 - a stand, no key
    outline = (0, 0, 1_000, 0, 1_000, 1_000, 0, 1_000, 0, 0)
    tree = Tree(
        org="north-forest",
        campaign="ridge-2026",
        code="0" * 17,
        survey=SURVEY,
        position=Position("apex", "EPSG:32633", 400, 500_123_456, 5_300_123_456, operation="Inverse of UTM zone 33N"),
        height_mm=Estimate(23_400, 300, 0, "apex-above-terrain"),
        status="alive",
        confidence_ppm=850_000,
        crown=Crown(Estimate(5_600, 800, 0, "equal-area"), outline, 9_000),
        stems=(Stem(Estimate(312, 40, 25, "jucker2017-dbh-gymnosperm"), 1_300),),
        species=Species("gymnosperm", 1_000_000, "user"),
        volume_dm3=Estimate(810, 200, 100, "form-factor"),
        biomass_g=Estimate(402_000, 90_000, 40_000, "jucker2017-agb-gymnosperm"),
        carbon_g=Estimate(245_000, 60_000, 30_000, "ipcc2019"),
    )

    def grow(number: int) -> Record:
        lon_nd, lat_nd = LON_ND + places.randrange(SIDE_ND), LAT_ND + places.randrange(SIDE_ND)
        position = dataclasses.replace(tree.position, lon_nd=lon_nd, lat_nd=lat_nd)
        code = mint_cloud_code(bytes(32), cloud, (number, 0, 0))
        return seal(dataclasses.replace(tree, code=code, position=position), key)

    return [grow(number) for number in range(TREES)]


def _split(records: Sequence[Record]) -> list[list[Record]]:
    """Return batches of records that have not computed their CIDs yet, as they come from their bytes."""
    fresh = [Record(record.raw, record.body, record.key) for record in records]
    return [fresh[start : start + BATCH] for start in range(0, len(fresh), BATCH)]


def _make_rows(batch: Sequence[Record]) -> ReadyRows:
    trees = rows.select_trees(batch)
    standings = rows.link_trees(trees, {bytes(SURVEY): TAKEN_MS}, {})
    return ReadyRows(list(rows.record_rows(batch)), list(rows.tree_rows(trees, standings)))


async def _copy(connection: Any, batch: ReadyRows) -> None:  # noqa: ANN401 - SQLAlchemy's, with the driver inside
    await copy_rows(connection, "records", rows.RECORD_COLUMNS, batch.records)
    await copy_rows(connection, "trees", rows.TREE_COLUMNS, batch.trees)


async def _execute_many(connection: Any, batch: ReadyRows) -> None:  # noqa: ANN401 - as above
    driver = (await connection.get_raw_connection()).driver_connection
    await driver.executemany("INSERT INTO records VALUES ($1, $2, $3)", batch.records)
    names = ", ".join(rows.TREE_COLUMNS)
    places = ", ".join(f"${number}" for number in range(1, len(rows.TREE_COLUMNS) + 1))
    await driver.executemany(f"INSERT INTO trees ({names}) VALUES ({places})", batch.trees)  # noqa: S608


async def _time_rows(
    register: PostgresRegister, ready: Sequence[ReadyRows], write: Callable[[Any, ReadyRows], Awaitable[None]]
) -> float:
    await register.clear()
    began = time.perf_counter()
    for batch in ready:
        async with register.writing() as connection:
            await connection.execute(text("SELECT 1"))  # begins the transaction, as the look at what is known does
            await write(connection, batch)
    return time.perf_counter() - began


async def _time_records(register: Register, records: Sequence[Record]) -> float:
    await register.clear()
    batches = _split(records)
    began = time.perf_counter()
    for batch in batches:
        await register.add_records(batch)
    return time.perf_counter() - began


async def _time_page(register: Register) -> float:
    spent = []
    for _ in range(PAGES):
        began = time.perf_counter()
        page = await register.features(BOX, limit=1_000)
        spent.append(time.perf_counter() - began)
        if len(page.features) != 1_000:  # noqa: PLR2004 - what the figure is named by
            raise AssertionError(len(page.features))
    return min(spent)


def main() -> None:
    """Measure and print."""
    options = parse_options(__doc__)
    programs = subprocess.run([ENGINE], check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(print_figures(asyncio.run(measure(Path(folder), Path(programs))), as_json=options.json))


if __name__ == "__main__":
    main()
