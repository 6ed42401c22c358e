"""The MQTT client, mended in one place."""

from typing import Any

import aiomqtt


class PromptClient(aiomqtt.Client):
    """aiomqtt's client, which also notices at once when the link breaks before the broker has answered.

    aiomqtt 2.5 ignores a disconnection until CONNACK has come and then waits out its whole timeout; on a link that
    refuses connections that is most of the time.
    """

    def _on_disconnect(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401  # the library's own callback
        if not self._connected.done():
            self._loop.call_soon_threadsafe(self._give_up)
            return
        super()._on_disconnect(*arguments, **options)

    def _give_up(self) -> None:
        if not self._connected.done():
            self._connected.set_exception(aiomqtt.MqttError("the link broke before the broker answered"))
