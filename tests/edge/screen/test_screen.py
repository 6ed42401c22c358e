"""The terminal screen under real keys, on large and small consoles."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input

from domain.cid import Cid
from domain.codes import format_code, format_link
from domain.readings import Note, Visit
from edge.crew import words
from edge.crew.proof import name_receipt, read_proof
from edge.errors import DiskFull, SpoolLocked
from edge.screen import words as screen_words
from edge.screen.app import CrewScreen
from edge.screen.items import LIST_ITEMS
from edge.screen.words import LABELS
from edge.views import ItemView, Overview
from tests.edge.desk import TREE, MemoryDesk, answer, make_busy_desk

LARGE, SMALL = (80, 24), (40, 24)


@asynccontextmanager
async def sit_down(desk: MemoryDesk, folder: Path, *, size: tuple[int, int] = LARGE) -> AsyncIterator[Pilot[None]]:
    screen = CrewScreen(desk, folder=folder, zone=UTC, mono_ms=lambda: 99)
    async with screen.run_test(size=size) as pilot:
        await pilot.pause()
        yield pilot


def read(pilot: Pilot[None]) -> str:
    """Return the letters on the terminal, as the crew sees them."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


def flow(pilot: Pilot[None]) -> str:
    """Return the same without line breaks."""
    return " ".join(read(pilot).split())


def read_folder(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


async def press(pilot: Pilot[None], *keys: str) -> None:
    await pilot.press(*keys)
    await pilot.pause()


async def type_in(pilot: Pilot[None], name: str, text: str) -> None:
    """Put a text into a field as if pasted; one test types key by key."""
    pilot.app.screen.query_one(f"#f-{name}", Input).value = text
    await pilot.pause()


async def save(pilot: Pilot[None]) -> None:
    pilot.app.screen.query_one("#save", Button).focus()
    await pilot.pause()
    await press(pilot, "enter")


@pytest.mark.parametrize("size", [LARGE, SMALL])
async def test_state_alarms_stages_list_and_keys_are_on_one_screen(size: tuple[int, int], tmp_path: Path) -> None:
    async with sit_down(make_busy_desk(), tmp_path, size=size) as pilot:
        lines = read(pilot).splitlines()
        seen = flow(pilot)
    assert len(lines) <= size[1]
    assert max(map(len, lines)) <= size[0]
    for shown in (
        "rover-1 ridge",
        "Link: Connected",
        "Battery: 63 %",
        "Disk free: 900 MB",
        "14 of 22, RTK fixed",
        "12 records not signed for",
        "! 2 records refused",
        "Disk nearly full",
        "[All 40]",
        "> Sent 4",
        "+ Received 17",
        "# Anchored 4",
        ". Waiting 09-21 14:52 file scan-0007.laz",
        "Q quit",
    ):
        assert shown in seen, shown


@pytest.mark.parametrize("no_color", [None, "1"])
async def test_every_stage_is_told_by_sign_and_word_not_by_colour(
    no_color: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color is not None:
        monkeypatch.setenv("NO_COLOR", no_color)
    async with sit_down(make_busy_desk(), tmp_path, size=(80, 80)) as pilot:
        seen = read(pilot)
        styles = {
            str(segment.style.color)
            for strip in pilot.app.screen._compositor.render_strips()
            for segment in strip
            if segment.style is not None and segment.style.color is not None and segment.text.strip()
        }
    for stage, word in words.STAGE_WORDS.items():
        assert f"\n{words.STAGE_SIGNS[stage]} {word}" in seen
    assert all("default" in style for style in styles), styles


async def test_the_filter_goes_through_every_stage_and_back_to_all(tmp_path: Path) -> None:
    desk = make_busy_desk()
    async with sit_down(desk, tmp_path) as pilot:
        for stage, word in words.STAGE_WORDS.items():
            await press(pilot, "f")
            assert f"[{words.STAGE_SIGNS[stage]} {word} {len(desk.items(stage=stage))}]" in flow(pilot)
        await press(pilot, "f")
        seen = flow(pilot)
        assert "[Files to send 2]" in seen
        assert "scan-0007.laz" in seen
        assert "flight-2026-09-22.laz" in seen
        assert "flight-2026-09-21.laz" not in seen
        await press(pilot, "f")
        assert "[All 40]" in flow(pilot)


async def test_the_screen_follows_the_desk_within_a_second(tmp_path: Path) -> None:
    desk = MemoryDesk()
    cid = desk.play_readings([Note(1, "a")])
    async with sit_down(desk, tmp_path) as pilot:
        assert "1 record not signed for" in flow(pilot)
        desk.play_message(answer(cid))
        await pilot.pause(1.3)
        assert "All signed for" in flow(pilot)
        assert "+ Received 09-21 14:13 1 note" in flow(pilot)


async def test_the_bar_stays_on_its_record_when_new_ones_come(tmp_path: Path) -> None:
    desk = make_busy_desk()
    chosen = desk.items()[3]
    async with sit_down(desk, tmp_path) as pilot:
        await press(pilot, "down", "down", "down")
        desk.play_readings([Note(1, "new")])
        await pilot.app.screen.run_action("refresh_desk")
        await pilot.pause()
        await press(pilot, "enter")
        assert str(chosen.cid) in flow(pilot)


def read_bar(pilot: Pilot[None]) -> str:
    """Return the letters in reverse of the list."""
    shown = pilot.app.screen.query_one("#items").region
    strips = pilot.app.screen._compositor.render_strips()[shown.y : shown.bottom]
    return " ".join(
        segment.text.strip()
        for strip in strips
        for segment in strip
        if segment.style is not None and segment.style.reverse
    )


async def test_the_bar_is_seen_on_one_record_and_moves(tmp_path: Path) -> None:
    desk = make_busy_desk()
    async with sit_down(desk, tmp_path) as pilot:
        for item in desk.items()[:3]:
            assert item.name is not None
            assert item.name in read_bar(pilot)
            assert read_bar(pilot).count("Waiting") + read_bar(pilot).count("Received") == 1
            await press(pilot, "down")


@pytest.mark.parametrize("size", [LARGE, SMALL])
async def test_a_key_stays_with_its_word(size: tuple[int, int], tmp_path: Path) -> None:
    async with sit_down(MemoryDesk(), tmp_path, size=size) as pilot:
        lines = read(pilot).splitlines()
    head = ("Disk free: 12.5 GB", "Files: 0 of 0 whole") if size == LARGE else ()
    for key in ("ENTER open", "C campaigns", "Q quit", *head):
        assert any(key in line for line in lines), key


@pytest.mark.parametrize("size", [LARGE, SMALL])
async def test_many_alarms_leave_room_for_the_list_and_are_a_key_away(size: tuple[int, int], tmp_path: Path) -> None:
    desk = make_busy_desk()
    alarms = tuple(f"Alarm {n}: {'something should be done by somebody ' * 3}now." for n in range(8))
    desk.health = replace(desk.health, alarms=alarms)
    async with sit_down(desk, tmp_path, size=size) as pilot:
        seen = flow(pilot)
        for shown in ("12 records not signed for", "press W", "[All 40]", "scan-0007.laz", "Q quit"):
            assert shown in seen
        assert "Alarm 7" not in seen
        await press(pilot, "w", "end")
        assert "Alarm 7" in flow(pilot)
        await press(pilot, "escape")
        assert "[All 40]" in flow(pilot)


async def test_older_records_are_a_key_away(tmp_path: Path) -> None:
    desk = MemoryDesk()
    for n in range(LIST_ITEMS + 5):
        desk.play_readings([Note(n, "x")])
    async with sit_down(desk, tmp_path) as pilot:
        await press(pilot, "o")
        assert ". Waiting 09-21 14:17 1 note" in flow(pilot)
        await press(pilot, "o", "n")
        assert ". Waiting 09-21 15:57 1 note" in flow(pilot)


async def test_a_refused_record_shows_the_remedy_and_leaves_the_list_when_read(tmp_path: Path) -> None:
    desk = make_busy_desk()
    async with sit_down(desk, tmp_path) as pilot:
        await press(pilot, "f", "f", "f", "f", "enter")
        assert "What to do: Another body has this number: ask the office" in flow(pilot)
        await press(pilot, "r")
        assert words.READ_DONE in flow(pilot)
        await press(pilot, "escape")
        assert len(desk.items(stage="refused")) == 1


async def test_a_receipt_is_saved_to_the_folder(tmp_path: Path) -> None:
    desk = make_busy_desk()
    cid = desk.items(stage="anchored")[0].cid
    async with sit_down(desk, tmp_path) as pilot:
        await press(pilot, *"ffffff", "enter", "s")
        assert "Saved:" in flow(pilot)
    assert read_proof((tmp_path / name_receipt(cid)).read_bytes(), cid).verdict == "stored"


async def test_without_a_receipt_nothing_is_saved_and_the_crew_is_told(tmp_path: Path) -> None:
    async with sit_down(make_busy_desk(), tmp_path) as pilot:
        await press(pilot, "f", "enter", "s")
        assert "it is safe on this device" in flow(pilot)
    assert read_folder(tmp_path) == {}


async def test_all_receipts_are_saved_as_one_file(tmp_path: Path) -> None:
    desk = make_busy_desk()
    async with sit_down(desk, tmp_path) as pilot:
        await press(pilot, "a")
        assert "Saved:" in flow(pilot)
    assert list(read_folder(tmp_path).values()) == [desk.receipts()]


async def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    async with sit_down(make_busy_desk(), tmp_path / "file") as pilot:
        await press(pilot, "a")
        assert "choose another folder" in flow(pilot)


async def test_a_visit_is_entered_by_keys(tmp_path: Path) -> None:
    desk = make_busy_desk()
    async with sit_down(desk, tmp_path) as pilot:
        await press(pilot, "e")
        # A scanner types the code and ends it with Enter.
        await press(pilot, *TREE, "enter", *"p-02", "enter", *"bu", "enter", "enter", *"sta", "enter", *"41,2")
        await type_in(pilot, "height", "28.5")
        await save(pilot)
        assert "Saved on this device: Fagus sylvatica" in flow(pilot)
    assert desk.visits(TREE)[0][1] == Visit(
        99, TREE, "p-02", "Fagus sylvatica", "BU", "standing-dead", 412, 1_300, 28_500
    )


@pytest.mark.parametrize("size", [LARGE, SMALL])
async def test_a_fault_is_told_under_its_field_and_nothing_is_lost(size: tuple[int, int], tmp_path: Path) -> None:
    desk = make_busy_desk()
    before = desk.overview().counts
    async with sit_down(desk, tmp_path, size=size) as pilot:
        await press(pilot, "e")
        await type_in(pilot, "remark", "leans")
        await type_in(pilot, "tree", "4T7W")
        await save(pilot)
        assert "! A code has 17 symbols" in flow(pilot)
        assert pilot.app.focused is pilot.app.screen.query_one("#f-tree")
        assert pilot.app.screen.query_one("#f-remark", Input).value == "leans"
        assert desk.overview().counts == before
        await type_in(pilot, "tree", "")
        await save(pilot)
    assert desk.overview().counts["queued"] == before["queued"] + 1


async def test_a_form_that_was_left_is_as_it_was_and_a_saved_one_is_new(tmp_path: Path) -> None:
    async with sit_down(make_busy_desk(), tmp_path) as pilot:
        await press(pilot, "e")
        await type_in(pilot, "plot", "p-01")
        await type_in(pilot, "remark", "half a")
        await press(pilot, "escape", "e")
        assert pilot.app.screen.query_one("#f-remark", Input).value == "half a"
        await save(pilot)
        await press(pilot, "e")
        assert pilot.app.screen.query_one("#f-remark", Input).value == ""
        assert pilot.app.screen.query_one("#f-plot", Input).value == "p-01"


class FullDesk(MemoryDesk):
    """A desk whose disk is full."""

    def enter(self, visit: Visit) -> Cid:
        del visit
        raise DiskFull("No space left on device")


async def test_a_full_disk_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    async with sit_down(FullDesk(), tmp_path) as pilot:
        await press(pilot, "e")
        await type_in(pilot, "remark", "leans")
        await save(pilot)
        assert "delete files" in flow(pilot)
        assert pilot.app.screen.query_one("#f-remark", Input).value == "leans"


class TroubledDesk(MemoryDesk):
    """A desk whose card fails once `is_troubled`."""

    is_troubled = False

    def _fail(self) -> None:
        if self.is_troubled:
            raise DiskFull("disk I/O error")

    def overview(self) -> Overview:
        self._fail()
        return super().overview()

    def item(self, cid: Cid) -> ItemView:
        self._fail()
        return super().item(cid)

    def acknowledge(self, cid: Cid) -> None:
        del cid
        raise SpoolLocked("database is locked")

    def visits(self, tree: str) -> tuple[tuple[ItemView, Visit], ...]:
        self._fail()
        return super().visits(tree)


@asynccontextmanager
async def open_troubled(folder: Path) -> AsyncIterator[tuple[Pilot[None], TroubledDesk]]:
    """Give a screen on which a refused record is open."""
    desk = TroubledDesk()
    cid = desk.play_readings([Note(1, "a")])
    desk.play_message(answer(cid, verdict="refused", reason="UnknownKey", remedy="Enrol it."))
    async with sit_down(desk, folder) as pilot:
        await press(pilot, "enter")
        yield pilot, desk


async def test_a_record_that_cannot_be_marked_as_read_is_told_and_the_screen_goes_on(tmp_path: Path) -> None:
    async with open_troubled(tmp_path) as (pilot, _):
        await press(pilot, "r")
        assert str(SpoolLocked("database is locked")) in flow(pilot)
        await press(pilot, "escape")
        assert "[All 1]" in flow(pilot)


async def test_a_record_that_cannot_be_asked_for_is_told_until_it_can(tmp_path: Path) -> None:
    async with open_troubled(tmp_path) as (pilot, desk):
        desk.is_troubled = True
        await pilot.pause(1.3)
        assert "delete files" in flow(pilot)
        await press(pilot, "s", "r")
        desk.is_troubled = False
        await pilot.app.screen.run_action("refresh_item")
        await pilot.pause()
        assert "What to do: Enrol it." in flow(pilot)


async def test_the_list_outlives_a_desk_that_fails_for_a_while(tmp_path: Path) -> None:
    async with open_troubled(tmp_path) as (pilot, desk):
        desk.is_troubled = True
        await press(pilot, "escape", "a", "c")
        assert "delete files" in flow(pilot)
        await press(pilot, "escape")
        await pilot.app.screen.run_action("refresh_desk")
        await pilot.pause()
        assert "delete files" in flow(pilot)
        await press(pilot, "t")
        pilot.app.screen.query_one("#code", Input).value = TREE
        await press(pilot, "enter")
        assert "delete files" in flow(pilot)
        desk.is_troubled = False
        await press(pilot, "escape")
        await pilot.app.screen.run_action("refresh_desk")
        await pilot.pause()
        assert "[All 1]" in flow(pilot)
        assert "delete files" not in flow(pilot)


async def test_a_form_that_cannot_be_read_against_the_lists_is_told_and_kept(tmp_path: Path) -> None:
    desk = TroubledDesk()
    async with sit_down(desk, tmp_path) as pilot:
        await press(pilot, "e")
        await type_in(pilot, "height", "20")
        desk.is_troubled = True
        await save(pilot)
        assert "delete files" in flow(pilot)
        desk.is_troubled = False
        await save(pilot)
    assert desk.overview().counts["queued"] == 1


class DamagedDesk(MemoryDesk):
    """A desk whose receipts were damaged on the card."""

    def receipt(self, cid: Cid) -> bytes:
        return super().receipt(cid)[:-1] + b"?"


async def test_a_damaged_receipt_is_told_and_not_saved_as_proof(tmp_path: Path) -> None:
    desk = DamagedDesk()
    desk.play_message(answer(desk.play_readings([Note(1, "a")])))
    async with sit_down(desk, tmp_path) as pilot:
        await press(pilot, "enter")
        assert "damaged" in flow(pilot)
        await press(pilot, "s")
        assert "Saved" not in flow(pilot)
    assert read_folder(tmp_path) == {}


async def test_the_next_entry_has_unit_and_measuring_height_as_last_typed(tmp_path: Path) -> None:
    async with sit_down(make_busy_desk(), tmp_path) as pilot:
        await press(pilot, "e")
        for name, text in {"diameter": "412", "diameter_unit": "mm", "at_height": "0.30"}.items():
            await type_in(pilot, name, text)
        await save(pilot)
        await press(pilot, "e")
        values = {name: pilot.app.screen.query_one(f"#f-{name}", Input).value for name in LABELS}
    kept = {"diameter_unit": "mm", "at_height": "0.30"}
    assert {name: value for name, value in values.items() if value} == kept


async def test_two_presses_on_save_are_one_record(tmp_path: Path) -> None:
    desk = MemoryDesk()
    async with sit_down(desk, tmp_path) as pilot:
        await press(pilot, "e")
        await type_in(pilot, "height", "20")
        pilot.app.screen.query_one("#save", Button).focus()
        await pilot.pause()
        await press(pilot, "enter", "enter", "enter")
    assert desk.overview().counts["queued"] == 1


async def test_a_label_leads_to_what_this_device_recorded_of_the_tree(tmp_path: Path) -> None:
    async with sit_down(make_busy_desk(), tmp_path) as pilot:
        await press(pilot, "t")
        pilot.app.screen.query_one("#code", Input).value = format_link(TREE, "https://forest.example").lower()
        await press(pilot, "enter")
        assert format_code(TREE) in flow(pilot)
        assert "bark beetle 15 %" in flow(pilot)
        await press(pilot, "0", "enter")
        assert words.BAD_CODE in flow(pilot)
        await press(pilot, "escape")
        assert "[All 40]" in flow(pilot)


async def test_campaigns_plots_and_species_are_shown(tmp_path: Path) -> None:
    async with sit_down(make_busy_desk(), tmp_path) as pilot:
        await press(pilot, "c")
        for shown in ("ridge: Ridge inventory 2026", words.THIS_CAMPAIGN, "p-02: Plot", "BU Beech / Fagus sylvatica"):
            assert shown in flow(pilot)


async def test_an_empty_device_shows_its_screen_too(tmp_path: Path) -> None:
    async with sit_down(MemoryDesk(), tmp_path, size=SMALL) as pilot:
        assert "Nothing recorded yet" in flow(pilot)
        await press(pilot, "a", "enter", "o")
        assert screen_words.NOTHING_SIGNED in flow(pilot)


async def test_q_ends_it(tmp_path: Path) -> None:
    async with sit_down(MemoryDesk(), tmp_path) as pilot:
        await press(pilot, "q")
    assert pilot.app.return_code == 0
