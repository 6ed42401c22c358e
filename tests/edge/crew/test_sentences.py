"""The crew is told that it may go only when everything is at the server."""

from dataclasses import replace

import pytest

from domain.readings import Note
from edge.crew import words
from edge.crew.sentences import describe_server, describe_state, list_alarms
from edge.views import HealthView, LinkView
from tests.edge.desk import MemoryDesk, answer, hold, make_busy_desk
from tests.edge.desk_suite import FILES, root_of


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk()


def test_records_signed_for_are_not_all_while_a_file_is_not_whole_at_the_server(desk: MemoryDesk) -> None:
    desk.play_message(answer(desk.play_file("a.laz", FILES[0]), desk.play_readings([Note(1, "a")])))
    desk.play_message(hold(root_of(FILES[0]), len(FILES[0]), frames=2))
    text, more, is_safe = describe_state(desk.overview())
    assert (text, is_safe) == ("1 file still to send", False)
    assert "record" in more
    desk.play_message(answer(desk.play_file("b.laz", FILES[1])))
    assert describe_state(desk.overview())[0] == "2 files still to send"
    desk.play_message(hold(root_of(FILES[0]), len(FILES[0])))
    assert not describe_state(desk.overview())[2]
    desk.play_message(hold(root_of(FILES[1]), len(FILES[1])))
    assert describe_state(desk.overview()) == (words.ALL_SIGNED, words.ALL_SIGNED_MORE, True)


def test_records_that_wait_are_told_before_files(desk: MemoryDesk) -> None:
    desk.play_file("a.laz", FILES[0])
    assert describe_state(desk.overview()) == (words.UNSIGNED_ONE, words.UNSIGNED_MORE, False)


def test_refused_records_are_signed_for_too_and_a_read_one_is_not_nothing(desk: MemoryDesk) -> None:
    cid = desk.play_readings([Note(1, "a")])
    desk.play_message(answer(cid, verdict="refused", reason="UnknownDevice", remedy="Enrol it."))
    desk.acknowledge(cid)
    assert describe_state(desk.overview())[0] != words.NOTHING_YET


def test_a_device_that_the_server_does_not_know_is_the_first_alarm() -> None:
    seen = make_busy_desk().overview()
    refused = replace(seen, link=LinkView(True, "b", 1, refusal="KeyRevoked: ask the office"))  # noqa: FBT003
    assert list_alarms(refused) == (
        words.REFUSES_DEVICE.format(reason="KeyRevoked: ask the office"),
        *seen.health.alarms,
    )
    assert list_alarms(seen) == seen.health.alarms
    assert list_alarms(replace(seen, health=HealthView(1, 1))) == ()
    assert describe_server(refused.link) == words.SERVER_REFUSES
