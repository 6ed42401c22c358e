"""TLS contexts for both ends of a broker's connections, and whose a shown certificate is.

Certificates are files of PEM; who issues them is told in docs, and `cec.certificates` does.
"""

import ssl
from pathlib import Path

from ingest.broker.errors import CertificateUnusable
from ingest.settings import ServerTls, TlsFiles


def open_client_context(files: TlsFiles) -> ssl.SSLContext:
    """Return what a client of a broker connects with; the broker's name is checked.

    Raises
    ------
    CertificateUnusable
        When a file cannot be read, or key and certificate do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _trust(context, files.ca)
    if files.certificate is not None:
        _show(context, files.certificate, files.key)
    return context


def open_server_context(tls: ServerTls) -> ssl.SSLContext:
    """Return what the embedded broker accepts with.

    Raises
    ------
    CertificateUnusable
        When a file cannot be read, or key and certificate do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _show(context, tls.certificate, tls.key)
    if tls.client_ca is not None:
        _trust(context, tls.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED if tls.must_show else ssl.CERT_OPTIONAL
    if tls.crl is not None:
        _trust(context, tls.crl)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context


def read_common_name(shown: ssl.SSLObject | None) -> str | None:
    """Return the one common name of the certificate that the other side showed; nothing when it showed none.

    A checked certificate without exactly one common name gives an empty name, which is nobody's.
    """
    certificate = None if shown is None else shown.getpeercert()
    if not certificate:
        return None
    subject = certificate.get("subject", ())
    names = [pair[1] for part in subject if isinstance(part, tuple) for pair in part if pair[0] == "commonName"]
    return str(names[0]) if len(names) == 1 else ""


def _trust(context: ssl.SSLContext, path: Path) -> None:
    try:
        context.load_verify_locations(path)
    except (ssl.SSLError, OSError) as error:
        raise CertificateUnusable(path, error.strerror or str(error)) from error


def _show(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    try:
        context.load_cert_chain(certificate, key)
    except (ssl.SSLError, OSError) as error:
        raise CertificateUnusable(certificate, error.strerror or str(error)) from error
