"""A synchronisation in a process of its own, killed again and again, ends as one that was left in peace."""

import asyncio
import random
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from ingest.exchange.store import open_store
from ingest.exchange.taking import open_records, take
from ingest.exchange.trust import Trust, trust_organisation, trust_service
from tests.ingest.devices import AT_MS, ORG_KEY
from tests.ingest.exchange.houses import ORG, SERVICE_KEY, make_campaign, make_stand, open_house

_SYNC = """
import asyncio, sys
from pathlib import Path
from ingest.exchange import syncing
from ingest.exchange.peer import Peer
from ingest.exchange.store import open_store
from ingest.journal import now_ms

syncing.ASKED = 40  # many small steps, so that kills fall between and into them

async def main():
    path, url, token, org = sys.argv[1:]
    async with open_store(Path(path)) as store, Peer.open(url, token) as peer:
        report = await syncing.synchronise(store, peer, org, now_ms)
    print("agrees" if report.agrees else "differs")

asyncio.run(main())
"""


@pytest.mark.slow
async def test_killed_at_random_and_run_again_it_ends_equal_and_nothing_doubles(tmp_path: Path) -> None:
    chance, kills = random.Random(17), 0
    theirs = [make_campaign("a"), *make_stand(1_500, "a", campaign="a")]
    ours = [make_campaign("b"), *make_stand(800, "b", campaign="b")]
    async with open_store(tmp_path / "side") as side:
        await side.write(lambda db: trust_organisation(db, Trust(ORG, ORG_KEY.public)))
        await side.write(lambda db: trust_service(db, Trust(ORG, SERVICE_KEY.public)))
        opened = open_records([record.raw for record in ours])
        outcomes = await side.write(lambda db: take(db, opened, AT_MS))
        assert {outcome.verdict for outcome in outcomes} == {"taken"}
    async with open_house(tmp_path / "there") as there, there.serve() as url:
        await there.fill(*theirs)
        command = (sys.executable, "-c", _SYNC, str(tmp_path / "side"), url, await there.token(), ORG)
        said = b""
        while not said:
            process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
            try:
                # The first ones die early; later ones get further, so that the test ends.
                async with asyncio.timeout(0.7 + 0.15 * kills * chance.random()):
                    said, _ = await process.communicate()
            except TimeoutError:
                with suppress(ProcessLookupError):  # it may have ended in this very moment
                    process.kill()
                await process.wait()
                kills += 1
        assert said == b"agrees\n"
        assert kills >= 3
        assert len(await there.records()) == len(theirs) + len(ours)
        expected = await there.digest()
    async with open_house(tmp_path / "side") as here:
        assert await here.digest() == expected
        assert len(await here.records()) == len(theirs) + len(ours)
