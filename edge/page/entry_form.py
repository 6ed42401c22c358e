"""The form for a visit to a tree: few words, large targets, each fault beside its field, nothing typed ever lost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from domain.cid import Cid
from domain.records.frame import Area, SpeciesName
from edge.crew import words
from edge.crew.entry import UNITS, format_species, is_off_breast_height
from edge.page.html import Child, Html, element, join
from edge.page.layout import Page
from edge.page.signs import draw_sign

_MAX_REMARK: Final = "1000"
_MAX_TEXT: Final = "200"


@dataclass(frozen=True, slots=True)
class Saved:
    """What the form before this one became.

    Attributes
    ----------
    cid, words
        The record's name, and what is in it.
    """

    cid: Cid
    words: str


@dataclass(frozen=True, slots=True)
class EntryState:
    """What stands in the form.

    Attributes
    ----------
    token
        Of this form.
    given
        What was typed, by the names of `edge.crew.entry.FIELDS`.
    faults
        What is wrong with it, by the same names; under ``""`` of the whole.
    asks_sure
        Whether a figure is so unlikely that the crew is asked to tick that it is right.
    plots, species
        To choose from.
    saved
        What the form before this one became.
    """

    token: str
    given: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    asks_sure: bool = False
    plots: tuple[Area, ...] = ()
    species: tuple[SpeciesName, ...] = ()
    saved: Saved | None = None


def show_entry(state: EntryState) -> Page:
    """Return the page with the form."""
    form = element(
        "form",
        element("input", type="hidden", name="token", value=state.token),
        _render_fields(state),
        element("button", words.SAVE, class_="button main save"),
        method="post",
        action="/enter",
        id="entry",
        novalidate=True,
        autocomplete="off",
        data_kept=bool(state.faults),
    )
    main = join(element("h1", words.ENTER_TITLE), _render_saved(state.saved), _render_faults(state.faults), form)
    return Page(words.ENTER_TITLE, main, "/enter", ("entry", "scan"))


def _render_fields(state: EntryState) -> Html:
    return join(
        _render_tree(state),
        _render_plot(state),
        _render_species(state),
        _render_status(state),
        _render_diameter(state),
        _field(state, "height", words.FIELD_HEIGHT, _with_unit(_number(state, "height"), words.METRES)),
        _render_sure(state),
        _field(state, "damage", words.FIELD_DAMAGE, _render_damage(state), hint=words.HINT_DAMAGE),
        _field(
            state,
            "damage_percent",
            words.FIELD_DAMAGE_PERCENT,
            _with_unit(_number(state, "damage_percent", inputmode="numeric"), words.PERCENT),
        ),
        _field(state, "remark", words.FIELD_REMARK, _render_remark(state)),
    )


def _render_saved(saved: Saved | None) -> Html | None:
    if saved is None:
        return None
    return element(
        "div",
        element("p", draw_sign("received"), words.SAVED.format(words=saved.words)),
        element("a", words.SAVED_SEE, href=f"/item/{saved.cid}", class_="button"),
        id="saved",
        class_="verdict safe",
        role="status",
        data_saved=True,
    )


def _render_faults(faults: Mapping[str, str]) -> Html | None:
    if not faults:
        return None
    return element(
        "div",
        element("h2", draw_sign("refused"), words.NOT_SAVED),
        element("p", faults.get("") or words.NOT_SAVED_MORE),
        id="faults",
        class_="alarms",
        role="alert",
        tabindex="-1",
    )


def _field(state: EntryState, name: str, label: str, control: Html, *, hint: str | None = None) -> Html:
    fault = state.faults.get(name)
    return element(
        "div",
        element("label", label, for_=f"f-{name}"),
        element("p", hint, id=f"h-{name}", class_="hint") if hint else None,
        _render_fault(name, fault),
        control,
        class_="field bad" if fault else "field",
    )


def _render_fault(name: str, fault: str | None) -> Html | None:
    return element("p", draw_sign("refused"), fault, id=f"e-{name}", class_="fault") if fault else None


def _input(state: EntryState, name: str, *, has_hint: bool = False, **attributes: str | None) -> Html:
    return element(
        "input",
        **{"type": "text", "enterkeyhint": "next", "maxlength": _MAX_TEXT, **attributes},
        id=f"f-{name}",
        name=name,
        value=state.given.get(name, ""),
        autocomplete="off",
        spellcheck="false",
        **_described(state, name, has_hint=has_hint),
    )


def _described(state: EntryState, name: str, *, has_hint: bool = False) -> dict[str, str | None]:
    is_bad = name in state.faults
    told = [f"e-{name}"] * is_bad + [f"h-{name}"] * has_hint
    return {"aria_describedby": " ".join(told) or None, "aria_invalid": "true" if is_bad else None}


def _number(state: EntryState, name: str, *, inputmode: str = "decimal", has_hint: bool = False) -> Html:
    return _input(state, name, has_hint=has_hint, inputmode=inputmode, maxlength="12", class_="number")


def _with_unit(control: Html, unit: str) -> Html:
    return element("div", control, element("span", unit, class_="unit"), class_="measure")


def _render_tree(state: EntryState) -> Html:
    control = _input(state, "tree", has_hint=True, class_="code", autocapitalize="characters")
    return _field(state, "tree", words.FIELD_TREE, join(control, render_photo("f-tree")), hint=words.HINT_TREE)


def render_photo(target: str) -> Html:
    """Return the button that takes a photo of a label and puts its code into the input `target`; needs the script."""
    # Browsers give no live camera to a page without TLS; the telephone's own camera app takes the picture instead.
    picker = element("input", type="file", accept="image/*", capture="environment", class_="over", id="photo")
    return element(
        "div",
        element("label", picker, draw_sign("camera"), words.SCAN, class_="button photo"),
        element("p", id="photo-said", role="status", class_="hint"),
        class_="scan",
        hidden=True,
        data_target=target,
        data_busy=words.SCAN_BUSY,
        data_nothing=words.SCAN_NOTHING,
        data_unreadable=words.SCAN_UNREADABLE,
    )


def _render_plot(state: EntryState) -> Html:
    if not state.plots:
        return _field(state, "plot", words.FIELD_PLOT, _input(state, "plot", autocapitalize="none", maxlength="32"))
    given = state.given.get("plot", "")
    names = [plot.area for plot in state.plots]
    # A plot that is not in the list (an old draft) stays to be seen beside its fault.
    strange = [given] if given and given not in names else []
    options = (
        element("option", name or words.NO_PLOT, value=name, selected=name == given) for name in ["", *strange, *names]
    )
    control = element("select", options, id="f-plot", name="plot", **_described(state, "plot"))
    return _field(state, "plot", words.FIELD_PLOT, control)


def _render_species(state: EntryState) -> Html:
    control = _input(
        state, "species", has_hint=True, list="species-list" if state.species else None, autocapitalize="none"
    )
    if not state.species:
        return _field(state, "species", words.FIELD_SPECIES, control, hint=words.HINT_SPECIES_FREE)
    options = element(
        "datalist", (element("option", value=format_species(one)) for one in state.species), id="species-list"
    )
    picks = element("div", id="picks", class_="picks", aria_live="polite")
    is_other = bool(state.given.get("other_species"))
    tick = (
        _tick("other_species", words.OTHER_SPECIES, is_on=is_other) if is_other or "species" in state.faults else None
    )
    return _field(state, "species", words.FIELD_SPECIES, join(control, options, picks, tick), hint=words.HINT_SPECIES)


def _tick(name: str, label: str, *, is_on: bool) -> Html:
    box = element("input", type="checkbox", id=f"f-{name}", name=name, value="1", checked=is_on)
    return element("label", box, element("span", label), class_="tick")


def _choice(state: EntryState, name: str, value: str, label: str) -> Html:
    box = element("input", type="radio", name=name, value=value, checked=state.given.get(name) == value)
    return element("label", box, element("span", label), class_="choice")


def _choices(legend: Child, choices: list[Html], fault: Html | None = None, *, kind: str) -> Html:
    return element("fieldset", element("legend", legend), fault, element("div", choices, class_="choices"), class_=kind)


def _render_status(state: EntryState) -> Html:
    choices = [_choice(state, "status", value, label) for value, label in words.STATUS_WORDS.items()]
    fault = _render_fault("status", state.faults.get("status"))
    return _choices(words.FIELD_STATUS, choices, fault, kind="field bad" if fault else "field")


def _render_diameter(state: EntryState) -> Html:
    units = element(
        "fieldset",
        element("legend", words.UNIT, class_="hidden"),
        (_choice(state, "diameter_unit", unit, unit) for unit in UNITS),
        class_="units",
    )
    diameter = element("div", _number(state, "diameter"), units, class_="measure")
    hint = words.OFF_BREAST_HEIGHT if is_off_breast_height(state.given) else None
    at_height = _with_unit(_number(state, "at_height", has_hint=hint is not None), words.METRES)
    return join(
        _field(state, "diameter", words.FIELD_DIAMETER, diameter),
        _field(state, "at_height", words.FIELD_AT_HEIGHT, at_height, hint=hint),
    )


def _render_sure(state: EntryState) -> Html | None:
    """Return the tick for unlikely figures, once one was given."""
    is_sure = bool(state.given.get("sure"))
    if not is_sure and not state.asks_sure:
        return None
    return _tick("sure", words.FIELD_SURE, is_on=is_sure)


def _render_damage(state: EntryState) -> Html:
    options = element("datalist", (element("option", value=agent) for agent in words.DAMAGE_AGENTS), id="damage-list")
    return join(_input(state, "damage", has_hint=True, list="damage-list", autocapitalize="none"), options)


def _render_remark(state: EntryState) -> Html:
    return element(
        "textarea",
        # HTML drops a line break that directly follows the start tag; one of the crew's own must not be that one.
        "\n" + state.given.get("remark", ""),
        id="f-remark",
        name="remark",
        rows="3",
        maxlength=_MAX_REMARK,
        **_described(state, "remark"),
    )
