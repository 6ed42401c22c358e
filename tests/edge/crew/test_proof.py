"""A saved receipt is read, and its signature checked, before the crew is told that it is one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cid import DAG_CBOR, Cid
from domain.envelope import pack_message, seal
from domain.errors import CecError, InvalidRecord, InvalidSignature
from domain.readings import Note
from domain.records.receipt import Answer, Receipt
from edge.crew import words
from edge.crew.proof import NoProof, Proof, read_proof, seek_proof
from edge.errors import UnknownItem
from tests.edge.desk import AT_MS, DEVICE, ORG, SERVER_KEY, MemoryDesk, answer, frame_message

RECORD = Cid.of(DAG_CBOR, b"a record")
OTHER = Cid.of(DAG_CBOR, b"another")


def test_a_receipt_says_who_signed_what_and_when() -> None:
    assert read_proof(answer(OTHER, RECORD), RECORD) == Proof("stored", AT_MS, str(SERVER_KEY.public))


def test_a_refusal_is_told_as_one() -> None:
    assert read_proof(answer(RECORD, verdict="refused", reason="InvalidField"), RECORD).verdict == "refused"


def test_a_record_that_was_stored_after_a_refusal_is_stored() -> None:
    receipts = [
        seal(Receipt(ORG, DEVICE, AT_MS + later, (Answer(RECORD, verdict),)), SERVER_KEY).raw
        for later, verdict in ((0, "stored"), (1, "refused"))
    ]
    for order in (receipts, receipts[::-1]):
        assert read_proof(pack_message(order), RECORD).verdict == "stored"


@pytest.mark.parametrize("message", [answer(OTHER), frame_message()])
def test_a_message_about_something_else_is_no_proof(message: bytes) -> None:
    with pytest.raises(InvalidRecord):
        read_proof(message, RECORD)


def test_a_changed_receipt_is_no_proof() -> None:
    message = answer(RECORD, verdict="refused")
    with pytest.raises(InvalidSignature):
        read_proof(message.replace(DEVICE.encode(), b"rover-2"), RECORD)


class DamagedDesk(MemoryDesk):
    """A desk whose receipts were damaged on the card."""

    def receipt(self, cid: Cid) -> bytes:
        return super().receipt(cid)[:-1] + b"?"


@pytest.mark.parametrize("kind", [MemoryDesk, DamagedDesk])
def test_a_desk_is_asked_for_a_proof_and_says_why_there_is_none(kind: type[MemoryDesk]) -> None:
    desk = kind()
    cid = desk.play_readings([Note(1, "a")])
    assert seek_proof(desk, cid) == NoProof(words.NO_PROOF)
    desk.play_message(answer(cid))
    found = seek_proof(desk, cid)
    if kind is MemoryDesk:
        assert found == Proof("stored", AT_MS, str(SERVER_KEY.public))
    else:
        assert isinstance(found, NoProof)
        assert "damaged" in found.reason
    with pytest.raises(UnknownItem):
        seek_proof(desk, OTHER)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_proof_or_an_expected_failure(message: bytes) -> None:
    with pytest.raises(CecError):
        read_proof(message, RECORD)
