"""Signed answers: what is on this server's disk, and what was refused and why."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from domain.envelope import pack_message, seal
from domain.keys import SigningKey
from domain.records.receipt import Answer, Receipt, UploadState
from domain.topics import Topic

ANSWERS_PER_RECEIPT: Final = 100
"""Answers in one receipt: refusals with long remedies must still fit a message of 256 KiB."""


def seal_answers(topic: Topic, answers: Sequence[Answer], key: SigningKey, *, at_ms: int) -> Iterator[bytes]:
    """Yield the messages that carry answers to one device."""
    waiting = iter(answers)
    while part := tuple(islice(waiting, ANSWERS_PER_RECEIPT)):
        yield _seal(Receipt(topic.org, topic.device, at_ms, answers=part), key)


def seal_upload_state(topic: Topic, state: UploadState, key: SigningKey, *, at_ms: int) -> bytes:
    """Return the message that tells a device what is held of its upload."""
    return _seal(Receipt(topic.org, topic.device, at_ms, uploads=(state,)), key)


def _seal(receipt: Receipt, key: SigningKey) -> bytes:
    return pack_message([seal(receipt, key).raw])
