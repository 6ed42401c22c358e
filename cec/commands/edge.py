"""``cec edge …``: the agent, its status, its keys, and what the crew sees of it."""

import asyncio
import logging
import math
import socket
import sys
from collections.abc import Coroutine, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cec.commands.edge_page import PageAddress, bind_page
from cec.console import print_json, print_text
from cec.signals import stop_on_signals
from edge.agent import Agent
from edge.capture import Capture
from edge.desk import SpoolDesk
from edge.doctor import describe_level, examine
from edge.errors import InvalidSetting
from edge.identity import import_enrolment, load_identity, open_key, open_next_key
from edge.notify import keep_telling, read_notifier
from edge.ports import PortSetting, parse_setting, read_port
from edge.settings import EdgeSettings, TlsFiles
from edge.spool import SpoolStatus, join_spool, read_status
from edge.watch import CloudWords, find_media, upload_folder

_SIGNS = {"ok": "ok  ", "warn": "WARN", "fail": "FAIL"}


@dataclass(frozen=True, slots=True)
class EdgeRun:
    """Options of ``cec edge run``; see there."""

    settings: EdgeSettings
    ports: tuple[PortSetting, ...] = ()
    replay: Path | None = None
    speed: float = 1.0
    offer: Path | None = None
    watch: Path | None = None
    words: CloudWords = field(default_factory=CloudWords)
    page: PageAddress | None = None
    wait_s: float = 0.0
    as_json: bool = False

    @property
    def is_endless(self) -> bool:
        """Whether it runs until it is stopped: nothing bounds what there is to do."""
        return not self.wait_s and (bool(self.ports) or (self.replay is None and self.offer is None))


def run_edge(options: EdgeRun) -> None:
    """Run the agent until it is done, or told to stop; end with code 1 when it was to wait and something is left."""
    is_drained, status = asyncio.run(_run(options))
    _print_status(status, as_json=options.as_json)
    if options.wait_s and not is_drained:
        sys.exit(1)


def list_instruments(texts: Sequence[str]) -> tuple[PortSetting, ...]:
    """Return the instruments of a command's options."""
    return tuple(parse_setting(text) for text in texts)


def read_tls(ca: Path | None, certificate: Path | None, key: Path | None) -> TlsFiles | None:
    """Return what the link is secured with, if anything."""
    if (certificate is None) != (key is None):
        raise InvalidSetting("--tls-cert and --tls-key", "", "give both or neither")
    if ca is None:
        if certificate is not None:
            raise InvalidSetting("--tls-cert", str(certificate), "give --tls-ca too: the broker is checked by it")
        return None
    return TlsFiles(ca, certificate, key)


def run_status(folder: Path, *, as_json: bool) -> None:
    """Tell what became of everything that a device recorded."""
    status, refusals = read_status(folder, load_identity(folder))
    _print_status(status, as_json=as_json)
    if not as_json:
        for cid, rule, remedy in refusals:
            print_text(f"  refused {cid}: {rule}. {remedy}")


def run_doctor(settings: EdgeSettings, ports: tuple[PortSetting, ...], *, as_json: bool) -> None:
    """Tell what is well with a device and what is not; end with code 1 when something fails."""
    checks = asyncio.run(examine(settings, ports))
    level = describe_level(checks)
    if as_json:
        print_json({"level": level, "checks": [asdict(check) for check in checks]})
    else:
        for check in checks:
            remedy = f" -> {check.remedy}" if check.remedy else ""
            print_text(f"  {_SIGNS[check.level]} {check.name}: {check.words}{remedy}")
    if level == "fail":
        sys.exit(1)


def run_screen(settings: EdgeSettings) -> None:
    """Show the crew's screen, beside an agent that may run."""
    from edge.screen.app import CrewScreen

    identity = load_identity(settings.folder)
    with join_spool(settings.folder, identity) as spool:
        CrewScreen(SpoolDesk(spool, settings, identity), folder=settings.folder).run()


def run_key(folder: Path) -> None:
    """Print the device's public key."""
    print_text(open_key(folder).public.raw.hex())


def run_rotate(folder: Path) -> None:
    """Print the device's next public key, for its organisation to sign."""
    load_identity(folder)
    print_text(open_next_key(folder).public.raw.hex())


def run_close(folder: Path, campaign: str | None, *, as_json: bool) -> None:
    """Record that a campaign, or the epoch, ends here."""
    with join_spool(folder, load_identity(folder)) as spool:
        record = spool.close_campaign(campaign)
    if as_json:
        print_json({"record": str(record.cid), "campaign": campaign})
    else:
        print_text(f"closed {campaign or 'the epoch'} with {record.cid}; it is sent when there is a link")


def run_enrol(folder: Path, enrolment: Path) -> None:
    """Take an enrolment, or a rotation to the next key, in."""
    identity = import_enrolment(folder, enrolment.read_bytes())
    print_text(f"{identity.body.device} is enrolled by {identity.body.org}")
    if identity.rotation is not None:
        print_text("its new key signs from now on; the former one ends when what it signed has been received")


async def _run(options: EdgeRun) -> tuple[bool, SpoolStatus]:
    # A link that breaks is this agent's daily business; it counts it and tells it in its status.
    logging.getLogger("mqtt").setLevel(logging.CRITICAL)
    stop = asyncio.Event()
    with stop_on_signals(stop):
        async with Agent.open(options.settings) as agent:
            is_drained = await _work(agent, options, stop)
            return is_drained, agent.spool.status()


async def _work(agent: Agent, options: EdgeRun, stop: asyncio.Event) -> bool:
    """Work until all is done or a stop is asked for; return whether all was received.

    Each task then ends in order, so that nothing held is lost.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work, name=name) for name, work in _list_work(agent, options)]
        doing = group.create_task(_do(agent, options), name="work")
        stopping = group.create_task(stop.wait(), name="stop")
        await asyncio.wait((doing, stopping), return_when=asyncio.FIRST_COMPLETED)
        for task in (*tasks, doing, stopping):
            task.cancel()
    return not doing.cancelled() and doing.result()


def _list_work(agent: Agent, options: EdgeRun) -> list[tuple[str, Coroutine[None, None, None]]]:
    """Return what runs beside the link until it is stopped."""
    work = [("systemd", keep_telling(agent, read_notifier()))]
    if options.page is not None:
        work.append(("page", _serve_page(agent, options, options.page)))
    if options.watch is not None:
        work.append(("watch", upload_folder(agent, options.watch.absolute(), options.words)))
    if options.ports:
        capture = _capture(agent, options)
        work += [(f"port {port.name}", read_port(port, capture)) for port in options.ports]
    return work


async def _do(agent: Agent, options: EdgeRun) -> bool:
    """Declare a file, play a log, wait until all is received; return whether it was within its time."""
    if options.offer is not None:
        path, words = options.offer.absolute(), options.words
        await agent.offer_file(path, media=find_media(path), crs=words.crs, scanned=words.scanned)
    if options.replay is not None:
        await _capture(agent, options).run_log(options.replay, speed=options.speed)
        agent.notify()
    if options.is_endless:
        await asyncio.Event().wait()
    return await agent.wait_drained(timeout_s=options.wait_s or math.inf)


def _capture(agent: Agent, options: EdgeRun) -> Capture:
    body = agent.identity.body
    return Capture(
        agent.spool, body.org, body.device, options.settings.campaign, pulse=agent.post.pulse, clock=agent.post.clock
    )


async def _serve_page(agent: Agent, options: EdgeRun, address: PageAddress) -> None:
    from edge.page.app import create_page
    from edge.page.server import serve_page

    desk = SpoolDesk(agent.spool, options.settings, agent.identity, read_pulse=agent.read_pulse, notify=agent.notify)
    name = socket.gethostname().lower()
    page = create_page(desk, names=frozenset({"localhost", name, f"{name}.local"}))
    with bind_page(address) as listener:
        await serve_page(page, listener)


def _print_status(status: SpoolStatus, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(status))
        return
    print_text(
        f"  {status.readings} readings in {status.recorded} records: {status.received} received, "
        f"{status.queued} waiting, {status.refused} refused; {status.resent} sent again"
    )
    if status.uploads:
        share = status.frames_held / max(1, status.frames)
        print_text(f"  {status.uploads_whole} of {status.uploads} files received whole ({share:.0%} of all frames)")
    if status.dropped:
        print_text(f"  {status.dropped} readings were lost while the disk was full")
