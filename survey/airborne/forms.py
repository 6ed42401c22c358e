"""Dead and leaning trees, and fallen stems, where a cloud shows them.

Each tree is judged from points within a bounded reach of its apex, each stem from points within one of its middle, so
that the same is told wherever a tile's border lies. What a cloud cannot show is not told, and a warning says why.
"""

from dataclasses import dataclass, field
from typing import Final, Literal

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


_NO_INTENSITY: Final = "not every file has intensity:"
_FOREIGN: Final = "heights above ground are the file's own:"


@dataclass(frozen=True, slots=True)
class FormAlgorithms:
    """How forms are judged.

    Attributes
    ----------
    dead, lean, fallen
        Each question's own.
    """

    dead: Kim2009 = field(default_factory=Kim2009)
    lean: Duda1972 = field(default_factory=Duda1972)
    fallen: Lindberg2013 = field(default_factory=Lindberg2013)

    def shows_dead(self, facts: FormFacts) -> bool:
        """Tell whether dead trees are told from living ones."""
        return facts.has_intensity and facts.first_density >= self.dead.least_density

    def shows_lean(self, facts: FormFacts) -> bool:
        """Tell whether stems are looked for below crowns."""
        return facts.first_density >= self.lean.least_density

    def shows_fallen(self, facts: FormFacts) -> bool:
        """Tell whether fallen stems are looked for."""
        # Steps of a raster that heights were taken from lie in rows, as stems do.
        return facts.first_density >= self.fallen.least_density and not facts.is_normalized


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
    algorithms: FormAlgorithms,
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
    chosen = algorithms
    dead = lean = error = np.full(trees.x_m.size, np.nan)
    if chosen.shows_dead(facts):
        dead = estimate_dead(points, above_m, signal, trees, chosen.dead)
    if chosen.shows_lean(facts):
        lean, error = measure_lean(points, above_m, trees, chosen.lean)
    fallen = find_fallen(points, above_m, chosen.fallen) if chosen.shows_fallen(facts) else ()
    rows = zip(dead.tolist(), lean.tolist(), error.tolist(), strict=True)
    return Forms(tuple(tell_form(*row, chosen.lean) for row in rows), fallen)


def warn_of_forms(facts: FormFacts, algorithms: FormAlgorithms) -> tuple[str, ...]:
    """Return what a reader must know of forms that a cloud cannot show.

    Parameters
    ----------
    facts
        What holds for the whole catalogue.
    algorithms
        How forms are judged.

    Examples
    --------
    >>> warn_of_forms(FormFacts(30.0, is_normalized=False, has_intensity=True), FormAlgorithms())
    ()
    """
    chosen = algorithms
    warnings = []
    if not chosen.shows_dead(facts):
        why = f"below {chosen.dead.least_density:g} first echoes/m2" if facts.has_intensity else _NO_INTENSITY
        warnings.append(f"{why} dead trees are not told from living ones")
    if not chosen.shows_fallen(facts):
        why = _FOREIGN if facts.is_normalized else f"below {chosen.fallen.least_density:g} first echoes/m2"
        warnings.append(f"{why} fallen stems are not looked for")
    if not chosen.shows_lean(facts):
        warnings.append(f"below {chosen.lean.least_density:g} first echoes/m2 no stem shows whether it leans")
    return tuple(warnings)


def describe_forms(facts: FormFacts, algorithms: FormAlgorithms) -> tuple[StepDone, ...]:
    """Return what records say of how forms were judged: the steps that a cloud let one take.

    Parameters
    ----------
    facts
        What holds for the whole catalogue.
    algorithms
        How forms are judged.

    Examples
    --------
    >>> thin = FormFacts(5.0, is_normalized=True, has_intensity=True)
    >>> [step.task for step in describe_forms(thin, FormAlgorithms())]
    ['tell_dead_trees']
    """
    chosen = algorithms
    steps = (
        (chosen.shows_dead(facts), describe_step("tell_dead_trees", chosen.dead)),
        (chosen.shows_lean(facts), describe_step("measure_lean", chosen.lean)),
        (chosen.shows_fallen(facts), describe_step("find_fallen_stems", chosen.fallen)),
    )
    return tuple(step for is_taken, step in steps if is_taken)


def tell_form(dead: float, lean: float, error: float, algorithm: Duda1972) -> TreeForm:
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
        is_leaning=lean_probability(lean, error, algorithm) >= SURE if is_seen else None,
    )
