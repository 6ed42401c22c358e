"""Stem diameter, volume, biomass and carbon of trees, with own and shared errors.

==============  ================================================================================
`choose`        which equations hold for a species or type and a region: start here
`models`        what they give for one tree or thousands
`totals`        totals of plots and stands, trees that were not found included
`generic`       four functions on single trees, for a forest of which only the type is known
`registry`      all equations, each with its source and range; `docs/allometry.md` lists them
==============  ================================================================================
"""

from survey.allometry.choose import check_forest_type, choose_models
from survey.allometry.columns import EstimateColumn, Sizes, StockColumns, Stocks, TreeColumns, gather_sizes
from survey.allometry.equation import Equation, ForestType
from survey.allometry.generic import (
    BREAST_HEIGHT_M,
    estimate_biomass,
    estimate_carbon,
    estimate_dbh,
    estimate_volume,
)
from survey.allometry.models import StockModels, estimate_stocks
from survey.allometry.registry import known_regions, load_equations

__all__ = [
    "BREAST_HEIGHT_M",
    "Equation",
    "EstimateColumn",
    "ForestType",
    "Sizes",
    "StockColumns",
    "StockModels",
    "Stocks",
    "TreeColumns",
    "check_forest_type",
    "choose_models",
    "estimate_biomass",
    "estimate_carbon",
    "estimate_dbh",
    "estimate_stocks",
    "estimate_volume",
    "gather_sizes",
    "known_regions",
    "load_equations",
]
