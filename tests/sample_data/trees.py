"""Trees that tests start from."""

from sample_data.forest.stand import Stand
from sample_data.forest.terrain import Terrain
from sample_data.forest.tree import TreeTruth

FLAT = Terrain(0.0, 0.0, 100.0, 0.0, 0.0, ())


def spruce(x_m: float = 0.0, y_m: float = 0.0, *, height_m: float = 20.0, dbh_cm: float = 30.0) -> TreeTruth:
    return TreeTruth(
        x_m=x_m,
        y_m=y_m,
        ground_m=100.0,
        height_m=height_m,
        crown_diameter_m=5.0,
        crown_base_m=0.5 * height_m,
        dbh_cm=dbh_cm,
        species="Picea abies",
        layer=0,
        apex_x_m=x_m,
        apex_y_m=y_m,
    )


def flat_stand(trees: tuple[TreeTruth, ...], *, side_m: float = 100.0) -> Stand:
    return Stand(trees=trees, bounds=(0.0, 0.0, side_m, side_m), epsg=32633, terrain=FLAT, seed=1)
