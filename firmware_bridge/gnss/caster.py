"""The NTRIP client's side of a conversation, without I/O: a request out, an answer in, of either revision.

Sources: RTCM 10410.1 (NTRIP 2.0: HTTP/1.1, often chunked) and RTCM 10410.0 (NTRIP 1.0: ``ICY 200 OK``,
``SOURCETABLE 200 OK``); chunks as in RFC 9112, section 7.1. Casters of revision 1 understand a request of revision 2.
"""

import base64
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from firmware_bridge.gnss.errors import (
    CasterFull,
    CasterRefused,
    InvalidAnswer,
    InvalidNtripSettings,
    InvalidSourceTable,
    UnknownMountpoint,
    WrongPassword,
)
from firmware_bridge.gnss.source_table import END, MAX_TABLE, parse_sourcetable
from firmware_bridge.ports.address import is_host

MAX_HEAD: Final = 8_192
"""Bytes of an answer's head: what HTTP servers allow of a request's."""
MAX_SIZE_LINE: Final = 256
"""Bytes of a chunk's size line with its extension."""
MAX_SIZE_DIGITS: Final = 8
DEFAULT_PORT: Final = 2101
"""Registered for NTRIP by IANA, as ``rtcm-sc104``."""
MAX_PORT: Final = 65_535
LEAST_S: Final = 0.01
"""Shortest wait: one of nothing would never let go of the processor, or storm a caster."""
_OK: Final = 200
_CR_LF: Final = b"\r\n"
_AGENT: Final = "NTRIP cec/1"
_MOUNTPOINT: Final = re.compile(r"[A-Za-z0-9._~+-]{1,100}")
_STATUS: Final = re.compile(r"(HTTP/1\.[01]|ICY|SOURCETABLE) ([0-9]{3})(?: (.*))?")
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,%d})[ \t]*(?:;.*)?" % MAX_SIZE_DIGITS)
_FULL: Final = re.compile(r"full|limit|too many|maximum", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NtripSettings:
    """Where corrections come from.

    Attributes
    ----------
    host, port
        The caster.
    mountpoint
        The stream's name in the caster's source table.
    user, password
        Sent as HTTP's basic authentication, in clear where `tls` is absent; no user, none sent.
    revision
        1 or 2 of NTRIP.
    gga_every_s
        Seconds between positions sent to a caster that wants them; absent: none are sent.
    answer_s
        Seconds within which connection and an answer's head must come.
    silence_s
        Seconds without a whole frame after which a stream counts as dead: stations send every second.
    first_wait_s, longest_wait_s
        Wait before the first and the later attempts to connect again.
    tls
        Present where the caster listens for TLS.
    """

    host: str
    mountpoint: str
    port: int = DEFAULT_PORT
    user: str = ""
    password: str = field(default="", repr=False)
    revision: int = 2
    gga_every_s: float | None = None
    answer_s: float = 10.0
    silence_s: float = 30.0
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    tls: ssl.SSLContext | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Head:
    """An answer's head.

    Attributes
    ----------
    status
        As in HTTP.
    said
        Its reason.
    headers
        Names in small letters.
    is_table
        Whether a source table follows.
    """

    status: int
    said: str
    headers: Mapping[str, str]
    is_table: bool


def encode_request(settings: NtripSettings, *, mountpoint: str, gga: bytes = b"") -> bytes:
    """Return the request for a stream, or for the source table where `mountpoint` is empty.

    Raises
    ------
    InvalidNtripSettings
        When a setting cannot stand in a request.

    Examples
    --------
    >>> encode_request(NtripSettings("example.org", "FFMJ1", revision=1), mountpoint="FFMJ1").splitlines()[0]
    b'GET /FFMJ1 HTTP/1.0'
    """
    _check_settings(settings, mountpoint)
    lines = [f"GET /{mountpoint} HTTP/1.{settings.revision - 1}"]
    if settings.revision > 1:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        lines += [f"Host: {host}:{settings.port}", "Ntrip-Version: Ntrip/2.0", "Connection: close"]
        lines += [f"Ntrip-GGA: {gga.decode().strip()}"] if gga else []
    lines.append(f"User-Agent: {_AGENT}")
    if settings.user:
        token = base64.b64encode(f"{settings.user}:{settings.password}".encode()).decode()
        lines.append(f"Authorization: Basic {token}")
    return "\r\n".join([*lines, "", ""]).encode()


def _check_settings(settings: NtripSettings, mountpoint: str) -> None:
    if not is_host(settings.host):
        raise InvalidNtripSettings("host", "a host's name or number")
    if mountpoint and not _MOUNTPOINT.fullmatch(mountpoint):
        raise InvalidNtripSettings("mountpoint", "1 to 100 of A-Z, a-z, 0-9 and ._~+-")
    if ":" in settings.user or not (settings.user + settings.password).isprintable():
        raise InvalidNtripSettings("user", "printable, and no colon in the user's name")
    if settings.revision not in (1, 2):
        raise InvalidNtripSettings("revision", "1 or 2")
    if not 1 <= settings.port <= MAX_PORT:
        raise InvalidNtripSettings("port", f"1 to {MAX_PORT}")
    every_s = LEAST_S if settings.gga_every_s is None else settings.gga_every_s
    if min(every_s, settings.answer_s, settings.silence_s, settings.first_wait_s, settings.longest_wait_s) < LEAST_S:
        raise InvalidNtripSettings("time", f"at least {LEAST_S} s")


class ChunkReader:
    """Takes the chunks of HTTP/1.1 apart; holds at most a size line."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._left = 0
        self.is_ended = False

    def feed(self, data: bytes) -> bytes:
        """Return the content of these bytes; `InvalidAnswer` when they are no chunks."""
        content, at = bytearray(), 0
        while at < len(data) and not self.is_ended:
            if self._left:
                piece = data[at : at + self._left]
                content += piece
                self._left -= len(piece)
                at += len(piece)
            else:
                at += self._take_line(data[at:])
        return bytes(content)

    def _take_line(self, data: bytes) -> int:
        """Take bytes of a size line, or of the empty line behind a chunk."""
        head, newline, _ = data[: MAX_SIZE_LINE + 2].partition(b"\n")
        self._line += head
        if len(self._line) > MAX_SIZE_LINE:
            raise InvalidAnswer(f"a chunk's size line is longer than {MAX_SIZE_LINE} bytes")
        if newline:
            line = bytes(self._line).removesuffix(b"\r")
            self._line.clear()
            if line:
                self._begin_chunk(line)
        return len(head) + len(newline)

    def _begin_chunk(self, line: bytes) -> None:
        match = _SIZE.fullmatch(line)
        if match is None:
            raise InvalidAnswer(f"a chunk's size is {line[:20]!r}")
        self._left = int(match[1], 16)
        self.is_ended = self._left == 0


class AnswerReader:
    """Takes a caster's answer and gives the stream's bytes, or the table where no stream was asked for."""

    def __init__(self, mountpoint: str) -> None:
        self._mountpoint = mountpoint
        self._head = bytearray()
        self._chunks: ChunkReader | None = None
        self._table = bytearray()
        self.head: Head | None = None

    def feed(self, data: bytes) -> bytes:
        """Return the stream's bytes among these.

        Raises
        ------
        WrongPassword, UnknownMountpoint, CasterFull, CasterRefused, InvalidAnswer
            As the caster answers.
        """
        if self.head is None:
            data = self._take_head(data)
        if self.head is None:
            return b""
        body = self._chunks.feed(data) if self._chunks else data
        if self._mountpoint and not self.head.is_table:
            return body
        self._table += body
        if len(self._table) > MAX_TABLE:
            raise InvalidSourceTable(f"longer than {MAX_TABLE} bytes")
        if self._mountpoint and self.is_ended:
            raise UnknownMountpoint(self._mountpoint, self._near())
        return b""

    @property
    def is_ended(self) -> bool:
        """Whether the answer says that it is complete."""
        return END in self._table or (self._chunks is not None and self._chunks.is_ended)

    @property
    def table(self) -> bytes:
        """The source table that came; empty for a stream."""
        return bytes(self._table)

    def end(self) -> None:
        """Take note that the caster has closed the connection: a table may end so, an answer's head may not."""
        if self.head is None:
            raise InvalidAnswer(f"its head ends after {len(self._head)} bytes")
        if self.head.is_table and self._mountpoint:
            raise UnknownMountpoint(self._mountpoint, self._near())

    def _take_head(self, data: bytes) -> bytes:
        """Return what stands behind the head, once it is whole."""
        self._head += data
        first, newline, rest = bytes(self._head).partition(b"\n")
        if newline and first.startswith((b"ICY ", b"ERROR")):
            # A stream of revision 1 begins at once; an empty line or headers before it are noise between frames.
            return self._begin(first.removesuffix(b"\r"), rest)
        head, end, rest = bytes(self._head).partition(_CR_LF * 2)
        if len(head) > MAX_HEAD:
            raise InvalidAnswer(f"its head is longer than {MAX_HEAD} bytes")
        return self._begin(head, rest) if end else b""

    def _begin(self, head: bytes, rest: bytes) -> bytes:
        self.head = parse_head(head)
        check_status(self.head, self._mountpoint)
        if self.head.headers.get("transfer-encoding", "").lower() == "chunked":
            self._chunks = ChunkReader()
        return rest

    def _near(self) -> tuple[str, ...]:
        try:
            names = [stream.mountpoint for stream in parse_sourcetable(self.table).streams]
        except InvalidSourceTable:
            return ()
        return tuple(get_close_matches(self._mountpoint, names, n=2))


def parse_head(raw: bytes) -> Head:
    r"""Return an answer's head.

    Raises
    ------
    InvalidAnswer
        When it is none of NTRIP's.

    Examples
    --------
    >>> parse_head(b"HTTP/1.1 404 Not Found\r\nNtrip-Version: Ntrip/2.0").status
    404
    """
    first, *others = raw.decode("latin-1").split("\r\n")
    if first.startswith("ERROR"):  # how casters of revision 1 refuse
        is_password = "password" in first.lower() or "unauthorized" in first.lower()
        return Head(401 if is_password else 500, first[:80], {}, is_table=False)
    match = _STATUS.fullmatch(first)
    if match is None:
        raise InvalidAnswer(f"it begins with {first[:40]!r}")
    named = [line.partition(":") for line in others]
    headers = {name.strip().lower(): value.strip() for name, colon, value in named if colon}
    is_table = match[1] == "SOURCETABLE" or headers.get("content-type", "").startswith("gnss/sourcetable")
    return Head(int(match[2]), match[3] or "", headers, is_table)


def check_status(head: Head, mountpoint: str) -> None:
    """Raise the failure that a status names."""
    if head.status == _OK:
        return
    if head.status == 401:  # noqa: PLR2004  # HTTP's own numbers
        raise WrongPassword(mountpoint)
    if head.status == 404:  # noqa: PLR2004
        raise UnknownMountpoint(mountpoint)
    if head.status == 503 or _FULL.search(head.said):  # noqa: PLR2004
        raise CasterFull(head.said)
    raise CasterRefused(head.status, head.said)
