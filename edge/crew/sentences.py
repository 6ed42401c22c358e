"""How things stand, in the words that page and screen both use."""

import re
from typing import Final

from edge.crew import words
from edge.crew.figures import format_ago, format_bytes, format_count, format_percent
from edge.views import HealthView, ItemView, LinkView, Overview

WHOLE_PPM: Final = 1_000_000
"""All of a file, as `edge.views.ItemView.held_ppm` counts."""


def describe_server(link: LinkView) -> str:
    """Return when the server last answered, or that it will not; `list_alarms` says why."""
    if link.refusal is not None:
        return words.SERVER_REFUSES
    if link.silent_s is None:
        return words.SERVER_NEVER
    return words.SERVER_AGO.format(ago=format_ago(link.silent_s))


def describe_battery(health: HealthView) -> str:
    """Return the battery in words."""
    if health.battery_percent is None:
        return words.NO_BATTERY
    return f"{health.battery_percent}\N{NO-BREAK SPACE}%" + (f", {words.CHARGING}" if health.is_charging else "")


def describe_satellites(health: HealthView) -> str:
    """Return the receiver's state in words."""
    if health.satellites_used is None and health.quality is None:
        return words.SATELLITES_NONE
    parts = []
    if health.satellites_used is not None:
        seen = health.satellites_seen
        used = format_count(health.satellites_used)
        parts.append(used if seen is None else words.SATELLITES_USED.format(used=used, seen=seen))
    if health.quality is not None:
        parts.append(words.QUALITY_WORDS.get(health.quality, words.UNKNOWN))
    if health.hdop_c is not None:
        parts.append(f"HDOP\N{NO-BREAK SPACE}{health.hdop_c / 100:.1f}")
    return ", ".join(parts)


def describe_budget(link: LinkView) -> str | None:
    """Return what was sent over a metered link; nothing where it is not metered."""
    if link.sent_bytes is None:
        return None
    sent = format_bytes(link.sent_bytes)
    if link.budget_bytes is None:
        return sent
    return words.METERED_OF.format(sent=sent, budget=format_bytes(link.budget_bytes))


def list_alarms(overview: Overview) -> tuple[str, ...]:
    """Return what somebody should do now, most urgent first.

    While the server does not know the device, nothing else helps.
    """
    refusal = overview.link.refusal
    refused = () if refusal is None else (words.REFUSES_DEVICE.format(reason=refusal),)
    return refused + overview.health.alarms


def count_unsigned(overview: Overview) -> int:
    """Return how many records the server has not answered for."""
    return overview.counts.get("queued", 0) + overview.counts.get("sent", 0)


def count_files_left(overview: Overview) -> int:
    """Return how many files the server does not have whole."""
    return overview.files - overview.files_whole


def describe_state(overview: Overview) -> tuple[str, str, bool]:
    """Return whether everything is at the server: in a few words, in a sentence, and as a yes or no.

    No file may be left: a record that is signed for tells of its file, and does not hold it.
    """
    waiting = count_unsigned(overview)
    if waiting:
        text = words.UNSIGNED_ONE if waiting == 1 else words.UNSIGNED_MANY.format(count=format_count(waiting))
        return text, words.UNSIGNED_MORE, False
    left = count_files_left(overview)
    if left:
        text = words.FILES_LEFT_ONE if left == 1 else words.FILES_LEFT_MANY.format(count=format_count(left))
        return text, words.FILES_LEFT_MORE, False
    # Refused records that were read are in no count.
    if not any(overview.counts.values()) and not overview.readings:
        return words.NOTHING_YET, words.NOTHING_YET_MORE, False
    return words.ALL_SIGNED, words.ALL_SIGNED_MORE, True


def describe_refused(count: int) -> str:
    """Return how many records were refused."""
    return words.REFUSED_ONE if count == 1 else words.REFUSED_MANY.format(count=format_count(count))


def describe_rule(rule: str | None) -> str:
    """Return a rule that a record breaks, in words.

    Examples
    --------
    >>> describe_rule("SequenceConflict"), describe_rule("invalid field")
    ('Sequence conflict', 'Invalid field')
    """
    if not rule:
        return words.RULE_UNKNOWN
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", rule)
    return parted[0].upper() + (parted[1:].lower() if parted.isascii() else parted[1:])


def describe_held(item: ItemView) -> str:
    """Return how much of a file the server holds, in words."""
    size, held_ppm = item.size or 0, item.held_ppm or 0
    if held_ppm >= WHOLE_PPM:
        return f"{format_bytes(size)}, {words.FILE_WHOLE}"
    return words.FILE_HELD.format(held=format_percent(held_ppm), size=format_bytes(size))
