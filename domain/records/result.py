"""What a survey says: how it was made, its trees, and how complete it is."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, TypeAlias

from domain.cid import Cid
from domain.codes import CODE_PATTERN
from domain.quantities import (
    Amount,
    Count,
    Digest,
    EastingMm,
    ElevationMm,
    HeightMm,
    Id,
    LengthMm,
    Name,
    NanoDegrees,
    Ppm,
    Status,
    Text,
    UtcMs,
)
from domain.records.frame import Ring
from domain.schema import Length, OneOf, Pattern

MAX_CLOUDS: Final = 1_000
"""Clouds of one survey; their links fill a third of an envelope."""

TreeCodeText: TypeAlias = Annotated[str, Pattern(CODE_PATTERN, "17 symbols of Crockford base-32, no hyphens")]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One setting of a step, as text, so that no float is needed.

    Attributes
    ----------
    name
        With its unit: ``min_height_m``.
    value
        Decimal text.
    """

    name: Name
    value: Name


@dataclass(frozen=True, slots=True)
class Step:
    """One task of the survey and how it was done.

    Attributes
    ----------
    task
        In lidR's words: ``locate_trees``.
    algorithm
        Named by its paper.
    doi
        Of that paper.
    parameters
        Those that matter for the outcome.
    """

    task: Name
    algorithm: Name
    doi: Name | None = None
    parameters: Annotated[tuple[Parameter, ...], Length(1, 50)] | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """The signed step from evidence on: which inputs, which algorithms, which software.

    Attributes
    ----------
    org, campaign
        For whom.
    inputs
        The `blob` and `observation` records, or the cloud's root where there is no record.
    clouds
        UnixFS roots of the clouds read; absent where a crew measured on foot.
    steps
        What was done, in order.
    software
        Name and version.
    crs
        CRS of the native coordinates of its trees: ``EPSG:n``, WKT or ``local:<frame>``.
    crs_source
        Who said so: the file, the user, or that it was assumed.
    at_ms
        When it was made.
    warnings
        What a reader of the figures must know.
    taken_ms
        When its clouds were taken, as far as their records say; else `at_ms` is the best there is.
    """

    KIND: ClassVar[str] = "survey"

    org: Id
    campaign: Id
    inputs: Annotated[tuple[Cid, ...], Length(1, 4_000)]
    steps: Annotated[tuple[Step, ...], Length(1, 50)]
    software: Name
    crs: Text
    crs_source: Annotated[str, OneOf(("file", "user", "assumed"))]
    at_ms: UtcMs
    clouds: Annotated[tuple[Cid, ...], Length(1, MAX_CLOUDS)] | None = None
    warnings: Annotated[tuple[Text, ...], Length(1, 100)] | None = None
    taken_ms: UtcMs | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A quantity with its errors; the unit stands in the name of the field that holds it.

    Attributes
    ----------
    value
        The estimate.
    own_error
        Standard error that is this tree's own and averages out in sums.
    shared_error
        Standard error that all trees of `model` share and that does not average out.
    model
        Id of the equation or measurement: ``jucker2017-agb-gymnosperm``.
    """

    value: Amount
    own_error: Amount
    shared_error: Amount
    model: Name


@dataclass(frozen=True, slots=True)
class Position:
    """Where a tree stands.

    Attributes
    ----------
    of
        Whether the apex or the stem's foot was located.
    crs
        CRS of the native coordinates.
    x_mm, y_mm
        Native easting and northing, where the CRS is projected or local.
    x_nd, y_nd
        Native longitude and latitude, where it is geographic.
    elevation_mm
        Ground height at the tree.
    vertical
        Vertical datum: ``ellipsoidal``, ``EPSG:n`` or ``unstated``.
    error_mm
        Horizontal standard error.
    lon_nd, lat_nd
        Derived WGS 84 longitude and latitude; absent in a local frame.
    operation
        Coordinate operation that derived them.
    operation_error_mm
        Its accuracy, as the registry states it.
    """

    of: Annotated[str, OneOf(("apex", "stem"))]
    crs: Text
    error_mm: LengthMm
    x_mm: EastingMm | None = None
    y_mm: EastingMm | None = None
    x_nd: NanoDegrees | None = None
    y_nd: NanoDegrees | None = None
    elevation_mm: ElevationMm | None = None
    vertical: Name | None = None
    lon_nd: NanoDegrees | None = None
    lat_nd: NanoDegrees | None = None
    operation: Name | None = None
    operation_error_mm: LengthMm | None = None


@dataclass(frozen=True, slots=True)
class Crown:
    """A crown seen from above.

    Attributes
    ----------
    diameter_mm
        Of a circle of equal area.
    outline
        Outline in the position's native coordinates.
    base_mm
        Height of the crown's base above the ground.
    """

    diameter_mm: Estimate
    outline: Ring | None = None
    base_mm: HeightMm | None = None


@dataclass(frozen=True, slots=True)
class Stem:
    """One stem of a tree.

    Attributes
    ----------
    diameter_mm
        Over bark.
    at_height_mm
        Height above the ground where the diameter holds: 1300, 1370.
    """

    diameter_mm: Estimate
    at_height_mm: HeightMm


@dataclass(frozen=True, slots=True)
class Species:
    """What grows here, as far as known.

    Attributes
    ----------
    name
        Scientific name, or ``gymnosperm`` or ``angiosperm`` where only the type is known.
    confidence_ppm
        Of the name, in millionths.
    code_list, code
        Code and the list it comes from.
    source
        Who says it: ``user``, ``crew``, a classifier's name.
    """

    name: Name
    confidence_ppm: Ppm
    source: Name
    code_list: Name | None = None
    code: Name | None = None


@dataclass(frozen=True, slots=True)
class Absence:
    """What speaks for a tree that was not seen being gone.

    Attributes
    ----------
    is_covered
        Whether its place lies well within the ground that the survey covered.
    gone_ppm
        Probability that it is gone, given that it was not seen.
    seen_ppm
        Probability that a tree of its size standing there would have been seen; absent where the survey does not tell.
    """

    is_covered: bool
    gone_ppm: Ppm
    seen_ppm: Ppm | None = None


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree as one survey saw it, or its end: the record of a tree that is gone has its last place and height.

    Attributes
    ----------
    org, campaign
        For whom.
    code
        The tree's code for life, 17 symbols.
    survey
        The survey that saw it.
    prev
        The same tree's last record.
    position, crown, stems
        Where and how large.
    height_mm
        Absent where only the stem was measured.
    is_top_hidden
        True where the top was not seen, as from within the forest: the tree is at least that tall.
    lean_mdeg
        Angle of the stem from the vertical; absent where it does not show.
    status
        Alive, or what became of it.
    status_ppm
        Probability of the status, where it was judged from a cloud.
    confidence_ppm
        That this is one tree.
    species
        As far as known.
    readings
        The `observation` records of a crew that these figures rest on.
    volume_dm3, biomass_g, carbon_g
        Stem volume; dry biomass above ground; carbon above and below ground. Absent: not available.
    damage, damage_ppm
        Agent and degree.
    absence
        Of a tree that a survey found to be gone: its evidence.
    """

    KIND: ClassVar[str] = "tree"

    org: Id
    campaign: Id
    code: TreeCodeText
    survey: Cid
    position: Position
    status: Status
    confidence_ppm: Ppm
    height_mm: Estimate | None = None
    is_top_hidden: bool | None = None
    lean_mdeg: Estimate | None = None
    status_ppm: Ppm | None = None
    prev: Cid | None = None
    crown: Crown | None = None
    stems: Annotated[tuple[Stem, ...], Length(1, 50)] | None = None
    species: Species | None = None
    readings: Annotated[tuple[Cid, ...], Length(1, 200)] | None = None
    volume_dm3: Estimate | None = None
    biomass_g: Estimate | None = None
    carbon_g: Estimate | None = None
    damage: Name | None = None
    damage_ppm: Ppm | None = None
    absence: Absence | None = None


@dataclass(frozen=True, slots=True)
class Detection:
    """How likely a tree of a height class was found.

    Attributes
    ----------
    from_mm, to_mm
        Height class, lower end inclusive.
    probability_ppm
        In millionths.
    source
        Where the figure comes from.
    """

    from_mm: HeightMm
    to_mm: HeightMm
    probability_ppm: Ppm
    source: Name


@dataclass(frozen=True, slots=True)
class Result:
    """Closes a survey: which trees, over what ground, how completely.

    Attributes
    ----------
    org, campaign, survey
        Which survey.
    trees_root
        Merkle root over its tree records; absent when it found none.
    count
        Number of its tree records, those of trees that are gone included.
    area_cm2
        Ground covered.
    covered
        Outline of the ground covered, in the survey's CRS.
    detection
        By height class.
    matches
        Its `match` records, in the order of their parts, where its ground was known before.
    """

    KIND: ClassVar[str] = "result"

    org: Id
    campaign: Id
    survey: Cid
    count: Count
    area_cm2: Amount
    covered: Annotated[tuple[Ring, ...], Length(1, 100)]
    trees_root: Digest | None = None
    detection: Annotated[tuple[Detection, ...], Length(1, 20)] | None = None
    matches: Annotated[tuple[Cid, ...], Length(1, 1_000)] | None = None
