"""The NTRIP client without sockets: answers in pieces of any size, chunks, heads, source tables."""

import pytest
from h11 import SERVER, Connection, Data, EndOfMessage, Event, Request, Response
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.gnss.caster import (
    MAX_HEAD,
    MAX_SIZE_LINE,
    AnswerReader,
    ChunkReader,
    NtripSettings,
    encode_request,
    parse_head,
)
from firmware_bridge.gnss.errors import CorrectionsError, InvalidAnswer, InvalidSourceTable
from firmware_bridge.gnss.source_table import MAX_ROWS, parse_sourcetable
from tests.firmware_bridge.gnss.small_caster import PASSWORD, STREAM, TABLE, USER

CHUNKED = (
    b"HTTP/1.1 200 OK\r\nNtrip-Version: Ntrip/2.0\r\nContent-Type: gnss/data\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def serve(content: list[bytes]) -> bytes:
    """Return an HTTP/1.1 answer in chunks as h11, a second implementation, writes it."""
    server = Connection(SERVER)
    server.receive_data(encode_request(NtripSettings("caster.example.org", "X"), mountpoint="X"))
    while not isinstance(server.next_event(), EndOfMessage):
        pass
    events: list[Event] = [Response(status_code=200, headers=[("Content-Type", "gnss/data")]), *map(Data, content)]
    return b"".join(server.send(event) or b"" for event in [*events, EndOfMessage()])


def in_pieces(data: bytes, piece: int) -> bytes:
    reader = AnswerReader("X")
    return b"".join(reader.feed(data[at : at + piece]) for at in range(0, len(data), piece))


def test_a_second_implementation_reads_the_request() -> None:
    server = Connection(SERVER)
    wanted = NtripSettings("caster.example.org", STREAM, user=USER, password=PASSWORD)
    server.receive_data(encode_request(wanted, mountpoint=STREAM, gga=b"$GPGGA,*00\r\n"))
    request = server.next_event()
    assert isinstance(request, Request)
    headers = dict(request.headers)
    assert (request.method, request.target, headers[b"host"]) == (b"GET", b"/FIELD1", b"caster.example.org:2101")
    # RFC 7617: base64 of user, colon, password; here by `printf 'crew:s3cret pass' | base64`.
    assert headers[b"authorization"] == b"Basic Y3JldzpzM2NyZXQgcGFzcw=="
    assert (headers[b"ntrip-version"], headers[b"ntrip-gga"]) == (b"Ntrip/2.0", b"$GPGGA,*00")
    assert headers[b"user-agent"].startswith(b"NTRIP ")


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=8), st.integers(1, 300))
def test_chunks_of_a_second_implementation_are_taken_apart_in_any_pieces(content: list[bytes], piece: int) -> None:
    assert in_pieces(serve(content), piece) == b"".join(content)


@given(st.binary(max_size=200), st.integers(1, 50))
def test_a_stream_of_revision_1_begins_behind_its_first_line(content: bytes, piece: int) -> None:
    assert in_pieces(b"ICY 200 OK\r\n" + content, piece) == content


def test_a_chunk_of_nothing_ends_an_answer() -> None:
    reader = AnswerReader("X")
    assert reader.feed(CHUNKED + b"3\r\nabc\r\n") == b"abc"
    assert not reader.is_ended
    assert reader.feed(b"0\r\n\r\n4\r\nmore\r\n") == b""
    assert reader.is_ended


def test_a_chunk_may_have_an_extension() -> None:
    assert ChunkReader().feed(b"3;name=value\r\nabc\r\n0\r\n") == b"abc"


@pytest.mark.parametrize("line", [b"-1", b"0x3", b"", b"g", b"123456789", b" 3", b"3 3"])
def test_what_is_no_chunk_size_is_refused(line: bytes) -> None:
    reader = ChunkReader()
    if not line:
        assert reader.feed(b"\r\n\r\n") == b""  # the line end behind a chunk, which some casters double
        return
    with pytest.raises(InvalidAnswer):
        reader.feed(line + b"\r\n")


def test_a_size_line_without_end_is_refused() -> None:
    reader = ChunkReader()
    assert [reader.feed(b"1") for _ in range(MAX_SIZE_LINE)] == [b""] * MAX_SIZE_LINE
    with pytest.raises(InvalidAnswer, match=str(MAX_SIZE_LINE)):
        reader.feed(b"1")


def test_a_head_without_end_is_refused() -> None:
    with pytest.raises(InvalidAnswer, match=str(MAX_HEAD)):
        in_pieces(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * MAX_HEAD, 100)


@given(st.binary(max_size=400), st.integers(1, 100))
def test_any_answer_is_read_or_refused(data: bytes, piece: int) -> None:
    for prefix in (b"", b"HTTP/1.1 ", b"SOURCETABLE 200 OK\r\n\r\n", CHUNKED):
        try:
            in_pieces(prefix + data, piece)
        except CorrectionsError:
            continue


@pytest.mark.parametrize("raw", [b"", b"HTTP/2 200", b"HTTP/1.1 2000 OK", b"SSH-2.0-OpenSSH", b"ICY"])
def test_what_is_no_head_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidAnswer):
        parse_head(raw)


def test_a_source_table_is_read_row_by_row() -> None:
    table = parse_sourcetable(TABLE)
    first, second = table.streams
    assert (first.mountpoint, first.identifier, first.form, first.systems) == (
        "FIELD1",
        "Fulda; north",
        "RTCM 3.2",
        "GPS+GLO",
    )
    assert (first.lon_nd, first.lat_nd, first.bits_per_s) == (9_700_000_000, 50_600_000_000, 4_800)
    assert (first.needs_position, first.is_network, first.authentication, first.has_fee) == (True, True, "B", False)
    # 210.1 degrees east are 149.9 west.
    assert (second.lon_nd, second.has_fee, second.bits_per_s) == (-149_900_000_000, True, None)
    assert [(caster.host, caster.port) for caster in table.casters] == [("caster.example.org", 2101)]
    assert [network.identifier for network in table.networks] == ["DEMO"]
    assert table.skipped == ("STR;BROKEN;too short",)


@pytest.mark.parametrize("raw", [b"", b"<html></html>", TABLE[:-20], b"x\n" * (MAX_ROWS + 1) + b"ENDSOURCETABLE"])
def test_what_is_no_source_table_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidSourceTable):
        parse_sourcetable(raw)


@given(st.binary(max_size=300), st.text(st.sampled_from('STRCANE;",.0123456789-\n'), max_size=200))
def test_any_rows_are_read_or_skipped(noise: bytes, text: str) -> None:
    for raw in (noise, text.encode(), b"STR;" * 20 + noise):
        parse_sourcetable(raw.replace(b"ENDSOURCETABLE", b"") + b"\nENDSOURCETABLE\r\n")
