"""Crowns as bodies of revolution that rays can meet: how many and where follows from the species' form.

A body's radius grows as a power of the depth below its apex (light crown) and then narrows to its base (shade
crown), as described in :mod:`sample_data.forest.species`. Stems are thin cones. Leaves stand denser in an outer shell.
"""

import numpy as np

from sample_data.forest.bodies import FOLIAGE, LEVELS, STEM, Bodies, Body, equal_area_radius, stack_bodies
from sample_data.forest.crown_plan import draw_plan
from sample_data.forest.posture import lay_down, tilt
from sample_data.forest.species import Species, envelope, species_named
from sample_data.forest.stand import Stand
from sample_data.forest.tree import TreeTruth

__all__ = ["FOLIAGE", "LEVELS", "STEM", "Bodies", "build_bodies", "envelope", "equal_area_radius"]

_STEM_PER_M = 40.0
_STEM_REFLECTANCE = 0.25
# Bare twigs stop less light than leaves do, and are darker.
_BARE_SHARE = 0.25
_BARE_REFLECTANCE = 0.22


def build_bodies(stand: Stand) -> Bodies:
    """Return the bodies that fill a stand's crowns and stems.

    Parameters
    ----------
    stand
        Its trees' heights, crown diameters and crown bases are met exactly; a fallen or leaning tree's crown diameter
        within two per cent.

    Returns
    -------
    Bodies, those of one tree together. A tree keeps its shape in all campaigns of a stand.
    """
    rows: list[Body] = []
    for index, tree in enumerate(stand.trees):
        rows.extend(_build_tree(index, tree, stand))
    return stack_bodies(rows)


def _build_tree(index: int, tree: TreeTruth, stand: Stand) -> list[Body]:
    rng = np.random.default_rng([0xC407, stand.seed, tree.number])
    species = species_named(tree.species)
    stem = (_STEM_PER_M, _STEM_PER_M, _STEM_REFLECTANCE)
    if tree.status == "fallen":
        return lay_down(index, tree, stand.terrain, optics=(_optics(tree, species), stem))
    upright = [*_crown(index, tree, species, rng), _stem(index, tree, stem)]
    return tilt(tree, upright) if tree.lean_deg > 0.0 else upright


def _optics(tree: TreeTruth, species: Species) -> tuple[float, float, float]:
    if tree.status == "alive":
        vigour = tree.vigour
        return vigour * species.shell_per_m, vigour * species.core_per_m, vigour * species.reflectance
    bare = _BARE_SHARE * tree.vigour
    return bare * species.shell_per_m, bare * species.core_per_m, tree.vigour * _BARE_REFLECTANCE


def _crown(index: int, tree: TreeTruth, species: Species, rng: np.random.Generator) -> list[Body]:
    """Return a tree's leaf bodies, scaled so that together they cover its crown area."""
    plan = draw_plan(species.form, rng)
    scale = 0.5 * tree.crown_diameter_m / equal_area_radius(plan.offsets, plan.radii)
    crown = tree.height_m - tree.crown_base_m
    shape = envelope(species, np.array(LEVELS))
    apex = tree.ground_m + tree.height_m
    return [
        Body(
            tree=index,
            kind=FOLIAGE,
            centre=(tree.apex_x_m + scale * dx, tree.apex_y_m + scale * dy, apex - drop * crown),
            length_m=span * crown,
            table_m=shape * scale * body_radius,
            optics=_optics(tree, species),
        )
        for (dx, dy), body_radius, drop, span in zip(plan.offsets, plan.radii, plan.drops, plan.spans, strict=True)
    ]


def _stem(index: int, tree: TreeTruth, optics: tuple[float, float, float]) -> Body:
    """Return a stem: breast-height radius below, tapering to nothing within the crown."""
    length = 0.9 * tree.height_m
    taper = np.minimum(1.0, 1.3 * np.array(LEVELS))
    return Body(
        tree=index,
        kind=STEM,
        centre=(tree.x_m, tree.y_m, tree.ground_m + length),
        length_m=length,
        table_m=taper * tree.dbh_cm / 200.0,
        optics=optics,
    )
