"""Captures against dpkt, which writes and reads them by code of its own."""

import io
import struct
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.scan.errors import (
    CutDatagram,
    FragmentedDatagram,
    InvalidCapture,
    TruncatedCapture,
    UnknownLinkType,
    UntimedDatagram,
)
from firmware_bridge.scan.link import ETHERNET, IPV4, LINUX_SLL, LINUX_SLL2, RAW, Datagram, Lost, RecordedPacket, unwrap
from firmware_bridge.scan.pcap import read_datagrams
from firmware_bridge.scan.recording import encode_capture_header, encode_captured
from tests.firmware_bridge.scan.scans import scan

PAYLOADS = (b"first", b"", b"third one" * 130)
AT = 1_785_672_000.25


def make_ip(payload: bytes, port: int = 2_368, **fields: Any) -> dpkt.ip.IP:  # noqa: ANN401  # whatever a header holds
    udp = dpkt.udp.UDP(sport=5_000, dport=port, data=payload)
    udp.ulen = 8 + len(payload)
    packet = dpkt.ip.IP(src=b"\xc0\xa8\x01\xc9", dst=b"\xff\xff\xff\xff", p=17, ttl=64, data=udp, **fields)
    packet.len = len(packet)
    return packet


def make_frame(payload: bytes, **fields: Any) -> bytes:  # noqa: ANN401
    return bytes(dpkt.ethernet.Ethernet(src=b"\2" * 6, dst=b"\xff" * 6, data=make_ip(payload, **fields)))


def make_classic(frames: list[bytes], *, nano: bool = False) -> bytes:
    stream = io.BytesIO()
    writer = dpkt.pcap.Writer(stream, nano=nano)
    for number, frame in enumerate(frames):
        writer.writepkt(frame, ts=AT + number / 8)
    return stream.getvalue()


def make_pcapng(frames: list[bytes]) -> bytes:
    stream = io.BytesIO()
    writer = dpkt.pcapng.Writer(stream)
    for number, frame in enumerate(frames):
        writer.writepkt(frame, ts=AT + number / 8)
    return stream.getvalue()


def swap(raw: bytes) -> bytes:
    """Return a classic capture of the other byte order."""
    out = struct.pack(">IHHiIII", *struct.unpack("<IHHiIII", raw[:24]))
    at = 24
    while at < len(raw):
        head = struct.unpack("<IIII", raw[at : at + 16])
        out += struct.pack(">IIII", *head) + raw[at + 16 : at + 16 + head[2]]
        at += 16 + head[2]
    return out


def read(raw: bytes) -> list[Datagram | Lost]:
    return list(read_datagrams(io.BytesIO(raw)))


@pytest.mark.parametrize(
    "make",
    [
        make_classic,
        lambda frames: make_classic(frames, nano=True),
        lambda frames: swap(make_classic(frames)),
        lambda frames: swap(make_classic(frames, nano=True)),
        make_pcapng,
    ],
)
def test_datagrams_come_back_as_dpkt_wrote_them(make: Callable[[list[bytes]], bytes]) -> None:
    got = read(make([make_frame(payload) for payload in PAYLOADS]))
    # Microseconds and nanoseconds hold eighths of a second exactly.
    assert got == [
        Datagram(AT + number / 8, "192.168.1.201", 5_000, 2_368, payload) for number, payload in enumerate(PAYLOADS)
    ]


def test_a_simulated_scan_reads_as_dpkt_reads_it() -> None:
    pcap = scan().pcap
    expected = [
        (at, bytes(dpkt.ethernet.Ethernet(frame).data.data.data)) for at, frame in dpkt.pcap.Reader(io.BytesIO(pcap))
    ]
    got = [(entry.at, entry.payload) for entry in read(pcap) if isinstance(entry, Datagram)]
    assert [payload for _, payload in got] == [payload for _, payload in expected]
    assert [at for at, _ in got] == pytest.approx([float(at) for at, _ in expected], abs=1e-6)


def test_what_is_recorded_reads_back_here_and_by_dpkt() -> None:
    sent = [Datagram(AT + 0.125, "192.168.1.201", 2_368, 2_368, payload) for payload in PAYLOADS]
    raw = encode_capture_header() + b"".join(encode_captured(entry, destination="10.0.0.1") for entry in sent)
    assert read(raw) == sent
    for entry, (at, frame) in zip(sent, dpkt.pcap.Reader(io.BytesIO(raw)), strict=True):
        packet = dpkt.ethernet.Ethernet(frame).data
        assert (float(at), bytes(packet.data.data)) == (entry.at, entry.payload)
        given_sum, packet.sum = packet.sum, 0
        assert dpkt.ip.IP(bytes(packet)).sum == given_sum  # dpkt computes a checksum of 0 anew
        assert packet.dst == b"\x0a\0\0\1"


@pytest.mark.parametrize(
    ("link_type", "head"),
    [
        (ETHERNET, bytes(12) + b"\x08\0"),
        (ETHERNET, bytes(12) + b"\x81\0\0\x05\x08\0"),
        (ETHERNET, bytes(12) + b"\x88\xa8\0\x05\x81\0\0\x06\x08\0"),
        (RAW, b""),
        (IPV4, b""),
        (LINUX_SLL, bytes(14) + b"\x08\0"),
        (LINUX_SLL, bytes(14) + b"\x81\0\0\x05\x08\0"),
        (LINUX_SLL2, b"\x08\0" + bytes(18)),
    ],
)
def test_each_kind_of_frame_is_unwrapped(link_type: int, head: bytes) -> None:
    raw = head + bytes(make_ip(b"scan"))
    got = unwrap(RecordedPacket(AT, link_type, raw + b"padding", len(raw) + 7, 24))
    assert got == Datagram(AT, "192.168.1.201", 5_000, 2_368, b"scan")


def test_ip_options_are_stepped_over() -> None:
    raw = bytearray(bytes(make_ip(b"scan")))
    raw[0] = 0x46
    raw[2:4] = struct.pack(">H", len(raw) + 4)
    raw[20:20] = b"\1\1\1\0"
    got = unwrap(RecordedPacket(AT, RAW, bytes(raw), len(raw), 24))
    assert isinstance(got, Datagram)
    assert got.payload == b"scan"


def test_other_packets_are_passed_over() -> None:
    arp = bytes(dpkt.ethernet.Ethernet(type=0x0806, data=dpkt.arp.ARP()))
    tcp = bytes(dpkt.ethernet.Ethernet(data=dpkt.ip.IP(p=6, data=dpkt.tcp.TCP())))
    six = bytes(dpkt.ethernet.Ethernet(type=0x86DD, data=bytes(40)))
    assert read(make_classic([arp, tcp, six, b"", b"\1"])) == []


@pytest.mark.parametrize("fields", [{"mf": 1}, {"offset": 64}])
def test_a_fragment_is_refused_by_name(fields: dict[str, int]) -> None:
    got = read(make_classic([make_frame(b"scan", **fields), make_frame(b"scan")]))
    assert [type(entry.error) if isinstance(entry, Lost) else entry.payload for entry in got] == [
        FragmentedDatagram,
        b"scan",
    ]


def test_a_datagram_that_was_not_recorded_whole_is_told() -> None:
    raw = bytearray(make_classic([make_frame(b"scan" * 50)]))
    raw[24 + 8 : 24 + 12] = struct.pack("<I", 100)
    got = read(bytes(raw[: 24 + 16 + 100]))
    assert [type(entry.error) for entry in got if isinstance(entry, Lost)] == [CutDatagram]


@pytest.mark.parametrize("make", [make_classic, make_pcapng])
def test_a_capture_cut_anywhere_gives_what_is_whole_and_tells_the_rest(make: Callable[[list[bytes]], bytes]) -> None:
    frames = [make_frame(b"one"), make_frame(b"two")]
    whole = make(frames)
    ends = [len(make(frames[:count])) for count in range(3)]
    for size in range(ends[0], len(whole)):
        got = read(whole[:size])
        is_cut = size not in ends
        full = sum(end <= size for end in ends) - 1
        assert [entry.payload for entry in got if isinstance(entry, Datagram)] == [b"one", b"two"][:full]
        assert [type(entry.error) for entry in got if isinstance(entry, Lost)] == [TruncatedCapture] * is_cut
    assert all(before < after for before, after in pairwise(ends))


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "neither"),
        (b"PK\3\4" + bytes(40), "neither"),
        (make_classic([])[:20], "within its header"),
        (make_classic([]) + struct.pack("<IIII", 0, 0, 262_145, 262_145), "262145 bytes"),
        (make_pcapng([])[:8] + b"\0\0\0\0" + make_pcapng([])[12:], "byte order"),
        (make_pcapng([]) + struct.pack("<II", 6, 8), "block of 8"),
        (make_pcapng([]) + struct.pack("<II", 6, 0xFFFF_FFF0), "block of 4294967280"),
        (make_pcapng([]) + struct.pack("<III", 99, 12, 16), "lengths differ"),
        (make_pcapng([]) + struct.pack("<II16sI", 6, 28, bytes(16), 28), "less than 20"),
        (make_pcapng([]) + struct.pack("<II5II", 6, 32, 7, 0, 0, 0, 0, 32), "interface 7"),
        (make_pcapng([]) + struct.pack("<II5II", 6, 32, 0, 0, 0, 50, 50, 32), "50 bytes"),
    ],
)
def test_what_is_no_capture_is_named(raw: bytes, words: str) -> None:
    with pytest.raises(InvalidCapture, match=words):
        read(raw)


def test_an_unknown_network_is_named() -> None:
    raw = bytearray(make_classic([make_frame(b"scan")]))
    raw[20:24] = struct.pack("<I", 105)
    with pytest.raises(UnknownLinkType, match="105") as refused:
        read(bytes(raw))
    assert refused.value.link_type == 105


def test_a_packet_without_time_is_told() -> None:
    frame = make_frame(b"scan!!")
    frame += bytes(-len(frame) % 4)
    block = struct.pack("<III", 3, 16 + len(frame), len(frame)) + frame + struct.pack("<I", 16 + len(frame))
    got = read(make_pcapng([]) + block)
    assert [type(entry.error) for entry in got if isinstance(entry, Lost)] == [UntimedDatagram]


@pytest.mark.parametrize(
    ("resolution", "ticks", "shift", "expected"),
    [
        (b"\x09", 1_500_000_000, 0, 1.5),
        (b"\x83", 12, 0, 1.5),  # 2**-3 s
        (b"\x03", 1_500, 1_000, 1_001.5),
        (b"\x00", 7, -2, 5.0),
    ],
)
def test_the_clock_of_an_interface_is_its_own(resolution: bytes, ticks: int, shift: int, expected: float) -> None:
    # draft-ietf-opsawg-pcapng, 4.2: if_tsresol and if_tsoffset.
    options = struct.pack("<HH4sHHqHH", 9, 1, resolution, 14, 8, shift, 0, 0)
    interface = struct.pack("<IIHHI", 1, 20 + len(options), 1, 0, 0) + options + struct.pack("<I", 20 + len(options))
    frame = make_frame(b"scan")
    frame += bytes(-len(frame) % 4)
    packet = struct.pack("<II5I", 6, 32 + len(frame), 0, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
    section = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    got = read(section + interface + packet + frame + struct.pack("<I", 32 + len(frame)))
    assert [entry.at for entry in got if isinstance(entry, Datagram)] == [pytest.approx(expected)]


@given(st.binary(max_size=400), st.sampled_from((b"", make_classic([]), make_pcapng([]), make_pcapng([])[:12])))
def test_any_bytes_are_read_or_named(tail: bytes, head: bytes) -> None:
    try:
        read(head + tail)
    except InvalidCapture:
        return


@given(
    st.binary(max_size=120),
    st.sampled_from((ETHERNET, RAW, LINUX_SLL, LINUX_SLL2)),
    st.integers(min_value=0, max_value=200),
)
def test_any_packet_is_unwrapped(raw: bytes, link_type: int, length: int) -> None:
    unwrap(RecordedPacket(AT, link_type, raw, length, 0))


@given(st.data())
def test_a_damaged_capture_never_gives_more_than_it_held(data: st.DataObject) -> None:
    raw = bytearray(make_pcapng([make_frame(b"one"), make_frame(b"two")]))
    at = data.draw(st.integers(min_value=0, max_value=len(raw) - 1))
    raw[at] = data.draw(st.integers(min_value=0, max_value=255))
    try:
        got = read(bytes(raw))
    except InvalidCapture:
        return
    assert sum(isinstance(entry, Datagram) for entry in got) <= 2
