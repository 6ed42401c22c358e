"""Corrections over real sockets from a caster of either revision, and from casters that fail in every known way."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynmeagps import NMEAReader

from domain.readings import GnssFix
from firmware_bridge.gnss.errors import (
    CasterFull,
    CasterRefused,
    CasterSilent,
    CasterUnreachable,
    CorrectionsError,
    InvalidAnswer,
    InvalidNtripSettings,
    StreamEnded,
    UnknownMountpoint,
    WrongPassword,
)
from firmware_bridge.gnss.gga import encode_gga
from firmware_bridge.gnss.ntrip import NtripSettings, compute_wait_s, corrections, fetch_sourcetable
from tests.firmware_bridge.gnss.small_caster import PASSWORD, STREAM, USER, SmallCaster, started
from tests.firmware_bridge.gnss.test_rtcm import BIASES, frame

FRAMES = [frame(b"\x43\x50\x00" + bytes([number]) * 40) for number in range(20)] + [BIASES]
HANG_S = 60.0
"""Only what waits for what does not come takes so long."""
HOUR_S = 3_600.0
FIX = GnssFix(0, 11_516_666_667, -48_117_300_000, 1, 8, 545_400, -46_900, 90, gnss_at_ms=1_796_000_000_250)


def settings(caster: SmallCaster, **changes: Any) -> NtripSettings:  # noqa: ANN401
    usual: dict[str, Any] = {
        "mountpoint": STREAM,
        "user": USER,
        "password": PASSWORD,
        "port": caster.port,
        "first_wait_s": 0.01,
        "longest_wait_s": 0.05,
    }
    return NtripSettings("127.0.0.1", **{"answer_s": HANG_S, "silence_s": HANG_S, **usual, **changes})


def refuse(error: CorrectionsError) -> None:
    pytest.fail(f"told {error}")


class Enough(Exception):
    """Ends corrections that would be tried for ever."""


class Pauses(list[float]):
    """The pauses between attempts, each of which passes at once."""

    def __init__(self, most: int = 1_000) -> None:
        super().__init__()
        self._most = most

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)
        if len(self) == self._most:
            raise Enough
        await asyncio.sleep(0)


async def take(
    wanted: NtripSettings,
    count: int,
    tell: Callable[[CorrectionsError], None],
    position: GnssFix | None = None,
    *,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    until: Callable[[], bool] = lambda: True,
) -> list[bytes]:
    """Take frames until there are so many and something else has come true too."""
    found: list[bytes] = []
    async with asyncio.timeout(HANG_S):
        source = corrections(wanted, lambda: position, tell=tell, pause=pause)
        async with contextlib.aclosing(source) as frames:
            async for raw in frames:
                found.append(raw)
                if len(found) >= count and until():
                    break
    return found


@pytest.mark.parametrize("speaks", [1, 2])
@pytest.mark.parametrize("asks", [1, 2])
async def test_frames_come_whole_whatever_the_revisions(speaks: int, asks: int) -> None:
    told: list[CorrectionsError] = []
    async with started(SmallCaster(FRAMES, revision=speaks)) as caster:
        assert await take(settings(caster, revision=asks), len(FRAMES), told.append) == FRAMES
    assert told == []


async def test_a_stream_that_ends_is_asked_for_again() -> None:
    told: list[CorrectionsError] = []
    async with started(SmallCaster(FRAMES[:2])) as caster:
        assert await take(settings(caster), 6, told.append) == FRAMES[:2] * 3
        assert len(caster.requests) == 3
    assert [type(error) for error in told] == [StreamEnded, StreamEnded]


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        ("full", CasterFull),
        ("full of old", CasterFull),
        ("forbidden", CasterRefused),
        ("web", InvalidAnswer),
        ("bad chunk", InvalidAnswer),
        ("endless head", InvalidAnswer),
        ("ends early", InvalidAnswer),
        ("half open", CasterSilent),
        ("no frames", CasterSilent),
        ("dribbles head", CasterSilent),
        ("dribbles body", CasterSilent),
    ],
)
async def test_a_failure_is_told_by_its_name_and_tried_again(failure: str, error: type[CorrectionsError]) -> None:
    told: list[CorrectionsError] = []
    async with started(SmallCaster(FRAMES, failure=failure, fails=1)) as caster:
        patience_s = 1.0 if error is CasterSilent else HANG_S
        wanted = settings(caster, answer_s=patience_s, silence_s=patience_s)
        assert await take(wanted, 1, told.append) == FRAMES[:1]
    assert [type(one) for one in told] == [error]


async def test_waits_grow_while_a_caster_fails() -> None:
    pauses = Pauses()
    async with started(SmallCaster(FRAMES, failure="full", fails=4)) as caster:
        patient = settings(caster, first_wait_s=HOUR_S, longest_wait_s=4 * HOUR_S)
        await take(patient, 1, lambda _: None, pause=pauses)
    most = [HOUR_S, 2 * HOUR_S, 4 * HOUR_S, 4 * HOUR_S]
    assert all(wait / 2 <= found <= wait for found, wait in zip(pauses, most, strict=True))


async def test_waits_begin_anew_when_frames_have_come() -> None:
    pauses = Pauses()
    async with started(SmallCaster(FRAMES[:2])) as caster:
        patient = settings(caster, first_wait_s=HOUR_S, longest_wait_s=1_000 * HOUR_S)
        await take(patient, 12, lambda _: None, pause=pauses)
    assert [HOUR_S / 2 <= found <= HOUR_S for found in pauses] == [True] * 5


@pytest.mark.parametrize("speaks", [1, 2])
async def test_a_wrong_password_is_not_tried_again(speaks: int) -> None:
    async with started(SmallCaster(FRAMES, revision=speaks)) as caster:
        with pytest.raises(WrongPassword, match=STREAM):
            await take(settings(caster, password=PASSWORD[1:]), 1, refuse)
        assert len(caster.requests) == 1


async def test_a_wrong_password_as_casters_of_old_say_it() -> None:
    async with started(SmallCaster(FRAMES, failure="password of old")) as caster:
        with pytest.raises(WrongPassword):
            await take(settings(caster), 1, refuse)


@pytest.mark.parametrize("speaks", [1, 2])
async def test_an_unknown_mountpoint_is_not_tried_again(speaks: int) -> None:
    async with started(SmallCaster(FRAMES, revision=speaks)) as caster:
        with pytest.raises(UnknownMountpoint) as caught:
            await take(settings(caster, mountpoint="FIELD"), 1, refuse)
        assert len(caster.requests) == 1
    # A caster of revision 1 answers by its source table, which names those that it has.
    assert set(caught.value.near) == ({"FIELD1", "FIELD2"} if speaks == 1 else set())


async def test_a_caster_that_is_not_there_is_told_and_tried_again() -> None:
    told: list[CorrectionsError] = []
    async with started(SmallCaster(FRAMES)) as caster:
        wanted = settings(caster)
    with pytest.raises(Enough):
        await take(wanted, 1, told.append, pause=Pauses(most=3))
    assert [type(error) for error in told] == [CasterUnreachable] * 3


@pytest.mark.parametrize("speaks", [1, 2])
async def test_the_rovers_place_is_sent_again_and_again(speaks: int) -> None:
    async with started(SmallCaster(FRAMES * 1_000, revision=speaks, pause_s=0.01)) as caster:
        wanted = settings(caster, revision=speaks, gga_every_s=0.05)
        await take(wanted, 1, refuse, FIX, until=lambda: len(caster.positions) >= 3)
        assert set(caster.positions) == {encode_gga(FIX)}
        assert (b"Ntrip-GGA: " + encode_gga(FIX) in caster.requests[0]) == (speaks == 2)


async def test_the_rovers_place_is_not_sent_before_it_is_due_again() -> None:
    async with started(SmallCaster(FRAMES * 1_000, pause_s=0.001)) as caster:
        wanted = settings(caster, gga_every_s=HOUR_S)
        await take(wanted, 200, refuse, FIX, until=lambda: len(caster.positions) > 0)
        assert caster.positions == [encode_gga(FIX)]


async def test_without_a_fix_or_a_wish_no_place_is_sent() -> None:
    async with started(SmallCaster(FRAMES, pause_s=0.02)) as caster:
        await take(settings(caster, gga_every_s=0.01), 5, refuse, None)
        await take(settings(caster), 5, refuse, FIX)
        assert caster.positions == []


async def test_who_stops_early_leaves_no_connection() -> None:
    # After its first frame this caster says nothing for an hour, and does not end either.
    async with started(SmallCaster(FRAMES, pause_s=HOUR_S)) as caster:
        await take(settings(caster), 1, refuse)
    others = [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert others == []


@pytest.mark.parametrize("speaks", [1, 2])
async def test_the_source_table_is_fetched(speaks: int) -> None:
    async with started(SmallCaster(FRAMES, revision=speaks)) as caster:
        table = await fetch_sourcetable(settings(caster, revision=speaks))
    assert [stream.mountpoint for stream in table.streams] == ["FIELD1", "FIELD2"]


async def test_a_source_table_that_does_not_come_is_told() -> None:
    async with started(SmallCaster(FRAMES, failure="half open")) as caster:
        with pytest.raises(CasterSilent):
            await fetch_sourcetable(settings(caster, answer_s=1.0))


@pytest.mark.parametrize(
    "changes",
    [
        {"mountpoint": "A B"},
        {"mountpoint": "A\r\nHost: x"},
        {"user": "a:b"},
        {"user": "a\r\nX: y"},
        {"password": "a\nb"},
        {"revision": 3},
        {"port": 0},
        {"gga_every_s": 0.0},
        {"first_wait_s": 0.0},
        {"silence_s": -1.0},
    ],
)
async def test_a_setting_that_cannot_stand_in_a_request_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidNtripSettings):
        await take(settings(SmallCaster([], port=2101), **changes), 1, refuse)


def test_a_password_is_not_shown() -> None:
    assert PASSWORD not in repr(NtripSettings("caster.example.org", STREAM, user=USER, password=PASSWORD))


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_waits_grow_to_their_cap_and_never_vanish(failures: int, chance: float) -> None:
    wanted = NtripSettings("caster.example.org", STREAM, first_wait_s=1, longest_wait_s=60)
    wait_s = compute_wait_s(failures, wanted, chance)
    assert min(60, 2**failures) / 2 <= wait_s <= min(60, 2**failures)


@given(
    st.integers(-180_000_000_000, 180_000_000_000),
    st.integers(-90_000_000_000, 90_000_000_000),
    st.integers(-500_000, 9_000_000),
)
def test_a_second_implementation_reads_the_rovers_place(lon_nd: int, lat_nd: int, altitude_mm: int) -> None:
    fix = GnssFix(0, lon_nd, lat_nd, 4, 12, altitude_mm, 47_000, 81, gnss_at_ms=1_796_000_000_250)
    parsed = NMEAReader.parse(encode_gga(fix))
    assert parsed.lon == pytest.approx(lon_nd / 1e9, abs=9e-10)
    assert parsed.lat == pytest.approx(lat_nd / 1e9, abs=9e-10)
    assert (parsed.alt, parsed.sep, parsed.HDOP, parsed.quality) == (altitude_mm / 1000, 47.0, 0.81, 4)
    assert parsed.time.isoformat().startswith("00:53:20.25")
