"""What came down from the organisation, and the ways that are walked rarely."""

from datetime import tzinfo

from domain.records.frame import Area, Campaign, SpeciesList
from edge.crew import words
from edge.crew.figures import format_count
from edge.page.html import Child, Html, element, join
from edge.page.items import render_time
from edge.page.layout import Page, button_link, facts
from edge.page.signs import draw_sign
from edge.views import FrameView, Overview


def show_more(overview: Overview, *, theme: str, token: str) -> Page:
    """Return the ways to the rest: files, campaigns, all receipts, colours, and which device this is."""
    other, label = ("day", words.DAY) if theme == "night" else ("night", words.NIGHT)
    colours = element(
        "form",
        element("input", type="hidden", name="token", value=token),
        element("button", label, class_="button", name="theme", value=other),
        method="post",
        action="/theme",
    )
    main = join(
        element("h1", words.MORE),
        element("p", button_link(words.SAVE_ALL, "/receipts", is_main=True, download=True)),
        element("p", element("small", words.SAVE_ALL_MORE)),
        element("p", button_link(words.FILES, "/files")),
        element("p", button_link(words.CAMPAIGNS, "/campaigns")),
        colours,
        element("h2", words.DEVICE_TITLE),
        facts(
            (words.ORGANISATION, overview.org),
            (words.DEVICE, overview.device),
            (words.CAMPAIGN, overview.campaign),
            (words.BROKER, overview.link.broker),
            (words.CONNECTIONS, format_count(overview.link.connections)),
        ),
    )
    return Page(words.MORE, main, "/more")


def show_campaigns(frames: FrameView, *, current: str, zone: tzinfo | None) -> Page:
    """Return campaigns, plots and species lists; the campaign measured for comes first."""
    campaigns = sorted(frames.campaigns, key=lambda one: (one.campaign != current, one.campaign))
    areas = sorted(frames.areas, key=lambda one: (one.use, one.area))
    main = join(
        element("h1", words.CAMPAIGNS),
        _list((_render_campaign(one, current, zone) for one in campaigns), words.NO_CAMPAIGNS, bool(campaigns)),
        element("h2", words.AREAS),
        _list((_render_area(one) for one in areas), words.NO_AREAS, bool(areas)),
        element("h2", words.SPECIES_LISTS),
        _list((_render_species(one, zone) for one in frames.species), words.NO_AREAS, bool(frames.species)),
    )
    return Page(words.CAMPAIGNS, main, "/more")


def _list(rows: Child, nothing: str, has_rows: bool) -> Html:  # noqa: FBT001 - internal, named at each call
    return element("ul", rows, class_="items plain") if has_rows else element("p", nothing, class_="say")


def _render_campaign(campaign: Campaign, current: str, zone: tzinfo | None) -> Html:
    is_current = campaign.campaign == current
    ends = render_time(campaign.ends_ms, zone) if campaign.ends_ms is not None else words.OPEN_END
    return element(
        "li",
        element("strong", campaign.title),
        element("span", draw_sign("received"), words.THIS_CAMPAIGN, class_="stage") if is_current else None,
        facts(
            (words.CAMPAIGN, campaign.campaign),
            (words.METHOD, campaign.method),
            (words.STARTS, render_time(campaign.starts_ms, zone)),
            (words.ENDS, ends),
            (words.CREW, ", ".join(campaign.crew) if campaign.crew else None),
        ),
        class_="current" if is_current else None,
    )


def _render_area(area: Area) -> Html:
    return element("li", element("strong", area.area), element("span", words.AREA_USES[area.use]))


def _render_species(species: SpeciesList, zone: tzinfo | None) -> Html:
    count = words.SPECIES_COUNT.format(count=format_count(len(species.species)))
    return element("li", element("strong", species.title), element("span", count), render_time(species.at_ms, zone))
