"""The first page: may we go home, what must be done, and how everything stands."""

from typing import Final

from edge.crew import words
from edge.crew.figures import format_bytes, format_count
from edge.crew.sentences import (
    describe_battery,
    describe_budget,
    describe_refused,
    describe_satellites,
    describe_server,
    describe_state,
)
from edge.page.html import Html, element, join
from edge.page.layout import Page, facts, live
from edge.page.signs import draw_sign
from edge.views import STAGES, HealthView, Overview

MANY: Final = 1_000
"""From here on a count is too wide for a third of a small telephone, and the tiles become fewer to a row."""


def show_overview(overview: Overview) -> Page:
    """Return the first page."""
    main = join(
        _render_alarms(overview.health),
        _render_verdict(overview),
        element("h2", words.STAGES_TITLE),
        _render_stages(overview.counts),
        element("h2", words.DEVICE_TITLE),
        _render_facts(overview),
    )
    return Page(words.NOW, main, "/", ("live",))


def _render_alarms(health: HealthView) -> Html:
    if not health.alarms:
        return live("alarms")
    alarms = element("ul", (element("li", alarm) for alarm in health.alarms))
    return live("alarms", element("h2", draw_sign("refused"), words.ALARMS), alarms, class_="alarms", role="alert")


def _render_verdict(overview: Overview) -> Html:
    text, more, is_safe = describe_state(overview)
    refused = overview.counts.get("refused", 0)
    return live(
        "verdict",
        element("h1", draw_sign("received" if is_safe else "queued"), text),
        element("p", more),
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
