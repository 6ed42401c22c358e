"""``cec demo``: every stage of the line with real parts, a bad link between field and server, and a summary."""

import asyncio
import contextlib
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cec.commands.pins import format_pin
from cec.console import Console, print_json, print_qr, print_text
from cec.demo.field import Field, make_field
from cec.demo.summary import Summary, find_losses, print_summary
from cec.errors import DemoFolderUsed, DeviceEnded, LineLost, NoSuchCloud
from cec.house import House, open_house
from cec.settings import HouseSettings
from cec.signals import end_on_termination
from cec.waiting import wait_within
from chain.proof import describe, verify_proof
from domain.codes import format_code, format_link
from domain.envelope import open_envelope
from domain.records.result import Tree
from edge.identity import import_enrolment, open_key
from ingest.jobs import FOLLOWED
from register.entries import Counts
from sample_data.field.link import LinkFaults, LossyLink

FAULTS: Final = LinkFaults(
    latency_s=0.015, jitter_s=0.02, cut_after_bytes=700_000, stall_share=0.2, stall_s=0.8, refuse_s=0.2, most_cuts=6
)
"""A valley's modem: 30 to 70 ms there and back, cut a handful of times, once or twice into silence."""
UPLOAD_S: Final = 300.0
SURVEY_S: Final = 300.0
CREW_S: Final = 120.0
QUIET_S: Final = 2.0
"""A demo's crew sends its day at once; a real one is given ten minutes."""
ANCHOR_S: Final = 60.0
HINT: Final = "the link may be worse than the demo expects; run it again"
_POLL_S: Final = 0.05
_MOST_RECORDS: Final = 1_000_000
"""Of a run; a stand has some hundred trees, a cloud of one's own a few hundred thousand at most."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """Options of ``cec demo``; see there."""

    cloud: Path | None
    crs: str | None
    seed: int
    data: Path | None
    port: int
    is_once: bool
    as_json: bool


def run_demo(options: DemoOptions) -> None:
    """Run the demo; a run that lost anything ends with code 1."""
    if options.cloud is not None and not options.cloud.is_file():
        raise NoSuchCloud(options.cloud)
    if options.data is not None and (options.data / "server").exists():
        raise DemoFolderUsed(options.data)
    folder = options.data or Path(tempfile.mkdtemp(prefix="cec-demo-"))
    # Ctrl-C is the one, a termination the other.
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        losses = asyncio.run(_end_in_order(options, folder))
        if losses and options.as_json:
            # The summary is the last line of the output; it says what was lost.
            sys.exit(1)
        if losses:
            raise LineLost(losses)


async def _end_in_order(options: DemoOptions, folder: Path) -> tuple[str, ...]:
    """Run until the end, or a termination: its devices must not go on without it."""
    with end_on_termination():
        return await _run(options, folder)


async def _run(options: DemoOptions, folder: Path) -> tuple[str, ...]:
    console = Console(is_quiet=options.as_json)
    console.say(f"CEC demo, in {folder}")
    began = asyncio.get_running_loop().time()
    making = asyncio.create_task(asyncio.to_thread(make_field, folder / "field", options.seed, options.cloud))
    async with open_house(HouseSettings(folder / "server", portal_port=options.port, quiet_s=QUIET_S)) as house:
        with console.stage("field", "a stand grows, a drone flies, a crew walks"):
            field = await making
        summary = await _pass_line(options, folder, house, field, console=console)
        summary.seconds["total"] = round(asyncio.get_running_loop().time() - began, 2)
        losses = find_losses(summary)
        _tell(options, house, summary)
        if not options.is_once and not losses:
            console.say("Serving until Ctrl-C.")
            await asyncio.Event().wait()
        return losses


async def _pass_line(options: DemoOptions, folder: Path, house: House, field: Field, *, console: Console) -> Summary:
    """Bring the field's data through the line; return what was counted on the way."""
    async with LossyLink(house.broker.host, house.broker.port, seed=options.seed, faults=FAULTS) as link:
        with console.stage("upload", "devices send over a link that breaks"):
            async with _devices(options, folder, house, field, port=link.port) as devices:
                reports = await wait_within(
                    asyncio.gather(*(one.wait() for one in devices)), "the devices", UPLOAD_S, hint=HINT
                )
                statuses = [one.status() for one in devices]
        cuts, refusals = link.counts.cuts, link.counts.refused
    with console.stage("survey", "trees are found in the cloud"):
        await wait_within(_surveyed(house), "the survey", SURVEY_S, hint=HINT)
    with console.stage("crew", "the crew's readings become tree records"):
        await wait_within(_told(house), "the crew's day", CREW_S, hint=HINT)
    with console.stage("anchor", "records become blocks and stand on the chain"):
        counts = await wait_within(_anchored(house), "the anchor", ANCHOR_S, hint=HINT)
    with console.stage("proof", "one tree is proved"):
        code, words, size = await _prove_one(house)
    journal = await house.journal.counts()
    crew, cloud = await _list_trees(house)
    return Summary(
        cuts=cuts + refusals,
        readings_expected=field.readings,
        readings=sum(status["readings"] for status in statuses),
        sent=sum(status["sent"] for status in statuses),
        resent=sum(status["resent"] for status in statuses),
        received=sum(status["received"] for status in statuses),
        recorded=sum(status["recorded"] for status in statuses),
        refused=journal.quarantined,
        waiting=sum(status["queued"] for status in statuses) + sum(ended != 0 for ended in reports),
        points=house.tally.points,
        trees_true=field.trees,
        trees=len(crew | cloud),
        crew_trees=len(crew),
        crew_known=len(crew & cloud),
        trees_registered=counts.trees,
        records=journal.records,
        anchored=counts.anchored,
        block=house.node.engine.latest().header.height,
        tree=code,
        proof_bytes=size,
        words=words,
        alarms=journal.alarms,
        failures=await house.journal.failures(limit=5),
        seconds=dict(console.seconds),
        url=house.url,
        pin=format_pin(house.reader.pin),
        folder=str(house.settings.folder),
    )


class _Device:
    """An agent in a process of its own, as on a device."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self._process = process
        self._output = b""

    async def wait(self) -> int:
        """Return the agent's exit code."""
        self._output, _ = await self._process.communicate()
        return self._process.returncode or 0

    def status(self) -> dict[str, int]:
        """Return what the agent said at its end."""
        lines = self._output.decode().strip().splitlines()
        if not lines:
            raise DeviceEnded(self.name, self._process.returncode)
        found: dict[str, int] = json.loads(lines[-1])
        return found

    def kill(self) -> None:
        """End the agent, if it still runs."""
        if self._process.returncode is None:
            self._process.kill()


@asynccontextmanager
async def _devices(
    options: DemoOptions, folder: Path, house: House, field: Field, *, port: int
) -> AsyncIterator[list[_Device]]:
    """Run the crew's and the drone's agent."""
    crew = ["--replay", str(field.log), "--speed", "0"]
    drone = ["--offer", str(field.cloud), *(["--crs", options.crs] if options.crs else [])]
    devices: list[_Device] = []
    try:
        for name, arguments in (("crew-1", crew), ("drone-1", drone)):
            # Each is in the list before the next is awaited: a demo that is ended between them ends those that began.
            devices.append(await _start_device(house, folder / name, name, [*arguments, "--port", str(port)]))
        yield devices
    finally:
        for device in devices:
            device.kill()


async def _start_device(house: House, folder: Path, name: str, arguments: list[str]) -> _Device:
    enrolment = await house.enrol(name, open_key(folder).public.raw)
    import_enrolment(folder, enrolment.raw)
    command = ["edge", "run", "--folder", str(folder), "--campaign", house.settings.campaign, "--json"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cec", *command, "--wait", str(UPLOAD_S), *arguments, stdout=asyncio.subprocess.PIPE
    )
    return _Device(name, process)


async def _surveyed(house: House) -> None:
    while (await house.journal.counts()).jobs_waiting and not house.tally.surveys:  # noqa: ASYNC110
        await asyncio.sleep(_POLL_S)


async def _told(house: House) -> None:
    while not house.tally.crew_days and not await house.journal.failures(limit=1):  # noqa: ASYNC110
        await asyncio.sleep(_POLL_S)


async def _anchored(house: House) -> Counts:
    """Return the register's counts once everything admitted is indexed and stands on the chain."""
    while True:
        last, followed = await house.journal.last_row(), await house.journal.mark(FOLLOWED)
        counts = await house.register.counts()
        if counts.anchored >= last and followed >= last:
            return counts
        await asyncio.sleep(_POLL_S)


async def _list_trees(house: House) -> tuple[set[str], set[str]]:
    """Return the codes of the trees that the crew measured, and of those that the cloud shows, as the journal has them.

    A tree that both saw has two records.
    """
    entries = await house.journal.records_after(0, limit=_MOST_RECORDS)
    trees = [open_envelope(entry.raw).expect(Tree) for entry in entries if entry.kind == Tree.KIND]
    return {tree.code for tree in trees if tree.readings}, {tree.code for tree in trees if not tree.readings}


async def _prove_one(house: House) -> tuple[str | None, tuple[str, ...], int]:
    """Return the code of one tree, what its proof proves in words, and the proof's bytes."""
    page = await house.register.features(limit=1)
    if not page.features:
        return None, (), 0
    code = json.loads(page.features[0])["properties"]["code"].replace("-", "")
    entry = await house.register.tree(code)
    raw = await house.proofs.proof(entry.record)
    return code, describe(verify_proof(raw, house.reader.pin)), len(raw)


def _tell(options: DemoOptions, house: House, summary: Summary) -> None:
    if options.as_json:
        print_json(summary.to_json())
        return
    print_summary(summary)
    if summary.tree is not None and not options.is_once:
        link = format_link(summary.tree, house.url)
        print_text(f"\n  {format_code(summary.tree)}   {house.url}/tree/{summary.tree}")
        print_qr(link)
