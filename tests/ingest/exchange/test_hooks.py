"""Webhooks arrive, signed as the standard says, once or more under one id, whatever a receiver does meanwhile."""

import asyncio
import base64
import json
import socket
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import uvicorn
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from standardwebhooks import Webhook, WebhookVerificationError

from cec.certificates import Issued, issue_server, open_authority
from domain.cid import Cid
from ingest.exchange.addresses import check_url, resolve
from ingest.exchange.cursors import parse_cursor
from ingest.exchange.dispatch import Dispatcher, HookSettings
from ingest.exchange.errors import HookLimit, InvalidHook
from ingest.exchange.hooks import (
    MAX_HOOKS,
    SCHEDULE_S,
    Hook,
    add_hook,
    compute_pause_ms,
    list_hooks,
    remove_hook,
    revive,
)
from ingest.exchange.signing import HookKeys, derive_key, format_public_key, format_secret, make_headers
from tests.ingest.exchange.houses import ORG, OTHER, OTHER_KEY, House, make_campaign, make_stand, open_house
from tests.portal.serving import serve

HANG_S = 60.0
"""Only what waits for what does not come takes so long."""
QUICK = HookSettings(attempt_s=0.4, idle_s=0.02)


@dataclass
class Receiver:
    """A receiver over HTTP that takes what comes, or does what it is told to."""

    url: str = ""
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    fails: int = 0
    told: Response | None = None
    is_closing: asyncio.Event = field(default_factory=asyncio.Event)

    def verified(self, secret: bytes) -> list[dict[str, object]]:
        """Return the payloads, each checked by the standard's own library."""
        verifier = Webhook(format_secret(secret))
        return [verifier.verify(body, headers) for headers, body in self.came]


@asynccontextmanager
async def open_receiver() -> AsyncIterator[Receiver]:
    app, receiver = FastAPI(), Receiver()

    @app.post("/take")
    async def take(request: Request) -> Response:
        receiver.came.append((dict(request.headers), await request.body()))
        if receiver.fails:
            receiver.fails -= 1
            return Response("x" * 100_000, 500)
        return receiver.told or Response(status_code=204)

    @app.post("/hang")
    async def hang() -> Response:
        await receiver.is_closing.wait()
        return Response(status_code=204)

    @app.post("/away")
    async def away() -> RedirectResponse:
        return RedirectResponse(f"{receiver.url}/take", 307)

    async with serve(app) as url:
        receiver.url = url
        try:
            yield receiver
        finally:
            receiver.is_closing.set()


class Clock:
    """UTC that tests move on, for pauses of hours."""

    def __init__(self) -> None:
        self.skipped_ms = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.skipped_ms


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path / "j") as house:
        yield house


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with open_receiver() as receiver:
        yield receiver


async def add(house: House, url: str, org: str = ORG) -> tuple[str, bytes]:
    name, keys = await house.journal.write(partial(add_hook, org=org, url=url))
    return name, keys.secret


async def hook(house: House, name: str) -> Hook:
    return next(hook for hook in await house.journal.read(list_hooks) if hook.id == name)


async def until(house: House, name: str, **expected: object) -> None:
    """Wait until a webhook stands as expected."""
    async with asyncio.timeout(HANG_S):
        while True:
            found = await hook(house, name)
            if all(getattr(found, key) == value for key, value in expected.items()):
                return
            await asyncio.sleep(0.02)


async def test_a_record_is_told_signed_thin_and_with_a_cursor(house: House, receiver: Receiver) -> None:
    await house.fill(make_campaign("before"))
    name, secret = await add(house, f"{receiver.url}/take")
    campaign = make_campaign("after")
    await house.fill(campaign)
    async with Dispatcher.open(house.journal, QUICK):
        await until(house, name, delivered=1, waiting=0)
    (payload,) = receiver.verified(secret)
    assert payload["type"] == "record.admitted"
    data = payload["data"]
    assert isinstance(data, dict)
    assert {key: data[key] for key in ("cid", "kind", "org", "campaign")} == {
        "cid": str(campaign.cid),
        "kind": "campaign",
        "org": ORG,
        "campaign": "after",
    }
    assert await house.journal.read(lambda db: parse_cursor(db, data["cursor"])) == 2


async def test_a_changed_body_or_another_secret_does_not_verify(house: House, receiver: Receiver) -> None:
    name, secret = await add(house, f"{receiver.url}/take")
    await house.fill(make_campaign())
    async with Dispatcher.open(house.journal, QUICK):
        await until(house, name, delivered=1)
    ((headers, body),) = receiver.came
    with pytest.raises(WebhookVerificationError):
        Webhook(format_secret(secret)).verify(body + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(format_secret(b"y" * 32)).verify(body, headers)


def test_the_signature_is_that_of_the_standards_own_library() -> None:
    keys, at_s = HookKeys(bytes(range(32)), derive_key(b"server", "hook")), 1_700_000_000
    shared, _ = make_headers(keys, "msg_1", at_s, b'{"a":1}')["webhook-signature"].split()
    assert shared == Webhook(format_secret(keys.secret)).sign("msg_1", datetime.fromtimestamp(at_s, UTC), '{"a":1}')


def test_the_public_key_that_a_receiver_is_given_verifies_the_second_signature() -> None:
    keys = HookKeys(bytes(32), derive_key(b"server", "hook"))
    _, signed = make_headers(keys, "msg_1", 1_700_000_000, b"{}")["webhook-signature"].split()
    version, _, signature = signed.partition(",")
    text = format_public_key(keys.key.public)
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(text.removeprefix("whpk_"), validate=True))
    assert (version, text[:5]) == ("v1a", "whpk_")
    public.verify(base64.b64decode(signature, validate=True), b"msg_1.1700000000.{}")
    with pytest.raises(InvalidSignature):
        public.verify(base64.b64decode(signature, validate=True), b"msg_1.1700000000.{ }")
    assert derive_key(b"server", "other").public != keys.key.public


async def test_a_receiver_that_fails_gets_it_again_later_under_the_same_id(house: House, receiver: Receiver) -> None:
    clock = Clock()
    receiver.fails = 2
    name, secret = await add(house, f"{receiver.url}/take")
    await house.fill(make_campaign())
    async with Dispatcher.open(house.journal, QUICK, clock):
        for attempt in (1, 2):
            await _until_tried(house, attempt)
            assert len(receiver.came) == attempt
            clock.skipped_ms += round(SCHEDULE_S[attempt] * 1_200) + 1
        await until(house, name, delivered=1)
    ids = {headers["webhook-id"] for headers, _ in receiver.came}
    assert (len(receiver.came), len(ids)) == (3, 1)
    assert len(receiver.verified(secret)) == 3


async def _until_tried(house: House, attempts: int) -> None:
    """Wait until the journal knows of so many attempts."""
    async with asyncio.timeout(8):
        while await house.journal.read(_count_attempts) < attempts:  # noqa: ASYNC110  # a database rings no bell here
            await asyncio.sleep(0.01)


def _count_attempts(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT coalesce(sum(attempts), 0) FROM exchange_delivery").fetchone()[0])


async def test_after_the_last_attempt_it_is_kept_as_dead_with_its_reason_and_can_be_revived(
    house: House, receiver: Receiver
) -> None:
    clock = Clock()
    receiver.fails = len(SCHEDULE_S)
    name, _ = await add(house, f"{receiver.url}/take")
    await house.fill(make_campaign())
    async with Dispatcher.open(house.journal, QUICK, clock):
        for attempt in range(1, len(SCHEDULE_S) + 1):
            await _until_tried(house, attempt)
            clock.skipped_ms += 30 * 3_600_000
        await until(house, name, dead=1, waiting=0)
        (kept,) = await house.journal.read(
            lambda db: db.execute("SELECT attempts, reason FROM exchange_delivery").fetchall()
        )
        assert kept[0] == len(SCHEDULE_S)
        # What a receiver says is kept, no more than people read.
        assert kept[1].startswith("status 500: x")
        assert len(kept[1]) < 300
        assert await house.journal.write(lambda db: revive(db, name, clock())) == 1
        await until(house, name, delivered=1, dead=0)


async def test_a_receiver_that_is_gone_is_left_alone(house: House, receiver: Receiver) -> None:
    receiver.told = Response("no more", 410)
    name, _ = await add(house, f"{receiver.url}/take")
    await house.fill(make_campaign())
    async with Dispatcher.open(house.journal, QUICK):
        await until(house, name, state="gone", dead=1, waiting=0)
        await house.fill(make_campaign("more"))
        await asyncio.sleep(0.2)
    assert len(receiver.came) == 1
    assert "410" in (await hook(house, name)).reason


async def test_a_receiver_that_hangs_does_not_hold_up_another(house: House, receiver: Receiver) -> None:
    slow, _ = await add(house, f"{receiver.url}/hang")
    quick, _ = await add(house, f"{receiver.url}/take")
    await house.fill(make_campaign(), *make_stand(20))
    async with Dispatcher.open(house.journal, HookSettings(attempt_s=100 * HANG_S, idle_s=0.02)):
        await until(house, quick, delivered=23)
    # The first attempt there has not ended yet.
    statement = "SELECT sum(attempts), count(*) FROM exchange_delivery WHERE hook = ?"
    assert await house.journal.read(lambda db: db.execute(statement, (slow,)).fetchone()) == (0, 23)


async def test_a_hanging_attempt_ends_in_time_and_counts_as_failed(house: House, receiver: Receiver) -> None:
    name, _ = await add(house, f"{receiver.url}/hang")
    await house.fill(make_campaign())
    async with Dispatcher.open(house.journal, QUICK), asyncio.timeout(HANG_S):
        await _until_tried(house, 1)
    statement = "SELECT hook, attempts, reason FROM exchange_delivery"
    rows = await house.journal.read(lambda db: db.execute(statement).fetchall())
    assert rows == [(name, 1, "no answer within 0.4 s")]


async def test_a_redirect_is_a_failure_and_is_not_followed(house: House, receiver: Receiver) -> None:
    name, _ = await add(house, f"{receiver.url}/away")
    await house.fill(make_campaign())
    async with Dispatcher.open(house.journal, QUICK):
        await asyncio.sleep(0.5)
    assert receiver.came == []
    assert (await hook(house, name)).waiting == 1


async def test_what_was_not_delivered_before_a_restart_is_delivered_after_it(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with open_house(tmp_path / "j") as house:
        name, _ = await add(house, f"{receiver.url}/hang")
        await house.fill(make_campaign("one"))
        async with Dispatcher.open(house.journal, HookSettings(idle_s=0.02)):
            await until(house, name, waiting=1)
        await house.fill(make_campaign("two"))
    async with open_house(tmp_path / "j") as house:
        await house.journal.write(lambda db: db.execute("UPDATE exchange_hook SET url = ?", (f"{receiver.url}/take",)))
        async with Dispatcher.open(house.journal, QUICK):
            await until(house, name, delivered=2, waiting=0)
    told = [json.loads(body)["data"]["campaign"] for _, body in receiver.came]
    assert sorted(set(told)) == ["one", "two"]


async def test_over_tls_the_name_is_checked_though_the_connection_goes_to_the_address(
    house: House, tmp_path: Path
) -> None:
    # 127.0.0.1 is where localhost lies: a certificate for the name alone shows which of the two was checked.
    authority = open_authority(tmp_path / "ca", ORG, now=datetime.now(UTC))
    issued = issue_server(authority, ["localhost"], now=datetime.now(UTC))
    app, hosts = FastAPI(), list[str]()

    @app.post("/take")
    async def take(request: Request) -> Response:
        hosts.append(request.headers["host"])
        return Response(status_code=204)

    async with _serve_tls(app, issued) as port:
        named, _ = await add(house, f"https://localhost:{port}/take")
        unnamed, _ = await add(house, f"https://127.0.0.1:{port}/take")
        await house.fill(make_campaign())
        async with Dispatcher.open(house.journal, replace(QUICK, attempt_s=5.0, authorities=authority.certificate)):
            await until(house, named, delivered=1)
            await _until_tried(house, 1)
        assert hosts == [f"localhost:{port}"]
        assert (await hook(house, unnamed)).waiting == 1
        stranger, _ = await add(house, f"https://localhost:{port}/take")
        await house.fill(make_campaign("more"))
        async with Dispatcher.open(house.journal, QUICK):
            await _until_tried(house, 2)
        assert (await hook(house, stranger)).delivered == 0


@asynccontextmanager
async def _serve_tls(app: FastAPI, issued: Issued) -> AsyncIterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app,
            log_level="error",
            lifespan="off",
            ws="none",
            ssl_certfile=str(issued.certificate),
            ssl_keyfile=str(issued.key),
        )
        server = uvicorn.Server(config)
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve([listener]), name="receiver over TLS")
            while not server.started:  # noqa: ASYNC110  # uvicorn tells by this flag only
                await asyncio.sleep(0.02)
            yield listener.getsockname()[1]
            server.should_exit = True


@pytest.mark.slow
async def test_many_records_wait_in_the_feed_and_all_arrive(house: House, receiver: Receiver) -> None:
    name, _ = await add(house, f"{receiver.url}/take")
    stand = make_stand(550)
    await house.fill(make_campaign(), *stand)
    async with Dispatcher.open(house.journal, QUICK), asyncio.timeout(30):
        while (await hook(house, name)).delivered < 553:
            assert (await hook(house, name)).waiting <= 500
            await asyncio.sleep(0.1)
    told = {Cid.parse(json.loads(body)["data"]["cid"]) for _, body in receiver.came}
    assert told >= {record.cid for record in stand}


async def test_a_member_is_not_told_of_what_it_may_not_see(house: House, receiver: Receiver) -> None:
    name, _ = await add(house, f"{receiver.url}/take")
    hidden = [
        make_campaign("shut", org=OTHER, trees="private"),
        *make_stand(2, campaign="shut", org=OTHER, key=OTHER_KEY),
    ]
    await house.fill(*hidden, make_campaign())
    async with Dispatcher.open(house.journal, QUICK):
        await until(house, name, delivered=1)
        await asyncio.sleep(0.1)
    assert len(receiver.came) == 1


async def test_a_removed_webhook_is_forgotten(house: House) -> None:
    name, _ = await add(house, "https://example.org/hook")
    assert await house.journal.write(lambda db: remove_hook(db, name))
    assert await house.journal.read(list_hooks) == ()
    assert not await house.journal.write(lambda db: remove_hook(db, name))


async def test_there_is_a_bound_on_webhooks(house: House) -> None:
    for _ in range(MAX_HOOKS):
        await add(house, "https://example.org/hook")
    with pytest.raises(HookLimit):
        await add(house, "https://example.org/hook")


BAD_URLS = [
    "http://example.org/",
    "ftp://example.org/",
    "https://",
    "https://user:secret@example.org/",
    "https://example.org/#part",
    "https://example.org:99999/",
    "javascript:alert(1)",
    "https://[::1",
    "",
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_an_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(InvalidHook):
        check_url(url)


INSIDE = [
    "https://10.0.0.1/",
    "https://192.168.1.7/",
    "https://172.16.0.1/",
    "https://169.254.169.254/latest/meta-data",
    "https://0.0.0.0/",
    "https://[fd00::1]/",
    "https://[fe80::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://127.0.0.2/",
    "https://100.64.0.1/",
    "https://224.0.0.1/",
    "https://2130706433/",
]


@pytest.mark.parametrize("url", INSIDE)
async def test_an_address_inside_the_network_is_refused(url: str) -> None:
    with pytest.raises(InvalidHook):
        await resolve(url)


async def test_the_operator_may_allow_the_own_network_but_never_what_lies_beside_the_server() -> None:
    assert (await resolve("https://10.0.0.1/", allows_private=True)).address == "10.0.0.1"
    for url in ("https://169.254.169.254/", "https://127.0.0.2/", "https://0.0.0.0/"):
        with pytest.raises(InvalidHook):
            await resolve(url, allows_private=True)


async def test_a_public_address_and_this_machine_are_allowed() -> None:
    assert (await resolve("https://93.184.215.14/")).address == "93.184.215.14"
    assert (await resolve("http://127.0.0.1:8080/")).address == "127.0.0.1"


def test_pauses_grow_as_the_standard_proposes_and_are_jittered() -> None:
    # The standard's table: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
    hours = [5 / 3600, 5 / 60, 0.5, 2, 5, 10, 14, 20, 24]
    assert [compute_pause_ms(attempt, 0, 0) for attempt in range(1, 10)] == [round(h * 3_600_000) for h in hours]
    assert compute_pause_ms(3, 0, 0.99) > compute_pause_ms(3, 0, 0)
    assert compute_pause_ms(1, 1e9, 0) == 86_400_000
