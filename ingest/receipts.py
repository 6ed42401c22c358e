"""Signed answers: what is on this server's disk, and what was refused and why."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from domain.cid import Cid
from domain.envelope import pack_message, seal
from domain.errors import CecError
from domain.keys import SigningKey
from domain.records.receipt import Answer, Receipt, UploadState
from domain.topics import Topic
from ingest.errors import Refusal

ANSWERS_PER_RECEIPT: Final = 100
"""Answers in one receipt: refusals with long remedies must still fit a message of 256 KiB."""
MAX_REASON: Final = 1_900
"""Characters of a reason in an answer; with the remedy it stays within a text's bound."""


def seal_answers(
    topic: Topic, answers: Sequence[Answer], key: SigningKey, *, at_ms: int, pause_ms: int = 0
) -> Iterator[bytes]:
    """Yield the messages that carry answers to one device, and how long it should rest."""
    waiting = iter(answers)
    while part := tuple(islice(waiting, ANSWERS_PER_RECEIPT)):
        yield _seal(Receipt(topic.org, topic.device, at_ms, answers=part, pause_ms=pause_ms or None), key)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of frames of one upload.

    Attributes
    ----------
    state
        What is held; absent for an upload that nobody declared.
    answers
        What was refused; the record named is the file's root, since frames have no name of their own.
    """

    state: UploadState | None = None
    answers: tuple[Answer, ...] = ()


def refuse_upload(root: Cid, error: CecError) -> Answer:
    """Return the answer that names the rule by which frames of a file were not taken."""
    remedy = error.remedy if isinstance(error, Refusal) else "Cut the file as its blob record declares it."
    return Answer(root, "refused", reason=type(error).__name__, remedy=f"{str(error)[:MAX_REASON]}. {remedy}")


def seal_outcome(topic: Topic, outcome: Outcome, key: SigningKey, *, at_ms: int) -> bytes:
    """Return the message that tells a device what is held of its upload, and what was refused."""
    states = None if outcome.state is None else (outcome.state,)
    return _seal(Receipt(topic.org, topic.device, at_ms, answers=outcome.answers or None, uploads=states), key)


def _seal(receipt: Receipt, key: SigningKey) -> bytes:
    return pack_message([seal(receipt, key).raw])
