"""Which figures of a tree record were measured, and which follow from others by an equation."""

from typing import Final

from domain.records.result import Tree

_EQUATION: Final = "dbh"
"""A word of the id of each equation of stem diameter, and of the id of each mean of several: ``jucker2017-dbh-global``.
No way of measuring one has it in its name."""


def is_stem_measured(tree: Tree) -> bool:
    """Tell whether a tree's stem diameters were measured.

    From above alone they are modelled from height and crown. A crew that enters only a species or a height goes on from
    such a record and keeps its modelled stems; their model says what they are.
    """
    if not tree.stems or (tree.position.of == "apex" and not tree.readings):
        return False
    return not any(_EQUATION in stem.diameter_mm.model.split("-") for stem in tree.stems)
