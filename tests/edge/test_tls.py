"""The link over TLS: the broker must be who it says it is, and a wrong certificate is named."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cec.certificates import Authority, issue_client, issue_server, open_authority
from edge.agent import Agent
from edge.errors import TlsUnusable
from edge.settings import TlsFiles, open_tls
from ingest.settings import ServerTls
from tests.edge.server import settings, small_server, until
from tests.edge.test_spool import enrol, observe


def authority(folder: Path) -> Authority:
    folder.mkdir()
    return open_authority(folder, "north-forest", now=datetime.now(UTC))


def serve(of: Authority, *, host: str = "127.0.0.1") -> ServerTls:
    issued = issue_server(of, [host], now=datetime.now(UTC))
    return ServerTls(issued.certificate, issued.key, client_ca=of.certificate)


def show(of: Authority, device: str = "rover-1") -> TlsFiles:
    issued = issue_client(of, device, now=datetime.now(UTC))
    return TlsFiles(of.certificate, issued.certificate, issued.key)


async def test_records_pass_over_tls_with_the_devices_own_certificate(tmp_path: Path) -> None:
    enrol(tmp_path / "d")
    ours = authority(tmp_path / "ca")
    async with (
        small_server(tmp_path, tls=serve(ours)) as server,
        Agent.open(replace(settings(tmp_path / "d", server), tls=show(ours))) as agent,
    ):
        agent.spool.append(observe)
        assert await agent.wait_drained(timeout_s=10)
        assert agent.refusal is None


@pytest.mark.parametrize(
    ("host", "signer", "words"),
    [("127.0.0.1", "theirs", "not signed by the authority"), ("192.0.2.1", "ours", "is of another host")],
)
async def test_a_broker_that_is_not_the_right_one_is_named_and_nothing_is_said_to_it(
    tmp_path: Path,
    host: str,
    signer: str,
    words: str,
) -> None:
    enrol(tmp_path / "d")
    ours = authority(tmp_path / "ca")
    theirs = ours if signer == "ours" else authority(tmp_path / "other")
    async with (
        small_server(tmp_path, tls=serve(theirs, host=host)) as server,
        Agent.open(replace(settings(tmp_path / "d", server), tls=show(ours))) as agent,
    ):
        record = agent.spool.append(observe)
        await until(lambda: agent.refusal is not None)
        assert words in (agent.refusal or "")
        assert not agent.is_connected
        assert agent.spool.is_waiting(record.cid)
        assert server.said == []


async def test_a_device_whose_certificate_the_broker_does_not_take_is_told_so(tmp_path: Path) -> None:
    enrol(tmp_path / "d")
    ours, theirs = authority(tmp_path / "ca"), authority(tmp_path / "other")
    foreign = show(theirs)
    shown = TlsFiles(ours.certificate, foreign.certificate, foreign.key)
    async with (
        small_server(tmp_path, tls=serve(ours)) as server,
        Agent.open(replace(settings(tmp_path / "d", server), tls=shown)) as agent,
    ):
        await until(lambda: agent.refusal is not None)
        assert "may not take this device's certificate" in (agent.refusal or "")
        assert server.said == []


def test_files_that_are_no_certificates_are_told_before_anything_begins(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(TlsUnusable):
        open_tls(TlsFiles(tmp_path / "ca.pem"))
    with pytest.raises(TlsUnusable):
        open_tls(TlsFiles(tmp_path / "absent.pem"))
