import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import upload
from domain.cid import RAW, Cid
from domain.envelope import seal
from domain.errors import CecError, InvalidEncoding, InvalidField, InvalidSignature, InvalidTopic
from domain.keys import SigningKey
from domain.login import encode_login, parse_login
from domain.records.membership import Enrol
from domain.topics import CHANNELS, Topic, compute_shard
from domain.upload import CHUNK_BYTES, FRAME_BYTES, Ask, Frame, compute_shape
from tests.domain.samples import AT_MS, BODIES, KEY, P256_KEY

ROOT = Cid.of(RAW, b"file")


@given(
    st.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True),
    st.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True),
    st.sampled_from(CHANNELS),
)
def test_a_topic_leads_back(org: str, device: str, channel: str) -> None:
    topic = Topic(org, device, channel)
    assert Topic.parse(str(topic)) == topic


@pytest.mark.parametrize(
    "text",
    [
        "cec/v1/3e/org/rover-1/noise",
        "cec/v1/00/org/rover-1/rec",
        "cec/v2/3e/org/rover-1/rec",
        "cec/v1/3e/org/rover-1/rec/more",
        "cec/v1/3e/+/rover-1/rec",
        "cec/v1/3e/org/rover-1/rec\n",
    ],
)
def test_other_topics_are_refused(text: str) -> None:
    with pytest.raises(InvalidTopic):
        Topic.parse(text)


def test_shards_spread_devices() -> None:
    assert len({compute_shard(f"device-{n}") for n in range(5_000)}) == 256


@given(st.integers(0, 70 * CHUNK_BYTES) | st.integers(0, upload.MAX_FILE_BYTES))
def test_frames_cover_every_byte_of_every_block_once(size: int) -> None:
    shape = compute_shape(size)
    last = shape.blocks - 1
    assert shape.frames == shape.first_frame(last) + shape.frames_of(last)
    assert (shape.leaves - 1) * CHUNK_BYTES + shape.leaf_bytes(shape.leaves - 1) == size
    assert shape.block_of(shape.frames - 1) == last
    assert shape.block_of(0) == 0


@given(st.integers(CHUNK_BYTES + 1, upload.MAX_FILE_BYTES))
def test_every_block_but_the_root_has_one_parent(size: int) -> None:
    shape = compute_shape(size)
    children = [range_ for block in range(min(shape.interior, 50)) for range_ in [shape.children_of(block)]]
    assert children[0].start == shape.levels[0] == 1
    assert all(a.stop == b.start for a, b in itertools.pairwise(children))
    if shape.interior <= 50:
        assert children[-1].stop == shape.blocks


@given(st.sets(st.integers(0, 99)))
def test_bitmaps_lead_back(frames: set[int]) -> None:
    assert upload.parse_bitmap(upload.encode_bitmap(frames, 100), 100) == frames


def test_frames_and_questions_lead_back() -> None:
    frame = Frame(ROOT, 3, b"x" * FRAME_BYTES)
    assert upload.parse_upload(upload.encode_frame(frame)) == frame
    assert upload.parse_upload(upload.encode_ask(Ask(ROOT))) == Ask(ROOT)


@pytest.mark.parametrize("frame", [Frame(ROOT, -1, b""), Frame(ROOT, 0, bytes(FRAME_BYTES + 1))])
def test_impossible_frames_are_refused(frame: Frame) -> None:
    with pytest.raises(InvalidField):
        upload.parse_upload(upload.encode_frame(frame))


@given(st.binary(max_size=100))
def test_any_payload_is_a_frame_or_refused(payload: bytes) -> None:
    with contextlib.suppress(InvalidEncoding, InvalidField):
        upload.parse_upload(payload)


@pytest.mark.parametrize("size", [-1, upload.MAX_FILE_BYTES + 1])
def test_a_file_beyond_the_bounds_is_refused(size: int) -> None:
    with pytest.raises(InvalidField):
        compute_shape(size)


ENROL = seal(BODIES["enrol"], P256_KEY)


def test_a_login_proves_the_enrolled_key() -> None:
    login = parse_login(encode_login(ENROL, KEY, client_id="rover-1", at_ms=AT_MS), client_id="rover-1")
    assert login.enrol.cid == ENROL.cid
    assert isinstance(login.enrol.body, Enrol)


@pytest.mark.parametrize(
    ("key", "client_id"), [(SigningKey.from_seed(b"x" * 32), "rover-1"), (KEY, "rover-2")], ids=["key", "client"]
)
def test_a_login_by_another_key_or_for_another_client_is_refused(key: SigningKey, client_id: str) -> None:
    with pytest.raises(InvalidSignature):
        parse_login(encode_login(ENROL, key, client_id=client_id, at_ms=AT_MS), client_id="rover-1")


@given(st.text(max_size=200))
def test_any_text_is_a_login_or_refused(text: str) -> None:
    with pytest.raises(CecError):
        parse_login(text, client_id="rover-1")
