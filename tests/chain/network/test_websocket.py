import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.network.errors import InvalidFrame
from chain.network.websocket import CLOSE, MAX_MESSAGE, TEXT, Message, MessageReader, compute_accept, encode_frame

# RFC 6455 section 5.7, a single-frame masked text message.
HELLO = bytes.fromhex("818537fa213d7f9f4d5158")


def mask(opcode: int, payload: bytes, key: bytes, *, is_final: bool = True) -> bytes:
    """Return a client's frame, by the section 5.3 algorithm."""
    length = len(payload)
    size = bytes((length,)) if length < 126 else b"\x7e" + length.to_bytes(8, "big")[6:]
    if length >= 1 << 16:
        size = b"\x7f" + length.to_bytes(8, "big")
    head = bytes((is_final << 7 | opcode, 0x80 | size[0])) + size[1:]
    return head + key + bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))


def test_the_example_of_the_standard_is_read() -> None:
    assert MessageReader().feed(HELLO) == [Message(TEXT, b"Hello")]
    assert encode_frame(TEXT, b"Hello") == bytes.fromhex("810548656c6c6f")


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5), st.binary(min_size=4, max_size=4), st.data())
def test_messages_are_the_same_however_their_bytes_arrive(parts: list[bytes], key: bytes, data: st.DataObject) -> None:
    frames = [mask(TEXT if at == 0 else 0, part, key, is_final=at == len(parts) - 1) for at, part in enumerate(parts)]
    raw = b"".join(frames)
    reader = MessageReader()
    cut = data.draw(st.integers(0, len(raw)))
    assert reader.feed(raw[:cut]) + reader.feed(raw[cut:]) == [Message(TEXT, b"".join(parts))]


@pytest.mark.parametrize("length", [125, 126, 65_535, 65_536])
def test_every_form_of_a_length_is_read_and_written(length: int) -> None:
    payload = bytes(length)
    assert MessageReader().feed(mask(TEXT, payload, b"abcd")) == [Message(TEXT, payload)]
    heads = {125: 2, 126: 4, 65_535: 4, 65_536: 10}
    assert len(encode_frame(TEXT, payload)) == heads[length] + length


@pytest.mark.parametrize(
    "raw",
    [
        encode_frame(TEXT, b"not masked"),
        b"\xc1" + HELLO[1:],
        b"\x83" + HELLO[1:],
        mask(0, b"of nothing", b"abcd"),
        mask(TEXT, b"a", b"abcd", is_final=False) + mask(TEXT, b"b", b"abcd"),
        mask(CLOSE, bytes(126), b"abcd"),
        mask(CLOSE, b"", b"abcd", is_final=False),
        b"\x81\xff" + (MAX_MESSAGE + 1).to_bytes(8, "big"),
        mask(TEXT, bytes(MAX_MESSAGE), b"abcd", is_final=False) + mask(0, b"x", b"abcd"),
    ],
    ids=["plain", "reserved bit", "reserved kind", "stray", "nested", "long control", "cut control", "large", "joined"],
)
def test_what_a_client_may_not_send_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidFrame):
        MessageReader().feed(raw)


@pytest.mark.parametrize("key", [b"", b"?", b"YWJj"])
def test_a_key_that_is_none_is_refused(key: bytes) -> None:
    with pytest.raises(InvalidFrame):
        compute_accept(key)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        MessageReader().feed(raw)
    except InvalidFrame:
        return
