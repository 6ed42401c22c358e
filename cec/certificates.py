"""An organisation's small certificate authority: for its broker, its servers and its devices.

Certificates say who may connect to a broker; records carry their own signatures and rest on none of this. Keys are
P-256 (every TLS stack has it), files are PEM, and what is secret is readable by its owner alone. A device's
certificate bears its id as common name, which is what brokers let it in by.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cec.errors import FileTrouble
from domain.errors import InvalidField
from edge.files import write_whole
from ingest.broker.errors import CertificateUnusable

CA_DAYS: Final = 3_650
"""Ten years: longer than any device in the field, since a new authority means a visit to each."""
LEAF_DAYS: Final = 730
"""Two years: two field seasons, so that a device is renewed in a winter."""
CRL_DAYS: Final = 3_650
"""As long as the authority: a list that has run out would lock every device out at once."""
SKEW: Final = timedelta(days=1)
"""Certificates are valid from a day before: a device's clock may be behind."""
MAX_NAME: Final = 64
"""Characters of a common name (RFC 5280, appendix A.1)."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key.

    Attributes
    ----------
    certificate, key
        Their files.
    """

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority in a folder.

    Attributes
    ----------
    folder
        Where its files are.
    """

    folder: Path

    @property
    def certificate(self) -> Path:
        """What both sides trust."""
        return self.folder / "ca.pem"

    @property
    def key(self) -> Path:
        """What signs certificates; it stays here."""
        return self.folder / "ca.key"

    @property
    def crl(self) -> Path:
        """What was revoked."""
        return self.folder / "crl.pem"


def open_authority(folder: Path, org: str, *, now: datetime) -> Authority:
    """Return the authority in a folder, made with an empty revocation list where there is none.

    Raises
    ------
    FileTrouble
        When the folder cannot be used.
    """
    authority = Authority(folder)
    if authority.key.exists():
        return authority
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"{org} certificate authority")
    usage = {"key_cert_sign": True, "crl_sign": True}
    builder = (
        _begin(name, name, key.public_key(), now=now, days=CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    certificate = builder.sign(key, hashes.SHA256())
    # The key comes last: its presence means that the authority is whole.
    _write(authority.certificate, certificate.public_bytes(serialization.Encoding.PEM))
    _write(authority.crl, _list_revoked(certificate, key, (), now))
    _write(authority.key, _private_bytes(key))
    return authority


def issue_server(authority: Authority, hosts: Sequence[str], *, now: datetime, file: str = "server") -> Issued:
    """Return a broker's certificate for the names and addresses under which it is reached.

    Raises
    ------
    InvalidField
        When there is no name.
    """
    if not hosts:
        raise InvalidField("hosts", hosts, "expected one name or address at least")
    names = x509.SubjectAlternativeName([_alternative(host) for host in hosts])
    return _issue(authority, hosts[0][:MAX_NAME], file, now=now, names=names)


def issue_client(authority: Authority, name: str, *, now: datetime) -> Issued:
    """Return the certificate of a device, or of a server that connects to a broker; `name` is its id.

    Raises
    ------
    InvalidField
        When the name cannot stand in a certificate or a file's name.
    """
    if not 0 < len(name) <= MAX_NAME or not name.replace("-", "").isalnum() or not name.isascii():
        raise InvalidField("name", name, f"expected 1 to {MAX_NAME} letters, digits and hyphens")
    return _issue(authority, name, f"client-{name}", now=now)


def revoke_certificate(authority: Authority, certificate: Path, *, now: datetime) -> Path:
    """Return the revocation list after adding a certificate to it.

    Raises
    ------
    CertificateUnusable, FileTrouble
        When a file cannot be read, or is not what its name says.
    """
    issuer, key = _load_certificate(authority.certificate), _load_key(authority.key)
    revoked = _load_certificate(certificate)
    try:
        known = tuple(x509.load_pem_x509_crl(_read(authority.crl)))
    except ValueError as error:
        raise CertificateUnusable(authority.crl, "no revocation list") from error
    if revoked.serial_number not in {one.serial_number for one in known}:
        entry = x509.RevokedCertificateBuilder().serial_number(revoked.serial_number).revocation_date(now).build()
        known = (*known, entry)
    _write(authority.crl, _list_revoked(issuer, key, known, now))
    return authority.crl


def _issue(
    authority: Authority, name: str, file: str, *, now: datetime, names: x509.SubjectAlternativeName | None = None
) -> Issued:
    issuer, issuer_key = _load_certificate(authority.certificate), _load_key(authority.key)
    key = ec.generate_private_key(ec.SECP256R1())
    purpose = ExtendedKeyUsageOID.CLIENT_AUTH if names is None else ExtendedKeyUsageOID.SERVER_AUTH
    builder = (
        _begin(_name(name), issuer.subject, key.public_key(), now=now, days=LEAF_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )
    if names is not None:
        builder = builder.add_extension(names, critical=False)
    issued = Issued(authority.folder / f"{file}.pem", authority.folder / f"{file}.key")
    _write(issued.key, _private_bytes(key))
    _write(issued.certificate, builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return issued


def _begin(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + timedelta(days=days))
    )


def _list_revoked(
    issuer: x509.Certificate, key: ec.EllipticCurvePrivateKey, revoked: Sequence[x509.RevokedCertificate], now: datetime
) -> bytes:
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(now - SKEW)
        .next_update(now + timedelta(days=CRL_DAYS))
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .add_extension(x509.CRLNumber(len(revoked) + 1), critical=False)
    )
    for one in revoked:
        builder = builder.add_revoked_certificate(one)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _usage(**said: bool) -> x509.KeyUsage:
    """Return a key's usages: those that are said, and no others."""
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    usages = dict.fromkeys((*names, "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False)
    return x509.KeyUsage(**(usages | said))


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:MAX_NAME])])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _load_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(_read(path))
    except ValueError as error:
        raise CertificateUnusable(path, "no certificate") from error


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(_read(path), None)
    except (ValueError, TypeError) as error:
        raise CertificateUnusable(path, "no private key") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CertificateUnusable(path, "not a P-256 key")
    return key


def _private_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileTrouble(error) from error


def _write(path: Path, content: bytes) -> None:
    """Write a file whole, or not at all, for its owner alone."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise FileTrouble(error) from error


def utc_now() -> datetime:
    """Return the time, for `now`."""
    return datetime.now(UTC)
