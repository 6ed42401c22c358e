"""Corrections from an NTRIP caster over the network: connected, checked, and connected again.

`firmware_bridge.gnss.caster` holds the protocol; here are sockets, clocks and waits.
"""

import asyncio
import contextlib
import logging
import math
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from domain.readings import GnssFix
from firmware_bridge.gnss.caster import AnswerReader, NtripSettings, encode_request
from firmware_bridge.gnss.errors import (
    CasterSilent,
    CasterUnreachable,
    CorrectionsError,
    InvalidNtripSettings,
    StreamEnded,
    UnknownMountpoint,
    WrongPassword,
)
from firmware_bridge.gnss.gga import encode_gga
from firmware_bridge.gnss.rtcm import RtcmFrame
from firmware_bridge.gnss.source_table import SourceTable, parse_sourcetable
from firmware_bridge.gnss.stream import StreamSplitter

__all__ = ["NtripSettings", "compute_wait_s", "corrections", "fetch_sourcetable", "parse_sourcetable"]

FINAL: Final = (WrongPassword, UnknownMountpoint, InvalidNtripSettings)
"""Failures that another attempt does not mend; casters lock out who tries a wrong password again and again."""
READ: Final = 4_096
CLOSE_S: Final = 2.0
"""Seconds for a connection to close; a half-open one never would."""
_MAX_DOUBLINGS: Final = 16
_NEVER_S: Final = float("inf")

Positions = Callable[[], GnssFix | None]
"""Gives the rover's latest fix, when there is one."""


def warn_of_failure(error: CorrectionsError) -> None:
    """Tell a failure that is tried again in the program's log."""
    logging.getLogger(__name__).warning("Corrections: %s", error)


async def corrections(
    settings: NtripSettings,
    positions: Positions,
    *,
    tell: Callable[[CorrectionsError], None] = warn_of_failure,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncGenerator[bytes, None]:
    """Yield whole RTCM 3 frames, each checked, until the caller closes the iteration.

    Parameters
    ----------
    settings
        Which caster and stream.
    positions
        Asked for the rover's latest fix every `gga_every_s` seconds.
    tell
        Told each failure that is tried again.
    pause
        Waits so many seconds before another attempt.

    Raises
    ------
    WrongPassword, UnknownMountpoint, InvalidNtripSettings
        At once: trying again would not mend them. Others are told and tried again after a wait.

    Notes
    -----
    Who stops before the end closes it: ``async with contextlib.aclosing(corrections(…)) as frames``.
    """
    failures = 0
    while True:
        try:
            async with _connect(settings, settings.mountpoint, positions) as link:
                while True:
                    for frame in await link.read():
                        failures = 0
                        yield frame
        except FINAL:
            raise
        except CorrectionsError as error:
            tell(error)
        await pause(compute_wait_s(failures, settings, random.SystemRandom().random()))
        failures += 1


async def fetch_sourcetable(settings: NtripSettings) -> SourceTable:
    """Return a caster's source table.

    Raises
    ------
    CorrectionsError
        When none comes.
    """
    async with _connect(settings, "", lambda: None) as link:
        return parse_sourcetable(await link.read_table())


def compute_wait_s(failures: int, settings: NtripSettings, chance: float) -> float:
    """Return how long to wait before the next attempt: doubled each time, capped, and half of it by chance.

    Parameters
    ----------
    failures
        Attempts that failed since the last frame.
    settings
        First and longest wait.
    chance
        From 0 to below 1: rovers that lost a caster together should not come back together.

    Examples
    --------
    >>> compute_wait_s(3, NtripSettings("example.org", "X", first_wait_s=1), 0.0)
    4.0
    """
    wait_s = min(settings.longest_wait_s, math.ldexp(settings.first_wait_s, min(failures, _MAX_DOUBLINGS)))
    return wait_s * (0.5 + chance / 2)


@dataclass(slots=True)
class _Link:
    """A connection whose request is sent."""

    settings: NtripSettings
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    answer: AnswerReader
    stream: StreamSplitter
    positions: Positions
    until_s: float
    gga_s: float = _NEVER_S
    frames: int = 0

    async def read(self) -> list[bytes]:
        """Return the next frames, perhaps none yet; positions are sent when it is time."""
        await self._send_position()
        data = await self._read_some()
        if not data:
            return []
        was_begun = self.answer.head is not None
        body = self.answer.feed(data)
        now_s = _now_s()
        if self.answer.head is not None and not was_begun:
            self.until_s = now_s + self.settings.silence_s
        parts = self.stream.feed(body, mono_ms=int(now_s * 1000))
        frames = [part.raw for part in parts if isinstance(part, RtcmFrame)]
        if frames:
            self.frames += len(frames)
            self.until_s = now_s + self.settings.silence_s
        if self.answer.is_ended and not frames:
            raise StreamEnded(self.frames)
        return frames

    async def read_table(self) -> bytes:
        """Return the source table that is the answer."""
        while not self.answer.is_ended:
            was_begun = self.answer.head is not None
            try:
                self.answer.feed(await self._read_some())
            except StreamEnded:
                break
            if self.answer.head is not None and not was_begun:
                self.until_s = _now_s() + self.settings.silence_s
        return self.answer.table

    async def _read_some(self) -> bytes:
        """Return what comes before the next position is due; nothing when it is due first."""
        due_s = min(self.until_s, self.gga_s)
        try:
            async with asyncio.timeout_at(due_s):
                data = await self.reader.read(READ)
        except TimeoutError:
            if due_s < self.until_s:
                return b""
            awaited = "answer" if self.answer.head is None else "whole frame"
            seconds = self.settings.answer_s if self.answer.head is None else self.settings.silence_s
            raise CasterSilent(awaited, seconds) from None
        if not data:
            self.answer.end()
            raise StreamEnded(self.frames)
        return data

    async def _send_position(self) -> None:
        """Send the rover's place where it is wished for and due; the first time as soon as the answer has begun."""
        every_s, now_s = self.settings.gga_every_s, _now_s()
        is_begun = self.gga_s != _NEVER_S
        if every_s is None or self.answer.head is None or (is_begun and now_s < self.gga_s):
            return
        self.gga_s = now_s + every_s
        fix = self.positions()
        if fix is None:
            return
        self.writer.write(encode_gga(fix))
        try:
            async with asyncio.timeout(self.settings.answer_s):
                await self.writer.drain()
        except TimeoutError:
            awaited = "taking of a position"
            raise CasterSilent(awaited, self.settings.answer_s) from None


@contextlib.asynccontextmanager
async def _connect(settings: NtripSettings, mountpoint: str, positions: Positions) -> AsyncIterator[_Link]:
    """Connect and send the request; foreign failures come out as ours."""
    fix = positions() if settings.gga_every_s is not None else None
    request = encode_request(settings, mountpoint=mountpoint, gga=encode_gga(fix) if fix else b"")
    until_s = _now_s() + settings.answer_s
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout_at(until_s):
            reader, writer = await asyncio.open_connection(settings.host, settings.port, ssl=settings.tls)
            writer.write(request)
            await writer.drain()
        answer = AnswerReader(mountpoint)
        yield _Link(settings, reader, writer, answer, StreamSplitter(), positions, until_s)
    except TimeoutError as error:
        raise CasterUnreachable(settings.host, settings.port, f"none within {settings.answer_s:g} s") from error
    except OSError as error:
        raise CasterUnreachable(settings.host, settings.port, str(error) or type(error).__name__) from error
    finally:
        if writer is not None:
            await _close(writer)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    # The connection is given up either way.
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(CLOSE_S):
            await writer.wait_closed()


def _now_s() -> float:
    return asyncio.get_running_loop().time()
