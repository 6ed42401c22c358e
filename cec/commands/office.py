"""``cec quarantine …``, ``cec enrol``, ``cec revoke`` and ``cec rotate``: what a person decides on records and keys.

All work beside a running server: what they write has its place in the journal, and the server finds it at once.
"""

import getpass
import sqlite3
from pathlib import Path

from cec.console import print_json, print_text
from cec.errors import NotAHouse
from cec.owner import find_org
from cec.vault import Vault, open_vault
from domain.cid import Cid
from domain.envelope import Record, open_envelope, pack_message, seal
from domain.errors import CecError, InvalidKey
from domain.keys import PublicKey
from domain.records.membership import Enrol, Revoke, Rotate
from domain.records.receipt import Answer
from domain.topics import Topic
from edge.files import write_whole
from ingest import ledger
from ingest.admission import Policy, read_arrival
from ingest.beside import open_beside, select_refused, write
from ingest.entries import QuarantineEntry
from ingest.errors import KeyRetired, KeyRevoked, NotAdmitted
from ingest.journal import now_ms
from ingest.settings import IngestSettings


def run_list(*, data: Path, device: str | None, limit: int, as_json: bool) -> None:
    """List refused records with their rule."""
    with open_beside(_journal(data)) as db:
        entries = select_refused(db, device=device, limit=limit)
    if as_json:
        print_json([_to_json(entry) for entry in entries])
        return
    for entry in entries:
        print_text(f"{entry.cid}  {entry.device}  {entry.rule}: {entry.reason[:100]}")
    print_text(f"{len(entries)} refused record{'s' * (len(entries) != 1)}" if entries else "nothing in quarantine")


def run_admit(cids: list[str], *, data: Path, person: str | None) -> None:
    """Admit refused records whose key ended meanwhile; every other rule still holds."""
    vault, who = _vault(data), person or getpass.getuser()
    policy = Policy(vault.ingest.public, IngestSettings().max_upload_bytes)
    with open_beside(_journal(data)) as db:
        for text in cids:
            cid = Cid.parse(text)
            write(db, lambda inner, cid=cid: ledger.pardon(inner, cid, person=who, policy=policy, now_ms=now_ms()))  # type: ignore[misc]
            print_text(f"{cid} admitted by {who}; its device is told when it asks next")


def run_drop(cids: list[str], *, data: Path, out: Path) -> None:
    """Delete refused records for good, each after its bytes have reached the disk in a folder."""
    out.mkdir(parents=True, exist_ok=True)
    with open_beside(_journal(data)) as db:
        for text in cids:
            cid = Cid.parse(text)
            path = out / f"{cid}.cbor"
            write(db, lambda inner, cid=cid, path=path: _drop(inner, cid, path))  # type: ignore[misc]
            print_text(f"{cid} dropped; its bytes are in {path}")


def _drop(db: sqlite3.Connection, cid: Cid, path: Path) -> None:
    """Write a refused record's bytes and delete it, in one transaction: what is not on the disk is not deleted."""
    write_whole(path, ledger.drop(db, cid))


def run_revoke(device: str, key: str, *, data: Path, org: str | None, reason: str) -> None:
    """End a device's key; what it still sends goes to quarantine."""
    body = Revoke(find_org(data, org), device, _parse_key(key).raw, reason, now_ms())
    _admit(seal(body, _vault(data).org), data)
    print_text(f"key {key[:16]}… of {device} is revoked")


def run_rotate(device: str, keys: tuple[str, str], *, data: Path, org: str | None, out: Path) -> None:
    """Let a device's next key follow its present one, and write what the device takes in."""
    old, new = map(_parse_key, keys)
    vault, at_ms, org = _vault(data), now_ms(), find_org(data, org)
    bodies = (
        Rotate(org, device, old.raw, new.raw, at_ms),
        Enrol(org, device, new.raw, vault.ingest.public.raw, at_ms),
    )
    records = [seal(body, vault.org) for body in bodies]
    if _journal(data).exists():
        for record in records:
            _admit(record, data)
    out.write_bytes(pack_message([record.raw for record in records]))
    print_text(f"rotation of {device} written to {out}: take it in with `cec edge enrol`")


def run_enrol(device: str, key: str, *, out: Path, data: Path, org: str | None) -> None:
    """Sign a device's key, and let a server that ran before know of it at once."""
    vault = _vault(data)
    body = Enrol(find_org(data, org), device, _parse_key(key).raw, vault.ingest.public.raw, now_ms())
    record = seal(body, vault.org)
    if _journal(data).exists():
        _admit(record, data)
    out.write_bytes(record.raw)
    print_text(f"enrolment of {device} written to {out}: take it in with `cec edge enrol`")


def _admit(record: Record, data: Path) -> None:
    """Admit what the organisation signed, as if its device had brought it."""
    body = record.body
    assert isinstance(body, Enrol | Revoke | Rotate), "made above"  # noqa: S101
    policy = Policy(_vault(data).ingest.public, IngestSettings().max_upload_bytes)
    arrival = read_arrival(Topic(body.org, body.device, "birth"), record.raw)
    with open_beside(_journal(data)) as db:
        answers: list[Answer | None] = write(db, lambda inner: ledger.admit(inner, [arrival], policy, now_ms()))
    for answer in answers:
        if answer is None or answer.verdict != "stored":
            raise NotAdmitted(record.kind, "" if answer is None else f"{answer.reason}: {answer.remedy}")


def _parse_key(text: str) -> PublicKey:
    try:
        return PublicKey(bytes.fromhex(text))
    except ValueError as error:
        raise InvalidKey("expected hexadecimal digits, as `cec edge key` prints them") from error


def _vault(data: Path) -> Vault:
    if not (data / "keys").is_dir():
        raise NotAHouse(data)
    return open_vault(data / "keys")


def _journal(data: Path) -> Path:
    if not data.is_dir():
        raise NotAHouse(data)
    return data / "journal.sqlite"


def _to_json(entry: QuarantineEntry) -> dict[str, object]:
    try:
        kind = open_envelope(entry.raw).kind
    except CecError:
        kind = ""
    may_be_admitted = entry.rule in {KeyRevoked.__name__, KeyRetired.__name__}
    return {
        "cid": str(entry.cid),
        "org": entry.org,
        "device": entry.device,
        "kind": kind,
        "rule": entry.rule,
        "reason": entry.reason,
        "at_ms": entry.at_ms,
        "bytes": len(entry.raw),
        "may_be_admitted": may_be_admitted,
    }
