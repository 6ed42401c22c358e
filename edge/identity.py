"""Who a device is: its key, the enrolment that its organisation signed, and how the one follows the other.

A key is made once and rotated on the organisation's word alone: the next key is drawn beside the present one, and takes
its place when both halves of the rotation have been imported.
"""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.envelope import Record, open_envelope, pack_message, unpack_message
from domain.errors import CecError
from domain.keys import PublicKey, SigningKey
from domain.records.membership import Enrol, Rotate
from edge.errors import NoNextKey, NotEnrolled, RotationIncomplete, WrongEnrolment

KEY_FILE: Final = "device.key"
NEXT_KEY_FILE: Final = "next.key"
ENROLMENT_FILE: Final = "enrolment.cbor"
ROTATION_FILE: Final = "rotation.cbor"
"""Enrolment of the former key, and the rotation that ends it."""
WAITING_FILE: Final = "rotation-half.cbor"
"""The half of a rotation that came first."""
_LIST: Final = 4


@dataclass(frozen=True, slots=True)
class Rotation:
    """A change of keys that the server may not know yet.

    Attributes
    ----------
    former
        The enrolment of the key before, so that records that wait under it are taken.
    rotate
        The organisation's word that ends that key; sent when nothing waits under it any more.
    """

    former: Record
    rotate: Record


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
    rotation
        Under way until the server has signed for it.
    """

    key: SigningKey
    enrol: Record
    body: Enrol
    rotation: Rotation | None = None

    @property
    def ingest_key(self) -> PublicKey:
        """Key whose receipts the device trusts."""
        return PublicKey(self.body.ingest_key)

    @property
    def own_keys(self) -> tuple[PublicKey, ...]:
        """Keys under which this device's records may wait."""
        former = () if self.rotation is None else (PublicKey(self.rotation.former.expect(Enrol).key),)
        return (self.key.public, *former)


def open_key(folder: Path) -> SigningKey:
    """Return the device's key, drawn and stored for its owner alone when there is none."""
    return _open_key(folder, KEY_FILE)


def open_next_key(folder: Path) -> SigningKey:
    """Return the device's next key, drawn when there is none; the present one signs until it is rotated."""
    return _open_key(folder, NEXT_KEY_FILE)


def import_enrolment(folder: Path, raw: bytes) -> Identity:
    """Return the identity after taking in what the organisation signed: an enrolment, or a rotation to the next key.

    A rotation is a message of two envelopes, `Rotate` and the `Enrol` of the new key, or these one after the other.

    Raises
    ------
    WrongEnrolment
        When it is not of this device's key.
    NoNextKey
        When a rotation is to another key than the one made here.
    RotationIncomplete
        When its other half is still to come; what came is kept.
    """
    records = _open_all(raw)
    if len(records) == 1 and isinstance(records[0].body, Enrol) and not _is_next(folder, records[0].body.key):
        identity = _identify(open_key(folder), records[0])
        _write_whole(folder / ENROLMENT_FILE, records[0].raw)
        return identity
    return _rotate(folder, load_identity(folder), records)


def load_identity(folder: Path) -> Identity:
    """Return the identity kept in a folder; `NotEnrolled` before an enrolment was imported."""
    path = folder / ENROLMENT_FILE
    if not path.exists():
        raise NotEnrolled(folder)
    (record,) = _open_all(path.read_bytes())
    if isinstance(record.body, Enrol) and _is_next(folder, record.body.key):
        # The power failed in the last step of a rotation.
        _promote_next(folder)
    return _identify(open_key(folder), record, _read_rotation(folder))


def finish_rotation(folder: Path) -> None:
    """Note that the server has signed for the rotation: the key before is over."""
    (folder / ROTATION_FILE).unlink(missing_ok=True)


def _rotate(folder: Path, identity: Identity, records: tuple[Record, ...]) -> Identity:
    """Return the identity under the next key, or keep the half of a rotation that came."""
    waiting = folder / WAITING_FILE
    if waiting.exists():
        records += _open_all(waiting.read_bytes())
    if not (folder / NEXT_KEY_FILE).exists():
        raise NoNextKey("no next key was made on this device")
    next_key = open_next_key(folder)
    for record in records:
        _check_half(identity, record, next_key.public)
    rotate = next((one for one in records if isinstance(one.body, Rotate)), None)
    enrol = next((one for one in records if isinstance(one.body, Enrol)), None)
    if rotate is None or enrol is None:
        _write_whole(waiting, pack_message([one.raw for one in records]))
        raise RotationIncomplete("enrolment of the new key" if enrol is None else "rotation of the key")
    # In this order a power cut leaves either the old identity whole or enough to finish.
    _write_whole(folder / ROTATION_FILE, pack_message([identity.enrol.raw, rotate.raw]))
    _write_whole(folder / ENROLMENT_FILE, enrol.raw)
    _promote_next(folder)
    waiting.unlink(missing_ok=True)
    return load_identity(folder)


def _check_half(identity: Identity, record: Record, next_key: PublicKey) -> None:
    body = record.body
    if record.key != identity.enrol.key:
        raise WrongEnrolment("another key signed it than the one that signed this device's enrolment")
    if not isinstance(body, Enrol | Rotate) or (body.org, body.device) != (identity.body.org, identity.body.device):
        raise WrongEnrolment("it is not of this device")
    if (body.key if isinstance(body, Enrol) else body.new_key) != next_key.raw:
        raise NoNextKey("it is to another key than the next one made on this device")
    if isinstance(body, Rotate) and body.old_key != identity.key.public.raw:
        raise NoNextKey("it ends another key than the one that signs now")


def _read_rotation(folder: Path) -> Rotation | None:
    path = folder / ROTATION_FILE
    if not path.exists():
        return None
    former, rotate = _open_all(path.read_bytes())
    (record,) = _open_all((folder / ENROLMENT_FILE).read_bytes())
    # Written first of all, it means nothing until the new enrolment is there.
    return None if former.cid == record.cid else Rotation(former, rotate)


def _is_next(folder: Path, key: bytes) -> bool:
    return (folder / NEXT_KEY_FILE).exists() and open_next_key(folder).public.raw == key


def _promote_next(folder: Path) -> None:
    (folder / NEXT_KEY_FILE).replace(folder / KEY_FILE)
    _sync_folder(folder)


def _open_all(raw: bytes) -> tuple[Record, ...]:
    try:
        # A message is a list (major type 4), an envelope a map.
        parts = unpack_message(raw) if raw[:1] and raw[0] >> 5 == _LIST else (raw,)
        return tuple(open_envelope(part) for part in parts)
    except CecError as error:
        raise WrongEnrolment(str(error)) from error


def _identify(key: SigningKey, record: Record, rotation: Rotation | None = None) -> Identity:
    try:
        body = record.expect(Enrol)
    except CecError as error:
        raise WrongEnrolment(str(error)) from error
    if body.key != key.public.raw:
        raise WrongEnrolment("it is of another key")
    return Identity(key, record, body, rotation)


def _open_key(folder: Path, name: str) -> SigningKey:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    if not path.exists():
        _write_whole(path, secrets.token_hex(32).encode("ascii"))
    try:
        return SigningKey.from_seed(bytes.fromhex(path.read_text("ascii").strip()))
    except (ValueError, CecError) as error:
        raise WrongEnrolment(f"{path} is not a key ({error})") from error


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
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
