"""Device lines have the checksums and fields that their makers publish."""

from datetime import UTC, datetime

import pytest

from sample_data.field.sentences import GnssFix, checksum, encode_gga, encode_gst, encode_rmc

FIX = GnssFix(
    at=datetime(2024, 6, 12, 7, 30, 5, 250_000, tzinfo=UTC),
    longitude_deg=-13.3,
    latitude_deg=49.0,
    altitude_m=700.25,
    geoid_m=46.6,
    quality=2,
    satellites=9,
    hdop=0.9,
    error_m=(0.5, 0.6, 0.9),
)

# Sources: NMEA 0183 GGA as in the gpsd NMEA page; TruPulse 200 user's manual, section 8.
PUBLISHED = [
    ("GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,", "47"),
    ("GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W", "6A"),
    ("PLTIT,HV,,,0.00,D,29.10,D,,", "5D"),
]


@pytest.mark.parametrize(("body", "expected"), PUBLISHED)
def test_checksums_are_the_published_ones(body: str, expected: str) -> None:
    assert checksum(body) == expected


def test_a_fix_is_written_field_by_field_as_nmea_orders_them() -> None:
    assert encode_gga(FIX).startswith(
        b"$GNGGA,073005.25,4900.00000,N,01318.00000,W,2,09,0.90,700.25,M,46.60,M,1.0,0000*"
    )
    assert encode_rmc(FIX).startswith(b"$GNRMC,073005.25,A,4900.00000,N,01318.00000,W,0.02,,120624,,,D,V*")
    assert b",0.60,0.50,0.90*" in encode_gst(FIX), "latitude's error stands before longitude's"


def test_no_minute_of_arc_reads_sixty() -> None:
    almost = GnssFix(FIX.at, 12.9999999999, 48.9999999999, 1.0, 1.0, 1, 9, 1.0, (1.0, 1.0, 1.0))
    assert b",4900.00000,N,01300.00000,E," in encode_gga(almost)
