"""A watched folder: files whole, once, whatever the card does."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Container
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from firmware_bridge.drone.errors import DroneError, FolderGone, InvalidWatch, TooManyFiles
from firmware_bridge.drone.settling import FileKey, FoundFile, Settling
from firmware_bridge.drone.watch import MAX_DEPTH, list_files, watch_folder

SETTLE_S = 0.12
ALL = ("*",)


@asynccontextmanager
async def watching(
    folder: Path, notices: list[DroneError | None] | None = None, known: Container[FileKey] = frozenset()
) -> AsyncIterator[AsyncIterator[FoundFile]]:
    told = notices if notices is not None else []
    found = watch_folder(folder, settle_s=SETTLE_S, poll_s=0.02, known=known, tell=told.append)
    try:
        async with asyncio.timeout(10):
            yield found
    finally:
        await found.aclose()  # type: ignore[attr-defined]  # it is a generator


async def take(found: AsyncIterator[FoundFile], count: int) -> list[str]:
    return [(await anext(found)).key[0] for _ in range(count)]


async def test_files_of_all_sub_folders_come_once_by_path(tmp_path: Path) -> None:
    (tmp_path / "DCIM" / "100MEDIA").mkdir(parents=True)
    for name in ("DCIM/100MEDIA/DJI_0001.JPG", "DCIM/100MEDIA/DJI_0002.jpg", "cloud.LAZ", "notes.txt"):
        (tmp_path / name).write_bytes(b"content")
    async with watching(tmp_path) as found:
        assert await take(found, 3) == ["DCIM/100MEDIA/DJI_0001.JPG", "DCIM/100MEDIA/DJI_0002.jpg", "cloud.LAZ"]
        (tmp_path / "later.laz").write_bytes(b"content")
        assert await take(found, 1) == ["later.laz"]


async def test_a_file_that_is_being_copied_waits_until_it_is_whole(tmp_path: Path) -> None:
    async def copy() -> None:
        with (tmp_path / "big.laz").open("wb", buffering=0) as stream:
            for _ in range(10):
                stream.write(b"x" * 1_000)
                await asyncio.sleep(SETTLE_S / 3)

    async with watching(tmp_path) as found, asyncio.TaskGroup() as group:
        group.create_task(copy(), name="copy")
        first = await anext(found)
    assert first.key[1] == 10_000


async def test_a_file_that_changes_later_comes_again(tmp_path: Path) -> None:
    path = tmp_path / "cloud.laz"
    path.write_bytes(b"one")
    async with watching(tmp_path) as found:
        assert (await anext(found)).key[1] == 3
        path.write_bytes(b"another")
        assert (await anext(found)).key[1] == 7


async def test_what_the_caller_knows_does_not_come_again(tmp_path: Path) -> None:
    for name in ("a.laz", "b.laz"):
        (tmp_path / name).write_bytes(b"content")
    listing, _ = list_files(tmp_path, ALL)
    known = {key for key in listing if key[0] == "a.laz"}
    async with watching(tmp_path, known=known) as found:
        assert await take(found, 1) == ["b.laz"]


async def test_a_card_that_vanishes_is_told_once_and_waited_for(tmp_path: Path) -> None:
    card, notices = tmp_path / "card", list[DroneError | None]()

    async def put_back() -> None:
        async with asyncio.timeout(10):
            while not notices:  # noqa: ASYNC110  # what is told is a list
                await asyncio.sleep(0.01)
        card.mkdir()
        (card / "b.laz").write_bytes(b"content")

    card.mkdir()
    (card / "a.laz").write_bytes(b"content")
    async with watching(card, notices) as found:
        assert await take(found, 1) == ["a.laz"]
        shutil.rmtree(card)
        async with asyncio.TaskGroup() as group:
            group.create_task(put_back(), name="put-back")
            assert await take(found, 1) == ["b.laz"]
    assert [type(notice) for notice in notices] == [FolderGone, type(None)]


def test_hidden_empty_and_linked_things_do_not_count(tmp_path: Path) -> None:
    folder, outside = tmp_path / "card", tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.laz").write_bytes(b"content")
    (folder / ".trash").mkdir(parents=True)
    for name in (".hidden.laz", ".trash/a.laz", "good.laz"):
        (folder / name).write_bytes(b"content")
    (folder / "empty.laz").touch()
    (folder / "link.laz").symlink_to(outside / "secret.laz")
    (folder / "way").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe.laz")
    listing, trouble = list_files(folder, ("*.laz",))
    assert ({key[0] for key in listing}, trouble) == ({"good.laz"}, None)


def test_folders_within_each_other_have_an_end(tmp_path: Path) -> None:
    place = tmp_path
    for _ in range(MAX_DEPTH + 3):
        (place / "a.laz").write_bytes(b"content")
        place /= "d"
        place.mkdir()
    assert len(list_files(tmp_path, ALL)[0]) == MAX_DEPTH + 1


def test_a_folder_with_too_many_files_is_told(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.laz").write_bytes(b"content")
    listing, trouble = list_files(tmp_path, ALL, limit=3)
    assert (len(listing), type(trouble)) == (3, TooManyFiles)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FolderGone, match="put the card back"):
        list_files(tmp_path / "none", ALL)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"patterns": ()}, "patterns"),
        ({"patterns": ("*",) * 65}, "patterns"),
        ({"settle_s": 0.0}, "settle_s"),
        ({"poll_s": float("nan")}, "poll_s"),
        ({"poll_s": 3_601.0}, "poll_s"),
    ],
)
async def test_a_watch_that_cannot_be_is_named(tmp_path: Path, options: dict[str, object], name: str) -> None:
    with pytest.raises(InvalidWatch, match=name):
        await anext(watch_folder(tmp_path, **options))  # type: ignore[arg-type]  # wrong on purpose


@given(st.lists(st.tuples(st.floats(min_value=0, max_value=4), st.integers(min_value=1, max_value=3)), min_size=1))
def test_a_file_is_given_only_after_standing_still(looks: list[tuple[float, int]]) -> None:
    settling, now, since, last = Settling(5.0, frozenset()), 0.0, 0.0, 0
    for step, size in looks:
        now += step
        if size != last:
            since, last = now, size
        for _, given_size, _ in settling.take({("a.laz", size, 0)}, now_s=now):
            assert given_size == size
            assert now - since >= 5.0


class Cards(RuleBasedStateMachine):
    """A card whose files come, grow, vanish and return; each state of a file is given at most once."""

    def __init__(self) -> None:
        super().__init__()
        self.settling = Settling(2.0, {("old.laz", 1, 0)})
        self.now_s = 0.0
        self.files: dict[str, int] = {}
        self.given: list[FileKey] = []

    @rule(name=st.sampled_from(("a.laz", "b.laz", "old.laz")), size=st.integers(min_value=1, max_value=2))
    def write(self, name: str, size: int) -> None:
        self.files[name] = size

    @rule(name=st.sampled_from(("a.laz", "b.laz")))
    def delete(self, name: str) -> None:
        self.files.pop(name, None)

    @rule(seconds=st.floats(min_value=0, max_value=3))
    def look(self, seconds: float) -> None:
        self.now_s += seconds
        self.given += self.settling.take({(name, size, 0) for name, size in self.files.items()}, now_s=self.now_s)

    @rule()
    def pull_the_card(self) -> None:
        self.settling.pause()

    @rule()
    def stand_still(self) -> None:
        self.look(0.0)
        self.look(2.001)  # a clock's sum may round to a little less than 2
        expected = {(name, size, 0) for name, size in self.files.items()} - {("old.laz", 1, 0)}
        assert expected <= set(self.given)

    @invariant()
    def nothing_comes_twice(self) -> None:
        assert len(self.given) == len(set(self.given))
        assert ("old.laz", 1, 0) not in self.given


TestCards = Cards.TestCase
