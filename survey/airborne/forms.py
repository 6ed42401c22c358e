"""Dead and leaning trees, and fallen stems, where a cloud shows them.

Each tree is judged from points within a bounded reach of its apex, each stem from points within one of its middle, so
that the same is told wherever a tile's border lies. What a cloud cannot show is not told, and a warning says why.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from survey.airborne.forms_dead import Kim2009, estimate_dead
from survey.airborne.forms_fallen import Lindberg2013, find_fallen
from survey.airborne.forms_lean import Duda1972, lean_probability, measure_lean
from survey.airborne.forms_records import SURE, FallenStem, FormFacts, FormTrees, Signal, TreeForm
from survey.algorithm import StepDone, describe_step
from survey.cloud import Floats, Points

__all__ = [
    "SURE",
    "FallenStem",
    "FormAlgorithms",
    "FormFacts",
    "FormTrees",
    "Forms",
    "Signal",
    "TreeForm",
    "describe_forms",
    "judge_forms",
    "tell_form",
    "warn_of_forms",
]


@dataclass(frozen=True, slots=True)
class FormAlgorithms:
    """How forms are judged.

    Attributes
    ----------
    dead, lean, fallen
        Each question's own.
    least_density
        First echoes a square metre below which no fallen stem is looked for.
    """

    dead: Kim2009 = field(default_factory=Kim2009)
    lean: Duda1972 = field(default_factory=Duda1972)
    fallen: Lindberg2013 = field(default_factory=Lindberg2013)
    least_density: float = 4.0


@dataclass(frozen=True, slots=True)
class Forms:
    """What is told of a cloud's trees and of what lies below them.

    Attributes
    ----------
    trees
        Form of each tree, in the order in which they were given.
    fallen
        Stems on the ground, the surest first.
    """

    trees: tuple[TreeForm, ...]
    fallen: tuple[FallenStem, ...]


def judge_forms(
    points: Points,
    above_m: Floats,
    signal: Signal,
    trees: FormTrees,
    *,
    facts: FormFacts,
    algorithms: FormAlgorithms | None = None,
) -> Forms:
    """Return the forms of canopy trees, and fallen stems.

    Parameters
    ----------
    points
        Points in metres without noise, in an order that their positions decide (`survey.ground.buckets.sort_points`).
    above_m
        Their heights above ground, shape (n,).
    signal
        What else is known of each point.
    trees
        Canopy trees, and each point's crown.
    facts
        What holds for the whole catalogue.
    algorithms
        How to judge.
    """
    chosen = algorithms or FormAlgorithms()
    unknown = np.full(trees.x_m.size, np.nan)
    dead = unknown
    if facts.has_intensity and facts.first_density >= chosen.dead.least_density:
        dead = estimate_dead(points, above_m, signal, trees, chosen.dead)
    lean, error = measure_lean(points, above_m, trees, facts.first_density, chosen.lean)
    # Steps of a raster that heights were taken from lie in rows, as stems do.
    shows_fallen = facts.first_density >= chosen.least_density and not facts.is_normalized
    fallen = find_fallen(points, above_m, chosen.fallen) if shows_fallen else ()
    rows = zip(dead.tolist(), lean.tolist(), error.tolist(), strict=True)
    return Forms(tuple(tell_form(*row, chosen.lean) for row in rows), fallen)


def warn_of_forms(facts: FormFacts, algorithms: FormAlgorithms | None = None) -> tuple[str, ...]:
    """Return what a reader must know of forms that a cloud cannot show.

    Parameters
    ----------
    facts
        What holds for the whole catalogue.
    algorithms
        How forms are judged.

    Examples
    --------
    >>> warn_of_forms(FormFacts(30.0, is_normalized=False, has_intensity=True))
    ()
    """
    chosen = algorithms or FormAlgorithms()
    warnings = []
    if not facts.has_intensity:
        warnings.append("not every file has intensity: dead trees are not told from living ones")
    elif facts.first_density < chosen.dead.least_density:
        warnings.append(f"below {chosen.dead.least_density:g} first echoes/m2 dead trees are not told from living ones")
    if facts.is_normalized:
        warnings.append("heights above ground are the file's own: fallen stems are not looked for")
    elif facts.first_density < chosen.least_density:
        warnings.append(f"below {chosen.least_density:g} first echoes/m2 fallen stems are not looked for")
    if facts.first_density < chosen.lean.least_density:
        warnings.append(f"below {chosen.lean.least_density:g} first echoes/m2 no stem shows whether it leans")
    return tuple(warnings)


def describe_forms(algorithms: FormAlgorithms | None = None) -> tuple[StepDone, ...]:
    """Return what records say of how forms were judged."""
    chosen = algorithms or FormAlgorithms()
    return (
        describe_step("tell_dead_trees", chosen.dead),
        describe_step("measure_lean", chosen.lean),
        describe_step("find_fallen_stems", chosen.fallen),
    )


def tell_form(dead: float, lean: float, error: float, algorithm: Duda1972 | None = None) -> TreeForm:
    """Return a tree's form.

    Parameters
    ----------
    dead
        Probability that it is dead; not a number where that is not told.
    lean, error
        Of the stem from the vertical, degrees, and its standard error; as `dead`.
    algorithm
        How a lean is judged.
    """
    is_told, is_seen = not np.isnan(dead), not np.isnan(lean)
    status: Literal["alive", "standing-dead"] = "standing-dead" if dead >= SURE else "alive"
    return TreeForm(
        status=status if is_told else None,
        dead_probability=dead if is_told else None,
        lean_deg=lean if is_seen else None,
        lean_error_deg=error if is_seen else None,
        is_leaning=lean_probability(lean, error, algorithm or Duda1972()) >= SURE if is_seen else None,
    )
