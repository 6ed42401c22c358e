"""Sentences of one time of day become one fix, in whatever order a receiver sends them.

GSA and GSV of the multi-system epochs are as pynmeagps, a second implementation, reads them.
"""

import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynmeagps import NMEAReader

from domain.readings import GnssFix
from firmware_bridge.driver import Event, Passed, SkyView
from firmware_bridge.errors import UnreadableField
from firmware_bridge.framing import Skipped
from firmware_bridge.gnss.kinds import REMEMBERED, SeenKinds
from firmware_bridge.gnss.nmea import MAX_LINES, MAX_RAW, NmeaDriver
from firmware_bridge.gnss.sentences import read_modes
from firmware_bridge.gnss.times import ROLLOVER_MS
from tests.firmware_bridge.gnss.sentences import burst, feed_in_pieces, sentence

GSA = (
    "GNGSA,A,3,02,05,12,,,,,,,,,,1.50,0.90,1.20,1",
    "GNGSA,A,3,65,66,,,,,,,,,,,1.50,0.90,1.20,2",
)
GSV = (
    "GPGSV,2,1,05,02,40,083,46,05,17,308,41,12,07,344,39,14,22,228,45,1",
    "GPGSV,2,2,05,29,05,100,,1",
    "GLGSV,1,1,02,65,40,083,30,66,17,308,35,1",
)
ZDA = "GNZDA,123519.00,24,11,2026,00,00"
DTM = "GNDTM,P90,,0.0,N,0.0,E,0.0,W84"


def fixes(events: list[Event]) -> list[GnssFix]:
    return [event for event in events if isinstance(event, GnssFix)]


def utc_ms(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type,misc]


def test_a_fix_has_what_all_sentences_of_its_epoch_say() -> None:
    driver = NmeaDriver()
    driver.feed(burst("123518.00", (*GSA, *GSV)), mono_ms=1)
    (fix,) = fixes(driver.feed(burst("123519.00", (*GSA, *GSV)), mono_ms=2))
    assert (fix.lat_nd, fix.lon_nd, fix.quality, fix.satellites) == (48_117_300_000, 11_516_666_667, 4, 12)
    assert (fix.altitude_mm, fix.geoid_mm) == (545_400, 46_900)
    assert (fix.hdop_c, fix.vdop_c, fix.pdop_c) == (90, 120, 150)
    assert (fix.east_error_mm, fix.north_error_mm, fix.up_error_mm) == (20, 23, 31)
    assert (fix.correction_age_ms, fix.correction_station) == (1_500, 138)
    assert fix.gnss_at_ms == utc_ms(2026, 11, 24, 12, 35, 19)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_every_order_within_an_epoch_gives_the_same_fixes(order: tuple[int, ...]) -> None:
    driver, found = NmeaDriver(), []
    clocks = [f"1235{second:02d}.00" for second in range(10, 16)]
    for clock in clocks:
        lines = [*burst(clock).splitlines(keepends=True), sentence(GSA[0])]
        found += driver.feed(b"".join(lines[at] for at in order), mono_ms=1)
    told = fixes(found + driver.flush())
    assert [fix.gnss_at_ms for fix in told] == [utc_ms(2026, 11, 24, 12, 35, second) for second in range(10, 16)]
    # Once the receiver's ways are known every fix has all that its epoch says.
    assert all((fix.pdop_c, fix.east_error_mm) == (150, 20) for fix in told[2:-1])


def test_once_its_ways_are_known_a_fix_comes_with_its_last_sentence() -> None:
    driver, extra = NmeaDriver(), (*GSA, GSV[2], *GSV[:2])
    driver.feed(burst("123518.00", extra), mono_ms=1)
    *first, last = burst("123519.00", extra).splitlines(keepends=True)
    assert [fixes(driver.feed(line, mono_ms=2)) for line in first] == [[]] * len(first)
    assert len(fixes(driver.feed(last, mono_ms=2))) == 1


def test_a_receiver_of_positions_alone_is_read_at_once_from_the_second_on() -> None:
    driver = NmeaDriver()
    counts = []
    for second in range(4):
        line = sentence(f"GPGGA,12351{second},4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,")
        counts.append(len(fixes(driver.feed(line, mono_ms=second))))
    assert counts == [0, 2, 1, 1]


def test_a_clock_without_fractions_tells_ten_fixes_a_second() -> None:
    line = sentence("GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,")
    assert len(fixes(feed_in_pieces(NmeaDriver(), line * 10, 50))) == 10


def test_the_sky_is_told_once_an_epoch_and_counts_as_a_second_implementation_does() -> None:
    events = feed_in_pieces(NmeaDriver(), burst("123519.00")[: -len(burst("123519.00")) // 2], 10_000)
    assert not [event for event in events if isinstance(event, SkyView)]
    driver = NmeaDriver()
    driver.feed(burst("123518.00", (*GSA, *GSV)), mono_ms=1)
    (sky,) = [one for one in driver.feed(burst("123519.00", (*GSA, *GSV)), mono_ms=2) if isinstance(one, SkyView)]
    parsed = [NMEAReader.parse(sentence(body)) for body in (*GSV[:1], *GSV[2:])]
    assert sky.seen == max(12, sum(int(one.numSV) for one in parsed))
    assert (sky.used, sky.quality, sky.hdop_c) == (12, 4, 90)
    assert sky.best_snr_db == round((46 + 45 + 41 + 39) / 4)


def test_a_receiver_without_a_fix_still_tells_its_sky() -> None:
    empty = sentence("GNGGA,123519.00,,,,,0,00,99.99,,M,,M,,")
    events = feed_in_pieces(NmeaDriver(), empty + b"".join(sentence(body) for body in GSV), 10_000)
    (sky,) = [one for one in events if isinstance(one, SkyView)]
    assert (sky.used, sky.seen, sky.quality, sky.hdop_c) == (0, 7, 0, None)
    (skipped,) = [one for one in events if isinstance(one, Skipped)]
    assert isinstance(skipped.error, UnreadableField)


def test_satellite_systems_without_ids_are_still_of_one_epoch() -> None:
    old = [body.rpartition(",")[0] for body in GSA]
    driver = NmeaDriver()
    driver.feed(burst("123518.00", old).replace(b",12,0.90", b",03,0.90"), mono_ms=1)
    events = feed_in_pieces(driver, burst("123519.00", old), 10_000)
    assert [event.used for event in events if isinstance(event, SkyView)] == [12]
    bodies = ["GNGGA,123519.00,,,,,0,00,99.99,,M,,M,,", *old]
    events = feed_in_pieces(NmeaDriver(), b"".join(sentence(body) for body in bodies), 10_000)
    assert [event.used for event in events if isinstance(event, SkyView)] == [5]


def test_two_digits_of_a_year_are_read_as_posix_reads_them() -> None:
    for digits, year in (("68", 2068), ("70", 1970), ("94", 1994), ("27", 2027)):
        date = f"2303{digits}"
        gga = sentence("GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,")
        rmc = sentence(f"GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,{date},003.1,W")
        (fix,) = fixes(feed_in_pieces(NmeaDriver(), gga + rmc, 100))
        assert fix.gnss_at_ms == utc_ms(year, 3, 23, 12, 35, 19)


@pytest.mark.parametrize(
    ("letters", "quality"),
    [("AA", 1), ("DA", 2), ("PN", 3), ("RRNN", 4), ("FA", 5), ("E", 6), ("M", 7), ("S", 8), ("NN", 0), ("ANAD", 2)],
)
def test_mode_letters_are_the_quality_that_nmea_pairs_them_with(letters: str, quality: int) -> None:
    assert read_modes(letters) == quality


def test_gns_makes_the_fix_where_there_is_no_gga() -> None:
    line = sentence("GNGNS,123519.00,4807.038,N,01131.000,E,RANN,13,0.9,545.4,46.9,2.0,0002,V")
    (fix,) = fixes(feed_in_pieces(NmeaDriver(), line, 1))
    assert (fix.quality, fix.satellites, fix.altitude_mm, fix.geoid_mm) == (4, 13, 545_400, 46_900)
    assert (fix.correction_age_ms, fix.correction_station, fix.hdop_c) == (2_000, 2, 90)


def test_zda_comes_before_the_two_digits_of_rmc() -> None:
    lines = burst("123519.00", (ZDA,)).replace(b"241126", b"241127")
    fixed = b"".join(sentence(line[1:].split(b"*")[0].decode()) for line in lines.splitlines())
    driver = NmeaDriver()
    driver.feed(burst("123518.00", (ZDA.replace("19.00", "18.00"),)), mono_ms=1)
    (fix,) = fixes(driver.feed(fixed, mono_ms=2))
    assert fix.gnss_at_ms == utc_ms(2026, 11, 24, 12, 35, 19)


def test_a_datum_holds_for_what_follows() -> None:
    data = sentence(DTM) + burst("123519.00") + burst("123520.00")
    assert [fix.datum for fix in fixes(feed_in_pieces(NmeaDriver(), data, 100))] == ["PZ-90", "PZ-90"]


def test_the_leap_second_is_the_next_days_first() -> None:
    line = "GNRMC,235960.00,A,4807.038,N,01131.000,E,0.1,84.4,311226,3.1,W,R,V"
    data = sentence("GNGGA,235960.00,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,") + sentence(line)
    (fix,) = fixes(feed_in_pieces(NmeaDriver(), data, 100))
    assert fix.gnss_at_ms == utc_ms(2027, 1, 1)


def test_a_week_that_rolled_over_is_resolved_and_the_sentence_kept() -> None:
    rmc = "GNRMC,123519.00,A,4807.038,N,01131.000,E,0.1,84.4,100407,3.1,W,R,V"  # 24 November 2026 less 1,024 weeks
    data = sentence("GNGGA,123519.00,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,") + sentence(rmc)
    (fix,) = fixes(feed_in_pieces(NmeaDriver(), data, 100))
    assert fix.gnss_at_ms == utc_ms(2026, 11, 24, 12, 35, 19) == utc_ms(2007, 4, 10, 12, 35, 19) + ROLLOVER_MS
    assert fix.raw is not None
    assert b"100407" in fix.raw


def test_every_digit_of_a_minute_is_kept() -> None:
    (fix,) = fixes(feed_in_pieces(NmeaDriver(), sentence(
        "GNGGA,123519.00,1541.312588937,N,05130.512041258,W,4,12,0.9,9.2,M,-37.6,M,,"
    ), 100))  # fmt: skip
    # 41.312588937 / 60 = 0.68854314895; 30.512041258 / 60 = 0.50853402096(7).
    assert (fix.lat_nd, fix.lon_nd) == (15_688_543_149, -51_508_534_021)


@pytest.mark.parametrize("body", ["PUBX,00,123519.00", "GNTXT,01,01,02,hello", "HCHDT,100.0,T", "GNGLL,,,,,,V"])
def test_other_sentences_are_passed_whole(body: str) -> None:
    (passed,) = NmeaDriver().feed(sentence(body), mono_ms=1)
    assert passed == Passed(body.partition(",")[0], sentence(body).strip())


def test_speed_over_ground_is_passed_over() -> None:
    assert feed_in_pieces(NmeaDriver(), sentence("GNVTG,84.4,T,,M,0.1,N,0.2,K,R"), 10) == []


def test_a_name_in_place_of_a_stations_number_costs_no_fix() -> None:
    line = sentence("GNGGA,123519.00,4807.038,N,01131.000,E,4,08,0.9,545.4,M,46.9,M,1.0,BASE")
    (fix,) = fixes(feed_in_pieces(NmeaDriver(), line, 10))
    assert fix.correction_station is None


def test_raw_holds_whole_sentences_within_its_bound() -> None:
    many = [f"GNGSA,A,3,{','.join(['01'] * 12)},1.50,0.90,1.20,{system}" for system in range(1, 7)]
    driver = NmeaDriver()
    driver.feed(burst("123518.00", many), mono_ms=1)
    (fix,) = fixes(driver.feed(burst("123519.00", many), mono_ms=2))
    assert fix.raw is not None
    assert len(fix.raw) <= MAX_RAW
    lines = fix.raw.split(b"\r\n")
    assert [sentence(line[1:-3].decode()).strip() for line in lines] == lines


def test_an_endless_epoch_is_held_within_bounds() -> None:
    driver = NmeaDriver()
    driver.feed(sentence("GNGSA,A,3,02,05,12,,,,,,,,,,1.50,0.90,1.20,1") * (3 * MAX_LINES), mono_ms=1)
    assert driver._epochs._epoch is not None
    assert len(driver._epochs._epoch.lines) <= MAX_LINES


def test_a_kind_that_stays_away_is_forgotten_and_one_that_comes_now_and_then_is_not() -> None:
    seen = SeenKinds(frozenset())
    for epoch in range(40):
        seen.note("GGA")
        if epoch % (REMEMBERED - 1) == 0:
            seen.note("GST")
        if epoch == 0:
            seen.note("GSA")
        seen.begin_epoch()
    assert seen.are_all_in({"GGA", "GST"})
    assert not seen.are_all_in({"GGA"})


BODY = st.one_of(
    st.sampled_from([*GSA, *GSV, ZDA, DTM, "GNGGA", "GNGSV,x,y,z", "GNRMC,1,2", "GPGSA,A"]),
    st.text(st.sampled_from("GNPARMCSTVZDW0123456789.,-*"), max_size=90),
    st.builds(
        ",".join,
        st.lists(st.sampled_from(["GNGGA", "GNGNS", "GNZDA", "GNDTM", "123519", "4807.0", "N", "", "9", "-1", "1e9"])),
    ),
)


@given(st.lists(BODY, max_size=12))
def test_any_sentences_give_events_and_no_other_failure(bodies: list[str]) -> None:
    driver = NmeaDriver()
    for body in bodies:
        driver.feed(sentence(body), mono_ms=1)
    driver.flush()
