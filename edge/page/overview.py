"""The first page: may we go home, what must be done, and how everything stands."""

from typing import Final

from edge.crew import words
from edge.crew.figures import format_bytes, format_count
from edge.crew.sentences import (
    count_files_left,
    count_unsigned,
    describe_battery,
    describe_budget,
    describe_refused,
    describe_satellites,
    describe_server,
    describe_state,
    list_alarms,
)
from edge.page.html import Html, element, join
from edge.page.layout import Page, facts, live
from edge.page.signs import draw_sign
from edge.views import STAGES, Overview

MANY: Final = 1_000
"""From here on a count is too wide for a third of a small telephone, and the tiles become fewer to a row."""


def show_overview(overview: Overview) -> Page:
    """Return the first page."""
    main = join(
        _render_alarms(list_alarms(overview)),
        _render_verdict(overview),
        element("h2", words.STAGES_TITLE),
        _render_stages(overview.counts),
        element("h2", words.DEVICE_TITLE),
        _render_facts(overview),
    )
    return Page(words.NOW, main, "/", ("live",))


def _render_alarms(alarms: tuple[str, ...]) -> Html:
    if not alarms:
        return live("alarms")
    rows = element("ul", (element("li", alarm) for alarm in alarms))
    return live("alarms", element("h2", draw_sign("refused"), words.ALARMS), rows, class_="alarms", role="alert")


def _render_verdict(overview: Overview) -> Html:
    text, more, is_safe = describe_state(overview)
    refused = overview.counts.get("refused", 0)
    has_files_left = count_files_left(overview) and not count_unsigned(overview)
    return live(
        "verdict",
        element("h1", draw_sign("received" if is_safe else "queued"), text),
        element("p", more),
        element("a", words.FILES_LEFT_SEE, href="/files?left=1", class_="button") if has_files_left else None,
        element(
            "a", draw_sign("refused"), describe_refused(refused), href="/items?stage=refused", class_="button alert"
        )
        if refused
        else None,
        class_="verdict safe" if is_safe else "verdict",
    )


def _render_stages(counts: dict[str, int]) -> Html:
    tiles = (
        element(
            "li",
            element(
                "a",
                element("span", format_count(counts.get(stage, 0)), class_="big"),
                element("span", draw_sign(stage), words.STAGE_WORDS[stage], class_="stage"),
                href=f"/items?stage={stage}",
            ),
            class_=f"{stage} some" if counts.get(stage) else stage,
        )
        for stage in STAGES
    )
    return live(
        "stages", tiles, tag="ul", class_="stages many" if max(counts.values(), default=0) >= MANY else "stages"
    )


def _render_facts(overview: Overview) -> Html:
    link, health = overview.link, overview.health
    rows = facts(
        (
            words.LINK,
            words.LINK_UP if link.is_connected else join(words.LINK_DOWN, element("small", words.LINK_DOWN_MORE)),
        ),
        (words.SERVER, describe_server(link)),
        (words.METERED, describe_budget(link)),
        (words.BATTERY, describe_battery(health)),
        (words.DISK, format_bytes(health.disk_free_bytes)),
        (words.SATELLITES, describe_satellites(health)),
        (words.FILES, words.FILES_OF.format(whole=overview.files_whole, files=overview.files)),
        (words.READINGS, format_count(overview.readings)),
        (words.SKIPPED, format_count(overview.skipped) if overview.skipped else None),
    )
    return live("facts", rows)
