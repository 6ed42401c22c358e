import json

from domain.envelope import open_envelope
from tests.vectors import make_domain

GOLDEN = json.loads(make_domain.FILE.read_text())


def test_records_codes_and_trees_have_their_golden_bytes() -> None:
    assert make_domain.make() == GOLDEN


def test_golden_records_open_to_their_names() -> None:
    for kind, golden in GOLDEN["records"].items():
        record = open_envelope(bytes.fromhex(golden["envelope"]))
        assert (record.kind, str(record.cid)) == (kind, golden["cid"])
