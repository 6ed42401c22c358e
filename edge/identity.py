"""Who a device is: its key, made once, and the enrolment that its organisation signed."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.envelope import Record, open_envelope
from domain.errors import CecError
from domain.keys import PublicKey, SigningKey
from domain.records.membership import Enrol
from edge.errors import NotEnrolled, WrongEnrolment

_KEY: Final = "device.key"
_ENROLMENT: Final = "enrolment.cbor"


@dataclass(frozen=True, slots=True)
class Identity:
    """An enrolled device.

    Attributes
    ----------
    key
        Signs its records.
    enrol
        What its organisation signed.
    body
        What that says.
    """

    key: SigningKey
    enrol: Record
    body: Enrol

    @property
    def ingest_key(self) -> PublicKey:
        """Key whose receipts the device trusts."""
        return PublicKey(self.body.ingest_key)


def open_key(folder: Path) -> SigningKey:
    """Return the device's key, drawn and stored for its owner alone when there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _KEY
    if not path.exists():
        _write_whole(path, secrets.token_hex(32).encode("ascii"))
    try:
        return SigningKey.from_seed(bytes.fromhex(path.read_text("ascii").strip()))
    except (ValueError, CecError) as error:
        raise WrongEnrolment(f"{path} is not a key ({error})") from error


def import_enrolment(folder: Path, raw: bytes) -> Identity:
    """Return the identity after taking an enrolment in; `WrongEnrolment` when it is not of this device's key."""
    identity = _read_identity(open_key(folder), raw)
    _write_whole(folder / _ENROLMENT, raw)
    return identity


def _read_identity(key: SigningKey, raw: bytes) -> Identity:
    try:
        record = open_envelope(raw)
        body = record.expect(Enrol)
    except CecError as error:
        raise WrongEnrolment(str(error)) from error
    if body.key != key.public.raw:
        raise WrongEnrolment("it is of another key")
    return Identity(key, record, body)


def load_identity(folder: Path) -> Identity:
    """Return the identity kept in a folder; `NotEnrolled` before an enrolment was imported."""
    path = folder / _ENROLMENT
    if not path.exists():
        raise NotEnrolled(folder)
    return _read_identity(open_key(folder), path.read_bytes())


def _write_whole(path: Path, raw: bytes) -> None:
    """Write a file that is there whole or not at all, whenever the power fails; its owner alone may read it."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(raw)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
