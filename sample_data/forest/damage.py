"""What hurts one tree: it dies standing, leans, is snapped, or falls.

Each function takes a tree and returns it as it is afterwards; foot, diameter, species and number stay.
"""

import math
from dataclasses import replace

import numpy as np

from sample_data.forest.species import species_named
from sample_data.forest.tree import TreeTruth

# A dead crown has lost its finest twigs.
_DEAD_CROWN_SHARE = 0.8
# A lying crown is pressed flat: its height over its diameter.
_FLATTENED = 0.45
# Seen from above a lying crown fills about this share of the box of its length and diameter (a cone fills half).
_LYING_FILL = 0.6
# A leaning crown adds about this share of the box that its axis sweeps.
_LEANING_FILL = 0.5
_LEAST_CROWN_M = 0.3
# Of windthrown trees four in five are uprooted (see `sample_data.forest.storm`); they lie along the wind, give or take.
_UPROOTED_SHARE = 0.8
_WIND_SPREAD_RAD = math.radians(20.0)
# Trees that fell of themselves lie any way, and half of what lies has lost its branches: snags fall late and old.
_WINDTHROWN_SHARE = 0.7
_BARE_SHARE = 0.5
# A root plate is some seven times as wide as the stem is thick; chosen, about 2.8 m at 40 cm.
_PLATE_SHARE = 7.0


def die(tree: TreeTruth, rng: np.random.Generator) -> TreeTruth:
    """Return a tree that died on its feet: fewer twigs, sometimes the top broken off.

    Parameters
    ----------
    tree
        A living tree.
    rng
        Source of all chance.
    """
    dead = replace(tree, status="standing-dead", crown_diameter_m=_DEAD_CROWN_SHARE * tree.crown_diameter_m)
    # One dead tree in five has lost its top third or less.
    return snap(dead, float(rng.uniform(0.65, 0.95))) if rng.random() < 0.2 else dead  # noqa: PLR2004


def snap(tree: TreeTruth, share: float) -> TreeTruth:
    """Return a tree whose stem broke: a dead snag, with what crown there was below the break.

    Parameters
    ----------
    tree
        An upright tree.
    share
        Height of the break over the tree's height, 0 to 1.

    Examples
    --------
    >>> tree = TreeTruth(0.0, 0.0, 0.0, 20.0, 5.0, 12.0, 30.0, "Picea abies", 0, 0.0, 0.0)
    >>> low = snap(tree, 0.4)
    >>> low.height_m, low.status, low.crown_diameter_m < 1.0
    (8.0, 'standing-dead', True)
    """
    height = share * tree.height_m
    left = max(0.0, height - tree.crown_base_m) / (tree.height_m - tree.crown_base_m)
    crown = max(tree.crown_diameter_m * math.sqrt(left), 2.0 * tree.dbh_cm / 100.0, _LEAST_CROWN_M)
    return replace(
        tree,
        height_m=height,
        crown_base_m=min(tree.crown_base_m, 0.9 * height),
        crown_diameter_m=min(crown, tree.crown_diameter_m),
        apex_x_m=tree.x_m + share * (tree.apex_x_m - tree.x_m),
        apex_y_m=tree.y_m + share * (tree.apex_y_m - tree.y_m),
        status="standing-dead",
    )


def lean(tree: TreeTruth, angle_deg: float, towards_rad: float) -> TreeTruth:
    """Return a tree whose stem leans; its length stays, so its apex comes down and its crown is seen from the side too.

    Parameters
    ----------
    tree
        An upright tree.
    angle_deg
        From the vertical, 0 to 60.
    towards_rad
        Direction in which it leans, counter-clockwise from east.

    Examples
    --------
    >>> tree = TreeTruth(0.0, 0.0, 0.0, 20.0, 5.0, 12.0, 30.0, "Picea abies", 0, 0.0, 0.0)
    >>> leaning = lean(tree, 30.0, 0.0)
    >>> round(leaning.height_m, 2), round(leaning.apex_x_m, 2)
    (17.32, 10.0)
    """
    upright, aside = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    side = _LEANING_FILL * aside * (tree.height_m - tree.crown_base_m) * tree.crown_diameter_m
    return replace(
        tree,
        height_m=upright * tree.height_m,
        crown_diameter_m=math.sqrt(tree.crown_diameter_m**2 + side * 4.0 / math.pi),
        crown_base_m=upright * tree.crown_base_m,
        apex_x_m=tree.x_m + aside * tree.height_m * math.cos(towards_rad),
        apex_y_m=tree.y_m + aside * tree.height_m * math.sin(towards_rad),
        lean_deg=angle_deg,
    )


def fall(tree: TreeTruth, towards_rad: float) -> TreeTruth:
    """Return a tree that lies on the ground, its crown pressed flat.

    Parameters
    ----------
    tree
        A standing tree.
    towards_rad
        Direction in which it fell, counter-clockwise from east.

    Examples
    --------
    >>> tree = TreeTruth(0.0, 0.0, 0.0, 20.0, 5.0, 12.0, 30.0, "Picea abies", 0, 0.0, 0.0)
    >>> lying = fall(tree, 0.0)
    >>> lying.apex_x_m, round(lying.height_m, 2), lying.status
    (20.0, 2.25, 'fallen')
    """
    length = stem_length_m(tree)
    crown_length = lying_crown_length_m(tree)
    area = _LYING_FILL * crown_length * tree.crown_diameter_m
    return replace(
        tree,
        height_m=max(_FLATTENED * tree.crown_diameter_m, tree.dbh_cm / 100.0),
        crown_base_m=0.0,
        crown_diameter_m=2.0 * math.sqrt(area / math.pi),
        apex_x_m=tree.x_m + length * math.cos(towards_rad),
        apex_y_m=tree.y_m + length * math.sin(towards_rad),
        status="fallen",
        lean_deg=90.0,
    )


def throw_down(rng: np.random.Generator, trees: tuple[TreeTruth, ...], share: float) -> tuple[TreeTruth, ...]:
    """Return the trees, a share of which lie on the ground.

    Parameters
    ----------
    rng
        Source of all chance.
    trees
        Any trees.
    share
        Chance of each to lie, 0 to 1.
    """
    if share == 0.0:
        return trees
    wind = float(rng.uniform(0.0, 2.0 * math.pi))
    lies = rng.random(len(trees)) < share
    return tuple(_throw(rng, tree, wind) if is_down else tree for tree, is_down in zip(trees, lies, strict=True))


def _throw(rng: np.random.Generator, tree: TreeTruth, wind_rad: float) -> TreeTruth:
    along = wind_rad + float(rng.normal(0.0, _WIND_SPREAD_RAD))
    any_way = float(rng.uniform(0.0, 2.0 * math.pi))
    is_windthrown, is_bare, is_uprooted = rng.random(3) < (_WINDTHROWN_SHARE, _BARE_SHARE, _UPROOTED_SHARE)
    lying = fall(replace(tree, lean_deg=0.0), along if is_windthrown else any_way)
    if is_windthrown and is_uprooted:
        lying = replace(lying, root_plate_m=_PLATE_SHARE * tree.dbh_cm / 100.0)
    return _strip(lying) if is_bare else lying


def _strip(tree: TreeTruth) -> TreeTruth:
    """Return a lying tree that has lost its branches: what is left beside the stem is as wide as it is thick."""
    thick = tree.dbh_cm / 100.0
    return replace(tree, height_m=thick, crown_diameter_m=min(tree.crown_diameter_m, 2.0 * thick))


def stem_length_m(tree: TreeTruth) -> float:
    """Return a stem's length from foot to apex, metres, in whatever posture."""
    if tree.status == "fallen":
        return math.hypot(tree.apex_x_m - tree.x_m, tree.apex_y_m - tree.y_m)
    return tree.height_m / math.cos(math.radians(tree.lean_deg))


def lying_crown_length_m(tree: TreeTruth) -> float:
    """Return the length of the part of a lying stem that bears the crown, metres."""
    return species_named(tree.species).crown_share * stem_length_m(tree)
