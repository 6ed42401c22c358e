"""The screen's texts, without a terminal."""

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.readings import Note, Visit
from edge.crew import words
from edge.crew.proof import NoProof, read_proof
from edge.screen.texts import to_console, write_frames, write_head, write_item, write_row, write_stages, write_verdict
from edge.screen.words import LABELS
from tests.edge.desk import CAMPAIGN, MemoryDesk, answer, make_busy_desk


@given(st.text())
def test_nothing_from_outside_steers_the_terminal(text: str) -> None:
    shown = to_console(text)
    assert all(letter == "\n" or (letter.isprintable() or not letter.isascii()) for letter in shown)
    assert not {"\x1b", "\x9b", "\x07", "\x08", "\r", "\u202e"} & set(shown)


def test_our_own_words_are_ascii_on_the_console() -> None:
    desk = make_busy_desk()
    overview = desk.overview()
    texts = [write_head(overview, 80), write_verdict(overview), write_stages(overview, None, 80)]
    texts += [write_row(item, UTC) for item in desk.items()]
    texts += [write_item(item, NoProof(words.NO_PROOF), UTC) for item in desk.items()]
    texts += [write_frames(desk.frames(), CAMPAIGN, UTC), *map(to_console, TEXTS)]
    assert [text for text in texts if not text.isascii()] == []


TEXTS = {text for name, text in vars(words).items() if isinstance(text, str) and not name.startswith("_")}


@pytest.mark.parametrize("width", [80, 40, 20])
def test_a_count_stays_with_its_word_on_any_console(width: int) -> None:
    overview = make_busy_desk().overview()
    lines = write_stages(overview, "refused", width).splitlines()
    assert max(map(len, lines)) <= width
    assert "[! Refused 2]" in "  ".join(lines)
    assert sum("Processed 5" in line for line in lines) == 1


def test_a_refused_record_says_why_and_what_to_do() -> None:
    desk = make_busy_desk()
    text = write_item(desk.items(stage="refused")[0], NoProof(words.NO_PROOF), UTC)
    assert "Why: Sequence conflict" in text
    assert "What to do: Another body has this number" in text


def test_a_receipt_is_told_with_its_signer() -> None:
    desk = make_busy_desk()
    item = desk.items(stage="anchored")[0]
    proof = read_proof(desk.receipt(item.cid), item.cid)
    text = write_item(item, proof, UTC)
    assert proof.signer in text
    assert "Block: 1,204" in text


def test_a_row_is_one_line_whatever_the_crew_wrote() -> None:
    desk = MemoryDesk()
    desk.enter(Visit(1, remark="one\ntwo"))
    assert "\n" not in write_row(desk.items()[0], UTC)


def test_all_signed_for_is_told_only_when_it_is() -> None:
    desk = MemoryDesk()
    assert write_verdict(desk.overview()).startswith(". Nothing recorded yet")
    cid = desk.play_readings([Note(1, "a")])
    assert write_verdict(desk.overview()).startswith(". 1 record not signed for")
    desk.play_message(answer(cid))
    assert write_verdict(desk.overview()).startswith("+ All signed for")
    desk.play_message(answer(desk.play_file("a.laz", b"cloud")))
    assert write_verdict(desk.overview()).startswith(". 1 file still to send")


def test_labels_fit_their_column() -> None:
    assert max(map(len, LABELS.values())) <= 16
