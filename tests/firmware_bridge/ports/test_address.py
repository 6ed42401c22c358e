"""Addresses of ports are read strictly, and written back as they were."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.ports.address import (
    BluetoothAddress,
    LogAddress,
    PortAddress,
    SerialAddress,
    TcpAddress,
    TcpListenAddress,
    UdpAddress,
    parse_port,
)
from firmware_bridge.ports.errors import FORMS, InvalidAddress

GOOD: list[tuple[str, PortAddress]] = [
    ("serial:/dev/ttyUSB0@38400", SerialAddress("/dev/ttyUSB0", 38_400)),
    ("serial:/dev/serial/by-id/usb-a@b@4800", SerialAddress("/dev/serial/by-id/usb-a@b", 4_800)),
    ("rfcomm:aa:bb:cc:dd:ee:0f@1", BluetoothAddress("AA:BB:CC:DD:EE:0F", 1)),
    ("tcp:localhost:2947", TcpAddress("localhost", 2_947)),
    ("tcp:192.168.4.1:1", TcpAddress("192.168.4.1", 1)),
    ("tcp:[2001:db8::1]:65535", TcpAddress("2001:db8::1", 65_535)),
    ("tcp-listen:[::]:5000", TcpListenAddress("::", 5_000)),
    ("udp:0.0.0.0:10110", UdpAddress("0.0.0.0", 10_110)),  # noqa: S104  # an address is read, not listened on
    ("log:day.log", LogAddress(Path("day.log"), 1.0)),
    ("log:a b/day@noon.log@60", LogAddress(Path("a b/day@noon.log"), 60.0)),
    ("log:/x/day.log@0.5#laser-1", LogAddress(Path("/x/day.log"), 0.5, "laser-1")),
    ("log:day.log#gnss", LogAddress(Path("day.log"), 1.0, "gnss")),
]


@pytest.mark.parametrize(("text", "address"), GOOD)
def test_an_address_of_each_kind_is_read_and_written_back(text: str, address: PortAddress) -> None:
    assert parse_port(text) == address
    assert parse_port(str(address)) == address


def test_the_forms_that_an_error_shows_are_addresses() -> None:
    shown = FORMS.replace("HOST", "host").replace("PORT]", "gnss]").replace("PORT", "99").replace("FILE", "f")
    for form in shown.replace("[@SPEED]", "@2").replace("[#gnss]", "#gnss").split(", "):
        parse_port(form)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/dev/ttyUSB0",
        "usb:/dev/ttyUSB0@9600",
        "serial:/dev/ttyUSB0",
        "serial:ttyUSB0@9600",
        "serial:/dev/ttyUSB0@299",
        "serial:/dev/ttyUSB0@4000001",
        "serial:/dev/tty\n@9600",
        "rfcomm:AA:BB:CC:DD:EE@1",
        "rfcomm:AA:BB:CC:DD:EE:FF",
        "rfcomm:AA:BB:CC:DD:EE:FF@0",
        "rfcomm:AA:BB:CC:DD:EE:FF@31",
        "tcp:host",
        "tcp:host:0",
        "tcp:host:65536",
        "tcp::2947",
        "tcp:::1:2947",
        "tcp:[::g]:2947",
        "tcp:[1.2.3.4]:2947",
        "tcp:ho st:2947",
        "tcp:-host:2947",
        "tcp:[fe80::1%a b]:2947",
        "udp:5000",
        "log:",
        "log:day.log@1000001",
        "log:" + "x" * 1_100,
    ],
)
def test_what_is_no_address_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(InvalidAddress, match="expected one of serial:"):
        parse_port(text)


KINDS = st.sampled_from(["serial:", "rfcomm:", "tcp:", "tcp-listen:", "udp:", "log:", ""])


@given(KINDS, st.text(max_size=60) | st.text(alphabet="[]:@#/.0123456789abcdef", max_size=60))
def test_any_text_is_an_address_that_reads_back_or_refused(kind: str, rest: str) -> None:
    try:
        address = parse_port(kind + rest)
    except InvalidAddress:
        return
    assert parse_port(str(address)) == address
