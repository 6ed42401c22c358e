"""What damage leaves is refused, not read as something near it."""

import pytest

from firmware_bridge.errors import InvalidLog, UnreadableField
from firmware_bridge.numbers import parse_decimal
from firmware_bridge.ports.address import parse_port
from firmware_bridge.ports.errors import InvalidAddress
from firmware_bridge.replay import parse_delivery


@pytest.mark.parametrize("text", ["1_0.5", "_1", "1e999999", "٣"])
def test_a_damaged_number_is_none(text: str) -> None:
    with pytest.raises(UnreadableField):
        parse_decimal("height", text)


@pytest.mark.parametrize("data", [b"47 4e", b"474", b"0x47", b"4g"])
def test_bytes_of_a_log_are_pairs_of_digits_and_nothing_between(data: bytes) -> None:
    with pytest.raises(InvalidLog):
        parse_delivery(b"1\tgnss\t" + data + b"\n", 1)


@pytest.mark.parametrize("host", ["a..b", "a" * 64, "-a", "a-", ".a", "a."])
def test_a_host_that_no_name_server_could_know_is_refused_at_once(host: str) -> None:
    with pytest.raises(InvalidAddress):
        parse_port(f"tcp:{host}:99")
