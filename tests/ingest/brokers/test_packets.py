"""PUBLISH packets are read as MQTT 3.1.1 writes them, or refused; another implementation writes them."""

import pytest
from amqtt.mqtt.puback import PubackPacket
from amqtt.mqtt.publish import PublishPacket
from hypothesis import given
from hypothesis import strategies as st

from ingest.broker.errors import MalformedPacket
from ingest.broker.packets import Publish, find_body, find_end, parse_publish
from ingest.errors import PacketTooLarge

TOPICS = st.text(st.characters(codec="utf-8", exclude_characters="\0+#"), min_size=1, max_size=60)


@given(TOPICS, st.binary(max_size=400), st.integers(1, 65_535), st.tuples(st.booleans(), st.booleans()))
def test_what_another_implementation_writes_is_read(
    topic: str, payload: bytes, number: int, flags: tuple[bool, bool]
) -> None:
    again, kept = flags
    packet = PublishPacket.build(topic, payload, number, again, 1, kept).to_bytes()
    assert parse_publish(packet) == Publish(topic, payload, number.to_bytes(2))
    assert parse_publish(packet).acknowledgement == PubackPacket.build(number).to_bytes()
    unanswered = parse_publish(PublishPacket.build(topic, payload, None, qos=0, dup_flag=False, retain=kept).to_bytes())
    assert (unanswered, unanswered.acknowledgement) == (Publish(topic, payload, b""), b"")


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param("", id="nothing"),
        pytest.param("30", id="no length"),
        pytest.param("34070001610001", id="exactly once"),
        pytest.param("36070001610001", id="reserved quality of service"),
        pytest.param("c000", id="a ping"),
        pytest.param("3203000161", id="no packet id"),
        pytest.param("3205000561ffff", id="topic runs over"),
        pytest.param("32050001610000", id="packet id zero"),
        pytest.param("32050001ff0001", id="not UTF-8"),
        pytest.param("300100", id="half a topic length"),
        pytest.param("30ffffffffff01", id="endless length"),
    ],
)
def test_anything_else_is_refused(packet: str) -> None:
    with pytest.raises(MalformedPacket):
        parse_publish(bytes.fromhex(packet))


@given(st.binary(max_size=40))
def test_any_bytes_parse_or_raise_our_error(tail: bytes) -> None:
    for packet in (tail, b"\x32" + tail):
        try:
            parse_publish(packet)
        except MalformedPacket:
            continue


@given(st.integers(0, 268_435_455))
def test_the_body_begins_after_the_length(length: int) -> None:
    # Section 2.2.3 gives the bounds of each size of the length field.
    size = next(size for size, most in enumerate((127, 16_383, 2_097_151, 268_435_455), 1) if length <= most)
    groups = [(length >> (7 * place)) & 0x7F for place in range(size)]
    header = bytes(group | (0x80 if place < size - 1 else 0) for place, group in enumerate(groups))
    packet = b"\x30" + header
    assert find_body(packet + b"\0") == 1 + size
    assert find_end(b"before" + packet, 6, length) == 6 + 1 + size + length
    for cut in range(len(packet)):
        assert find_end(packet[:cut], 0, length) == 0
    with pytest.raises(PacketTooLarge):
        find_end(packet, 0, length - 1)


def test_a_length_that_runs_on_is_refused_before_its_body_comes() -> None:
    with pytest.raises(PacketTooLarge):
        find_end(b"\x30\xff\xff\xff\xff", 0, 1 << 40)
