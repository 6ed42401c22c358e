"""From what a person typed to a `domain.readings.Visit`, or for each field why not."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Final, TypeVar

from domain.codes import parse_code
from domain.errors import InvalidTreeCode, WrongCheckSymbol
from domain.quantities import ID_PATTERN
from domain.readings import Visit
from domain.records.frame import Area, SpeciesName
from edge.crew import words
from edge.crew.errors import InvalidEntry
from edge.views import FrameView

FIELDS: Final[tuple[str, ...]] = (
    "tree", "plot", "species", "other_species", "status", "diameter", "diameter_unit", "at_height", "height",
    "damage", "damage_percent", "remark", "sure",
)  # fmt: skip
"""Names of what may be typed or ticked, in the order asked; a field that is left empty is unknown."""
START: Final = {"diameter_unit": "cm", "at_height": "1.30"}
"""What stands in a crew's first form: foresters measure at breast height."""
KEPT: Final[tuple[str, ...]] = ("plot", "diameter_unit", "at_height")
"""What the next form has as last typed: it changes from stand to stand, not from tree to tree."""
UNITS: Final = {"cm": 10, "mm": 1}
"""Units of a diameter, in millimetres."""
LIKELY_DIAMETER_MM: Final = 3_000
"""Above this a wrong unit is likelier than the tree; a second look is asked for, nothing is forbidden."""
LIKELY_HEIGHT_MM: Final = 75_000
"""Above this a slip of the point is likelier than the tree; few places on Earth have taller ones."""

_BREAST_HEIGHT_MM: Final = 1_300
_MAX_DIAMETER_MM: Final = 20_000
_MAX_HEIGHT_MM: Final = 200_000
_MAX_PERCENT: Final = 100
_PPM_PERCENT: Final = 10_000
_METRE_MM: Final = 1_000
_MAX_NAME: Final = 200
_MAX_REMARK: Final = 1_000
_MAX_NUMBER: Final = 12
"""Characters of a number; 20,000 mm with three places has nine."""
_SHOWN_NAMES: Final = 4
"""Species named when what was typed fits several."""

_SHOWN_GIVEN: Final = 40
"""Characters of what was typed that a fault repeats."""
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters but the line break, and halves of surrogate pairs, which no encoding writes."""

_T = TypeVar("_T")


class _FieldFault(Exception):
    """One field is wrong."""


class _UnlikelyFault(_FieldFault):
    """One field is possible, but likely a slip."""


class _Form:
    """Reads fields one by one and keeps every fault, so that the crew sees all of them at once."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        self.faults: dict[str, str] = {}
        self.is_unlikely = False

    def text(self, name: str) -> str:
        lines = self._given.get(name, "").replace("\r\n", "\n").strip()
        return _CONTROL.sub(" ", lines)

    def take(self, name: str, read: Callable[[str], _T]) -> _T | None:
        text = self.text(name)
        if not text:
            return None
        try:
            return read(text)
        except _FieldFault as fault:
            self.faults[name] = str(fault)
            self.is_unlikely |= isinstance(fault, _UnlikelyFault)
            return None


def begin_form(last: Mapping[str, str]) -> dict[str, str]:
    """Return what stands in a new form, after the one that was saved last; an empty one before the first.

    Examples
    --------
    >>> begin_form({"plot": "p-02", "height": "24.1", "at_height": "0.30"})
    {'diameter_unit': 'cm', 'at_height': '0.30', 'plot': 'p-02'}
    """
    return START | {name: last[name] for name in KEPT if name in last}


def is_off_breast_height(given: Mapping[str, str]) -> bool:
    """Tell whether a form measures elsewhere than at breast height, which the crew is reminded of.

    Examples
    --------
    >>> is_off_breast_height({"at_height": "1,3"}), is_off_breast_height({"at_height": "0.30"})
    (False, True)
    """
    text = given.get("at_height", "").strip()
    try:
        return bool(text) and _read_at_height(text) != _BREAST_HEIGHT_MM
    except _FieldFault:
        return False


def read_visit(given: Mapping[str, str], frames: FrameView, *, campaign: str, mono_ms: int) -> Visit:
    """Return the visit that was typed.

    Parameters
    ----------
    given
        Texts by the names of `FIELDS`; names that are missing are empty.
    frames
        Plots and species lists to choose from.
    campaign
        Whose species list counts.
    mono_ms
        Monotonic clock of the device, for the reading.

    Raises
    ------
    InvalidEntry
        When something is wrong; it holds every fault, by field.

    Examples
    --------
    >>> read_visit({"diameter": "32,5", "diameter_unit": "cm"}, FrameView(), campaign="ridge", mono_ms=1).diameter_mm
    325
    """
    form = _Form(given)
    is_sure = bool(form.text("sure"))
    known = list_species(frames, campaign)
    species = form.take("species", partial(_read_species, known=known, is_other=bool(form.text("other_species"))))
    diameter = form.take("diameter", partial(_read_diameter, unit=form.text("diameter_unit"), is_sure=is_sure))
    at_height = form.take("at_height", _read_at_height)
    visit = Visit(
        mono_ms,
        tree=form.take("tree", _read_tree),
        plot=form.take("plot", partial(_read_plot, plots=list_plots(frames))),
        species=species.name if species else None,
        species_code=species.code or None if species else None,
        status=form.take("status", _read_status),
        diameter_mm=diameter,
        at_height_mm=at_height if diameter is not None else None,
        height_mm=form.take("height", partial(_read_height, is_sure=is_sure)),
        damage_agent=form.take("damage", partial(_read_text, most=_MAX_NAME)),
        damage_ppm=form.take("damage_percent", _read_percent),
        remark=form.take("remark", partial(_read_text, most=_MAX_REMARK)),
    )
    if not form.faults and not _says_something(visit):
        form.faults[""] = words.NOTHING_TYPED
    if form.faults:
        raise InvalidEntry(form.faults, is_unlikely=form.is_unlikely)
    return visit


def list_species(frames: FrameView, campaign: str) -> tuple[SpeciesName, ...]:
    """Return the species to choose from: the campaign's own lists if there are any, else those for all."""
    own = [one for one in frames.species if one.campaign == campaign]
    chosen = own or [one for one in frames.species if one.campaign is None]
    found: dict[str, SpeciesName] = {}
    for one in chosen:
        for species in one.species:
            found.setdefault(species.code, species)
    return tuple(found.values())


def list_plots(frames: FrameView) -> tuple[Area, ...]:
    """Return the plots to choose from, by name."""
    return tuple(sorted((area for area in frames.areas if area.use == "plot"), key=lambda area: area.area))


def format_species(species: SpeciesName) -> str:
    """Return a species as it is offered: common name, scientific name and code in one text, which reads back.

    Examples
    --------
    >>> format_species(SpeciesName("FI", "Picea abies", "Fichte")), format_species(SpeciesName("BU", "Fagus sylvatica"))
    ('Fichte · Picea abies · FI', 'Fagus sylvatica · BU')
    """
    return " · ".join(part for part in (species.common, species.name, species.code) if part)


def find_species(text: str, known: tuple[SpeciesName, ...]) -> tuple[SpeciesName, ...]:
    """Return the species that a text means: one by code or full name, else all in whose name it is found.

    Examples
    --------
    >>> [one.code for one in find_species("abies", (SpeciesName("FI", "Picea abies"), SpeciesName("TA", "Abies alba")))]
    ['FI', 'TA']
    """
    wanted = _fold(text)
    for spell in (_spell_code, _spell_names):
        same = tuple(one for one in known if wanted in spell(one))
        if same:
            return same
    return tuple(one for one in known if wanted in _fold(format_species(one)))


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())


def _spell_code(species: SpeciesName) -> tuple[str, ...]:
    return (_fold(species.code), _fold(format_species(species)))


def _spell_names(species: SpeciesName) -> tuple[str, ...]:
    return (_fold(species.name), _fold(species.common or species.name))


def _says_something(visit: Visit) -> bool:
    said = (visit.species, visit.species_code, visit.status, visit.damage_agent, visit.remark)
    measured = (visit.diameter_mm, visit.height_mm, visit.damage_ppm)
    return any(said) or any(figure is not None for figure in measured)


def _read_tree(text: str) -> str:
    try:
        return parse_code(text)
    except WrongCheckSymbol as error:
        raise _FieldFault(words.BAD_CHECK) from error
    except InvalidTreeCode as error:
        raise _FieldFault(words.BAD_CODE) from error


def _read_plot(text: str, *, plots: tuple[Area, ...]) -> str:
    name = text.lower()
    is_id = re.fullmatch(ID_PATTERN, name) is not None
    if not is_id or (plots and name not in {plot.area for plot in plots}):
        raise _FieldFault(words.BAD_PLOT)
    return name


def _read_species(text: str, *, known: tuple[SpeciesName, ...], is_other: bool) -> SpeciesName:
    """Return the species meant; its code is empty where it is none of the list's."""
    found = find_species(text, known)
    if len(found) == 1 and not is_other:
        return found[0]
    if is_other or not known:
        return SpeciesName("", _read_text(text, most=_MAX_NAME))
    if not found:
        raise _FieldFault(words.BAD_SPECIES.format(given=text[:_SHOWN_GIVEN]))
    names = ", ".join(one.common or one.name for one in found[:_SHOWN_NAMES]) + ("…" if found[_SHOWN_NAMES:] else "")
    raise _FieldFault(words.BAD_SPECIES_MANY.format(given=text[:_SHOWN_GIVEN], names=names))


def _read_status(text: str) -> str:
    if text not in words.STATUS_WORDS:
        raise _FieldFault(words.BAD_STATUS)
    return text


def _read_diameter(text: str, *, unit: str, is_sure: bool) -> int:
    if unit not in UNITS:
        raise _FieldFault(words.NO_UNIT)
    diameter_mm = _read_length(text, UNITS[unit])
    if not 1 <= diameter_mm <= _MAX_DIAMETER_MM:
        raise _FieldFault(words.BAD_DIAMETER)
    if diameter_mm > LIKELY_DIAMETER_MM and not is_sure:
        raise _UnlikelyFault(words.UNLIKELY_DIAMETER.format(given=f"{text} {unit}", sure=words.FIELD_SURE))
    return diameter_mm


def _read_at_height(text: str) -> int:
    at_height_mm = _read_length(text, _METRE_MM)
    if not 0 <= at_height_mm <= _MAX_HEIGHT_MM:
        raise _FieldFault(words.BAD_AT_HEIGHT)
    return at_height_mm


def _read_height(text: str, *, is_sure: bool) -> int:
    height_mm = _read_length(text, _METRE_MM)
    if not 0 <= height_mm <= _MAX_HEIGHT_MM:
        raise _FieldFault(words.BAD_HEIGHT)
    if height_mm > LIKELY_HEIGHT_MM and not is_sure:
        raise _UnlikelyFault(words.UNLIKELY_HEIGHT.format(given=f"{text} {words.METRES}", sure=words.FIELD_SURE))
    return height_mm


def _read_percent(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise _FieldFault(words.BAD_WHOLE.format(given=text[:_SHOWN_GIVEN]))
    if int(text) > _MAX_PERCENT:
        raise _FieldFault(words.BAD_PERCENT)
    return int(text) * _PPM_PERCENT


def _read_text(text: str, *, most: int) -> str:
    if len(text) > most:
        raise _FieldFault(words.TOO_LONG.format(most=most, count=len(text)))
    return text


def _read_length(text: str, unit_mm: int) -> int:
    """Return millimetres; a comma is a point, and nothing is rounded in silence."""
    number = text.replace(",", ".")
    if len(number) > _MAX_NUMBER or not re.fullmatch(r"[+-]?[0-9]+(\.[0-9]*)?|[+-]?\.[0-9]+", number):
        raise _FieldFault(words.BAD_NUMBER.format(given=text[:_SHOWN_GIVEN]))
    length_mm = Decimal(number) * unit_mm
    if length_mm != length_mm.to_integral_value():
        raise _FieldFault(words.BAD_STEP.format(given=text))
    return int(length_mm)
