"""The terminal screen under real keys, on large and small consoles."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input

from domain.codes import format_code, format_link
from domain.readings import Note, Visit
from edge.crew import words
from edge.crew.proof import name_receipt, read_proof
from edge.errors import DiskFull
from edge.screen import words as screen_words
from edge.screen.app import CrewScreen
from edge.screen.items import LIST_ITEMS
from edge.views import ItemView
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

    def enter(self, visit: Visit) -> ItemView:
        del visit
        raise DiskFull("No space left on device")


async def test_a_full_disk_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    async with sit_down(FullDesk(), tmp_path) as pilot:
        await press(pilot, "e")
        await type_in(pilot, "remark", "leans")
        await save(pilot)
        assert "delete files" in flow(pilot)
        assert pilot.app.screen.query_one("#f-remark", Input).value == "leans"


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
