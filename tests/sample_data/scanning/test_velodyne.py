"""The simulated scanner: its truth by geometry and PROJ, its bytes by the manual's figures."""

import struct
from dataclasses import replace
from typing import Literal

import numpy as np
import pyproj
import pytest

from sample_data.errors import InvalidParameter
from sample_data.scanning.carrier import Carrier, locate, record_track, to_geodetic, to_local_axes
from sample_data.scanning.surfaces import Scene, Stem, measure_distance, meet
from sample_data.scanning.velodyne import VelodyneParameters, scan_scene

FEW = VelodyneParameters(packets=28)
WHOLE_TURN = 151
"""Packets of dual returns in a turn of a tenth of a second, and one more."""
PAYLOAD = 16 + 42
"""Bytes of a record before a datagram's payload: the record's head, Ethernet, IP and UDP."""


def split(pcap: bytes) -> list[bytes]:
    """Return the payloads of a capture."""
    payloads, at = [], 24
    while at < len(pcap):
        held = struct.unpack_from("<I", pcap, at + 8)[0]
        payloads.append(pcap[at + PAYLOAD : at + 16 + held])
        at += 16 + held
    return payloads


def test_local_places_are_projs_topocentric_ones() -> None:
    carrier = Carrier()
    local = np.random.default_rng(1).uniform(-50, 50, (100, 3))
    topocentric = pyproj.Transformer.from_pipeline(
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart +ellps=WGS84 "
        f"+step +proj=topocentric +ellps=WGS84 +lon_0={carrier.longitude_deg} +lat_0={carrier.latitude_deg} "
        f"+h_0={carrier.height_m}"
    )
    back = np.stack(topocentric.transform(*to_geodetic(carrier, local)), axis=-1)
    assert np.allclose(back, local, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("angles_deg", "vector", "expected"),
    [
        ((0, 0, 0), (1, 2, 3), (2, 1, -3)),  # forward is north, right is east, down is down
        ((0, 0, 90), (1, 0, 0), (1, 0, 0)),  # heading east
        ((0, 90, 0), (1, 0, 0), (0, 0, 1)),  # nose up
        ((90, 0, 0), (0, 1, 0), (0, 0, -1)),  # right side down
    ],
)
def test_attitudes_turn_as_navigation_says(
    angles_deg: tuple[float, float, float], vector: tuple[float, float, float], expected: tuple[float, float, float]
) -> None:
    roll, pitch, heading = (np.radians([angle]) for angle in angles_deg)
    got = to_local_axes((roll, pitch, heading), np.array([vector], dtype=np.float64))
    assert got[0] == pytest.approx(expected, abs=1e-12)


def test_the_track_is_the_carriers_way() -> None:
    carrier = Carrier()
    track = record_track(carrier, duration_s=2.0, rate_hz=50.0)
    assert track.gps_s.shape == (101,)
    assert np.array_equal(track.gps_s - track.utc_s, np.full(101, 18.0 - 315_964_800))
    expected = to_geodetic(carrier, locate(carrier, np.array([2.0])))
    assert (track.longitude_deg[-1], track.latitude_deg[-1]) == (expected[0][0], expected[1][0])


def test_a_ray_meets_ground_stem_and_wall_where_geometry_says() -> None:
    scene = replace(Scene(), stems=(Stem(0.0, 10.0, 0.5),))
    origins = np.array([[0.0, 0.0, 2.0]] * 3)
    level = np.array([0.0, 1.0, 0.0])
    down = np.array([0.0, 0.0, -1.0])
    east = np.array([1.0, 0.0, 0.0])
    met = meet(scene, origins, np.array([level, down, east]))
    # The wall's normal points 20 degrees north of east, so that the way east to it is longer by 1 / cos 20.
    assert met.solid_m == pytest.approx([9.5, 2.0, 22 / np.cos(np.radians(20))])


@pytest.mark.parametrize("mode", ["strongest", "last", "dual"])
def test_all_true_points_lie_on_the_scene(mode: Literal["strongest", "last", "dual"]) -> None:
    truth = scan_scene(Scene(), Carrier(), parameters=replace(FEW, mode=mode, packets=WHOLE_TURN))
    assert truth.points_m.shape[0] > 2_000
    assert measure_distance(Scene(), truth.points_m).max() < 1e-6
    assert np.all(np.diff(truth.utc_s) >= 0)
    assert set(truth.returns.tolist()) == ({1, 2} if mode == "dual" else {1})


def test_packets_are_those_of_the_manual() -> None:
    payloads = split(scan_scene(Scene(), Carrier(), parameters=FEW).pcap)
    data = [raw for raw in payloads if len(raw) == 1_206]
    position = [raw for raw in payloads if len(raw) == 512]
    assert (len(data), len(position), len(payloads)) == (28, 2, 30)
    stamps = [struct.unpack_from("<I", raw, 1_200)[0] for raw in data]
    # 24 firing sequences of 55.296 microseconds; the stamp counts whole ones.
    assert set(np.diff(stamps)) <= {1_327, 1_328}
    assert all(raw[1_204:] == b"\x37\x22" for raw in data)
    azimuths = [struct.unpack_from("<H", raw, 100 * block + 2)[0] for raw in data for block in range(12)]
    # 600 turns a minute: 3,600 degrees a second, 39.8 hundredths of a degree a block.
    assert set(np.diff(azimuths) % 36_000) <= {39, 40}
    assert position[0][198 + 4] == 2
    assert position[0][206:].startswith(b"$GPRMC,")


def test_dual_packets_hold_the_last_return_in_even_blocks() -> None:
    data = split(scan_scene(Scene(), Carrier(), parameters=VelodyneParameters(mode="dual", packets=WHOLE_TURN)).pcap)
    differing = 0
    for raw in (raw for raw in data if len(raw) == 1_206):
        for pair in range(0, 12, 2):
            last, other = (
                np.frombuffer(raw[100 * block + 4 : 100 * block + 100], dtype=np.uint8).reshape(32, 3)
                for block in (pair, pair + 1)
            )
            far, near = (part[:, 0] + 256 * part[:, 1].astype(int) for part in (last, other))
            assert np.all(near <= far)
            differing += int((near != far).sum())
    assert differing > 50


def test_the_same_seed_gives_the_same_capture_and_another_another() -> None:
    parameters = replace(FEW, packets=WHOLE_TURN)
    first, again, other = (scan_scene(Scene(), Carrier(), seed=seed, parameters=parameters).pcap for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("change", [{"rpm": 200.0}, {"rpm": 1_300.0}, {"packets": 0}])
def test_a_setting_that_the_scanner_has_not_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(InvalidParameter):
        scan_scene(Scene(), Carrier(), parameters=replace(FEW, **change))  # type: ignore[arg-type]  # wrong on purpose
