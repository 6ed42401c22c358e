"""A tree record as people read it: figures with unit, own and shared error, and model."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from domain.records.measured import is_stem_measured
from domain.records.result import Estimate, Position, Tree

_CENTIMETRES_MM: Final = 10
_METRES_MM: Final = 1_000
_THOUSAND: Final = 1_000
_PERCENT_PPM: Final = 10_000


@dataclass(frozen=True, slots=True)
class Figure:
    """One quantity, ready to print.

    Attributes
    ----------
    name, unit
        What, in which unit.
    value
        The estimate, decimal text.
    error
        Standard error, own and shared together (root of the sum of squares).
    own_error, shared_error
        Its two parts; the shared one does not average out over a stand.
    model
        Equation or measurement that gave it.
    note
        What a reader must know beside it; may be empty.
    """

    name: str
    unit: str
    value: str
    error: str
    own_error: str
    shared_error: str
    model: str
    note: str = ""


def make_figures(tree: Tree) -> tuple[Figure, ...]:
    """Return the tree's figures that its record holds, in the order of a forester's sheet."""
    stems = tuple(
        _figure("Stem diameter", "cm", stem.diameter_mm, _CENTIMETRES_MM, digits=1) for stem in tree.stems or ()
    )
    notes = tuple(f"over bark, {stem.at_height_mm / _METRES_MM:.2f} m above the ground" for stem in tree.stems or ())
    crown = tree.crown
    optional = (
        _tell_height(tree),
        _noted(_optional("Lean", "°", tree.lean_mdeg, _THOUSAND, digits=1), "of the stem, from the vertical"),
        _optional("Crown diameter", "m", crown.diameter_mm if crown else None, _METRES_MM, digits=2),
        *(_noted(stem, note) for stem, note in zip(stems, notes, strict=True)),
        _noted(_optional("Stem volume", "m³", tree.volume_dm3, _THOUSAND, digits=2), ""),
        _noted(_optional("Biomass", "kg", tree.biomass_g, _THOUSAND, digits=0), "dry, above the ground"),
        _noted(_optional("Carbon", "kg", tree.carbon_g, _THOUSAND, digits=0), "above and below the ground"),
    )
    return tuple(figure for figure in optional if figure is not None)


def make_earlier(tree: Tree, before: Sequence[tuple[int, Tree]]) -> tuple[Figure, ...]:
    """Return what earlier records measured and the tree's newest one only bounds or models.

    Parameters
    ----------
    tree
        The newest record.
    before
        When the evidence of each earlier one was taken, and the record; newest first.
    """
    found: list[Figure] = []
    if tree.height_mm is None or tree.is_top_hidden:
        seen = next(((at_ms, one) for at_ms, one in before if one.height_mm and not one.is_top_hidden), None)
        if seen is not None:
            height = _optional("Height", "m", seen[1].height_mm, _METRES_MM, digits=2)
            found += [one for one in [_noted(height, f"last seen on {format_day(seen[0])}")] if one is not None]
    if not is_stem_measured(tree):
        measured = next(((at_ms, one) for at_ms, one in before if is_stem_measured(one)), None)
        for stem in measured[1].stems or () if measured else ():
            figure = _figure("Stem diameter", "cm", stem.diameter_mm, _CENTIMETRES_MM, digits=1)
            day = format_day(measured[0]) if measured else ""
            where = f"{stem.at_height_mm / _METRES_MM:.2f} m above the ground"
            found += [one for one in [_noted(figure, f"measured on {day}, {where}")] if one is not None]
    return tuple(found)


def format_position(position: Position) -> tuple[tuple[str, str], ...]:
    """Return the position as pairs of label and text, native coordinates first."""
    pairs: list[tuple[str, str]] = [("Located", "apex" if position.of == "apex" else "foot of the stem")]
    if position.x_mm is not None and position.y_mm is not None:
        pairs.append(("Easting, northing", f"{position.x_mm / 1e3:.2f}, {position.y_mm / 1e3:.2f} m"))
    if position.lon_nd is not None and position.lat_nd is not None:
        pairs.append(("Longitude, latitude", f"{position.lon_nd / 1e9:.7f}°, {position.lat_nd / 1e9:.7f}° (WGS 84)"))
    pairs.append(("Standard error", f"± {position.error_mm / 1e3:.2f} m, horizontal"))
    pairs.append(("Reference system", position.crs))
    if position.elevation_mm is not None:
        datum = position.vertical or "unstated"
        pairs.append(("Ground elevation", f"{position.elevation_mm / 1e3:.2f} m (vertical datum: {datum})"))
    if position.operation is not None:
        pairs.append(("Derived by", position.operation))
    return tuple(pairs)


def format_time(at_ms: int) -> str:
    """Return a UTC time to the second.

    Examples
    --------
    >>> format_time(1_790_000_000_000)
    '2026-09-21 14:13:20 UTC'
    """
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def format_day(at_ms: int) -> str:
    """Return the UTC day of a time.

    Examples
    --------
    >>> format_day(1_790_000_000_000)
    '2026-09-21'
    """
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d")


def format_percent(ppm: int) -> str:
    """Return a share as people say it; nothing is certain.

    Examples
    --------
    >>> format_percent(615_000), format_percent(999_990)
    ('62 %', 'over 99 %')
    """
    if ppm > 99 * _PERCENT_PPM:
        return "over 99 %"
    return "under 1 %" if ppm < _PERCENT_PPM else f"{ppm / _PERCENT_PPM:.0f} %"


def format_count(number: int) -> str:
    """Return a whole number with thin spaces between its thousands."""
    return f"{number:,}".replace(",", "\u202f")


def _figure(name: str, unit: str, estimate: Estimate, divisor: int, *, digits: int) -> Figure:
    own, shared = estimate.own_error / divisor, estimate.shared_error / divisor
    texts = (f"{number:.{digits}f}" for number in (estimate.value / divisor, math.hypot(own, shared), own, shared))
    value, error, own_error, shared_error = texts
    return Figure(name, unit, value, error, own_error, shared_error, estimate.model)


def _optional(name: str, unit: str, estimate: Estimate | None, divisor: int, *, digits: int) -> Figure | None:
    return None if estimate is None else _figure(name, unit, estimate, divisor, digits=digits)


def _tell_height(tree: Tree) -> Figure | None:
    """Return the height; a lower bound has no error of its own to print."""
    height = _optional("Height", "m", tree.height_mm, _METRES_MM, digits=2)
    if height is None or not tree.is_top_hidden:
        return height
    return replace(
        height, value=f"over {height.value}", error="", own_error="", shared_error="", note="its top is hidden"
    )


def _noted(figure: Figure | None, note: str) -> Figure | None:
    if figure is None:
        return None
    texts = (figure.name, figure.unit, figure.value, figure.error, figure.own_error, figure.shared_error)
    return Figure(*texts, figure.model, note)
