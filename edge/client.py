"""The MQTT client, mended in one place."""

import socket
import ssl
import traceback
from typing import Any, Final

import aiomqtt

from domain.login import encode_login
from domain.topics import Topic
from edge.clock import read_clock_ms
from edge.errors import TlsUnusable
from edge.identity import Identity
from edge.settings import EdgeSettings, open_tls

KEEP_ALIVE_S: Final = 20
TIMEOUT_S: Final = 8.0
"""Longest time for the broker to acknowledge anything; a half-open link is noticed by it."""
_UNKNOWN_AUTHORITY: Final = frozenset({18, 19, 20, 21})
"""OpenSSL's reasons for a chain that ends at nobody whom we trust (openssl/x509_vfy.h)."""
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_WRONG_NAME: Final = frozenset({62, 64})
_REFUSED: Final = frozenset({1, 2, 4, 5, 132, 133, 134, 135})
"""CONNACK codes by which a broker refuses this device for what it is (MQTT 3.1.1, 3.2.2.3; as paho names them too)."""


CERTIFICATE_REFUSED: Final = (
    "The broker ends each secure link before it answers: it may not take this device's certificate. Check --tls-cert "
    "and --tls-key, or ask the organisation whether it was revoked; everything is kept here."
)
"""In TLS 1.3 a server refuses a client's certificate after the client thinks itself connected (RFC 8446, 4.4.2.4)."""


class PromptClient(aiomqtt.Client):
    """aiomqtt's client, which also notices at once when the link breaks before the broker has answered.

    aiomqtt 2.5 ignores a disconnection until CONNACK has come and then waits out its whole timeout; on a link that
    refuses connections that is most of the time. It also keeps only the words of what TLS found wrong.

    Attributes
    ----------
    tls_error
        What TLS found wrong with the broker, if anything.
    is_cut_early
        Whether the link broke before the broker answered.
    """

    tls_error: ssl.SSLError | None = None
    is_cut_early: bool = False

    def _client_connect(self) -> None:
        try:
            super()._client_connect()
        except OSError as error:
            if isinstance(error, ssl.SSLError):
                self.tls_error = error
            _close_sockets(error)
            raise

    def _on_disconnect(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401  # the library's own callback
        if not self._connected.done():
            self._loop.call_soon_threadsafe(self._give_up)
            return
        super()._on_disconnect(*arguments, **options)

    def _give_up(self) -> None:
        self.is_cut_early = True
        if not self._connected.done():
            self._connected.set_exception(aiomqtt.MqttError("the link broke before the broker answered"))


def open_client(settings: EdgeSettings, identity: Identity) -> PromptClient:
    """Return a client of the device's broker, not yet connected.

    Raises
    ------
    TlsUnusable
        When the certificates' files cannot be used.
    """
    body = identity.body
    login = encode_login(identity.enrol, identity.key, client_id=body.device, at_ms=read_clock_ms())
    will = str(Topic(body.org, body.device, "will"))
    return PromptClient(
        settings.host,
        settings.port,
        identifier=body.device,
        username=None if settings.is_silent else body.device,
        password=None if settings.is_silent else login,
        protocol=aiomqtt.ProtocolVersion.V311,
        clean_session=True,
        keepalive=KEEP_ALIVE_S,
        timeout=TIMEOUT_S,
        will=aiomqtt.Will(will, b"", qos=1),
        tls_context=None if settings.tls is None else open_tls(settings.tls),
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
    )


def explain_failure(error: BaseException, client: PromptClient | None) -> str | None:
    """Return why the broker does not take this device, with the remedy; absent when the link is merely bad."""
    if isinstance(error, TlsUnusable):
        return str(error)
    if client is not None and client.tls_error is not None:
        return _explain_tls(client.tls_error)
    code = error.rc if isinstance(error, aiomqtt.MqttCodeError) else None
    value = getattr(code, "value", code)
    if value in _REFUSED:
        return (
            "The broker refused this device: its key may be revoked or not enrolled there. Ask the organisation; "
            "measuring goes on, and everything is kept here."
        )
    return None


def _close_sockets(error: OSError) -> None:
    """Close the socket of a handshake that failed; paho 2 forgets it, and a link may fail for months."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        for value in frame.f_locals.values():
            if isinstance(value, ssl.SSLSocket):
                value.close()


def _explain_tls(error: ssl.SSLError) -> str:
    code = getattr(error, "verify_code", None)
    if code in _UNKNOWN_AUTHORITY:
        return "The broker's certificate is not signed by the authority given for TLS: give the right file, or ask why."
    if code in _WRONG_NAME:
        return "The broker's certificate is of another host: check the broker's address, or ask the organisation."
    if code in (_NOT_YET_VALID, _EXPIRED):
        return "By this device's clock the broker's certificate is not valid now: set the clock, or ask for a new one."
    return f"No secure link to the broker ({error.reason or error}): check its address, port and certificates."
