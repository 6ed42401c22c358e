"""What peers say to each other in JSON, written and read in one place; sizes bounded, every field checked."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from domain.cid import Cid
from domain.errors import InvalidCid
from ingest.exchange.digest import LISTED, CampaignDigest, MemberDigest, PrefixDigest
from ingest.exchange.errors import InvalidExchange
from ingest.exchange.feed import FeedEntry, FeedPage
from ingest.exchange.taking import Outcome

T = TypeVar("T")

MAX_CIDS: Final = 1_000
"""CIDs in one question."""
MAX_PREFIXES: Final = 256
"""Prefixes in one question: 16 differing ranges and their 16 children each."""
MAX_CAMPAIGNS: Final = 20_000
"""Campaigns of one organisation, as far as `MAX_JSON` reads them."""
MAX_JSON: Final = 2 << 20
"""Bytes of JSON read: `MAX_PREFIXES` answers of `LISTED` CIDs have some 500 kB, so has a listing of `MAX_CIDS`."""
_ROOT_DIGITS: Final = 64
_VERDICTS: Final = frozenset({"taken", "known", "refused"})


def parse_json(raw: bytes) -> Mapping[str, Any]:
    """Return a JSON object; `InvalidExchange` when it is none, or too large."""
    if len(raw) > MAX_JSON:
        raise InvalidExchange("JSON", f"at most {MAX_JSON} bytes")
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidExchange("JSON", str(error)[:200]) from error
    if not isinstance(value, dict):
        raise InvalidExchange("JSON", "expected an object")
    return value


def parse_cids(value: object) -> list[Cid]:
    """Return a list of CIDs, at most `MAX_CIDS`."""
    return _parse_list("cids", value, MAX_CIDS, _parse_cid)


def parse_prefixes(value: object) -> list[str]:
    """Return a list of prefixes, at most `MAX_PREFIXES`, each yet to be checked."""
    prefixes = _parse_list("prefixes", value, MAX_PREFIXES, lambda item: _parse_text("prefix", item))
    if len(set(prefixes)) < len(prefixes):
        raise InvalidExchange("prefixes", "one stands twice; each costs a look at all that it covers")
    return prefixes


def parse_campaign(value: object) -> str:
    """Return a campaign's id, or nothing for records without one."""
    return _parse_text("campaign", value)


def describe_entry(entry: FeedEntry) -> dict[str, Any]:
    """Return a feed's entry as JSON holds it, without its bytes."""
    return {
        "cid": str(entry.cid),
        "kind": entry.kind,
        "org": entry.org,
        "campaign": entry.campaign,
        "received_ms": entry.received_ms,
        "bytes": len(entry.raw),
    }


def describe_page(page: FeedPage) -> dict[str, Any]:
    """Return a page of the feed as JSON holds it."""
    entries = [describe_entry(entry) for entry in page.entries]
    return {"entries": entries, "cursor": page.cursor, "has_more": page.has_more}


def describe_member(digest: MemberDigest) -> dict[str, Any]:
    """Return the digest of an organisation as JSON holds it."""
    campaigns = [{"campaign": item.campaign, "count": item.count, "root": item.root.hex()} for item in digest.campaigns]
    return {"org": digest.org, "cursor": digest.cursor, "campaigns": campaigns}


def parse_member(fields: Mapping[str, Any]) -> MemberDigest:
    """Return the digest of an organisation."""

    def parse(item: object) -> CampaignDigest:
        values = _parse_map("digest", item)
        return CampaignDigest(parse_campaign(values.get("campaign")), *_parse_set(values))

    campaigns = _parse_list("campaigns", fields.get("campaigns"), MAX_CAMPAIGNS, parse)
    org, cursor = (_parse_text(name, fields.get(name)) for name in ("org", "cursor"))
    return MemberDigest(org, cursor, tuple(campaigns))


def describe_prefix(digest: PrefixDigest) -> dict[str, Any]:
    """Return a prefix's digest as JSON holds it."""
    cids = None if digest.cids is None else [str(cid) for cid in digest.cids]
    return {"prefix": digest.prefix, "count": digest.count, "root": digest.root.hex(), "cids": cids}


def parse_digests(value: object, asked: Sequence[str]) -> tuple[PrefixDigest, ...]:
    """Return the digests of the prefixes that were asked, in their order."""

    def parse(item: object) -> PrefixDigest:
        fields = _parse_map("digest", item)
        cids = fields.get("cids")
        listed = None if cids is None else tuple(_parse_list("cids", cids, LISTED, _parse_cid))
        return PrefixDigest(_parse_text("prefix", fields.get("prefix")), *_parse_set(fields), listed)

    digests = tuple(_parse_list("digests", value, MAX_PREFIXES, parse))
    if [digest.prefix for digest in digests] != list(asked):
        raise InvalidExchange("digests", "they must answer the prefixes asked, in order")
    return digests


def describe_outcome(outcome: Outcome) -> dict[str, str]:
    """Return an outcome as JSON holds it."""
    return {
        "cid": str(outcome.cid),
        "verdict": outcome.verdict,
        "rule": outcome.rule,
        "reason": outcome.reason,
    }


def parse_outcomes(value: object) -> list[Outcome]:
    """Return what became of records."""

    def parse(item: object) -> Outcome:
        fields = _parse_map("outcome", item)
        verdict, rule, reason = (_parse_text(name, fields.get(name)) for name in ("verdict", "rule", "reason"))
        if verdict not in _VERDICTS:
            raise InvalidExchange(f"verdict {verdict[:40]!r}", f"one of {', '.join(sorted(_VERDICTS))}")
        return Outcome(_parse_cid(fields.get("cid")), verdict, rule, reason)

    return _parse_list("outcomes", value, MAX_CIDS, parse)


def parse_listing(fields: Mapping[str, Any]) -> tuple[list[Cid], str, bool]:
    """Return the CIDs of a feed's page, its cursor, and whether there is more."""

    def parse(item: object) -> Cid:
        return _parse_cid(_parse_map("entry", item).get("cid"))

    cids = _parse_list("entries", fields.get("entries"), MAX_CIDS, parse)
    return cids, _parse_text("cursor", fields.get("cursor")), fields.get("has_more") is True


def _parse_list(name: str, value: object, most: int, parse: Callable[[object], T]) -> list[T]:
    if not isinstance(value, list) or len(value) > most:
        raise InvalidExchange(name, f"expected a list of at most {most}")
    return [parse(item) for item in value]


def _parse_map(name: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidExchange(name, "expected an object")
    return value


def _parse_text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidExchange(name, "expected text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidExchange(name, "half a character stands alone in it") from error
    return value


def _parse_cid(value: object) -> Cid:
    try:
        return Cid.parse(_parse_text("CID", value))
    except InvalidCid as error:
        raise InvalidExchange("CID", error.reason) from error


def _parse_set(fields: Mapping[str, Any]) -> tuple[int, bytes]:
    count, root = fields.get("count"), _parse_text("root", fields.get("root"))
    if not isinstance(count, int) or isinstance(count, bool) or count < 0 or len(root) != _ROOT_DIGITS:
        raise InvalidExchange("digest", "expected a count and a root of 64 hexadecimal digits")
    try:
        return count, bytes.fromhex(root)
    except ValueError as error:
        raise InvalidExchange("root", "expected hexadecimal digits") from error
