from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import codec, envelope
from domain.envelope import KINDS, Body, open_envelope, parse_body, seal
from domain.errors import CecError, InvalidEncoding, InvalidField, InvalidRecord, InvalidSignature, UnknownKind
from domain.keys import SigningKey
from domain.records.field import Observation
from domain.records.frame import Campaign
from tests.domain.samples import BODIES, CREW_DAY, FROM_WITHIN, GONE, KEY, OBSERVATION, P256_KEY, PROGRESS

FIELDS = envelope.encode_body(OBSERVATION)


def test_there_is_a_sample_of_every_kind() -> None:
    assert set(BODIES) == set(KINDS)


@pytest.mark.parametrize(
    "body",
    [*BODIES.values(), CREW_DAY, PROGRESS, GONE, FROM_WITHIN],
    ids=[*BODIES, "crew day", "progress", "gone", "from within"],
)
@pytest.mark.parametrize("key", [KEY, P256_KEY], ids=["ed25519", "p256"])
def test_every_kind_is_sealed_and_opened(body: Body, key: SigningKey) -> None:
    record = seal(body, key)
    opened = open_envelope(record.raw)
    assert (opened.body, opened.key, opened.cid) == (body, key.public, record.cid)


@given(st.data())
def test_no_changed_byte_of_an_envelope_is_accepted(data: st.DataObject) -> None:
    raw = bytearray(seal(OBSERVATION, KEY).raw)
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CecError):
        open_envelope(bytes(raw))


def signed(fields: dict[str, Any]) -> bytes:
    """An envelope around `fields` as they are, truly signed."""
    message = b"cec/v1/" + str(fields.get("kind", "")).encode() + b"\0" + codec.encode(fields)
    return codec.encode({"body": fields, "key": KEY.public.raw, "sig": KEY.sign(message)})


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in FIELDS.items() if key != name}


def with_reading(**changes: object) -> dict[str, Any]:
    readings: Any = FIELDS["readings"]
    return {**FIELDS, "readings": [{**readings[0], **changes}]}


BROKEN: dict[str, tuple[dict[str, Any], type[Exception]]] = {
    "another version": ({**FIELDS, "v": 2}, UnknownKind),
    "true as version": ({**FIELDS, "v": True}, UnknownKind),
    "an unknown kind": ({**FIELDS, "kind": "wish"}, UnknownKind),
    "no kind": (without("kind"), UnknownKind),
    "a missing field": (without("org"), InvalidField),
    "a field too many": ({**FIELDS, "note": "x"}, InvalidField),
    "an id with a slash": ({**FIELDS, "device": "a/b"}, InvalidField),
    "text for bytes": ({**FIELDS, "place": {**FIELDS["place"], "epoch": "x" * 16}}, InvalidField),  # type: ignore[dict-item]
    "no readings": ({**FIELDS, "readings": []}, InvalidField),
    "too many readings": ({**FIELDS, "readings": [with_reading()["readings"][0]] * 201}, InvalidField),
    "a reading of no type": (with_reading(type="dream"), InvalidField),
    "a latitude off the globe": (with_reading(lat_nd=400_000_000_000), InvalidField),
    "true as an integer": (with_reading(quality=True), InvalidField),
}


@pytest.mark.parametrize(("fields", "error"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_body_is_refused_by_name(fields: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        open_envelope(signed(fields))


def test_the_error_names_the_path_of_the_field() -> None:
    with pytest.raises(InvalidField, match=r"readings\[0\]\.lat_nd"):
        open_envelope(signed(with_reading(lat_nd="47")))


def test_a_signature_for_one_kind_serves_no_other() -> None:
    fields = envelope.encode_body(OBSERVATION)
    message = b"cec/v1/tree\0" + codec.encode(fields)
    raw = codec.encode({"body": fields, "key": KEY.public.raw, "sig": KEY.sign(message)})
    with pytest.raises(InvalidSignature):
        open_envelope(raw)


@pytest.mark.parametrize("change", [{"more": 1}, {"sig": "text"}, {"body": 3}])
def test_an_envelope_holds_three_things_of_their_types(change: dict[str, Any]) -> None:
    fields = dict(codec.decode_map(seal(OBSERVATION, KEY).raw))
    with pytest.raises(InvalidRecord):
        open_envelope(codec.encode({**fields, **change}))


def test_a_record_of_another_kind_is_not_taken_for_the_one_expected() -> None:
    record = seal(OBSERVATION, KEY)
    assert record.expect(Observation) == OBSERVATION
    with pytest.raises(InvalidRecord, match="observation"):
        record.expect(Campaign)


def test_messages_carry_envelopes_unchanged() -> None:
    raws = (b"one", b"two")
    assert envelope.unpack_message(envelope.pack_message(raws)) == raws


@pytest.mark.parametrize(
    "pack",
    [
        lambda: codec.encode([]),
        lambda: codec.encode([1]),
        lambda: codec.encode({"a": b"x"}),
        lambda: codec.encode([b""] * (envelope.MAX_ENVELOPES + 1)),
        lambda: bytes(envelope.MAX_MESSAGE + 1),
    ],
)
def test_what_is_no_message_is_refused(pack: Callable[[], bytes]) -> None:
    with pytest.raises(InvalidEncoding):
        envelope.unpack_message(pack())


@given(st.dictionaries(st.text(max_size=10), st.integers() | st.text(max_size=5), max_size=5))
def test_any_map_is_a_body_or_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(CecError):
        parse_body(fields)
