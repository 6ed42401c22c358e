"""Who a device is: its key, the enrolment that its organisation signed, and how the one follows the other.

A key is made once and rotated on the organisation's word alone: the next key is drawn beside the present one, and takes
its place when both halves of the rotation have been imported.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.envelope import Record, open_envelope, pack_message, unpack_message
from domain.errors import CecError
from domain.keys import PublicKey, SigningKey
from domain.records.membership import Enrol, Rotate
from edge.errors import KeyMissing, NoNextKey, NotEnrolled, RotationIncomplete, WrongEnrolment
from edge.files import read_if_there, sync_folder, translated, write_whole

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
    return _draw_key(folder, KEY_FILE)


def open_next_key(folder: Path) -> SigningKey:
    """Return the device's next key, drawn when there is none; the present one signs until it is rotated."""
    return _draw_key(folder, NEXT_KEY_FILE)


def import_enrolment(folder: Path, raw: bytes) -> Identity:
    """Return the identity after taking in what the organisation signed: an enrolment, or a rotation to the next key.

    A rotation is a message of two envelopes, `Rotate` and the `Enrol` of the new key, or these one after the other.

    Raises
    ------
    KeyMissing
        When this device has no key.
    WrongEnrolment
        When it is not of this device's key.
    NoNextKey
        When a rotation is to another key than the one made here.
    RotationIncomplete
        When its other half is still to come; what came is kept.
    FolderUnusable
        When a file cannot be read or written.
    """
    records = _open_all(raw)
    _promote_next(folder)
    if len(records) == 1 and isinstance(records[0].body, Enrol) and not _is_next(folder, records[0].body.key):
        identity = _identify(_read_key(folder / KEY_FILE), records[0])
        _write(folder / ENROLMENT_FILE, records[0].raw)
        return identity
    return _rotate(folder, load_identity(folder), records)


def load_identity(folder: Path) -> Identity:
    """Return the identity kept in a folder; nothing is written.

    Raises
    ------
    NotEnrolled
        Before an enrolment was imported.
    KeyMissing
        When its key is gone.
    WrongEnrolment
        When enrolment and key do not belong together.
    FolderUnusable
        When a file cannot be read.
    """
    raw = read_if_there(folder / ENROLMENT_FILE)
    if raw is None:
        raise NotEnrolled(folder)
    (record,) = _open_all(raw)
    # The power failed in the last step of a rotation: the next key is the present one already.
    is_next = isinstance(record.body, Enrol) and _is_next(folder, record.body.key)
    key = _read_key(folder / (NEXT_KEY_FILE if is_next else KEY_FILE))
    return _identify(key, record, _read_rotation(folder, record))


def finish_rotation(folder: Path) -> None:
    """Note that the server has signed for the rotation: the key before is over."""
    with translated(folder / ROTATION_FILE):
        (folder / ROTATION_FILE).unlink(missing_ok=True)


def _rotate(folder: Path, identity: Identity, records: tuple[Record, ...]) -> Identity:
    """Return the identity under the next key, or keep the half of a rotation that came."""
    waiting = read_if_there(folder / WAITING_FILE)
    if waiting is not None:
        records += _open_all(waiting)
    if read_if_there(folder / NEXT_KEY_FILE) is None:
        raise NoNextKey("no next key was made on this device")
    next_key = _read_key(folder / NEXT_KEY_FILE)
    for record in records:
        _check_half(identity, record, next_key.public)
    rotate = next((one for one in records if isinstance(one.body, Rotate)), None)
    enrol = next((one for one in records if isinstance(one.body, Enrol)), None)
    if rotate is None or enrol is None:
        _write(folder / WAITING_FILE, pack_message([one.raw for one in records]))
        raise RotationIncomplete("enrolment of the new key" if enrol is None else "rotation of the key")
    # In this order a power cut leaves either the old identity whole or enough to finish.
    _write(folder / ROTATION_FILE, pack_message([identity.enrol.raw, rotate.raw]))
    _write(folder / ENROLMENT_FILE, enrol.raw)
    _promote_next(folder)
    with translated(folder / WAITING_FILE):
        (folder / WAITING_FILE).unlink(missing_ok=True)
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


def _read_rotation(folder: Path, record: Record) -> Rotation | None:
    raw = read_if_there(folder / ROTATION_FILE)
    if raw is None:
        return None
    former, rotate = _open_all(raw)
    # Written first of all, it means nothing until the new enrolment is there.
    return None if former.cid == record.cid else Rotation(former, rotate)


def _is_next(folder: Path, key: bytes) -> bool:
    path = folder / NEXT_KEY_FILE
    return read_if_there(path) is not None and _read_key(path).public.raw == key


def _promote_next(folder: Path) -> None:
    """Put the next key in the place of the present one, if it is the one enrolled."""
    raw = read_if_there(folder / ENROLMENT_FILE)
    if raw is None:
        return
    (record,) = _open_all(raw)
    if isinstance(record.body, Enrol) and _is_next(folder, record.body.key):
        with translated(folder / KEY_FILE):
            (folder / NEXT_KEY_FILE).replace(folder / KEY_FILE)
            sync_folder(folder)


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


def _draw_key(folder: Path, name: str) -> SigningKey:
    path = folder / name
    with translated(folder):
        folder.mkdir(parents=True, exist_ok=True)
    _promote_next(folder)
    if read_if_there(path) is None:
        _write(path, secrets.token_hex(32).encode("ascii"))
    return _read_key(path)


def _read_key(path: Path) -> SigningKey:
    raw = read_if_there(path)
    if raw is None:
        raise KeyMissing(path)
    try:
        return SigningKey.from_seed(bytes.fromhex(raw.decode("ascii").strip()))
    except (ValueError, CecError) as error:
        raise WrongEnrolment(f"{path} is not a key ({error})") from error


def _write(path: Path, raw: bytes) -> None:
    with translated(path):
        write_whole(path, raw)
