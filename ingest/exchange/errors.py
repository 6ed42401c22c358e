"""Failures of the exchange.

::

    IngestError
    +-- ExchangeError
        +-- TokenRefused            a member's token is unknown, or lacks the scope
        +-- InvalidFeedCursor       a cursor that no server of this kind gave
        |   +-- ForeignCursor       another server gave it
        |   +-- CursorAhead         it lies beyond this journal: the journal is an older one
        +-- InvalidExchange         a request of a member or an answer of a peer breaks its bounds
        +-- InvalidTrust            text is not ORG=KEY
        +-- InvalidExport           a folder or archive is not a whole export
        |   +-- TruncatedExport     it ends before its manifest does
        |   +-- ExportChanged       a file is not the one that the checksums name
        +-- ExportFolderUsed        something stands where an export was to be written
        +-- ExportUnwritable        the disk does not take an export
        +-- PeerFailed              a peer does not answer, or answers with an error
        +-- InvalidHook             an address is not one that webhooks are sent to
        +-- HookLimit               there are too many webhooks
    +-- Refusal
        +-- UntrustedSigner         no trusted key of the organisation signed the record
        +-- MissingLink             the record that this one follows is not here
        +-- TreeForked              a tree's code is taken, or its last record has another successor
"""

from typing import ClassVar

from ingest.errors import IngestError, Refusal


class ExchangeError(IngestError):
    """Root of the exchange's failures."""


class TokenRefused(ExchangeError):
    """A member's token is unknown, or lacks the scope; the two are not told apart for an unknown one."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"Refused token: it must be a member's and hold the scope {scope!r}")
        self.scope = scope


class InvalidFeedCursor(ExchangeError):
    """A cursor that no server of this kind gave, or that was changed."""

    def __init__(self, cursor: str, reason: str) -> None:
        super().__init__(f"Invalid cursor {cursor[:64]!r}: {reason}")
        self.cursor = cursor
        self.reason = reason


class ForeignCursor(InvalidFeedCursor):
    """Another server gave the cursor."""

    def __init__(self, cursor: str, server: str, here: str) -> None:
        super().__init__(cursor, f"server {server} gave it and this is {here}; keep one cursor for each server")
        self.server = server
        self.here = here


class CursorAhead(InvalidFeedCursor):
    """The cursor lies beyond this journal."""

    def __init__(self, cursor: str, row: int, last: int) -> None:
        super().__init__(
            cursor,
            f"it stands at record {row} and this journal ends at {last}: an older copy was restored; "
            "begin again without a cursor, nothing comes twice under another CID",
        )
        self.row = row
        self.last = last


class InvalidExchange(ExchangeError):
    """A request of a member, or an answer of a peer, breaks its bounds."""

    def __init__(self, what: str, rule: str) -> None:
        super().__init__(f"Invalid {what}: {rule}")
        self.what = what
        self.rule = rule


class InvalidTrust(ExchangeError):
    """Text is not ORG=KEY."""

    def __init__(self, given: str, rule: str) -> None:
        super().__init__(f"Invalid trust {given[:100]!r}: {rule}; give ORG=KEY, the key in hexadecimal")
        self.given = given


class InvalidExport(ExchangeError):
    """A folder or archive is not a whole export."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"Invalid export {path}: {reason}")
        self.path = path
        self.reason = reason


class TruncatedExport(InvalidExport):
    """An archive ends before its manifest does; nothing of it was taken in."""

    def __init__(self, path: str, there: int, said: int) -> None:
        super().__init__(path, f"it ends after {there} of {said} records; copy it again, nothing of it was taken in")
        self.there = there
        self.said = said


class ExportChanged(InvalidExport):
    """A file is not the one that the checksums name."""

    def __init__(self, path: str, name: str) -> None:
        super().__init__(path, f"{name} is not the file that SHA256SUMS names; copy it again, nothing was taken in")
        self.name = name


class ExportFolderUsed(ExchangeError):
    """Something stands where an export was to be written."""

    def __init__(self, path: str) -> None:
        super().__init__(f"Invalid folder {path}: it exists; name a new one, an export never overwrites")
        self.path = path


class ExportUnwritable(ExchangeError):
    """The disk does not take an export."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"Export {path} cannot be written ({reason}): free the disk or name another folder")
        self.path = path
        self.reason = reason


class PeerFailed(ExchangeError):
    """A peer does not answer, or answers with an error."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"Peer {url} failed ({reason}): what was exchanged stays; run it again to go on")
        self.url = url
        self.reason = reason


class InvalidHook(ExchangeError):
    """An address is not one that webhooks are sent to."""

    def __init__(self, url: str, rule: str) -> None:
        super().__init__(f"Invalid webhook address {url[:200]!r}: {rule}")
        self.url = url
        self.rule = rule


class HookLimit(ExchangeError):
    """There are too many webhooks."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"Invalid webhook: this server sends to at most {limit}; remove one first")
        self.limit = limit


class UntrustedSigner(Refusal):
    """No trusted key of the organisation signed the record."""

    remedy: ClassVar[str] = "Compare the key with the organisation, then trust it: --trust for its own, --service else."

    def __init__(self, org: str, kind: str, key: str) -> None:
        super().__init__(f"Untrusted signer {key} of a {kind!r} of organisation {org!r}")
        self.org = org
        self.kind = kind
        self.key = key


class MissingLink(Refusal):
    """The record that this one follows is not here."""

    remedy: ClassVar[str] = "Import the records that it follows first; it is taken when it comes again."

    def __init__(self, what: str, cid: str) -> None:
        super().__init__(f"Missing {what} {cid}")
        self.what = what
        self.cid = cid


class TreeForked(Refusal):
    """A tree's code is taken, or its last record has another successor."""

    remedy: ClassVar[str] = "Two surveys went on from one record: a person decides which one stays; both are kept."

    def __init__(self, code: str, other: str) -> None:
        super().__init__(f"Forked tree {code}: {other} stands in this place")
        self.code = code
        self.other = other
