"""What comes from outside is read or refused by an error of ours, whatever it is."""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.codec import encode
from domain.errors import CecError
from edge.identity import import_enrolment
from edge.notify import find_notifier
from edge.ports import parse_setting
from edge.pulse import PulseNote, encode_note, parse_note
from edge.spool import Spool, open_spool
from tests.edge.test_spool import enrol

counts = st.integers(0, 1 << 53)
notes = st.builds(
    PulseNote,
    broker=st.text(min_size=1, max_size=300).filter(lambda text: text.isprintable()),
    is_connected=st.booleans(),
    connections=counts,
    at_ms=counts,
    heard_ms=st.none() | counts,
    refusal=st.none() | st.just("KeyRevoked: ask"),
    sent_bytes=st.none() | counts,
    budget_bytes=st.none() | counts,
    memory_bytes=counts,
    satellites_used=st.none() | counts,
    satellites_seen=st.none() | counts,
    quality=st.none() | st.integers(0, 9),
    hdop_c=st.none() | counts,
    alarms=st.none() | st.lists(st.just("The disk is full."), min_size=1, max_size=20).map(tuple),
)


@given(notes)
def test_a_pulse_that_is_noted_is_read_back(note: PulseNote) -> None:
    assert parse_note(encode_note(note)) == note


@given(st.binary(max_size=200) | st.dictionaries(st.text(max_size=5), st.integers(0, 9)).map(encode))
def test_a_pulse_that_is_none_is_none(raw: bytes) -> None:
    assert parse_note(raw) is None


@given(st.text(max_size=60) | st.from_regex(r"[a-z]{1,3}=(trupulse|x)@(tcp|serial|log):.{0,20}", fullmatch=True))
def test_a_port_setting_is_read_or_refused(text: str) -> None:
    with suppress(CecError):
        assert parse_setting(text).driver.name == "trupulse"


@given(st.dictionaries(st.sampled_from(["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]), st.text(max_size=30)))
def test_systemds_variables_are_read_whatever_they_hold(variables: dict[str, str]) -> None:
    notifier = find_notifier(variables, 1)
    assert notifier.address[:1] in ("", "/", "@")
    assert notifier.watchdog_s is None or notifier.watchdog_s > 0


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=300))
def test_an_enrolment_is_read_or_refused_and_never_half_taken(raw: bytes) -> None:
    with TemporaryDirectory() as folder:
        try:
            import_enrolment(Path(folder), raw)
        except CecError:
            assert not (Path(folder) / "enrolment.cbor").exists()
        else:
            raise AssertionError("nobody signed that")


def take(spool: Spool, raw: bytes) -> None:
    for attempt in (spool.apply_receipt, spool.take_frame):
        try:
            attempt(raw)
        except CecError:
            continue
        raise AssertionError("nobody signed that")


def test_bytes_that_are_no_receipt_or_frame_change_nothing(tmp_path: Path) -> None:
    with open_spool(tmp_path, enrol(tmp_path)) as spool:
        before = spool.status()

        @settings(max_examples=100, deadline=None)
        @given(
            st.binary(max_size=300) | st.dictionaries(st.sampled_from(["body", "key", "sig"]), st.binary()).map(encode)
        )
        def try_any(raw: bytes) -> None:
            take(spool, raw)

        try_any()
        assert spool.status() == before
