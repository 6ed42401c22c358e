"""What a saved receipt says, in facts for people."""

from dataclasses import dataclass
from typing import Final

from domain.cid import Cid
from domain.envelope import Record, open_envelope, unpack_message
from domain.errors import CecError, InvalidRecord
from domain.records.receipt import Answer, Receipt
from edge.crew import words
from edge.crew.errors import DamagedReceipt
from edge.errors import NoReceipt, UnknownItem
from edge.views import Desk

_NAME_SYMBOLS: Final = 12
"""Symbols of a record's name in a file name: 60 bits tell one device's records apart, and a person can compare them."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What the server signed about one record.

    Attributes
    ----------
    verdict
        ``stored`` or ``refused``.
    at_ms
        The server's UTC clock.
    signer
        Its key, for people to compare.
    """

    verdict: str
    at_ms: int
    signer: str


@dataclass(frozen=True, slots=True)
class NoProof:
    """Nothing that shows anyone anything.

    Attributes
    ----------
    reason
        Why, in words for the crew.
    """

    reason: str


def seek_proof(desk: Desk, cid: Cid) -> Proof | NoProof:
    """Return what the server signed about a record, or why there is nothing to save.

    Raises
    ------
    edge.errors.UnknownItem
        When this device has no such record.
    """
    try:
        return read_proof(desk.receipt(cid), cid)
    except UnknownItem:
        raise
    except NoReceipt:
        return NoProof(words.NO_PROOF)
    except CecError as error:
        return NoProof(words.BAD_PROOF.format(reason=error))


def take_receipt(desk: Desk, cid: Cid) -> bytes:
    """Return the receipt of a record, to be saved: what proves nothing is not given out as a proof.

    Raises
    ------
    edge.errors.UnknownItem, edge.errors.NoReceipt, edge.errors.SpoolUnreadable
        As the desk does.
    DamagedReceipt
        When what this device keeps is no receipt of the record.
    """
    content = desk.receipt(cid)
    try:
        read_proof(content, cid)
    except CecError as error:
        raise DamagedReceipt(error) from error
    return content


def read_proof(message: bytes, cid: Cid) -> Proof:
    """Return what a message of receipts says about a record; signatures are checked.

    Raises
    ------
    InvalidEncoding, InvalidRecord, InvalidKey, InvalidSignature
        When the message is none, or says nothing about the record.
    """
    found: list[tuple[Record, Receipt, Answer]] = []
    for raw in unpack_message(message):
        record = open_envelope(raw)
        receipt = record.expect(Receipt)
        found += [(record, receipt, answer) for answer in receipt.answers or () if answer.record == cid]
    if not found:
        raise InvalidRecord(f"Invalid receipt: it says nothing about {cid}; fetch the receipt of that record")
    # A record that was stored stays so; a refusal that came first no longer counts.
    record, receipt, answer = max(found, key=lambda one: (one[2].verdict == "stored", one[1].at_ms))
    return Proof(answer.verdict, receipt.at_ms, str(record.key))


def name_receipt(cid: Cid) -> str:
    """Return the file name of one record's receipt.

    Examples
    --------
    >>> name_receipt(Cid.parse("bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"))
    'receipt-ei66wof36n5e.cbor'
    """
    return f"receipt-{str(cid)[-_NAME_SYMBOLS:]}.cbor"


def name_receipts(device: str, at: str) -> str:
    """Return the file name of all receipts: device, and when they were saved.

    Examples
    --------
    >>> name_receipts("rover-1", "2026-11-24 15:20")
    'receipts-rover-1-20261124-1520.cborseq'
    """
    return f"receipts-{device}-{at.replace('-', '').replace(':', '').replace(' ', '-')}.cborseq"
