"""Records on their way: the list by stage, one record with its proof, and files."""

from datetime import tzinfo
from typing import Final

from edge.crew import words
from edge.crew.figures import format_count, format_local, format_utc
from edge.crew.proof import NoProof, Proof
from edge.crew.sentences import WHOLE_PPM, count_files_left, describe_held, describe_rule
from edge.page.html import Html, element, join
from edge.page.layout import Page, button_link, facts, live
from edge.page.overview import MANY
from edge.page.signs import draw_sign
from edge.views import STAGES, ItemView, Overview

PAGE_ITEMS: Final = 30
"""Records on one page of the list: a second's look, and 20 kB on the wire."""
WAY: Final = ("queued", "sent", "received", "processed", "anchored")
"""The stages of a record that nobody refuses, in order."""


def show_items(
    items: tuple[ItemView, ...],
    overview: Overview,
    *,
    stage: str | None,
    zone: tzinfo | None,
    tokens: dict[str, str],
    was_read: bool = False,
) -> Page:
    """Return the list at one stage or all.

    Parameters
    ----------
    items, overview
        What is in it, and how many there are at each stage.
    stage, zone
        The stage, if one was asked for; in which times are shown.
    tokens
        By the text of the CID, for the button of each refused record that has one.
    was_read
        Whether such a button was just pressed.
    """
    rows = element("ul", (_render_row(item, zone, tokens) for item in items), class_="items")
    main = join(
        element("h1", words.STAGE_WORDS[stage] if stage else words.ITEMS),
        element("p", draw_sign("received"), words.READ_DONE, class_="say", role="status") if was_read else None,
        _render_filters(overview.counts, stage),
        live("list", rows if items else element("p", words.NO_ITEMS, class_="say")),
        _render_pager(items, f"/items?stage={stage}&" if stage else "/items?"),
    )
    return Page(words.ITEMS, main, "/items", ("live",))


def show_item(item: ItemView, *, proof: Proof | NoProof, zone: tzinfo | None, token: str) -> Page:
    """Return one record: its way, why it was refused, and the receipt to save."""
    main = join(
        element("h1", item.words),
        live("way", _render_way(item)),
        live("file", _render_share(item), _render_problem(item)) if item.size is not None else None,
        live("refusal", _render_refusal(item), _render_read(item, token) if item.stage == "refused" else None),
        element("h2", words.PROOF),
        live("proof", _render_proof(item, proof, zone)),
        live("item-facts", _render_item_facts(item, zone)),
    )
    return Page(item.words, main, "/items", ("live",))


def show_files(files: tuple[ItemView, ...], overview: Overview, *, is_left: bool, zone: tzinfo | None) -> Page:
    """Return the files and how much of each the server holds: all, or those that it does not have whole.

    Parameters
    ----------
    files, overview
        What is in the list, and how many there are.
    is_left, zone
        Whether only those still to send were asked for; in which times are shown.
    """
    rows = element("ul", (_render_file(item, zone) for item in files), class_="items")
    nothing = words.NO_ITEMS if overview.files else words.NO_FILES
    main = join(
        element("h1", words.FILES),
        _render_files_filters(overview, is_left=is_left),
        live("files", rows if files else element("p", nothing, class_="say")),
        _render_pager(files, "/files?left=1&" if is_left else "/files?"),
    )
    return Page(words.FILES, main, "/more", ("live",))


def render_time(at_ms: int, zone: tzinfo | None) -> Html:
    """Return a time in the device's zone, with UTC for who points at it."""
    return element("time", format_local(at_ms, zone), title=format_utc(at_ms))


def render_stage(stage: str) -> Html:
    """Return a stage as sign and word."""
    return element("span", draw_sign(stage), words.STAGE_WORDS[stage], class_=f"stage {stage}")


def _render_filters(counts: dict[str, int], chosen: str | None) -> Html:
    everything = (None, words.ALL, sum(counts.values()))
    choices = (everything, *((stage, words.STAGE_WORDS[stage], counts.get(stage, 0)) for stage in STAGES))
    links = (
        _render_filter(f"/items?stage={stage}" if stage else "/items", name, count, is_chosen=stage == chosen)
        for stage, name, count in choices
    )
    return live(
        "filters",
        links,
        tag="nav",
        class_="filters many" if everything[2] >= MANY else "filters",
        aria_label=words.STAGE,
    )


def _render_files_filters(overview: Overview, *, is_left: bool) -> Html:
    return live(
        "filters",
        _render_filter("/files", words.ALL, overview.files, is_chosen=not is_left),
        _render_filter("/files?left=1", words.FILES_LEFT, count_files_left(overview), is_chosen=is_left),
        tag="nav",
        class_="filters two",
        aria_label=words.FILES,
    )


def _render_filter(href: str, name: str, count: int, *, is_chosen: bool) -> Html:
    return element(
        "a",
        element("b", format_count(count)),
        element("span", name),
        href=href,
        aria_current="true" if is_chosen else None,
    )


def _render_row(item: ItemView, zone: tzinfo | None, tokens: dict[str, str]) -> Html:
    link = element(
        "a",
        render_stage(item.stage),
        element("strong", item.words),
        element("span", describe_held(item)) if item.size is not None else None,
        render_time(item.at_ms, zone),
        href=f"/item/{item.cid}",
        class_="row-link",
    )
    if item.stage != "refused":
        return element("li", link)
    token = tokens.get(str(item.cid))
    button = _render_read(item, token) if token is not None else None
    return element("li", link, _render_refusal(item), button, class_="refused")


def _render_pager(items: tuple[ItemView, ...], path: str) -> Html | None:
    """Return the way to older ones; `path` ends where a parameter may follow."""
    if len(items) < PAGE_ITEMS:
        return None
    return element("p", button_link(words.OLDER, f"{path}before={items[-1].row}"), class_="row")


def _render_way(item: ItemView) -> Html:
    reached = WAY.index(item.stage) if item.stage in WAY else WAY.index("sent")
    steps = (
        element(
            "li",
            draw_sign(stage),
            element("span", words.STAGE_WORDS[stage], class_="hidden"),
            class_="done" if place <= reached else None,
            aria_current="step" if stage == item.stage else None,
        )
        for place, stage in enumerate(WAY)
    )
    return join(
        element("ol", steps, class_="way"),
        element("p", render_stage(item.stage), " ", words.STAGE_MEANINGS[item.stage], class_="say"),
    )


def _render_refusal(item: ItemView) -> Html | None:
    if item.stage != "refused":
        return None
    reasons = facts((words.WHY, describe_rule(item.rule)), (words.WHAT_TO_DO, item.remedy or words.REMEDY_UNKNOWN))
    return element("div", reasons, class_="refusal")


def _render_read(item: ItemView, token: str) -> Html:
    return element(
        "form",
        element("input", type="hidden", name="token", value=token),
        element("button", words.READ, class_="button", aria_label=f"{words.READ_LABEL}: {item.words}"),
        method="post",
        action=f"/item/{item.cid}/read",
    )


def _render_proof(item: ItemView, proof: Proof | NoProof, zone: tzinfo | None) -> Html:
    if isinstance(proof, NoProof):
        return element("p", proof.reason, class_="say")
    said = words.PROOF_STORED if proof.verdict == "stored" else words.PROOF_REFUSED
    return join(
        element("p", said, " ", render_time(proof.at_ms, zone), element("br"), element("small", proof.signer)),
        element("p", button_link(words.SAVE_PROOF, f"/item/{item.cid}/receipt", is_main=True, download=True)),
        element("p", element("small", words.SAVE_PROOF_MORE)),
    )


def _render_item_facts(item: ItemView, zone: tzinfo | None) -> Html:
    return facts(
        (words.RECORDED, render_time(item.at_ms, zone)),
        (words.KIND, item.kind),
        (words.NUMBER, format_count(item.seq)),
        (words.TIMES_SENT, format_count(item.times_sent)),
        (words.BLOCK, format_count(item.height) if item.height is not None else None),
        (words.ANCHORED, render_time(item.anchored_ms, zone) if item.anchored_ms is not None else None),
        (words.NAME, element("code", str(item.cid))),
    )


def _render_file(item: ItemView, zone: tzinfo | None) -> Html:
    link = element(
        "a",
        render_stage(item.stage),
        element("strong", item.name or words.FILE_UNNAMED),
        _render_share(item),
        render_time(item.at_ms, zone),
        href=f"/item/{item.cid}",
        class_="row-link",
    )
    return element("li", link, _render_problem(item), class_="refused" if item.problem else None)


def _render_share(item: ItemView) -> Html:
    label = f"{item.name or words.FILE_UNNAMED}: {words.SERVER}"
    share = element("progress", max=WHOLE_PPM, value=item.held_ppm or 0, aria_label=label)
    return join(share, element("span", describe_held(item)))


def _render_problem(item: ItemView) -> Html | None:
    if item.problem is None:
        return None
    return element("p", draw_sign("refused"), item.problem, class_="problem")
