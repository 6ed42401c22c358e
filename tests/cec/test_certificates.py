"""An organisation's certificates are what TLS asks for; a second implementation (OpenSSL's) checks them."""

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from cec.certificates import (
    CA_DAYS,
    LEAF_DAYS,
    Authority,
    Issued,
    issue_client,
    issue_server,
    open_authority,
    revoke_certificate,
    utc_now,
)
from cec.errors import FileTrouble
from domain.errors import InvalidField
from ingest.broker.certificates import open_client_context, open_server_context
from ingest.broker.errors import CertificateUnusable
from ingest.settings import ServerTls, TlsFiles

NOW = utc_now()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return open_authority(tmp_path / "ca", "north-forest", now=NOW)


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, host: str = "127.0.0.1") -> ssl.SSLObject:
    """Return the server's side after a handshake and a byte, in memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server, server_hostname=host)
    far = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(8):
        for side in (near, far):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    near.write(b"x")
    assert far.read(1) == b"x"
    return far


def contexts(authority: Authority, server: Issued, device: Issued) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    tls = ServerTls(server.certificate, server.key, authority.certificate, crl=authority.crl)
    return open_server_context(tls), open_client_context(
        TlsFiles(authority.certificate, device.certificate, device.key)
    )


def test_a_device_and_a_broker_of_one_authority_trust_each_other(authority: Authority) -> None:
    server, device = issue_server(authority, ["127.0.0.1"], now=NOW), issue_client(authority, "rover-1", now=NOW)
    shown = shake_hands(*contexts(authority, server, device)).getpeercert()
    assert shown is not None
    assert shown["subject"] == ((("commonName", "rover-1"),),)


def test_a_broker_under_another_name_is_not_trusted(authority: Authority) -> None:
    server, device = issue_server(authority, ["broker.test"], now=NOW), issue_client(authority, "rover-1", now=NOW)
    shake_hands(*contexts(authority, server, device), host="broker.test")
    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        shake_hands(*contexts(authority, server, device))


def test_a_revoked_certificate_is_turned_away_and_the_others_are_not(authority: Authority) -> None:
    server = issue_server(authority, ["127.0.0.1"], now=NOW)
    lost, second, kept = (issue_client(authority, name, now=NOW) for name in ("lost", "second", "kept"))
    revoke_certificate(authority, lost.certificate, now=NOW)
    revoke_certificate(authority, second.certificate, now=NOW)
    revoke_certificate(authority, second.certificate, now=NOW)
    shake_hands(*contexts(authority, server, kept))
    for gone in (lost, second):
        with pytest.raises(ssl.SSLCertVerificationError, match="revoked"):
            shake_hands(*contexts(authority, server, gone))
    assert len(x509.load_pem_x509_crl(authority.crl.read_bytes())) == 2


def test_a_device_of_another_authority_is_turned_away(authority: Authority, tmp_path: Path) -> None:
    stranger = issue_client(open_authority(tmp_path / "other", "south-forest", now=NOW), "rover-1", now=NOW)
    server = issue_server(authority, ["127.0.0.1"], now=NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(*contexts(authority, server, stranger))


def test_a_devices_certificate_does_not_make_a_broker(authority: Authority) -> None:
    device = issue_client(authority, "rover-1", now=NOW)
    with pytest.raises(ssl.SSLCertVerificationError, match=r"(?i)purpose"):
        shake_hands(*contexts(authority, device, device), host="rover-1")


def test_an_expired_certificate_is_turned_away(authority: Authority) -> None:
    server = issue_server(authority, ["127.0.0.1"], now=NOW)
    old = issue_client(authority, "rover-1", now=NOW - timedelta(days=LEAF_DAYS + 1))
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        shake_hands(*contexts(authority, server, old))


def test_an_authority_is_made_once_and_keeps_its_time(authority: Authority) -> None:
    before = authority.certificate.read_bytes()
    assert open_authority(authority.folder, "north-forest", now=NOW) == authority
    assert authority.certificate.read_bytes() == before
    read = x509.load_pem_x509_certificate(before)
    assert read.not_valid_after_utc == (NOW + timedelta(days=CA_DAYS)).replace(microsecond=0)
    assert read.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_files_are_readable_by_their_owner_alone(authority: Authority) -> None:
    issue_client(authority, "rover-1", now=NOW)
    issue_server(authority, ["127.0.0.1"], now=NOW)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in authority.folder.iterdir()}
    assert set(modes) == {
        "ca.pem",
        "ca.key",
        "crl.pem",
        "client-rover-1.pem",
        "client-rover-1.key",
        "server.pem",
        "server.key",
    }
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize("name", ["", "a" * 65, "../ca", "rover 1", "röver"])
def test_a_name_that_cannot_stand_in_a_certificate_is_refused(authority: Authority, name: str) -> None:
    with pytest.raises(InvalidField):
        issue_client(authority, name, now=NOW)


def test_a_broker_needs_a_name(authority: Authority) -> None:
    with pytest.raises(InvalidField):
        issue_server(authority, [], now=NOW)


def test_files_that_are_not_there_or_not_certificates_are_named(authority: Authority, tmp_path: Path) -> None:
    with pytest.raises(FileTrouble, match=r"none\.pem"):
        revoke_certificate(authority, tmp_path / "none.pem", now=NOW)
    with pytest.raises(CertificateUnusable, match=r"ca\.key"):
        revoke_certificate(authority, authority.key, now=NOW)
    with pytest.raises(CertificateUnusable, match=r"none\.pem"):
        open_client_context(TlsFiles(tmp_path / "none.pem"))


def test_the_clock_is_in_utc() -> None:
    assert utc_now().tzinfo is UTC
    assert utc_now() >= datetime(2024, 1, 1, tzinfo=UTC)
