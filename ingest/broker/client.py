"""The MQTT client of servers, mended in one place."""

import ssl
import traceback
from typing import Any

import aiomqtt


class ServerClient(aiomqtt.Client):
    """aiomqtt's client, which also notices at once when the link breaks before the broker has answered.

    aiomqtt 2.5 waits out its whole timeout for a CONNACK that cannot come any more; a broker that was started a moment
    ago, or that turns a certificate away after a TLS 1.3 handshake, would cost a server ten seconds each time. And
    paho 2 forgets the socket of a handshake that failed; a broker may be away for long.
    """

    def _client_connect(self) -> None:
        try:
            super()._client_connect()
        except OSError as error:
            for frame, _ in traceback.walk_tb(error.__traceback__):
                for value in frame.f_locals.values():
                    if isinstance(value, ssl.SSLSocket):
                        value.close()
            raise

    def _on_disconnect(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401  # the library's own callback
        if self._connected.done():
            super()._on_disconnect(*arguments, **options)
        else:
            self._loop.call_soon_threadsafe(self._give_up)

    def _give_up(self) -> None:
        if not self._connected.done():
            self._connected.set_exception(aiomqtt.MqttError("the link broke before the broker answered"))
