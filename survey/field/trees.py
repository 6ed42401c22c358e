"""The trees of a crew's day: what each visit measured, in one value."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

from domain.cid import Cid
from domain.readings import Photo, Reading, StemDiameter, Visit
from domain.records.field import Observation
from survey.errors import InvalidParameter
from survey.field.measure import FieldHeight, FieldStem, measure_height, measure_stems
from survey.field.place import FieldPlace, PlaceSettings, locate_tree
from survey.field.visits import Grouped, Heard, TreeVisit, group_readings

BREAST_HEIGHTS_MM: Final = (1_200, 1_300, 1_370, 1_400)
"""Where diameters are taken: Japan, most of the world, North America, New Zealand."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class FieldSettings:
    """How readings become trees.

    Attributes
    ----------
    place
        How places follow.
    breast_height_mm
        Where the campaign's method takes diameters, for readings that do not say: 1200, 1300, 1370 or 1400.
    """

    place: PlaceSettings
    breast_height_mm: int = 1_300


@dataclass(frozen=True, slots=True)
class FieldTree:
    """One tree as a crew measured it.

    Attributes
    ----------
    key
        The first reading's record and index; unique in a campaign.
    label
        The code on its label; absent where it has none yet.
    evidence
        Observation record and index of each reading, in the order of time; a new tree's code comes from the first.
    plot
        Within which it stands.
    place
        Of the stem's foot; absent where nothing tells it.
    height
        Absent where nobody measured it.
    stems
        Diameters by height on the stem, lowest first; may be none.
    species, species_code
        Scientific name, and its code in a list.
    status
        As entered; alive where nobody said otherwise.
    damage_agent, damage_ppm
        What harmed it, and how much of it.
    photos
        UnixFS roots.
    remarks
        In the crew's words.
    warnings
        What a reader must know, all measurements' together.
    """

    key: str
    label: str | None
    evidence: tuple[tuple[Cid, int], ...]
    plot: str | None
    place: FieldPlace | None
    height: FieldHeight | None
    stems: tuple[FieldStem, ...]
    species: str | None
    species_code: str | None
    status: str
    damage_agent: str | None
    damage_ppm: int | None
    photos: tuple[Cid, ...]
    remarks: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FieldTrees:
    """A campaign's trees measured on foot.

    Attributes
    ----------
    trees
        By device and time; a tree that two devices measured stands twice, under one label.
    strays
        Measurements that belong to no tree.
    """

    trees: tuple[FieldTree, ...]
    strays: tuple[Heard, ...]


def build_field_trees(observations: Iterable[tuple[Cid, Observation]], settings: FieldSettings) -> FieldTrees:
    """Return the trees that crews measured.

    Parameters
    ----------
    observations
        A campaign's records with their CIDs, in any order.
    settings
        How readings become trees.

    Raises
    ------
    DoubledEvidence
        When an observation is given twice.
    InvalidParameter
        When the height of diameters is none that a method uses.
    """
    if settings.breast_height_mm not in BREAST_HEIGHTS_MM:
        known = ", ".join(str(one) for one in BREAST_HEIGHTS_MM)
        raise InvalidParameter("breast_height_mm", settings.breast_height_mm, f"it must be one of {known}")
    grouped: Grouped = group_readings(observations)
    return FieldTrees(tuple(build_field_tree(visit, settings) for visit in grouped.visits), grouped.strays)


def build_field_tree(visit: TreeVisit, settings: FieldSettings) -> FieldTree:
    """Return the tree of one visit; of what was entered twice, the later counts."""
    readings: list[Reading] = [one.reading for one in visit.heard]
    entered = visit.visits
    place = locate_tree(visit.heard, settings.place)
    height = measure_height(readings)
    stems = measure_stems(readings, settings.breast_height_mm)
    warnings = [warning for part in (place, height, *stems) if part is not None for warning in part.warnings]
    if place is None:
        warnings.append("no reading tells where it stands")
    first = next(one for one in visit.heard if not one.is_shared)
    return FieldTree(
        key=f"{first.record}:{first.index}",
        label=visit.label,
        evidence=tuple((one.record, one.index) for one in visit.heard if not one.is_shared),
        plot=_last(one.plot for one in entered),
        place=place,
        height=height,
        stems=stems,
        species=_last(one.species for one in entered),
        species_code=_last(one.species_code for one in readings if isinstance(one, StemDiameter | Visit)),
        status=_last(one.status for one in entered) or "alive",
        damage_agent=_last(one.damage_agent for one in entered),
        damage_ppm=_last(one.damage_ppm for one in entered),
        photos=tuple(one.root for one in readings if isinstance(one, Photo)),
        remarks=tuple(one.remark for one in entered if one.remark is not None),
        warnings=tuple(warnings),
    )


def _last(values: Iterable[_T | None]) -> _T | None:
    known = [value for value in values if value is not None]
    return known[-1] if known else None
