"""What surveys happen within: campaigns, areas, and the species that a crew chooses from."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeAlias

from domain.quantities import EastingMm, Id, Name, Text, UtcMs, Visibility
from domain.schema import Length, OneOf

Ring: TypeAlias = Annotated[tuple[EastingMm, ...], Length(8, 20_000)]
"""A closed ring as x, y, x, y … in millimetres (10^-9 degree where the CRS is geographic); the first point is
repeated at the end."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """Who surveys what, when, how, and who may see it.

    Attributes
    ----------
    org, campaign
        Owner and id.
    title
        For people.
    method
        Such as ``airborne lidar, single flight``.
    starts_ms, ends_ms
        From when to when; open while absent.
    trees, evidence
        Visibility of tree records, and of observations, clouds and manifests.
    crew
        Names of surveyors.
    """

    KIND: ClassVar[str] = "campaign"

    org: Id
    campaign: Id
    title: Name
    method: Text
    starts_ms: UtcMs
    ends_ms: UtcMs | None = None
    trees: Visibility = "public"
    evidence: Visibility = "private"
    crew: Annotated[tuple[Name, ...], Length(1, 100)] | None = None


@dataclass(frozen=True, slots=True)
class Area:
    """A piece of ground with a meaning: stand, parcel, plot or protected place.

    Attributes
    ----------
    org, area
        Who says it, and its id.
    use
        Which kind of area.
    crs
        CRS of the rings.
    rings
        Outer ring first, then holes.
    authority
        Who stands behind it: cadastre, owner.
    from_ms, until_ms
        Validity.
    title_holder
        Of a parcel: who holds the title.
    """

    KIND: ClassVar[str] = "area"

    org: Id
    area: Id
    use: Annotated[str, OneOf(("stand", "parcel", "plot", "protected"))]
    crs: Text
    rings: Annotated[tuple[Ring, ...], Length(1, 100)]
    authority: Name
    from_ms: UtcMs
    until_ms: UtcMs | None = None
    title_holder: Name | None = None


@dataclass(frozen=True, slots=True)
class SpeciesName:
    """One species that a crew may choose.

    Attributes
    ----------
    code
        Short code, as crews and calipers know it.
    name
        Scientific name.
    common
        Name in the crew's language.
    """

    code: Annotated[str, Length(1, 40)]
    name: Name
    common: Name | None = None


@dataclass(frozen=True, slots=True)
class SpeciesList:
    """The species of a region or campaign; a later list of the same id takes the place of an earlier one.

    Attributes
    ----------
    org, list_id
        Owner and id.
    title
        For people.
    at_ms
        When it was signed.
    species
        In the order to be shown.
    campaign
        For which campaign; absent: for all.
    """

    KIND: ClassVar[str] = "species-list"

    org: Id
    list_id: Id
    title: Name
    at_ms: UtcMs
    species: Annotated[tuple[SpeciesName, ...], Length(1, 1_000)]
    campaign: Id | None = None
