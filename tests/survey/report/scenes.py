"""A small stand to draw: trees in a row, one of them hidden."""

import numpy as np

from survey.report.columns import StandColumns


def make_stand(count: int = 12, *, crs: str = "EPSG:32633") -> StandColumns:
    """Return trees 5 m apart on a diagonal, octagonal crowns, the last one below the canopy."""
    place = np.arange(count, dtype=np.float64) * 5.0
    angles = np.linspace(0.0, 2.0 * np.pi, 9)
    rings = [tuple((float(x), float(y)) for x, y in np.c_[np.cos(angles), np.sin(angles)] * 2.0 + at) for at in place]
    dbh = np.linspace(8.0, 40.0, count)
    return StandColumns(
        x_m=place,
        y_m=place,
        height_m=1.3 + dbh**2 / (1.5 + 0.16 * dbh) ** 2,
        height_error_m=np.full(count, 0.4),
        dbh_cm=dbh,
        dbh_error_cm=np.full(count, 2.0),
        crown_diameter_m=np.full(count, 4.0),
        is_hidden=np.arange(count) == count - 1,
        outlines=(*rings[:-1], None),
        crs=crs,
        area_m2=3_600.0,
    )
