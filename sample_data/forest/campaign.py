"""A stand at two campaigns some years apart, every tree's fate known.

In this order: trees are felled, a storm passes, others die of themselves, those left grow, new stems come up. Trees
keep their numbers and their crowns' shapes, so that ``after`` can be scanned like any stand, or grown on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import numpy as np

from sample_data.errors import LARGEST_SEED, check_range
from sample_data.forest.competition import crowd
from sample_data.forest.damage import die, fall
from sample_data.forest.growth import GrowthParameters, grow_trees, recruit
from sample_data.forest.losses import FellingParameters, MortalityParameters, choose_dead, choose_felled
from sample_data.forest.observation import ObservedTrees, observe_campaign
from sample_data.forest.stand import Stand
from sample_data.forest.storm import StormParameters, choose_damaged, damage
from sample_data.forest.tree import TreeTruth
from sample_data.forest.tree_table import tabulate_trees

__all__ = ["Campaign", "CampaignParameters", "Fate", "ObservedTrees", "grow_campaign", "observe_campaign"]

Fate: TypeAlias = Literal["grown", "felled", "fallen", "dead", "new"]
"""Alive at the second campaign; cut; on the ground; dead and standing; not there, or lower than 1.3 m, at the first."""

# Increments are taken for the whole time at once: longer times are grown in steps, campaign after campaign.
_LONGEST_YEARS = 15.0


@dataclass(frozen=True, slots=True)
class CampaignParameters:
    """What happens between two campaigns."""

    growth: GrowthParameters = field(default_factory=GrowthParameters)
    """How trees grow and come up."""
    mortality: MortalityParameters = field(default_factory=MortalityParameters)
    """How they die."""
    felling: FellingParameters = field(default_factory=FellingParameters)
    """What is cut; by default nothing."""
    storm: StormParameters | None = None
    """A storm, if there was one."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """Two campaigns of one stand."""

    before: Stand
    """As it was."""
    after: Stand
    """As it is: without what was felled, with what fell."""
    fates: Mapping[int, Fate]
    """What became of each tree of both, by its number."""
    years: float
    """Between the two."""


def grow_campaign(stand: Stand, *, years: float, seed: int, parameters: CampaignParameters | None = None) -> Campaign:
    """Return a stand before and after some years.

    Parameters
    ----------
    stand
        As it is at the first campaign.
    years
        Until the second, 0 to 15.
    seed
        The same seed, stand, years and parameters give the same campaign.
    parameters
        What happens; by default growth, mortality and ingrowth, without felling or storm.

    Returns
    -------
    Campaign

    Raises
    ------
    InvalidParameter
        Years, seed, a rate or a share out of range.

    Examples
    --------
    >>> from sample_data.forest.stand import StandParameters, grow_stand
    >>> stand = grow_stand(7, parameters=StandParameters(side_m=30.0))
    >>> campaign = grow_campaign(stand, years=5.0, seed=7)
    >>> campaign.fates[campaign.after.trees[0].number], campaign.fates[campaign.after.trees[-1].number]
    ('grown', 'new')
    """
    check_range("years", years, 0.0, _LONGEST_YEARS)
    check_range("seed", seed, 0, LARGEST_SEED)
    chosen = parameters or CampaignParameters()
    rng = np.random.default_rng([0xCA3B, stand.seed, seed])
    left = _fell(rng, stand, chosen.felling)
    hurt = _hurt(rng, stand, left, years=years, parameters=chosen)
    grown = _grow(rng, stand, hurt, years=years, parameters=chosen.growth)
    next_number = max((tree.number for tree in stand.trees), default=-1) + 1
    new = recruit(rng, replace(stand, trees=grown), next_number, years=years, parameters=chosen.growth)
    after = replace(stand, trees=grown + new)
    return Campaign(stand, after, _tell_fates(stand, after), years)


def _fell(rng: np.random.Generator, stand: Stand, parameters: FellingParameters) -> tuple[TreeTruth, ...]:
    felled = choose_felled(rng, tabulate_trees(stand.trees), stand.bounds, parameters)
    return tuple(tree for tree, is_felled in zip(stand.trees, felled, strict=True) if not is_felled)


def _hurt(
    rng: np.random.Generator,
    stand: Stand,
    trees: tuple[TreeTruth, ...],
    *,
    years: float,
    parameters: CampaignParameters,
) -> tuple[TreeTruth, ...]:
    """Return trees after the storm, and after some of those it spared died."""
    trees, spared = _storm(rng, stand, trees, parameters.storm)
    table = tabulate_trees(trees)
    pressure = crowd(table.x_m, table.y_m, table.height_m).pressure
    dies, falls = choose_dead(rng, table, pressure, years=years, parameters=parameters.mortality)
    ways = rng.uniform(0.0, 2.0 * np.pi, len(trees))
    hurt = list(trees)
    for i in np.flatnonzero((dies | falls) & spared):
        dead = die(hurt[i], rng) if dies[i] else hurt[i]
        hurt[i] = fall(dead, float(ways[i])) if falls[i] else dead
    return tuple(hurt)


def _storm(
    rng: np.random.Generator, stand: Stand, trees: tuple[TreeTruth, ...], parameters: StormParameters | None
) -> tuple[tuple[TreeTruth, ...], np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Return trees after a storm, and which of them it spared."""
    standing = np.array([tree.status != "fallen" for tree in trees], dtype=np.bool_)
    if parameters is None:
        return trees, standing
    damaged, towards = choose_damaged(rng, tabulate_trees(trees), stand.bounds, parameters)
    damaged &= standing
    hurt = tuple(damage(rng, tree, towards) if damaged[i] else tree for i, tree in enumerate(trees))
    return hurt, standing & ~damaged


def _grow(
    rng: np.random.Generator,
    stand: Stand,
    trees: tuple[TreeTruth, ...],
    *,
    years: float,
    parameters: GrowthParameters,
) -> tuple[TreeTruth, ...]:
    """Return trees in their order, the living grown."""
    alive = tuple(tree for tree in trees if tree.status == "alive")
    standing = tuple(tree for tree in stand.trees if tree.status != "fallen")
    grown = {tree.number: tree for tree in grow_trees(rng, standing, alive, years=years, parameters=parameters)}
    return tuple(grown.get(tree.number, tree) for tree in trees)


def _tell_fates(before: Stand, after: Stand) -> dict[int, Fate]:
    now = {tree.number: tree.status for tree in after.trees}
    known = {tree.number for tree in before.trees}
    words: dict[str, Fate] = {"alive": "grown", "standing-dead": "dead", "fallen": "fallen"}
    fates: dict[int, Fate] = {number: words[now[number]] if number in now else "felled" for number in known}
    return fates | dict.fromkeys(now.keys() - known, "new")
