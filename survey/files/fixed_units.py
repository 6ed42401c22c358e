"""Coordinates that a file stores as floating point, in the integers that a cloud has."""

from typing import Final

import numpy as np

from survey.cloud import Floats
from survey.files.decode_job import DecodeJob
from survey.files.point_layout import Columns

UNIT: Final = 0.0001
"""Unit of such coordinates, in the file's: a tenth of a millimetre is finer than any scanner's error."""
_MOST: Final = float(np.iinfo(np.int32).max)


def choose_offset(xyz: tuple[float, float, float]) -> tuple[float, float, float]:
    """Return whole units near a position, from which integers count.

    Examples
    --------
    >>> choose_offset((500_000.7, 10.2, -0.5))
    (500000.0, 10.0, -1.0)
    """
    x, y, z = (float(np.floor(value)) for value in xyz)
    return x, y, z


def to_columns(job: DecodeJob, xyz: Floats) -> Columns:
    """Return the base columns of points without echoes and classes; those without a finite position are withheld.

    Parameters
    ----------
    job
        With scale and offset.
    xyz
        Shape (n, 3).

    Raises
    ------
    ValueError
        When points lie too far from each other for 32 bits.
    """
    is_known = np.isfinite(xyz).all(axis=1)
    scaled = np.rint((xyz - np.array(job.offset)) / np.array(job.scale))
    scaled[~is_known] = 0.0
    if scaled.size and float(np.abs(scaled).max()) > _MOST:
        reason = f"points lie more than {_MOST * UNIT / 1000:,.0f} thousand units apart: stray points, or a wrong unit"
        raise ValueError(reason)
    ones = np.ones(xyz.shape[0], dtype=np.uint8)
    return {
        "units": scaled.astype("<i4"),
        "classification": np.zeros(xyz.shape[0], dtype=np.uint8),
        "return_number": ones,
        "number_of_returns": ones.copy(),
        "withheld": (~is_known).astype(np.uint8),
    }
