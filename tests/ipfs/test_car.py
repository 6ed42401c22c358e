"""Archives come back block by block, or are refused by name."""

import itertools
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cid import DAG_CBOR, RAW, Cid
from domain.codec import encode
from ipfs.car import CarReader, write_car
from ipfs.errors import InvalidCar, IpfsError
from ipfs.varint import encode_varint

BLOCKS = [(Cid.of(RAW, block), block) for block in (b"one", b"two", bytes(200))]
ROOT = BLOCKS[0][0]


def _write(blocks: list[tuple[Cid, bytes]] = BLOCKS) -> bytes:
    stream = BytesIO()
    assert write_car(stream, [ROOT], blocks) == stream.tell()
    return stream.getvalue()


def _read(raw: bytes) -> list[tuple[Cid, bytes]]:
    return list(CarReader(BytesIO(raw)))


def _section(body: bytes) -> bytes:
    return encode_varint(len(body)) + body


def test_the_header_is_the_one_that_the_specification_shows() -> None:
    # Source: CARv1 specification: varint length, then DAG-CBOR {"roots": [...], "version": 1}, keys by length.
    raw = _write([])
    assert raw[0] == len(raw) - 1
    assert raw[1:8] == b"\xa2\x65roots"
    assert raw[-9:] == b"\x67version\x01"


@given(st.lists(st.binary(max_size=300), max_size=6))
def test_what_is_written_is_read(contents: list[bytes]) -> None:
    blocks = [(Cid.of(DAG_CBOR, block), block) for block in contents]
    assert _read(_write(blocks)) == blocks
    assert CarReader(BytesIO(_write(blocks))).roots == (ROOT,)


def test_every_cut_is_told_or_leaves_whole_blocks() -> None:
    raw = _write()
    ends = list(
        itertools.accumulate((len(_section(bytes(cid) + block)) for cid, block in BLOCKS), initial=len(_write([])))
    )
    for length in range(len(raw)):
        if length in ends:
            assert _read(raw[:length]) == BLOCKS[: ends.index(length)]
        else:
            with pytest.raises(InvalidCar):
                _read(raw[:length])


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(_section(encode({"roots": [], "version": 2})), id="version 2"),
        pytest.param(_section(encode({"roots": [b"x"], "version": 1})), id="root not a link"),
        pytest.param(_section(encode({"roots": []})), id="no version"),
        pytest.param(encode_varint(1 << 40), id="absurd header"),
        pytest.param(_write([]) + encode_varint(1 << 40), id="absurd section"),
        pytest.param(_write([]) + _section(b"\x12\x20" + bytes(32)), id="CIDv0"),
        pytest.param(_write([]) + b"\x00", id="empty section"),
        pytest.param(b"\xff" * 12, id="endless varint"),
    ],
)
def test_bytes_that_are_not_an_archive_are_refused(raw: bytes) -> None:
    with pytest.raises(InvalidCar):
        _read(raw)


@given(st.data())
def test_any_changed_byte_reads_as_whole_blocks_or_raises_our_error(data: st.DataObject) -> None:
    raw = bytearray(_write())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        blocks = _read(bytes(raw))
    except IpfsError:
        return
    assert all(Cid.of(cid.codec, block) == cid for cid, block in blocks)
