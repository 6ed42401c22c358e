"""Two campaigns to what became of each tree."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from survey.cloud import Floats
from survey.linking.fit import Shift, move_places
from survey.linking.link import Candidate, Linking, LinkSettings, link_trees
from survey.linking.shift import ShiftSearch
from survey.resurvey.arrivals import judge_new, move_back
from survey.resurvey.cover import weigh_coverage
from survey.resurvey.crowns import Merge, Split, find_joined
from survey.resurvey.growth import Growth, TreeGrowth, average_growth, measure_growth
from survey.resurvey.result import Choice, DoubtfulTree, Resurvey, SameTree
from survey.resurvey.seen import GONE, CampaignSeen, TreeSeen, build_list, check_campaigns, tell_year
from survey.resurvey.unseen import UnseenTree, judge_unseen

_LARGE_SHIFT_M: Final = 1.0
"""A common shift beyond this is worth a word: one campaign's georeferencing is off."""
_SCALE_OFF: Final = 1.5
_BROKEN_M, _BROKEN_SIGMAS = 2.0, 3.0
"""A tree that is lower by more than both was not just measured badly."""
_SHOWN_LABELS: Final = 5
_EDGE_M: Final = 2.0
"""What the outline of covered ground may be off; it follows cells of this size."""


@dataclass(frozen=True, slots=True)
class ResurveySettings:
    """How two campaigns are compared.

    Attributes
    ----------
    search
        Where to look for the common shift.
    known_shift
        The shift, where something else tells it.
    least_odds
        Odds from which a link is made.
    """

    search: ShiftSearch = field(default_factory=ShiftSearch)
    known_shift: Shift | None = None
    least_odds: float = 2.0


@dataclass(frozen=True, slots=True)
class _Sides:
    """Trees of both campaigns that are to be matched, and pairs whose labels were read."""

    earlier: list[TreeSeen]
    later: list[TreeSeen]
    labelled: list[tuple[TreeSeen, TreeSeen]]
    strange_labels: list[str]


def resurvey_trees(earlier: CampaignSeen, later: CampaignSeen, settings: ResurveySettings | None = None) -> Resurvey:
    """Return what became of each tree between two campaigns.

    Parameters
    ----------
    earlier, later
        Both campaigns, in one CRS. The earlier one has each tree's last known state, whichever campaign saw it.
    settings
        How they are compared.

    Raises
    ------
    InvalidCampaign
        When a campaign breaks a rule.
    LinkingError
        When the trees cannot be linked as they are.
    """
    check_campaigns(earlier, later)
    chosen = settings or ResurveySettings()
    years = later.at_year - earlier.at_year
    sides = _part_labelled(earlier, later)
    how = LinkSettings(years, chosen.search, chosen.known_shift, least_odds=chosen.least_odds)
    linking = _link(sides, earlier, later, how)
    shift, change = linking.fit.shift, linking.fit.change
    same = _list_same(sides, linking, earlier, later)
    partners = _list_partners(sides, linking)
    lone_earlier = [sides.earlier[one] for one in linking.earlier_alone]
    lone_later = [sides.later[one] for one in linking.later_alone]
    merges, splits = _find_merges(lone_earlier, partners, shift), _find_splits(lone_later, partners, shift)
    unseen = _withhold(_judge_unseen(lone_earlier, later, linking, partners), linking, merges)
    return Resurvey(
        years=years,
        fit=linking.fit,
        unclear=linking.unclear,
        same=same,
        doubtful=_list_doubtful(sides, linking),
        unseen=unseen,
        new=judge_new(lone_later, earlier, shift, change),
        open_keys=_list_open(sides, linking),
        merges=merges,
        splits=splits,
        mean_height_m=_average([one.growth.height_m for one in same], years),
        mean_crown_m=_average([one.growth.crown_m for one in same], years),
        mean_dbh_cm=_average([one.growth.dbh_cm for one in same], years),
        warnings=_warn(sides, linking, earlier, later),
    )


def _part_labelled(earlier: CampaignSeen, later: CampaignSeen) -> _Sides:
    """Return pairs whose labels were read, and all others; trees gone before are left out."""
    known = {tree.code: tree for tree in earlier.trees}
    labelled = [(known[tree.label], tree) for tree in later.trees if tree.label is not None and tree.label in known]
    taken = {one.code for one, _ in labelled}
    return _Sides(
        earlier=[tree for tree in earlier.trees if tree.code not in taken and tree.status != GONE],
        later=[tree for tree in later.trees if tree.label is None or tree.label not in known],
        labelled=labelled,
        strange_labels=[tree.label for tree in later.trees if tree.label is not None and tree.label not in known],
    )


def _link(sides: _Sides, earlier: CampaignSeen, later: CampaignSeen, settings: LinkSettings) -> Linking:
    # Before the shift is known, a tree beyond the other campaign's edge may well have been seen by it.
    outside_m = _EDGE_M + (settings.search.max_shift_m if settings.known_shift is None else 0.0)
    before = build_list(earlier, sides.earlier, _weigh(sides.earlier, later, outside_m))
    after = build_list(later, sides.later, _weigh(sides.later, earlier, outside_m))
    return link_trees(before, after, settings)


def _weigh(trees: Sequence[TreeSeen], other: CampaignSeen, outside_m: float) -> Floats:
    heights = [tree.height_m.value if tree.height_m else None for tree in trees]
    return weigh_coverage(other, *_places(trees), heights, outside_m=outside_m)


def _places(trees: Sequence[TreeSeen]) -> tuple[Floats, Floats]:
    return np.array([tree.x_m for tree in trees], dtype=np.float64), np.array([tree.y_m for tree in trees])


def _list_same(sides: _Sides, linking: Linking, earlier: CampaignSeen, later: CampaignSeen) -> tuple[SameTree, ...]:
    sure = [(one, two, 1.0, math.inf) for one, two in sides.labelled]
    sure += [
        (sides.earlier[link.earlier], sides.later[link.later], link.probability, link.odds) for link in linking.links
    ]
    same = [
        _join(one, two, (probability, odds), tell_year(later, two) - tell_year(earlier, one))
        for one, two, probability, odds in sure
    ]
    return tuple(sorted(same, key=lambda one: one.code))


def _join(earlier: TreeSeen, later: TreeSeen, sure: tuple[float, float], years: float) -> SameTree:
    growth = measure_growth(earlier, later, years)
    return SameTree(
        code=earlier.code,
        key=later.code,
        prev=earlier.record,
        probability=sure[0],
        odds=sure[1],
        growth=growth,
        status_before=earlier.status,
        status=later.status,
        is_leaning=later.is_leaning,
        is_broken=_is_broken(growth),
    )


def _is_broken(growth: TreeGrowth) -> bool:
    height = growth.height_m
    return height is not None and height.change.value < -max(_BROKEN_M, _BROKEN_SIGMAS * height.error)


def _average(growths: Sequence[Growth | None], years: float) -> Growth | None:
    """Return the mean growth of the trees that were last seen in the earlier campaign itself."""
    return average_growth([growth for growth in growths if growth is not None and growth.years == years])


def _list_partners(sides: _Sides, linking: Linking) -> list[tuple[TreeSeen, TreeSeen]]:
    linked = [(sides.earlier[link.earlier], sides.later[link.later]) for link in linking.links]
    return sides.labelled + linked


def _find_merges(
    lone: Sequence[TreeSeen], partners: Sequence[tuple[TreeSeen, TreeSeen]], shift: Shift
) -> tuple[Merge, ...]:
    moved = _move(lone, move_places(shift, *_places(lone)))
    linked = {later.code: earlier for earlier, later in partners}
    found = find_joined(moved, [later for _, later in partners], linked)
    return tuple(Merge((linked[key].code, code), key) for code, key in found)


def _find_splits(
    lone: Sequence[TreeSeen], partners: Sequence[tuple[TreeSeen, TreeSeen]], shift: Shift
) -> tuple[Split, ...]:
    moved = _move(lone, move_back(shift, *_places(lone)))
    linked = {earlier.code: later for earlier, later in partners}
    found = find_joined(moved, [earlier for earlier, _ in partners], linked)
    return tuple(Split(code, (linked[code].code, key)) for key, code in found)


def _move(trees: Sequence[TreeSeen], place_m: tuple[Floats, Floats]) -> list[TreeSeen]:
    return [replace(tree, x_m=float(x), y_m=float(y)) for tree, x, y in zip(trees, *place_m, strict=True)]


def _list_doubtful(sides: _Sides, linking: Linking) -> tuple[DoubtfulTree, ...]:
    def name(candidates: Sequence[Candidate]) -> tuple[Choice, ...]:
        return tuple(Choice(sides.later[one.later].code, one.probability) for one in candidates)

    return tuple(
        DoubtfulTree(sides.earlier[doubt.earlier].code, name(doubt.candidates), doubt.alone) for doubt in linking.doubts
    )


def _list_open(sides: _Sides, linking: Linking) -> tuple[str, ...]:
    settled = {link.later for link in linking.links} | set(linking.later_alone)
    return tuple(tree.code for number, tree in enumerate(sides.later) if number not in settled)


def _judge_unseen(
    lone: Sequence[TreeSeen], later: CampaignSeen, linking: Linking, partners: Sequence[tuple[TreeSeen, TreeSeen]]
) -> tuple[UnseenTree, ...]:
    linked = {two.code for _, two in partners}
    return judge_unseen(lone, later, linking.fit, linked, survivors=[one for one, _ in partners])


def _withhold(trees: Sequence[UnseenTree], linking: Linking, merges: Sequence[Merge]) -> tuple[UnseenTree, ...]:
    """Return unseen trees; where the shift is unclear, or a tree may be part of a joint crown, none is gone."""
    merged = {merge.codes[1] for merge in merges}
    reasons = dict.fromkeys(merged, "it may be part of a joint crown")
    if linking.unclear is not None:
        reasons = dict.fromkeys((tree.code for tree in trees), "the common shift cannot be told")
    return tuple(
        replace(tree, verdict="not-seen", reason=reasons[tree.code])
        if tree.verdict == "gone" and tree.code in reasons
        else tree
        for tree in trees
    )


def _warn(sides: _Sides, linking: Linking, earlier: CampaignSeen, later: CampaignSeen) -> tuple[str, ...]:
    shift = linking.fit.shift
    length = math.hypot(shift.east_m, shift.north_m)
    warnings: list[str] = []
    if linking.unclear is not None:
        warnings.append(
            f"The common shift of the campaigns cannot be told: {linking.unclear.reason}. None was assumed, with a "
            "wide error; most trees are in doubt, and none is told to be gone."
        )
    elif length > _LARGE_SHIFT_M:
        warnings.append(
            f"The later campaign lies {length:.1f} m from the earlier one ({shift.east_m:+.1f} m east, "
            f"{shift.north_m:+.1f} m north); check the georeferencing of both."
        )
    if linking.fit.place_scale > _SCALE_OFF:
        warnings.append(
            f"Places scatter {linking.fit.place_scale:.1f} times as far as their stated errors allow; the errors were "
            "widened."
        )
    if sides.strange_labels:
        shown = ", ".join(sides.strange_labels[:_SHOWN_LABELS])
        warnings.append(
            f"{len(sides.strange_labels)} labels were read that no tree of the earlier campaign has ({shown}); these "
            "trees were matched by place and size."
        )
    for name, campaign in (("earlier", earlier), ("later", later)):
        if not campaign.covered:
            warnings.append(f"The {name} campaign does not tell what ground it covered.")
    return tuple(warnings)
