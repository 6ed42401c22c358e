"""Sizes of trees that the tests of allometry share."""

import numpy as np

from survey.allometry.columns import Sizes, TreeColumns
from survey.cloud import Floats
from survey.estimate import Estimate


def exact(value: float) -> Estimate:
    return Estimate(value, 0.0, 0.0, "exact")


def unknown(count: int) -> Sizes:
    return Sizes(np.full(count, np.nan), np.zeros(count), np.zeros(count))


def known(value: Floats, *, own: float = 0.0, shared: float = 0.0) -> Sizes:
    """Return sizes with errors that are shares of them."""
    return Sizes(value, own * value, shared * value)


def plot(seed: int, count: int) -> TreeColumns:
    """Return trees of many sizes with errors, none of them with a measured stem."""
    rng = np.random.default_rng(seed)
    height = rng.uniform(5.0, 38.0, count)
    crown = 0.25 * height * np.exp(rng.normal(0.0, 0.2, count))
    return TreeColumns(known(height, own=0.02, shared=0.01), known(crown, own=0.1, shared=0.04), unknown(count))
