"""A receiver's driver tells the mean of each stop beside its fixes."""

from domain.readings import GnssFix, GnssMean
from firmware_bridge.catalogue import find_driver
from firmware_bridge.driver import Event
from tests.firmware_bridge.gnss.sentences import sentence

START_S = 12 * 3_600


def stand(seconds: int, *, at_minutes: str) -> bytes:
    """The sentences of a receiver that stands still, one fix a second."""
    epochs = (
        f"{second // 3600:02}{second // 60 % 60:02}{second % 60:02}" for second in range(START_S, START_S + seconds)
    )
    gga = "GPGGA,{clock},48{minutes},N,01131.0000,E,4,08,0.9,545.4,M,46.9,M,,"
    return b"".join(sentence(gga.format(clock=clock, minutes=at_minutes)) for clock in epochs)


def play(data: bytes, *, size: int) -> list[Event]:
    driver = find_driver("gnss").make()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    found = [event for number, piece in enumerate(pieces) for event in driver.feed(piece, mono_ms=1_000 * number)]
    return found + driver.flush()


def test_a_stop_is_told_with_its_mean_when_it_ends() -> None:
    data = stand(20, at_minutes="07.0380")
    events = play(data, size=len(data) // 20)
    fixes = [event for event in events if isinstance(event, GnssFix)]
    (mean,) = [event for event in events if isinstance(event, GnssMean)]
    assert len(fixes) == 20
    assert (mean.fixes, mean.quality, mean.lat_nd) == (20, 4, fixes[0].lat_nd)
    assert all(fix.raw for fix in fixes)


def test_a_short_stand_gives_no_mean() -> None:
    data = stand(5, at_minutes="07.0380")
    assert not [event for event in play(data, size=len(data) // 5) if isinstance(event, GnssMean)]


def test_a_receiver_that_falls_silent_ends_its_stop() -> None:
    driver = find_driver("gnss").make()
    for number in range(20):
        driver.feed(stand(20, at_minutes="07.0380")[number * 72 : (number + 1) * 72], mono_ms=1_000 * number)
    quiet = [event for minute in range(1, 4) for event in driver.feed(b"", mono_ms=60_000 * minute + 20_000)]
    assert [type(event) for event in quiet if isinstance(event, GnssMean)] == [GnssMean]
    assert not [event for event in driver.flush() if isinstance(event, GnssMean)]


def test_a_stop_in_two_datums_has_no_mean_and_harms_nothing() -> None:
    first, second = (sentence(f"GPDTM,{datum},,0.0,N,0.0,E,0.0,W84") for datum in ("W84", "P90"))
    half = len(stand(30, at_minutes="07.0380")) // 2
    data = stand(30, at_minutes="07.0380")
    events = play(first + data[:half] + second + data[half:], size=100)
    assert len([event for event in events if isinstance(event, GnssFix)]) == 30
    assert not [event for event in events if isinstance(event, GnssMean)]
