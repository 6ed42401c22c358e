"""A house: broker, ingest, pipeline, register, chain and portal of one server, over one data folder.

Everything is wired here and nowhere else. The folder belongs to one process at a time.
"""

import asyncio
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

import uvicorn

from cec.brokers import OpenBroker, open_broker
from cec.errors import OtherOrganisation, PortTaken
from cec.fielder import PoolFielder
from cec.folder import hold
from cec.settings import EMBEDDED, HouseSettings
from cec.sources import ChainAnchors, ChainTeller, LineTeller, Proofs, RegisterStands
from cec.surveyor import PoolSurveyor
from cec.vault import Vault, open_vault
from cec.waiting import wait_within
from cec.watchman import Watchman
from chain.core.wallet import Wallet
from chain.node import SUPPLY_UCEC, ChainReader, Node, create_genesis
from chain.wire.cosmos import MsgAccreditKey, MsgRegisterOrganisation
from domain.envelope import Record, seal
from domain.keys import SigningKey
from domain.records.frame import Campaign
from domain.records.membership import Enrol
from domain.topics import Topic
from ingest.admission import Policy, read_arrival
from ingest.broker.doorman import Doorman
from ingest.errors import NotAdmitted
from ingest.exchange.dispatch import Dispatcher, HookSettings
from ingest.exchange.exchange import Exchange
from ingest.exchange.store import prepare
from ingest.exchange.trust import Trust, trust_organisation
from ingest.journal import Journal, now_ms
from ingest.pipeline import field_days
from ingest.pipeline.anchoring import Anchorer
from ingest.pipeline.fielding import FieldWorker
from ingest.pipeline.follower import Follower
from ingest.pipeline.pipeline import Pipeline
from ingest.pipeline.surveying import SurveyWorker
from ingest.service import IngestService, Server
from ingest.settings import IngestSettings
from ingest.watch import Watch
from ipfs.local import LocalBlockStore
from portal.app import create_app
from portal.exchange import create_exchange_router
from portal.health import create_health_router
from portal.settings import PortalSettings
from portal.verify_page import build_page
from register.opening import open_register
from register.ports import Register

START_S: Final = 20.0
"""Longest wait for broker and portal to answer."""
HINT: Final = "look at the messages above; the folder is unharmed"


@dataclass(slots=True)
class SurveyTally:
    """What was surveyed since the house opened."""

    points: int = 0
    trees: int = 0
    surveys: int = 0
    crew_days: int = 0

    def add(self, points: int, trees: int) -> None:
        """Count a survey."""
        self.points += points
        self.trees += trees
        self.surveys += 1

    def add_day(self) -> None:
        """Count a survey of a crew's day."""
        self.crew_days += 1


@dataclass(frozen=True, slots=True)
class House:
    """A server that runs.

    Attributes
    ----------
    settings, vault
        How it works, and what signs.
    journal, register, blocks
        Its truth, its index, its blocks.
    node
        Its chain.
    broker, service
        Where devices speak to it.
    proofs
        What it can prove.
    url
        Its portal.
    tally
        What was surveyed.
    """

    settings: HouseSettings
    vault: Vault
    journal: Journal
    register: Register
    blocks: LocalBlockStore
    node: Node
    broker: OpenBroker
    service: IngestService
    proofs: Proofs
    url: str
    tally: SurveyTally

    @property
    def reader(self) -> ChainReader:
        """What can be asked of the chain."""
        return self.node.reader

    async def enrol(self, device: str, key: bytes) -> Record:
        """Return the enrolment of a device's key, signed by the organisation and accredited on the chain."""
        body = Enrol(self.settings.org, device, key, self.vault.ingest.public.raw, now_ms())
        record = seal(body, self.vault.org)
        topic = Topic(self.settings.org, device, "birth")
        policy = Policy(self.vault.ingest.public, IngestSettings().max_upload_bytes)
        (answer,) = await self.journal.admit([read_arrival(topic, record.raw)], policy)
        if answer is None or answer.verdict != "stored":
            raise NotAdmitted(record.kind, "" if answer is None else f"{answer.reason}: {answer.remedy}")
        if self.reader.find_key(key) is None:
            wallet = Wallet(self.vault.operator)
            message = MsgAccreditKey(wallet.address, self.settings.org, key, "device", device)
            await self.node.execute(wallet, [message])
        return record


@asynccontextmanager
async def open_house(settings: HouseSettings) -> AsyncIterator[House]:
    """Run a server until the block ends.

    Raises
    ------
    HouseBusy, FolderUnusable, PortTaken
        When folder or ports cannot be had.
    OtherOrganisation
        When the folder was begun for another.
    """
    folder = settings.folder
    with hold(folder), LocalBlockStore(folder / "blocks") as blocks:
        vault = open_vault(folder / "keys")
        async with (
            Journal.open(folder / "journal.sqlite") as journal,
            open_register(settings.register_at) as register,
            _open_node(settings, vault) as node,
            open_broker(settings, journal) as broker,
            PoolSurveyor.open(vault.codes, settings.region) as surveyor,
            PoolFielder.open(vault.codes, settings.region) as fielder,
        ):
            await prepare(journal)
            await journal.write(field_days.prepare)
            await _prepare(settings, vault, journal, node)
            tally = SurveyTally()
            wallet = Wallet(vault.operator)
            worker = SurveyWorker(journal, blocks, register, surveyor, vault.service, folder / "clouds", tally.add)
            worker.sweep()
            pipeline = Pipeline(
                journal,
                worker,
                Follower(journal, blocks, register),
                Anchorer(journal, blocks, register, ChainAnchors(node, wallet)),
                settings.anchor_every_s,
                FieldWorker(journal, register, fielder, vault.service, tally.add_day, settings.quiet_s),
            )
            server = Server(journal, blocks, vault.ingest, folder / "uploads", RegisterStands(register))
            doorman = Doorman(journal, broker.door)
            proofs = Proofs(register, node.reader)
            async with (
                IngestService.open(broker.link, server) as service,
                pipeline.open(),
                doorman.open(),
                Dispatcher.open(journal, HookSettings()),
                _serve_portal(settings, register, proofs, blocks, node, Watch(journal, service, folder)) as url,
            ):
                if settings.broker.kind == EMBEDDED:
                    # Any other may come and go: devices keep their records meanwhile, and the link finds it again.
                    await wait_within(service.link.connected.wait(), "the broker", START_S, hint=HINT)
                yield House(settings, vault, journal, register, blocks, node, broker, service, proofs, url, tally)


@asynccontextmanager
async def _open_node(settings: HouseSettings, vault: Vault) -> AsyncIterator[Node]:
    wallet = Wallet(vault.operator)
    validator = SigningKey.from_seed(vault.validator)
    genesis = create_genesis(
        f"cec-{settings.org}",
        validator=validator,
        authority=wallet.address,
        balances={wallet.address: SUPPLY_UCEC},
        time_ns=time.time_ns(),
    )
    async with Node.open(settings.folder / "chain", genesis, validator) as node:
        yield node


async def _prepare(settings: HouseSettings, vault: Vault, journal: Journal, node: Node) -> None:
    """Make organisation, service key and campaign known, where they are not yet."""
    wallet = Wallet(vault.operator)
    known = node.reader.find_key(vault.org.public.raw)
    if known is not None and known.org != settings.org:
        raise OtherOrganisation(settings.folder, known.org, settings.org)
    if known is None:
        await node.execute(
            wallet,
            [
                MsgRegisterOrganisation(
                    wallet.address, settings.org, wallet.address, vault.org.public.raw, settings.org_name
                ),
                MsgAccreditKey(wallet.address, settings.org, vault.service.public.raw, "service", "survey-line"),
            ],
        )
    await journal.write(lambda db: trust_organisation(db, Trust(settings.org, vault.org.public)))
    if not await journal.read(lambda db: _has_campaign(db, settings.org)):
        body = Campaign(settings.org, settings.campaign, settings.campaign, "airborne lidar and field crew", now_ms())
        await journal.append([seal(body, vault.org)])


def _has_campaign(db: sqlite3.Connection, org: str) -> bool:
    return db.execute("SELECT 1 FROM record WHERE org = ? AND kind = 'campaign'", (org,)).fetchone() is not None


@asynccontextmanager
async def _serve_portal(  # noqa: PLR0917  # wiring: each is a part of the house
    settings: HouseSettings,
    register: Register,
    proofs: Proofs,
    blocks: LocalBlockStore,
    node: Node,
    watch: Watch,
) -> AsyncIterator[str]:
    with _bind(settings.host, settings.portal_port) as listener:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        url = f"http://{host}:{listener.getsockname()[1]}"
        app = create_app(
            PortalSettings(public_url=settings.public_url or url, operator=settings.org_name),
            register=register,
            proofs=proofs,
            blocks=blocks,
            chain=ChainTeller(node.reader),
            line=LineTeller(watch.journal, register),
            verifier=build_page,
            routers=[create_health_router(Watchman(watch)), create_exchange_router(Exchange(watch.journal))],
        )
        server = _PortalServer(uvicorn.Config(app, log_level="warning", lifespan="off"))
        # In a group: a portal that breaks ends the house, in place of leaving it without one.
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve(sockets=[listener]), name="portal")
            try:
                await wait_within(_started(server), "the portal", START_S, hint=HINT)
                yield url
            finally:
                server.should_exit = True
                server.force_exit = True


class _PortalServer(uvicorn.Server):
    """uvicorn without its signal handlers: the program decides what Ctrl-C means."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the process's signals alone."""
        yield


async def _started(server: uvicorn.Server) -> None:
    while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0.01)


@contextmanager
def _bind(host: str, port: int) -> Iterator[socket.socket]:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise PortTaken(port, f"portal ({error.strerror or error})") from error
    with listener:
        yield listener
