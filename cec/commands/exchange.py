"""``cec export``, ``import``, ``sync``, ``members …`` and ``webhooks …``: a member's data in and out of a data folder.

They work on the journal beside a running server, whose follower takes imported records up within a second. Clouds'
blocks alone need the folder for themselves, since a block store serves one process.
"""

import asyncio
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from cec.console import Console, print_json, print_text
from cec.errors import NotAHouse
from cec.folder import hold
from cec.owner import find_org
from ingest.exchange.catalogue import bring_up
from ingest.exchange.exporting import export
from ingest.exchange.hooks import add_hook, list_hooks, remove_hook, revive
from ingest.exchange.importing import ImportReport, import_folder
from ingest.exchange.members import add_member, remove_members
from ingest.exchange.peer import Peer
from ingest.exchange.signing import format_public_key, format_secret
from ingest.exchange.store import Store, open_store
from ingest.exchange.syncing import SyncReport, synchronise
from ingest.exchange.taking import Outcome
from ingest.exchange.trust import parse_trust, trust_organisation, trust_service
from ingest.journal import now_ms
from ipfs.local import LocalBlockStore

T = TypeVar("T")

TOLD: Final = 10
"""Refusals printed one by one."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """Keys to be trusted from now on, as ``ORG=KEY``.

    Attributes
    ----------
    organisations
        Record keys of organisations.
    services
        Keys that sign their surveys, trees and results.
    """

    organisations: Sequence[str] = ()
    services: Sequence[str] = ()


def run_export(org: str, *, data: Path, out: Path, clouds: bool, as_json: bool) -> None:
    """Write a member's whole data into a new folder."""
    console = Console(is_quiet=as_json)

    async def work() -> dict[str, Any]:
        with ExitStack() as stack:
            blocks = stack.enter_context(_open_blocks(data)) if clouds else None
            async with open_store(_check(data)) as store:
                await bring_up(store)
                return await store.read(lambda db: export(db, org, out, now_ms=now_ms(), clouds=blocks))

    with console.stage("export", f"writing the data of {org} to {out}"):
        summary = asyncio.run(work())
    if as_json:
        print_json(summary)
        return
    print_text(f"{summary['records']} records, {summary['trees']} trees, {summary['clouds']} clouds in {out}")
    print_text(f"manifest {summary['manifest']}")
    for key, count in summary["signers"].items():
        print_text(f"signer   {key} ({count} records); whoever imports must trust it")


def run_import(folder: Path, *, data: Path, trusted: Trusted, clouds: bool, as_json: bool) -> None:
    """Take an export in; end with code 1 when something was refused."""
    console = Console(is_quiet=as_json)

    async def work() -> ImportReport:
        with ExitStack() as stack:
            blocks = stack.enter_context(_open_blocks(data)) if clouds else None
            async with open_store(data / "journal.sqlite") as store:
                await _trust(store, trusted)
                return await import_folder(store, folder, clock=now_ms, blocks=blocks)

    with console.stage("import", f"taking {folder} in"):
        report = asyncio.run(work())
    if as_json:
        print_json({**asdict(report), "examples": [_describe(outcome) for outcome in report.examples]})
    else:
        print_text(f"{report.taken} records taken, {report.known} known, {report.clouds} clouds whole")
        for rule, count in report.refused.most_common():
            print_text(f"refused  {count} by {rule}")
        _print_refusals(report.examples)
    if report.refused:
        sys.exit(1)


def run_sync(url: str, *, org: str | None, token: str, data: Path, trusted: Trusted, as_json: bool) -> None:
    """Exchange a member's records with another installation; end with code 1 when they do not agree."""

    async def work() -> SyncReport:
        async with open_store(data / "journal.sqlite") as store, Peer.open(url, token) as peer:
            await _trust(store, trusted)
            return await synchronise(store, peer, org or find_org(data, None), now_ms)

    report = asyncio.run(work())
    refusals = {"here": [*report.refused_here.values()], "there": [*report.refused_there.values()]}
    if as_json:
        told = {where: [_describe(outcome) for outcome in some] for where, some in refusals.items()}
        print_json({**_describe_sync(report), "refused": told})
    else:
        for name, value in _describe_sync(report).items():
            print_text(f"  {name:<10} {value}")
        for where, some in refusals.items():
            print_text(f"  refused {where}: {len(some)}")
            _print_refusals(some)
    if not report.agrees:
        sys.exit(1)


def run_members_add(org: str, *, data: Path, scopes: Sequence[str], label: str, as_json: bool) -> None:
    """Make a token of a member and print it, once."""
    token = _run(data, lambda db: add_member(db, org, scopes, label=label, now_ms=now_ms()))
    if as_json:
        print_json({"org": org, "scopes": sorted(scopes), "token": token})
        return
    print_text(token)
    print_text(f"It speaks for {org} ({', '.join(sorted(scopes))}) and is shown this once.")


def run_members_remove(org: str, *, data: Path) -> None:
    """Forget all tokens of a member."""
    print_text(f"{_run(data, lambda db: remove_members(db, org))} tokens of {org} forgotten")


def run_members_trust(*, data: Path, trusted: Trusted) -> None:
    """Trust keys from now on."""

    async def work() -> None:
        async with open_store(_check(data)) as store:
            await _trust(store, trusted)

    asyncio.run(work())


def run_hooks_add(org: str, url: str, *, data: Path, as_json: bool) -> None:
    """Add a webhook and print its secret, once."""
    hook, keys = _run(data, lambda db: add_hook(db, org, url))
    secret, public = format_secret(keys.secret), format_public_key(keys.key.public)
    if as_json:
        print_json({"id": hook, "org": org, "url": url, "secret": secret, "public_key": public})
        return
    print_text(f"{hook}  {url}")
    print_text(f"{secret}  (for the receiver, shown this once)")
    print_text(f"{public}  (or this public key, for receivers that check v1a)")


def run_hooks_list(*, data: Path, as_json: bool) -> None:
    """Tell how each webhook stands."""
    hooks = _run(data, list_hooks)
    if as_json:
        print_json({"webhooks": [asdict(hook) for hook in hooks]})
        return
    for hook in hooks:
        print_text(
            f"{hook.id}  {hook.org}  {hook.state}  {hook.delivered} delivered, {hook.waiting} waiting,"
            f" {hook.dead} given up  {hook.url}  {hook.reason}".rstrip()
        )


def run_hooks_remove(hook: str, *, data: Path) -> None:
    """Forget a webhook."""
    print_text(f"{hook} forgotten" if _run(data, lambda db: remove_hook(db, hook)) else f"no webhook {hook}")


def run_hooks_revive(hook: str, *, data: Path) -> None:
    """Send what was given up again."""
    print_text(f"{_run(data, lambda db: revive(db, hook, now_ms()))} messages are sent again")


def _run(data: Path, work: Callable[[sqlite3.Connection], T]) -> T:
    async def write() -> T:
        async with open_store(_check(data)) as store:
            return await store.write(work)

    return asyncio.run(write())


async def _trust(store: Store, trusted: Trusted) -> None:
    organisations = [parse_trust(text) for text in trusted.organisations]
    services = [parse_trust(text) for text in trusted.services]

    def work(db: sqlite3.Connection) -> None:
        for trust in organisations:
            trust_organisation(db, trust)
        for trust in services:
            trust_service(db, trust)

    await store.write(work)


def _check(data: Path) -> Path:
    path = data / "journal.sqlite"
    if not path.exists():
        raise NotAHouse(data)
    return path


@contextmanager
def _open_blocks(data: Path) -> Iterator[LocalBlockStore]:
    """Open the block store while no server runs over the folder."""
    with hold(data), LocalBlockStore(data / "blocks") as blocks:
        yield blocks


def _describe_sync(report: SyncReport) -> dict[str, Any]:
    names = ("org", "agrees", "pulled", "pushed", "disputed", "rounds", "requests", "sent", "received")
    return {name: getattr(report, name) for name in names}


def _describe(outcome: Outcome) -> dict[str, str]:
    return {"cid": str(outcome.cid), "rule": outcome.rule, "reason": outcome.reason}


def _print_refusals(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes[:TOLD]:
        print_text(f"  {outcome.cid}: {outcome.reason}")
