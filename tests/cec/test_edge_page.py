"""``--page`` names where the crew's page listens; whatever is wrong with it is told as what it is."""

import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cec.commands.edge_page import PageAddress, bind_page, parse_page
from cec.errors import PortTaken
from edge.errors import InvalidSetting
from tests.edge.test_spool import enrol


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8090", "127.0.0.1", 8090),
        ("field.local:0", "field.local", 0),
        ("[::1]:65535", "::1", 65_535),
    ],
)
def test_an_address_is_read(text: str, host: str, port: int) -> None:
    assert parse_page(text) == PageAddress(host, port)
    assert str(parse_page(text)) == text


@pytest.mark.parametrize(
    "text", ["", "8090", ":8090", "h:", "h:65536", "h:-1", "h:\u0663", "::1:8090", "[::1]", "a b:1"]
)
def test_what_is_no_address_is_told(text: str) -> None:
    with pytest.raises(InvalidSetting, match="--page"):
        parse_page(text)


@given(st.text(max_size=60) | st.from_regex(r"[a-z.\[\]:]{0,20}:[0-9]{0,7}", fullmatch=True))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        address = parse_page(text)
    except InvalidSetting:
        return
    assert 0 <= address.port <= 65_535
    assert parse_page(str(address)) == address


def test_a_port_that_is_held_is_told_as_that() -> None:
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=str(port)), bind_page(PageAddress("127.0.0.1", port)):
            pass
    with bind_page(PageAddress("127.0.0.1", port)) as listener:
        assert listener.getsockname() == ("127.0.0.1", port)


def test_an_address_of_another_device_is_not_told_as_a_port_in_use() -> None:
    # TEST-NET-1 (RFC 5737): nobody's.
    with (
        pytest.raises(InvalidSetting, match=r"192\.0\.2\.1:8090.*Cannot assign"),
        bind_page(PageAddress("192.0.2.1", 8_090)),
    ):
        pass


@pytest.mark.parametrize("host", ["nowhere.invalid", "x" * 70 + ".local"])
def test_a_host_that_nobody_knows_is_told(host: str) -> None:
    with pytest.raises(InvalidSetting, match="nobody knows that host"), bind_page(PageAddress(host, 8_090)):
        pass


@pytest.mark.parametrize(
    ("page", "told"),
    [("127.0.0.1:99999", "the port 0 to 65535"), ("192.0.2.1:8090", "this device cannot listen there")],
)
def test_the_command_says_it_in_one_line(tmp_path: Path, page: str, told: str) -> None:
    enrol(tmp_path)
    command = [sys.executable, "-m", "cec", "edge", "run", "--folder", str(tmp_path), "--port", "1", "--page", page]
    done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=60, env=os.environ)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
