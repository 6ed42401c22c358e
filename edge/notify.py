"""Tells systemd how the agent is: ready, alive, in words (the protocol of sd_notify(3))."""

import asyncio
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from edge.agent import Agent

MAX_STATUS: Final = 200
"""Symbols of a status line, as `systemctl status` still shows them."""
ROUND_S: Final = 5.0
"""How often systemd is told where it sets no watchdog."""


@dataclass(frozen=True, slots=True)
class Notifier:
    """Where systemd listens.

    Attributes
    ----------
    address
        Path of the socket; a name in the abstract namespace begins with ``@``. Empty where nobody listens.
    watchdog_s
        Within which time systemd wants a sign of life; absent where it wants none.
    """

    address: str = ""
    watchdog_s: float | None = None

    def tell(self, *words: str) -> bool:
        """Send lines such as ``READY=1``; tell whether they were sent."""
        if not self.address:
            return False
        # systemd writes the leading zero byte of an abstract name as @ (sd_notify(3)).
        name = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as speaker:
            speaker.settimeout(0)
            with suppress(OSError):
                speaker.sendto("\n".join(words).encode(), name)
                return True
        return False


def find_notifier(environment: Mapping[str, str], process: int) -> Notifier:
    """Return where systemd listens, as it says in the environment of a process.

    Examples
    --------
    >>> find_notifier({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "30000000"}, 7)
    Notifier(address='/run/n', watchdog_s=30.0)
    """
    address = environment.get("NOTIFY_SOCKET", "")
    microseconds, wanted = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", str(process))
    # The variables are inherited; those of another process are not meant (sd_watchdog_enabled(3)).
    is_meant = microseconds.isascii() and microseconds.isdigit() and int(microseconds) > 0 and wanted == str(process)
    return Notifier(address if address[:1] in ("/", "@") else "", int(microseconds) / 1e6 if is_meant else None)


async def keep_telling(agent: Agent, notifier: Notifier) -> None:
    """Tell systemd for ever that the agent lives, as long as its loop turns and its spool answers.

    Whoever hangs in the spool, or ends the agent's loop, lets the watchdog restart the process.
    """
    if not notifier.address:
        return
    clock = asyncio.get_running_loop().time
    round_s = ROUND_S if notifier.watchdog_s is None else min(ROUND_S, notifier.watchdog_s / 3)
    notifier.tell("READY=1", f"STATUS={_describe(agent)}")
    beat, beaten_at = agent.beat, clock()
    try:
        while True:
            await asyncio.sleep(round_s)
            status = _describe(agent)
            if agent.beat != beat:
                beat, beaten_at = agent.beat, clock()
            is_alive = clock() - beaten_at <= 3 * ROUND_S
            notifier.tell(f"STATUS={status}", *(("WATCHDOG=1",) if is_alive and notifier.watchdog_s else ()))
    finally:
        notifier.tell("STOPPING=1")


def read_notifier() -> Notifier:
    """Return where systemd listens for this process."""
    return find_notifier(os.environ, os.getpid())


def _describe(agent: Agent) -> str:
    """Return how it stands in one line; that the spool answers is part of being alive."""
    status = agent.spool.status()
    link = "linked" if agent.is_connected else "no link"
    words = f"{link}; {status.queued} waiting, {status.received} received, {status.refused} refused"
    return (f"{words}; {agent.refusal}" if agent.refusal else words)[:MAX_STATUS].replace("\n", " ")
