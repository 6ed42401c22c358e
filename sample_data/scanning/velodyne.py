"""A Velodyne VLP-16 on a moving carrier in a known scene: its packets as a capture, and where each point truly is.

Made from the maker's manual (63-9243 Rev. D) and the scene's closed forms alone; it shares no line with what reads it.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sample_data.errors import check_range
from sample_data.scanning.carrier import Carrier, locate, to_local_axes, turn
from sample_data.scanning.surfaces import Scene, meet

Floats = NDArray[np.float64]
Mode = Literal["strongest", "last", "dual"]

_MODE_BYTES = {"strongest": 0x37, "last": 0x38, "dual": 0x39}
_PRODUCT = 0x22
_BLOCKS, _FIRINGS, _LASERS = 12, 2, 16
_CYCLE_S, _SHOT_S = 55.296e-6, 2.304e-6
_STEP_M = 0.002
# The beams fan out from one place this far behind the axis, so each laser sits off the origin by its tangent.
_FOCUS_M = 0.041_91
_FARTHEST_M = 100.0
_DATA_PORT, _POSITION_PORT = 2368, 8308
_POSITION_EVERY = 14
_CURTAIN_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class VelodyneParameters:
    """How the scanner is set and fixed."""

    mode: Mode = "strongest"
    """Which returns it reports."""
    rpm: float = 600.0
    """Turns a minute."""
    packets: int = 180
    """Data packets to send."""
    lever_m: tuple[float, float, float] = (0.25, -0.10, -0.40)
    """Forward, right, down from the carrier's reference point to the sensor."""
    boresight_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Roll, pitch and yaw of the sensor in the carrier."""
    after_s: float = 0.5
    """From the carrier's start to the first shot."""
    arrival_error_s: float = 0.0
    """By how much the recording computer's clock is ahead."""
    position_packets: bool = True
    """Send the packets that repeat the GNSS sentence."""


@dataclass(frozen=True, slots=True, eq=False)
class VelodyneScan:
    """A capture and its truth; points are in the order in which they were measured, nearer returns first."""

    pcap: bytes
    """Classic capture of Ethernet frames, microseconds."""
    points_m: Floats
    """Where the beams truly met the scene, local frame, shape (n, 3)."""
    utc_s: Floats
    """When, POSIX seconds, shape (n,)."""
    range_m: Floats
    """From the laser, shape (n,)."""
    returns: NDArray[np.int64]
    """How many returns of the pulse are reported, shape (n,)."""


@dataclass(frozen=True, slots=True, eq=False)
class _Shots:
    """All pulses; every array begins with the shape (packets, blocks, firings, lasers), blocks told apart by time."""

    seconds: Floats
    azimuth_cd: Floats
    origins: Floats
    directions: Floats


def scan_scene(
    scene: Scene, carrier: Carrier, *, seed: int = 7, parameters: VelodyneParameters | None = None
) -> VelodyneScan:
    """Return the capture of a scan and the truth behind it.

    Parameters
    ----------
    scene
        What stands around.
    carrier
        What carries the scanner.
    seed
        Which pulses the curtain answers.
    parameters
        How the scanner is set and fixed.

    Raises
    ------
    InvalidParameter
        A parameter is out of range.
    """
    chosen = parameters or VelodyneParameters()
    check_range("rpm", chosen.rpm, 300, 1_200)
    check_range("packets", chosen.packets, 1, 100_000)
    shots = _aim(carrier, chosen)
    shape = shots.seconds.shape
    met = meet(scene, shots.origins.reshape(-1, 3), shots.directions.reshape(-1, 3))
    answers = np.random.default_rng([0x1D, seed]).random(met.curtain_m.shape) < _CURTAIN_SHARE
    near = np.where(answers & (met.curtain_m < _FARTHEST_M), met.curtain_m, np.inf).reshape(shape)
    far = np.where(met.solid_m < _FARTHEST_M, met.solid_m, np.inf).reshape(shape)
    reported = _report(near, far, chosen.mode)
    return VelodyneScan(
        _write_pcap(carrier, shots, _to_blocks(near, far, chosen.mode), chosen), *_tell(carrier, shots, reported)
    )


def _aim(carrier: Carrier, chosen: VelodyneParameters) -> _Shots:
    blocks = _BLOCKS // 2 if chosen.mode == "dual" else _BLOCKS
    firing = np.arange(chosen.packets * blocks * _FIRINGS).reshape(chosen.packets, blocks, _FIRINGS, 1)
    since = firing * _CYCLE_S + np.arange(_LASERS) * _SHOT_S
    seconds = chosen.after_s + since
    azimuth = np.radians(chosen.rpm * 6.0 * since + 11.3)
    laser = np.arange(_LASERS)
    elevation = np.broadcast_to(np.radians(np.where(laser % 2 == 0, laser - 15, laser)), seconds.shape)
    # Sensor: x right, y forward, z up. In the carrier's axes: forward, right, down.
    beam = np.stack(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), -np.sin(elevation)], axis=-1
    ).reshape(-1, 3)
    above = np.zeros_like(beam)
    above[:, 2] = np.tan(elevation).ravel() * _FOCUS_M
    bore = tuple(np.full(beam.shape[0], np.radians(angle)) for angle in chosen.boresight_deg)
    beam, above = (_turn_in_carrier((bore[0], bore[1], bore[2]), vectors) for vectors in (beam, above))
    flat = seconds.ravel()
    angles = turn(carrier, flat)
    origins = locate(carrier, flat) + to_local_axes(angles, above + np.array(chosen.lever_m))
    directions = to_local_axes(angles, beam)
    shape = (*seconds.shape, 3)
    return _Shots(seconds, np.degrees(azimuth) * 100, origins.reshape(shape), directions.reshape(shape))


def _turn_in_carrier(angles: tuple[Floats, Floats, Floats], vectors: Floats) -> Floats:
    """Return vectors turned by the boresight, from and to forward, right, down."""
    east_north_up = to_local_axes(angles, vectors)
    return np.stack([east_north_up[:, 1], east_north_up[:, 0], -east_north_up[:, 2]], axis=-1)


def _report(near: Floats, far: Floats, mode: Mode) -> Floats:
    """Return distances as reported, shape (..., returns): nearer first, infinite where nothing is."""
    if mode == "dual":
        return np.stack([near, far], axis=-1)
    # The curtain is bright: it is the strongest return, and the last only where nothing stops the rest.
    first, second = (near, far) if mode == "strongest" else (far, near)
    return np.where(np.isfinite(first), first, second)[..., None]


def _to_blocks(near: Floats, far: Floats, mode: Mode) -> Floats:
    """Return distances as blocks hold them, shape (packets, 12, firings, lasers): in dual mode last, then the other."""
    if mode != "dual":
        return _report(near, far, mode)[..., 0]
    last = np.where(np.isfinite(far), far, near)
    other = np.where(np.isfinite(near), near, far)
    pairs = np.stack([last, other], axis=2)
    return pairs.reshape(pairs.shape[0], _BLOCKS, _FIRINGS, _LASERS)


def _tell(carrier: Carrier, shots: _Shots, reported: Floats) -> tuple[Floats, Floats, Floats, NDArray[np.int64]]:
    """Return true points, times, ranges and counts of returns."""
    is_there = np.isfinite(reported)
    kept = np.nonzero(is_there)
    pulse = kept[:4]
    points = shots.origins[pulse] + reported[kept][:, None] * shots.directions[pulse]
    return points, carrier.start_utc_s + shots.seconds[pulse], reported[kept], is_there.sum(axis=-1)[pulse]


def _write_pcap(carrier: Carrier, shots: _Shots, distances: Floats, chosen: VelodyneParameters) -> bytes:
    held = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1)]
    repeat = 2 if chosen.mode == "dual" else 1
    for number in range(chosen.packets):
        first_s = carrier.start_utc_s + float(shots.seconds[number, 0, 0, 0])
        came_s = carrier.start_utc_s + float(shots.seconds[number].max()) + chosen.arrival_error_s
        if chosen.position_packets and number % _POSITION_EVERY == 0:
            held.append(_frame(_encode_position(carrier, first_s), _POSITION_PORT, came_s))
        azimuths = np.repeat(shots.azimuth_cd[number, :, 0, 0], repeat)
        held.append(_frame(_encode_data(distances[number], azimuths, first_s, chosen.mode), _DATA_PORT, came_s))
    return b"".join(held)


def _encode_data(distances: Floats, azimuths_cd: Floats, first_s: float, mode: Mode) -> bytes:
    units = np.where(np.isfinite(distances), np.round(distances / _STEP_M), 0).astype(np.int64)
    parts = []
    for block in range(_BLOCKS):
        parts.append(b"\xff\xee" + struct.pack("<H", round(float(azimuths_cd[block])) % 36_000))
        for distance in units[block].ravel().tolist():
            parts.append(struct.pack("<HB", distance, 90 if distance else 0))  # noqa: PERF401  # parts of two kinds
    stamp = int(first_s * 1e6) % 3_600_000_000
    return b"".join(parts) + struct.pack("<IBB", stamp, _MODE_BYTES[mode], _PRODUCT)


def _encode_position(carrier: Carrier, at_s: float) -> bytes:
    """Return a position packet that repeats the sentence of the last whole second."""
    moment = datetime.fromtimestamp(int(at_s), tz=UTC)
    body = (
        f"GPRMC,{moment:%H%M%S},A,{_to_minutes(carrier.latitude_deg, 2)},N,{_to_minutes(carrier.longitude_deg, 3)},E,"
        f"002.6,026.6,{moment:%d%m%y},003.4,E"
    )
    check = 0
    for byte in body.encode():
        check ^= byte
    sentence = f"${body}*{check:02X}\r\n".encode()
    stamp = int(at_s * 1e6) % 3_600_000_000
    return (bytes(198) + struct.pack("<IB3x", stamp, 2) + sentence).ljust(512, b"\0")


def _to_minutes(degrees: float, width: int) -> str:
    whole, part = divmod(abs(degrees), 1)
    return f"{int(whole):0{width}d}{part * 60:08.5f}"


def _frame(payload: bytes, port: int, at_s: float) -> bytes:
    udp = struct.pack(">HHHH", port, port, 8 + len(payload), 0) + payload
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 255, 17, 0, bytes((192, 168, 1, 201)), b"\xff" * 4)
    frame = b"\xff" * 6 + bytes((0x60, 0x76, 0x88, 0, 0, 1)) + b"\x08\x00" + ip + udp
    seconds, micros = divmod(round(at_s * 1e6), 1_000_000)
    return struct.pack("<IIII", seconds, micros, len(frame), len(frame)) + frame
