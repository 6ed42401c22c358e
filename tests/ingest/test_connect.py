"""CONNECT packets are read as MQTT 3.1.1 writes them, or refused."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.broker.connect import parse_connect
from ingest.errors import MalformedConnect


def text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("!H", len(raw)) + raw


HEAD = text("MQTT") + b"\x04"
# Flags of the example in MQTT 3.1.1 section 3.1.2.11 (user name, password, will QoS 1, clean), without its will.
GOOD = HEAD + b"\xc2\x00\x0a" + text("rover-1") + text("rover-1") + text("secret")


def test_a_packet_says_who_and_how() -> None:
    request = parse_connect(GOOD)
    assert (request.client_id, request.username, request.password) == ("rover-1", "rover-1", "secret")
    assert (request.keep_alive_s, request.is_clean, request.will_topic) == (10, True, None)


def test_a_will_is_told() -> None:
    request = parse_connect(HEAD + b"\x0e\x00\x0a" + text("c") + text("a/will") + text("gone"))
    assert (request.will_topic, request.will_bytes) == ("a/will", 4)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(text("MQIsdp") + b"\x03" + GOOD[7:], id="MQTT 3.1"),
        pytest.param(text("MQTT") + b"\x05" + GOOD[7:], id="MQTT 5"),
        pytest.param(HEAD + b"\xc3" + GOOD[8:], id="reserved flag"),
        pytest.param(HEAD + b"\xca" + GOOD[8:], id="will QoS without will"),
        pytest.param(HEAD + b"\x2e\x00\x0a" + text("c") + text("t") + text("m"), id="retained will"),
        pytest.param(HEAD + b"\x42" + GOOD[8:], id="password without user"),
        pytest.param(GOOD[:-1], id="cut"),
        pytest.param(GOOD + b"x", id="trailing"),
        pytest.param(HEAD + b"\x02\x00\x0a\x00\x01\xff", id="not UTF-8"),
        pytest.param(HEAD + b"\x02\x00\x0a" + text("a\0b"), id="null"),
        pytest.param(b"", id="empty"),
    ],
)
def test_anything_else_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedConnect):
        parse_connect(body)


@given(st.binary(max_size=80))
def test_any_bytes_parse_or_raise_our_error(tail: bytes) -> None:
    for body in (tail, HEAD + tail):
        try:
            parse_connect(body)
        except MalformedConnect:
            continue
