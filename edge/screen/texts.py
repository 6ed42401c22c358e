"""What the screen shows, as plain lines of ASCII where our own words allow it; no terminal here."""

import re
import textwrap
from collections.abc import Sequence
from datetime import tzinfo
from typing import Final

from domain.codes import format_code
from domain.errors import CecError
from domain.readings import Visit
from edge.crew import words
from edge.crew.figures import describe_visit, format_bytes, format_count, format_local, format_utc
from edge.crew.proof import NoProof, Proof
from edge.crew.sentences import (
    count_files_left,
    describe_battery,
    describe_budget,
    describe_held,
    describe_refused,
    describe_rule,
    describe_satellites,
    describe_server,
    describe_state,
    list_alarms,
)
from edge.screen import words as screen_words
from edge.views import STAGES, FrameView, ItemView, Overview

LEFT: Final = "left"
"""Beside the stages, the choice of files that the server does not have whole."""
_WIDE: Final = 60
"""Letters from which on whole parts fit a line; on fewer, broken parts take less of a small screen."""
_CONSOLE: Final = str.maketrans(
    {
        "\N{NO-BREAK SPACE}": " ",
        "\N{DIAMETER SIGN}": "d",
        "\N{HORIZONTAL ELLIPSIS}": "...",
        "\N{LEFT DOUBLE QUOTATION MARK}": '"',
        "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
        "\N{MIDDLE DOT}": "/",
    }
)
"""Signs of our own words that a serial console may not have."""
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters: what comes from devices and servers must not steer the terminal."""


def to_console(text: str) -> str:
    r"""Return a text as a terminal may show it.

    Examples
    --------
    >>> to_console("⌀\N{NO-BREAK SPACE}32\x1b[2J…")
    'd 32?[2J...'
    """
    return _CONTROL.sub("?", text.translate(_CONSOLE))


def write_head(overview: Overview, width: int) -> str:
    """Return who measures, link, battery, disk and satellites; broken between them where the screen is wide enough."""
    link, health = overview.link, overview.health
    state = words.LINK_UP if link.is_connected else words.LINK_DOWN
    budget = describe_budget(link)
    parts = [
        f"{overview.device} {overview.campaign}",
        f"{words.LINK}: {state}, {words.SERVER} {describe_server(link)}",
        f"{words.BATTERY}: {describe_battery(health)}",
        f"{words.DISK}: {format_bytes(health.disk_free_bytes)}",
        f"{words.SATELLITES}: {describe_satellites(health)}",
        f"{words.FILES}: {words.FILES_OF.format(whole=overview.files_whole, files=overview.files)}",
        f"{words.METERED}: {budget}" if budget else "",
    ]
    shown = [to_console(part) for part in parts if part]
    return " | ".join(shown) if width < _WIDE else "\n".join(fill_lines(shown, width, gap=" | "))


def write_verdict(overview: Overview) -> str:
    """Return the sentence that matters before the way home, then alarms, most urgent first."""
    text, more, is_safe = describe_state(overview)
    sign = words.STAGE_SIGNS["received" if is_safe else "queued"]
    lines = [f"{sign} {text}. {more}"]
    refused = overview.counts.get("refused", 0)
    if refused:
        lines.append(f"{words.STAGE_SIGNS['refused']} {describe_refused(refused)}")
    lines += [f"{words.STAGE_SIGNS['refused']} {alarm}" for alarm in list_alarms(overview)]
    return to_console("\n".join(lines))


def cut_lines(text: str, width: int, most: int) -> str:
    r"""Return a text in at most so many lines of `width` letters; the last one tells that there is more.

    Examples
    --------
    >>> print(cut_lines("! The disk is full.\n! No link.", 30, 2))
    ! The disk is full.
    ! No link.
    >>> print(cut_lines("! The disk is full.\n! No link.\n! No battery.", 30, 2))
    ! The disk is full.
    (There is more: press W)
    """
    lines = [part for line in text.splitlines() for part in textwrap.wrap(line, max(1, width)) or [""]]
    return "\n".join(lines if len(lines) <= most else [*lines[: most - 1], screen_words.MORE_TO_READ])


def write_stages(overview: Overview, chosen: str | None, width: int) -> str:
    """Return every choice of the list with its count, the chosen one in brackets, in lines of at most `width` letters.

    All records, each stage with its sign, and the files that are still to be sent.
    """
    parts = [_bracket(f"{words.ALL} {format_count(sum(overview.counts.values()))}", is_chosen=chosen is None)]
    for stage in STAGES:
        part = f"{words.STAGE_SIGNS[stage]} {words.STAGE_WORDS[stage]} {format_count(overview.counts.get(stage, 0))}"
        parts.append(_bracket(part, is_chosen=stage == chosen))
    left = f"{screen_words.FILES_TO_SEND} {format_count(count_files_left(overview))}"
    parts.append(_bracket(left, is_chosen=chosen == LEFT))
    return "\n".join(fill_lines(parts, width))


def _bracket(text: str, *, is_chosen: bool) -> str:
    return f"[{text}]" if is_chosen else text


def fill_lines(parts: Sequence[str], width: int, *, gap: str = "  ") -> list[str]:
    """Return the parts in lines; none is broken, so that a count stays with its word.

    Examples
    --------
    >>> fill_lines(["S save receipt", "R I have read it", "ESC back"], 34)
    ['S save receipt  R I have read it', 'ESC back']
    """
    lines = list(parts[:1])
    for part in parts[1:]:
        if len(lines[-1]) + len(gap) + len(part) <= width:
            lines[-1] += f"{gap}{part}"
        else:
            lines.append(part)
    return lines


def write_row(item: ItemView, zone: tzinfo | None) -> str:
    """Return a record's line in the list."""
    more = f" ({describe_held(item)})" if item.size is not None else ""
    problem = f" ! {item.problem}" if item.problem else ""
    stage = f"{words.STAGE_SIGNS[item.stage]} {words.STAGE_WORDS[item.stage]:<9}"
    return to_console(f"{stage} {format_local(item.at_ms, zone)[5:]} {item.words}{more}{problem}".replace("\n", " "))


def write_failure(error: CecError) -> str:
    """Return a failure of the desk, with what to do."""
    return to_console(f"{words.STAGE_SIGNS['refused']} {error}")


def write_item(item: ItemView, proof: Proof | NoProof, zone: tzinfo | None) -> str:
    """Return all about a record: stage, why it was refused and what to do, its receipt, its facts."""
    blocks = [f"{words.STAGE_SIGNS[item.stage]} {words.STAGE_WORDS[item.stage]}. {words.STAGE_MEANINGS[item.stage]}"]
    if item.stage == "refused":
        blocks.append(f"{words.WHY}: {describe_rule(item.rule)}")
        blocks.append(f"{words.WHAT_TO_DO}: {item.remedy or words.REMEDY_UNKNOWN}")
    if item.problem is not None:
        blocks.append(f"! {item.problem}")
    blocks.append(_write_proof(proof, zone))
    facts = [
        f"{words.RECORDED}: {format_local(item.at_ms, zone)} ({format_utc(item.at_ms)})",
        f"{words.KIND}: {item.kind}  {words.NUMBER}: {item.seq}  {words.TIMES_SENT}: {item.times_sent}",
        f"{words.FILES}: {item.name or words.FILE_UNNAMED}, {describe_held(item)}" if item.size is not None else "",
        _write_anchor(item, zone),
        f"{words.NAME}: {item.cid}",
    ]
    blocks.append("\n".join(fact for fact in facts if fact))
    return to_console("\n\n".join((item.words, *blocks)))


def write_visits(code: str, visits: tuple[tuple[ItemView, Visit], ...], zone: tzinfo | None) -> str:
    """Return what this device recorded of a tree."""
    lines = [format_code(code)]
    for item, visit in visits:
        plot = f" ({words.FIELD_PLOT} {visit.plot})" if visit.plot else ""
        stage = f"{words.STAGE_SIGNS[item.stage]} {words.STAGE_WORDS[item.stage]}"
        lines.append(f"{stage} {format_local(item.at_ms, zone)}{plot}\n  {describe_visit(visit)}")
    if not visits:
        lines.append(words.TREE_NONE)
    return to_console("\n".join(lines))


def write_frames(frames: FrameView, current: str, zone: tzinfo | None) -> str:
    """Return campaigns, plots and species lists."""
    lines = []
    for campaign in frames.campaigns:
        mine = f" ({words.THIS_CAMPAIGN})" if campaign.campaign == current else ""
        ends = format_local(campaign.ends_ms, zone) if campaign.ends_ms is not None else words.OPEN_END
        lines += [
            f"{campaign.campaign}: {campaign.title}{mine}",
            f"  {words.METHOD}: {campaign.method}",
            f"  {format_local(campaign.starts_ms, zone)} - {ends}",
        ]
        lines += [f"  {words.CREW}: {', '.join(campaign.crew)}"] if campaign.crew else []
    lines += [] if frames.campaigns else [words.NO_CAMPAIGNS]
    lines += ["", words.AREAS, *(f"  {area.area}: {words.AREA_USES[area.use]}" for area in frames.areas)]
    for one in frames.species:
        lines += ["", f"{one.title}: {words.SPECIES_COUNT.format(count=format_count(len(one.species)))}"]
        lines += [f"  {species.code:<6} {species.common or ''} / {species.name}" for species in one.species]
    return to_console("\n".join(lines))


def _write_proof(proof: Proof | NoProof, zone: tzinfo | None) -> str:
    if isinstance(proof, NoProof):
        return proof.reason
    said = words.PROOF_STORED if proof.verdict == "stored" else words.PROOF_REFUSED
    return f"{said} {format_local(proof.at_ms, zone)}, {proof.signer}"


def _write_anchor(item: ItemView, zone: tzinfo | None) -> str:
    if item.height is None:
        return ""
    at = f", {format_local(item.anchored_ms, zone)}" if item.anchored_ms is not None else ""
    return f"{words.BLOCK}: {format_count(item.height)}{at}"
