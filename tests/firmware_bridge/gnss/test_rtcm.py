"""RTCM 3 frames against published check values and pyrtcm, a second implementation.

Check values: CRC-24Q of "123456789" is CDE703 and of d300084ce0008a00000000, on the wire, A8F72A (pycrc issue 40);
CRC-24/OPENPGP, the same polynomial begun with B704CE, is 21CF02 (catalogue of parametrised CRC algorithms).
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrtcm import RTCMReader, calc_crc24q

from firmware_bridge.driver import Passed
from firmware_bridge.gnss.errors import WrongFrameChecksum
from firmware_bridge.gnss.receiver import ReceiverDriver
from firmware_bridge.gnss.rtcm import MAX_MESSAGE, claim_length, compute_crc24q, parse_frame
from tests.firmware_bridge.gnss.sentences import feed_in_pieces

BIASES = bytes.fromhex("d300084ce0008a00000000a8f72a")
"""Message 1230, GLONASS code-phase biases."""


def frame(message: bytes) -> bytes:
    head = b"\xd3" + len(message).to_bytes(2, "big") + message
    return head + int(calc_crc24q(head)).to_bytes(3, "big")


def test_the_checksum_is_the_published_one() -> None:
    assert compute_crc24q(b"123456789") == 0xCDE703
    assert compute_crc24q(b"123456789", start=0xB704CE) == 0x21CF02
    assert compute_crc24q(BIASES[:-3]) == 0xA8F72A


@given(st.binary(max_size=300))
def test_the_checksum_is_a_second_implementations(data: bytes) -> None:
    assert compute_crc24q(data) == calc_crc24q(data)


def test_the_checksum_of_a_frame_with_its_own_is_zero() -> None:
    assert compute_crc24q(BIASES) == 0


def test_a_message_is_named_as_a_second_implementation_names_it() -> None:
    told = parse_frame(BIASES)
    parsed = RTCMReader.parse(BIASES)
    assert (told.name, told.number, told.station) == ("RTCM-1230", int(parsed.identity), parsed.DF003)


@given(st.integers(1001, 1300), st.integers(0, 4095), st.binary(max_size=MAX_MESSAGE - 3), st.integers(1, 400))
def test_a_frame_reads_back_in_pieces(number: int, station: int, rest: bytes, piece: int) -> None:
    raw = frame((number << 12 | station).to_bytes(3, "big") + rest)
    assert claim_length(raw, 0) == len(raw)
    assert parse_frame(raw).station == station
    assert feed_in_pieces(ReceiverDriver(), raw, piece) == [Passed(f"RTCM-{number}", raw)]


def test_an_empty_filler_has_no_number() -> None:
    assert feed_in_pieces(ReceiverDriver(), frame(b""), 1) == [Passed("RTCM", frame(b""))]


@pytest.mark.parametrize("bit", range(24, len(BIASES) * 8))
def test_one_wrong_bit_is_always_found(bit: int) -> None:
    damaged = bytearray(BIASES)
    damaged[bit // 8] ^= 0x80 >> bit % 8
    with pytest.raises(WrongFrameChecksum):
        parse_frame(bytes(damaged))


@pytest.mark.parametrize("raw", [b"", b"\xd4", b"\xd3\x04\x00", b"\xd3\xff"])
def test_what_begins_otherwise_is_no_frame(raw: bytes) -> None:
    assert claim_length(raw, 0) == (3 if not raw else 0)
