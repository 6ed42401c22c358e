"""How well stems found from the ground fit the truth: places within a gate, and diameters."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample_data.errors import InvalidFoundTrees, check_range
from sample_data.forest.stand import Stand

Floats = NDArray[np.float64]

_MOST_FOUND = 20_000
_COLUMNS = 3


@dataclass(frozen=True, slots=True)
class StemRule:
    """When a found stem may be a true one, and which count."""

    gate_m: float = 0.5
    """Distance allowed between the places at breast height."""
    min_dbh_cm: float = 10.0
    """Thinner stems do not count, found or missed."""
    plot: tuple[float, float, float] | None = None
    """Easting, northing and radius of the plot; by default the whole stand."""


@dataclass(frozen=True, slots=True)
class StemScore:
    """How found stems fit the truth."""

    precision: float
    """Matched over found; 0 where none was found."""
    recall: float
    """Matched over true stems; 0 where there is none."""
    bias_cm: float
    """Mean of found less true diameter; not a number where none is matched."""
    rmse_cm: float
    """Root of the mean square of that; not a number where none is matched."""
    matches: tuple[tuple[int, int], ...]
    """Index of the found and of the true stem (in ``stand.trees``), nearest pair first."""


def score_stems(found_xy_dbh: Floats, stand: Stand, *, rule: StemRule | None = None) -> StemScore:
    """Return how found stems fit a stand's standing ones.

    A found stem that matches a true one which does not count, thin or beyond the plot, does not count either.

    Parameters
    ----------
    found_xy_dbh
        Easting, northing, metres; diameter at breast height, centimetres; shape (m, 3).
    stand
        The truth.
    rule
        Gate, least diameter and plot.

    Raises
    ------
    InvalidFoundTrees
        Not (m, 3), not finite, or more than 20,000 stems.
    InvalidParameter
        A gate that is negative or beyond 50 m.

    Examples
    --------
    >>> from sample_data.forest.stand import StandParameters, grow_stand
    >>> stand = grow_stand(7, parameters=StandParameters(side_m=30.0))
    >>> thick = [tree for tree in stand.trees if tree.dbh_cm >= 10.0]
    >>> score = score_stems(np.array([(tree.x_m, tree.y_m, tree.dbh_cm + 1.0) for tree in thick]), stand)
    >>> score.precision, score.recall, round(score.bias_cm, 6)
    (1.0, 1.0, 1.0)
    """
    chosen = rule or StemRule()
    check_range("gate_m", chosen.gate_m, 0.0, 50.0)
    found = _check_found(found_xy_dbh)
    standing = [i for i, tree in enumerate(stand.trees) if tree.status != "fallen"]
    truth = np.array([_at_breast_height(stand, i) for i in standing]).reshape(-1, 3)
    pairs = _match(found, truth, chosen.gate_m)
    counts_true = (truth[:, 2] >= chosen.min_dbh_cm) & _in_plot(truth, chosen.plot)
    counts_found = (found[:, 2] >= chosen.min_dbh_cm) & _in_plot(found, chosen.plot)
    for one, other in pairs:
        counts_found[one] = counts_true[other]
    kept = [(one, other) for one, other in pairs if counts_true[other]]
    off = np.array([found[one, 2] - truth[other, 2] for one, other in kept])
    return StemScore(
        precision=len(kept) / max(1, int(counts_found.sum())),
        recall=len(kept) / max(1, int(counts_true.sum())),
        bias_cm=float(off.mean()) if kept else float("nan"),
        rmse_cm=float(np.sqrt((off**2).mean())) if kept else float("nan"),
        matches=tuple((one, standing[other]) for one, other in kept),
    )


def _at_breast_height(stand: Stand, index: int) -> tuple[float, float, float]:
    """Return a stem's place at 1.3 m and its diameter; a leaning stem is aside of its foot there."""
    tree = stand.trees[index]
    aside = 1.3 / tree.height_m if tree.lean_deg > 0.0 else 0.0
    return (
        tree.x_m + aside * (tree.apex_x_m - tree.x_m),
        tree.y_m + aside * (tree.apex_y_m - tree.y_m),
        tree.dbh_cm,
    )


def _match(found: Floats, truth: Floats, gate_m: float) -> list[tuple[int, int]]:
    """Return pairs within the gate, nearest first, each stem once."""
    apart = np.hypot(found[:, :1] - truth[:, 0], found[:, 1:2] - truth[:, 1])
    rows, columns = np.nonzero(apart <= gate_m)
    left: set[int] = set()
    right: set[int] = set()
    pairs: list[tuple[int, int]] = []
    for place in np.argsort(apart[rows, columns], kind="stable"):
        one, other = int(rows[place]), int(columns[place])
        if one not in left and other not in right:
            left.add(one)
            right.add(other)
            pairs.append((one, other))
    return pairs


def _in_plot(stems: Floats, plot: tuple[float, float, float] | None) -> NDArray[np.bool_]:
    if plot is None:
        return np.ones(len(stems), dtype=np.bool_)
    x, y, radius = plot
    inside: NDArray[np.bool_] = np.hypot(stems[:, 0] - x, stems[:, 1] - y) <= radius
    return inside


def _check_found(found_xy_dbh: Floats) -> Floats:
    found = np.asarray(found_xy_dbh, dtype=np.float64)
    if found.size == 0:
        return np.empty((0, 3))
    if found.ndim != 2 or found.shape[1] != _COLUMNS:  # noqa: PLR2004 - rows and columns
        raise InvalidFoundTrees(found.shape, "it must be (m, 3): easting, northing, diameter")
    if len(found) > _MOST_FOUND:
        raise InvalidFoundTrees(found.shape, f"at most {_MOST_FOUND} stems can be scored")
    if not np.isfinite(found).all():
        raise InvalidFoundTrees(found.shape, "all numbers must be finite")
    return found
