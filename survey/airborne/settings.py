"""How all tiles of a catalogue are surveyed: plain values, chosen once, that travel between processes."""

from dataclasses import dataclass, field, replace
from typing import Final

from survey.airborne.canopy import BenArie2009, choose_cell
from survey.airborne.forms import FormAlgorithms, FormFacts
from survey.airborne.heights import ApexReturn
from survey.airborne.locate import Chazal2013
from survey.airborne.segment import Dalponte2016
from survey.airborne.understory import Hamraz2017
from survey.algorithm import StepDone, describe_step
from survey.ground.classify import GroundAlgorithm, Pingel2013, VendorClass
from survey.ground.noise import IsolatedPoints
from survey.ground.terrain import Lancaster1981
from survey.parameters import PlotParameters

_BILINEAR_CELLS: Final = 2.0
"""A height between centres takes the four around it."""


@dataclass(frozen=True, slots=True)
class CloudFacts:
    """What was measured over a whole catalogue.

    Attributes
    ----------
    is_normalized
        Whether elevations look like heights above ground.
    density, first_density
        Points, and first echoes, a square metre of ground covered.
    has_intensity
        Whether all files tell how strong echoes are.
    """

    is_normalized: bool
    density: float
    first_density: float
    has_intensity: bool = True


@dataclass(frozen=True, slots=True)
class TileSettings:
    """Settings of every tile.

    Attributes
    ----------
    canopy_cell_m
        Cell of the canopy model, a power of two.
    density, first_density
        Points, and first echoes, a square metre of the catalogue.
    is_normalized
        Whether elevations are heights above ground.
    min_height_m
        Lower trees are left out.
    has_intensity
        Whether how strong echoes are tells anything.
    ground
        How ground is told: the vendor's class, or our own classifier.
    noise, terrain, canopy, tops, crowns, hidden, heights, forms
        The other steps.
    """

    canopy_cell_m: float
    density: float
    first_density: float
    is_normalized: bool
    min_height_m: float
    has_intensity: bool
    ground: GroundAlgorithm
    noise: IsolatedPoints = field(default_factory=IsolatedPoints)
    terrain: Lancaster1981 = field(default_factory=Lancaster1981)
    canopy: BenArie2009 = field(default_factory=BenArie2009)
    tops: Chazal2013 = field(default_factory=Chazal2013)
    crowns: Dalponte2016 = field(default_factory=Dalponte2016)
    hidden: Hamraz2017 = field(default_factory=Hamraz2017)
    heights: ApexReturn = field(default_factory=ApexReturn)
    forms: FormAlgorithms = field(default_factory=FormAlgorithms)

    @property
    def terrain_cell_m(self) -> float:
        """Cell of the terrain model."""
        return self.terrain.cell_m

    @property
    def reach_m(self) -> float:
        """Points farther from a tile's core play no part in it: the sum of all steps' reaches."""
        ground = 0.0
        if not self.is_normalized:
            ground = self.ground.reach_m + self.terrain.reach_m + _BILINEAR_CELLS * self.terrain.cell_m
        return self.noise.reach_m + ground + self.search_reach_m

    @property
    def search_reach_m(self) -> float:
        """Points farther from a tile's core play no part in it but to decide about noise and the heights of others."""
        shows, facts = self.forms, tell_form_facts(self)
        # An apex depends on its crown, a crown's cells on what they lead up to.
        canopy = self.canopy.reach_m(self.canopy_cell_m) + self.tops.reach_m + self.crowns.reach_m(self.canopy_cell_m)
        canopy += self.canopy_cell_m
        reaches = [canopy + self.hidden.reach_m]
        if shows.shows_dead(facts):
            reaches.append(shows.dead.reach_m)
        if shows.shows_lean(facts):
            # How far up a stem shows depends on the crown above each echo.
            reaches.append(canopy + shows.lean.reach_m)
        if shows.shows_fallen(facts):
            reaches.append(shows.fallen.reach_m)
        return max(reaches)


def choose_settings(parameters: PlotParameters, facts: CloudFacts) -> TileSettings:
    """Return the settings for all tiles of a catalogue.

    Parameters
    ----------
    parameters
        What the user chose.
    facts
        What was measured over the whole catalogue.
    """
    canopy = BenArie2009()
    ground: GroundAlgorithm = VendorClass() if parameters.use_vendor_ground else Pingel2013()
    return TileSettings(
        canopy_cell_m=choose_cell(facts.first_density, canopy),
        density=facts.density,
        first_density=facts.first_density,
        is_normalized=facts.is_normalized if parameters.is_normalized is None else parameters.is_normalized,
        min_height_m=parameters.min_height_m,
        has_intensity=facts.has_intensity,
        ground=ground,
        canopy=canopy,
        tops=replace(Chazal2013(), min_height_m=parameters.min_height_m),
    )


def tell_form_facts(settings: TileSettings) -> FormFacts:
    """Return what the judging of forms must know of the whole catalogue."""
    return FormFacts(settings.first_density, is_normalized=settings.is_normalized, has_intensity=settings.has_intensity)


def describe_settings(settings: TileSettings) -> tuple[StepDone, ...]:
    """Return what records say of how tiles were surveyed, step by step."""
    of_ground = (
        []
        if settings.is_normalized
        else [describe_step("classify_ground", settings.ground), describe_step("rasterize_terrain", settings.terrain)]
    )
    return (
        describe_step("filter_noise", settings.noise),
        *of_ground,
        describe_step("rasterize_canopy", settings.canopy),
        describe_step("locate_trees", settings.tops),
        describe_step("segment_trees", settings.crowns),
        describe_step("locate_hidden_trees", settings.hidden),
        describe_step("estimate_heights", settings.heights),
    )
