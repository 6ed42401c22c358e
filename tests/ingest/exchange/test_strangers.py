"""Bytes from peers and from files of unknown origin are read, or refused by our own errors; never anything else."""

import json
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cid import DAG_CBOR, RAW, Cid
from domain.codec import encode
from ingest.exchange import wire
from ingest.exchange.archive import check_archive, check_sums
from ingest.exchange.batch import MAX_RECORD_BYTES, MAX_RECORDS, cut, pack_batch, unpack_batch
from ingest.exchange.errors import ExchangeError, InvalidExchange, InvalidTrust
from ingest.exchange.taking import open_records
from ingest.exchange.trust import parse_trust
from ipfs.car import write_car
from tests.ingest.exchange.houses import make_stand

BATCH = pack_batch("records", [(record.cid, record.raw) for record in make_stand(2)])


@given(st.lists(st.binary(max_size=50), max_size=20, unique=True))
def test_a_batch_comes_back_as_it_was(blocks: list[bytes]) -> None:
    records = [(Cid.of(RAW, block), block) for block in blocks]
    assert unpack_batch("records", pack_batch("records", records, {"a": 1})).records == tuple(blocks)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_batch_or_our_error(raw: bytes) -> None:
    with pytest.raises(InvalidExchange):
        unpack_batch("records", raw)


@given(st.integers(0, len(BATCH) - 1), st.integers(1, 255))
def test_a_changed_byte_in_a_batch_is_found(place: int, change: int) -> None:
    changed = BATCH[:place] + bytes([BATCH[place] ^ change]) + BATCH[place + 1 :]
    with pytest.raises(InvalidExchange):
        unpack_batch("records", changed)


@given(st.integers(0, len(BATCH) - 1))
def test_a_batch_cut_short_is_found(length: int) -> None:
    with pytest.raises(InvalidExchange):
        unpack_batch("records", BATCH[:length])


def test_a_batch_of_another_kind_is_refused() -> None:
    with pytest.raises(InvalidExchange, match="feed"):
        unpack_batch("feed", BATCH)


def test_a_batch_ends_where_it_would_grow_too_large() -> None:
    blocks = [(Cid.of(RAW, bytes([number])), bytes(1 << 20)) for number in range(12)]
    assert len(cut(blocks)) == MAX_RECORD_BYTES >> 20
    assert len(cut([(Cid.of(RAW, b""), b"")] * 2_000)) == MAX_RECORDS
    assert len(cut([(Cid.of(RAW, b""), bytes(MAX_RECORD_BYTES + 1))] * 2)) == 1


@given(st.binary(max_size=200))
def test_any_bytes_are_an_archive_or_our_error(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "archive.car"
    path.write_bytes(raw)
    with pytest.raises(ExchangeError):
        check_archive(path)


MANIFESTS = [
    {"kind": "export"},
    {"kind": "export", "org": "a", "count": -1, "parts": []},
    {"kind": "export", "org": "a", "count": True, "parts": []},
    {"kind": "export", "org": "a", "count": 1, "parts": []},
    {"kind": "export", "org": "a", "count": 0, "parts": ["x"]},
    {"kind": "other", "org": "a", "count": 0, "parts": []},
    {"kind": "export", "org": "a", "count": 1, "parts": [Cid.of(DAG_CBOR, b"not there")]},
    ["export"],
]


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_a_manifest_that_says_something_else_is_refused(tmp_path: Path, manifest: object) -> None:
    raw = encode(manifest)  # type: ignore[arg-type]
    root = Cid.of(DAG_CBOR, raw)
    stream = BytesIO()
    write_car(stream, [root], [(root, raw)])
    (tmp_path / "records.car").write_bytes(stream.getvalue())
    with pytest.raises(ExchangeError):
        check_archive(tmp_path / "records.car")


def test_a_folder_without_anything_is_no_export(tmp_path: Path) -> None:
    with pytest.raises(ExchangeError):
        check_sums(tmp_path / "nothing")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=70),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["org", "cursor", "campaigns", "campaign", "count", "root", "cid", "cids", "entries", "verdict"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@given(JSON_VALUES)
def test_any_json_is_an_answer_or_our_error(value: object) -> None:
    raw = json.dumps(value).encode()
    for read in (wire.parse_member, wire.parse_listing):
        try:
            read(wire.parse_json(raw))
        except InvalidExchange:
            continue
    for parse in (wire.parse_cids, wire.parse_outcomes, wire.parse_prefixes):
        try:
            parse(value)
        except InvalidExchange:
            continue


@given(st.text(max_size=150))
def test_any_text_is_trust_or_our_error(text: str) -> None:
    with pytest.raises(InvalidTrust):
        parse_trust(text)


@given(st.lists(st.binary(max_size=100), max_size=3))
def test_any_bytes_are_opened_or_told_why_not(raws: list[bytes]) -> None:
    assert [item.cid for item in open_records(raws)] == [Cid.of(RAW, raw) for raw in raws]
