"""What is true of one tree, standing or not."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

TreeStatus: TypeAlias = Literal["alive", "standing-dead", "fallen"]
"""A tree's state, in the words of `domain.quantities.Status`; what is a stump or gone is no tree of a stand."""


@dataclass(frozen=True, slots=True)
class TreeTruth:
    """What is true of one tree."""

    x_m: float
    """Easting of the stem's foot."""
    y_m: float
    """Northing of the stem's foot."""
    ground_m: float
    """Elevation of the ground at the stem's foot, metres above the geoid."""
    height_m: float
    """From the ground at the foot to the apex; of a fallen tree, from the ground it lies on to its upper side."""
    crown_diameter_m: float
    """Diameter of the circle with the area of the whole crown seen from above."""
    crown_base_m: float
    """Height above the foot at which the crown begins; 0 where it lies on the ground."""
    dbh_cm: float
    """Stem diameter over bark at 1.3 m along the stem."""
    species: str
    """Scientific name."""
    layer: int
    """Storey, 0 the tallest."""
    apex_x_m: float
    """Easting of the apex: crowns lean away from taller neighbours, stems may lean as a whole."""
    apex_y_m: float
    """Northing of the apex."""
    number: int = 0
    """Names the tree within its stand, in every campaign; never given twice."""
    status: TreeStatus = "alive"
    """Alive, dead and standing (a snag included), or fallen."""
    lean_deg: float = 0.0
    """Angle of the stem from the vertical, towards the apex: 0 upright, 90 on the ground."""
    root_plate_m: float = 0.0
    """Diameter of the plate of roots and soil that stands up at an uprooted tree's foot; 0 for none."""
    vigour: float = 1.0
    """Reflectance of its leaves, and what they stop of the light, over those of its species."""
