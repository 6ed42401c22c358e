"""What is told of trees' forms, and what it is told from."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from survey.cloud import Floats

SURE: Final = 0.8
"""Probability from which a tree is called dead or leaning, a line a stem: precision counts more than recall."""


@dataclass(frozen=True, slots=True)
class TreeForm:
    """One tree's form.

    Attributes
    ----------
    status
        Standing dead from a probability of `SURE` on, else alive; absent where the cloud does not tell.
    dead_probability
        That it is dead, 0 to 1; absent with the status.
    lean_deg, lean_error_deg
        Of the stem from the vertical, and its standard error; absent where no stem shows below the crown.
    is_leaning
        Whether it leans by 5 degrees or more with a probability of `SURE` or more; absent with the lean.
    """

    status: Literal["alive", "standing-dead"] | None
    dead_probability: float | None
    lean_deg: float | None
    lean_error_deg: float | None
    is_leaning: bool | None


@dataclass(frozen=True, slots=True)
class FallenStem:
    """One stem on the ground, as far as it shows. Positions are in the cloud's CRS, converted to metres.

    Attributes
    ----------
    foot_x_m, foot_y_m, top_x_m, top_y_m
        Easting and northing of its ends.
    is_foot_known
        Whether the stem is clearly thicker at the foot; else the foot is the western end.
    length_m
        Between the ends, a part of the stem's where undergrowth or crowns hide the rest.
    probability
        That it is a fallen stem.
    """

    foot_x_m: float
    foot_y_m: float
    top_x_m: float
    top_y_m: float
    is_foot_known: bool
    length_m: float
    probability: float


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """What a scanner wrote of each echo beside its place, shape (n,).

    Attributes
    ----------
    intensity
        Strength of the echo, no unit; all equal where it was not recorded.
    number_of_returns
        How many echoes its pulse has.
    """

    intensity: NDArray[np.uint16]
    number_of_returns: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class FormTrees:
    """Trees whose forms are asked for, n of them.

    Attributes
    ----------
    x_m, y_m, above_m
        Apexes: easting, northing, height above ground.
    crown
        For each point the index of the tree whose crown, seen from above, it lies in, at whatever height, -1 for none.
    """

    x_m: Floats
    y_m: Floats
    above_m: Floats
    crown: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FormFacts:
    """What holds for a whole catalogue.

    Attributes
    ----------
    first_density
        First echoes a square metre.
    is_normalized
        Whether heights above ground are somebody else's.
    has_intensity
        Whether all files tell how strong echoes are: crowns are compared with those around.
    """

    first_density: float
    is_normalized: bool
    has_intensity: bool
