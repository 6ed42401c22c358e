"""VLP-16 data packets to points: constants of the user manual, and one vectorised function.

Source: Velodyne LiDAR, VLP-16 User Manual, 63-9243 Rev. D: table 9-1 (angles and vertical corrections), 9.2
(coordinates), 9.3 (packets), 9.4 (timing), 9.5 (azimuth).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.scan.driver import Bytes8, Floats
from firmware_bridge.scan.errors import InvalidPacket, OtherScanner

DATA_BYTES: Final = 1_206
"""Payload of a data packet."""
PRODUCT_VLP16: Final = 0x22
"""VLP-16 and Puck LITE; they have the same angles."""
STRONGEST, LAST, DUAL = 0x37, 0x38, 0x39
RETURN_MODES: Final = frozenset({STRONGEST, LAST, DUAL})
BLOCKS: Final = 12
FIRINGS: Final = 2
"""Firing sequences in a block."""
LASERS: Final = 16
DISTANCE_M: Final = 0.002
FULL_TURN: Final = 36_000
"""Azimuth units, hundredths of a degree, in a turn."""
CYCLE_S: Final = 55.296e-6
"""From one firing sequence to the next."""
SHOT_S: Final = 2.304e-6
"""From one laser to the next."""
HOUR_US: Final = 3_600_000_000
LARGEST_GAP: Final = 200
"""Azimuth from one block to the next at 1,200 rpm, the most that can be set, is 80; past this, packets were lost
between or the motor is not turning evenly, and a neighbouring gap is used."""

_FLAG: Final = 0xEEFF  # bytes FF EE
_PRODUCTS: Final = {
    0x21: "HDL-32E",
    0x22: "VLP-16",
    0x24: "Puck Hi-Res",
    0x28: "VLP-32C",
    0x31: "Velarray",
    0x63: "VLS-128",
}

ELEVATION_DEG: Final = (-15, 1, -13, 3, -11, 5, -9, 7, -7, 9, -5, 11, -3, 13, -1, 15)
"""Of each laser, in firing order."""
VERTICAL_MM: Final = (11.2, -0.7, 9.7, -2.2, 8.1, -3.7, 6.6, -5.1, 5.1, -6.6, 3.7, -8.1, 2.2, -9.7, 0.7, -11.2)
"""Height of each laser above the sensor's origin, in firing order."""

_CHANNEL = np.dtype([("distance", "<u2"), ("intensity", "u1")])
_BLOCK = np.dtype([("flag", "<u2"), ("azimuth", "<u2"), ("channels", _CHANNEL, (FIRINGS, LASERS))])
_PACKET = np.dtype([("blocks", _BLOCK, (BLOCKS,)), ("stamp_us", "<u4"), ("mode", "u1"), ("product", "u1")])


@dataclass(frozen=True, slots=True, eq=False)
class Returns:
    """What data packets measured, in the order of time; every array has shape (n,) but the first.

    Attributes
    ----------
    xyz_m
        Sensor frame, shape (n, 3).
    packet
        Index of the packet that it came in.
    offset_s
        Time after that packet's stamp.
    intensity, ring, return_number, returns
        As in `ScanPoints`.
    """

    xyz_m: Floats
    packet: NDArray[np.int64]
    offset_s: Floats
    intensity: Bytes8
    ring: Bytes8
    return_number: Bytes8
    returns: Bytes8


def check_data_packet(raw: bytes) -> int:
    """Return a data packet's return mode.

    Raises
    ------
    OtherScanner
        Its product byte is not the VLP-16's.
    InvalidPacket
        Length, return mode, block flags, azimuths or stamp are not what the manual says.
    """
    if len(raw) != DATA_BYTES:
        raise InvalidPacket(f"{len(raw)} bytes; a data packet has {DATA_BYTES}")
    mode, product = raw[-2], raw[-1]
    if any(raw[100 * block : 100 * block + 2] != b"\xff\xee" for block in range(BLOCKS)):
        raise InvalidPacket("a data block does not begin with FF EE")
    if product != PRODUCT_VLP16:
        raise OtherScanner("VLP-16 and Puck LITE", _PRODUCTS.get(product, f"product 0x{product:02x}"))
    if mode not in RETURN_MODES:
        raise InvalidPacket(f"return mode 0x{mode:02x} is none of strongest (37), last (38), dual (39)")
    if any(int.from_bytes(raw[100 * block + 2 : 100 * block + 4], "little") >= FULL_TURN for block in range(BLOCKS)):
        raise InvalidPacket(f"an azimuth is {FULL_TURN} or more")
    if read_stamp_us(raw) >= HOUR_US:
        raise InvalidPacket("its time lies past the hour")
    return mode


def read_stamp_us(raw: bytes) -> int:
    """Return a checked data packet's time in microseconds past the hour."""
    return int.from_bytes(raw[1_200:1_204], "little")


def decode_packets(raws: list[bytes], *, is_dual: bool) -> Returns:
    """Return the points of checked packets, all of one return mode.

    Channels that measured no distance give no point. The azimuth of each shot is interpolated in time between its
    block's and the next one's; within a packet's last block, at the rate of the block before.

    Parameters
    ----------
    raws
        Packets that `check_data_packet` passed.
    is_dual
        Whether blocks come in pairs of the last and the strongest return.
    """
    packets = np.frombuffer(b"".join(raws), dtype=_PACKET)
    blocks = packets["blocks"]
    step = 2 if is_dual else 1
    azimuth_cd, offset_s = _place_shots(blocks["azimuth"][:, ::step].astype(np.float64))
    # (packets, blocks, firings, lasers) -> (packets, distinct blocks, firings, lasers, returns of a pulse)
    shape = (len(raws), BLOCKS // step, step, FIRINGS, LASERS)
    distance = np.moveaxis(blocks["channels"]["distance"].reshape(shape), 2, -1)
    intensity = np.moveaxis(blocks["channels"]["intensity"].reshape(shape), 2, -1)
    if is_dual:
        distance, intensity = _order_returns(distance, intensity)
    number, returns = _count_returns(distance)
    kept = np.nonzero(distance)
    pulse = kept[:4]
    return Returns(
        xyz_m=_to_cartesian(distance[kept] * DISTANCE_M, azimuth_cd[pulse], kept[3]),
        packet=kept[0],
        offset_s=offset_s[pulse[1:]],
        intensity=intensity[kept],
        ring=_RING[kept[3]],
        return_number=number[kept],
        returns=returns[pulse],
    )


def _place_shots(azimuth: Floats) -> tuple[Floats, Floats]:
    """Return azimuths (packets, blocks, firings, lasers) in hundredths of a degree, and times without packets."""
    blocks = azimuth.shape[1]
    gap = np.mod(np.diff(azimuth, axis=1), FULL_TURN)
    usual = np.median(gap, axis=1, keepdims=True)
    gap = np.where(gap > LARGEST_GAP, usual, gap)
    gap = np.concatenate([gap, gap[:, -1:]], axis=1)
    # Both blocks of a dual pair hold two firing sequences, so a distinct block lasts two cycles in every mode.
    within: Floats = CYCLE_S * np.arange(FIRINGS, dtype=np.float64)[:, None] + SHOT_S * np.arange(LASERS)
    offset_s: Floats = 2 * CYCLE_S * np.arange(blocks, dtype=np.float64)[:, None, None] + within
    shots: Floats = azimuth[:, :, None, None] + gap[:, :, None, None] * (within / (2 * CYCLE_S))
    return shots, offset_s


def _order_returns(distance: NDArray[np.uint16], intensity: Bytes8) -> tuple[NDArray[np.uint16], Bytes8]:
    """Return pairs with the nearer first; of two equal ones, the second is emptied.

    The pair comes as (last, strongest), or (last, second strongest) when the last is the strongest; one return alone
    is sent twice.
    """
    last, other = distance[..., 0], distance[..., 1]
    is_alone = (last == other) | (other == 0)
    first_is_other = ~is_alone & ((other < last) | (last == 0))
    order = np.stack([first_is_other, ~first_is_other], axis=-1).astype(np.intp)
    distance = np.take_along_axis(distance, order, axis=-1)
    intensity = np.take_along_axis(intensity, order, axis=-1)
    distance[is_alone, 1] = 0
    return distance, intensity


def _count_returns(distance: NDArray[np.uint16]) -> tuple[Bytes8, Bytes8]:
    """Return each return's number, and how many each pulse has."""
    is_there = distance > 0
    return np.cumsum(is_there, axis=-1, dtype=np.uint8), np.sum(is_there, axis=-1, dtype=np.uint8)


_ELEVATION = np.radians(np.array(ELEVATION_DEG, dtype=np.float64))
_COS, _SIN = np.cos(_ELEVATION), np.sin(_ELEVATION)
_LIFT_M = np.array(VERTICAL_MM) / 1_000
_RING = np.argsort(np.argsort(ELEVATION_DEG)).astype(np.uint8)


def _to_cartesian(range_m: Floats, azimuth_cd: Floats, laser: NDArray[np.int64]) -> Floats:
    """Return sensor coordinates (n, 3): azimuth runs from y, forward, towards x, right."""
    angle = azimuth_cd * (np.pi / 18_000)
    level = range_m * _COS[laser]
    out = np.empty((range_m.shape[0], 3))
    out[:, 0] = level * np.sin(angle)
    out[:, 1] = level * np.cos(angle)
    out[:, 2] = range_m * _SIN[laser] + _LIFT_M[laser]
    return out
