"""Forests of different kinds to draw stands from.

Stem numbers and diameters are those of plots that were published; what a source does not give (mixture, clustering) was
chosen for this simulator.
"""

import math
from dataclasses import replace

from sample_data.errors import check_range
from sample_data.forest.planting import Rows
from sample_data.forest.stand import LayerParameters, StandParameters
from sample_data.forest.terrain import TerrainParameters

_GENTLE = TerrainParameters(max_slope=0.12)

MOUNTAIN = StandParameters()
"""Uneven-aged, layered mixture of spruce, fir, pine, beech and sycamore; its source stands beside the layers."""

# Planted 2.5 m by 2 m and once thinned. Diameters of thinned even-aged stands are close to symmetric: a Weibull shape
# near 4 (Bailey and Dell 1973, Forest Science 19, 97, who brought it into forestry).
PLANTATION = StandParameters(
    layers=(LayerParameters(1_100.0, 23.0, 4.5, 1.0, 0.0, (1.0,), ("Picea abies",), Rows(2.5, 2.0)),),
    terrain=_GENTLE,
    gaps_per_ha=0.0,
    density_scatter=0.08,
)
"""Even-aged Norway spruce in rows."""

# Dehesas: about 40 holm oaks a hectare, 78 % of them 30 to 40 cm thick (Pulido et al. 2001, doi
# 10.1016/S0378-1127(00)00443-6), which a Weibull shape near 9 gives; stone pine was added for its crown.
OPEN_WOODLAND = StandParameters(
    layers=(
        LayerParameters(40.0, 36.0, 9.5, 0.8, 0.2, (0.8, 0.2), ("Quercus ilex", "Pinus pinea")),
        LayerParameters(12.0, 8.0, 2.0, 0.6, 0.9, (1.0,), ("Quercus ilex",)),
    ),
    terrain=_GENTLE,
    gaps_per_ha=0.0,
)
"""Scattered oaks and stone pines over pasture."""

# A pine thicket of 14 years had 15,000 stems of 5.3 cm and 6.2 m (Polyakova et al. 2016, Siberian Journal of Forest
# Science); French spacing trials of beech have 625 to 40,000 at 12 to 33 years. This one stands between.
DENSE_YOUNG = StandParameters(
    layers=(
        LayerParameters(
            4_000.0, 7.5, 2.8, 0.35, 0.6, (0.5, 0.2, 0.3), ("Pinus sylvestris", "Picea abies", "Acer pseudoplatanus")
        ),
    ),
    gaps_per_ha=2.0,
    dead_share=0.04,
)
"""A thicket of pine, spruce and sycamore that thins itself."""

# The ICP Forests plot at Virton, Belgium: 248 stems a hectare, 27 m2 of basal area, 32 m dominant height, thus 37 cm in
# the mean; diameters of even-aged beech as in Boncina et al. (2022), doi 10.3832/ifor4145-015.
BEECH = StandParameters(
    layers=(
        LayerParameters(240.0, 40.5, 4.2, 0.65, 0.0, (0.92, 0.08), ("Fagus sylvatica", "Acer pseudoplatanus")),
        LayerParameters(90.0, 8.0, 2.0, 0.35, 0.6, (0.95, 0.05), ("Fagus sylvatica", "Acer pseudoplatanus")),
    ),
    gaps_per_ha=2.0,
    dead_share=0.01,
)
"""High forest of beech with a hall below."""

# Black spruce after fire has 1,300 to 2,150 trees a hectare of much the same size (Rossi et al. 2013, doi
# 10.14214/sf.973); jack pine of the same origin stands as dense (Sharma and Zhang 2007, doi 10.1093/njaf/24.1.22).
BOREAL = StandParameters(
    layers=(
        LayerParameters(900.0, 15.5, 4.0, 0.5, 0.4, (0.9, 0.1), ("Pinus banksiana", "Betula papyrifera")),
        LayerParameters(600.0, 9.5, 2.8, 0.4, 0.6, (0.95, 0.05), ("Picea mariana", "Betula papyrifera")),
    ),
    terrain=_GENTLE,
    gaps_per_ha=3.0,
    dead_share=0.05,
    leaning_share=0.02,
)
"""Jack pine over black spruce with thin crowns."""

PRESETS: dict[str, StandParameters] = {
    "mountain": MOUNTAIN,
    "plantation": PLANTATION,
    "open-woodland": OPEN_WOODLAND,
    "dense-young": DENSE_YOUNG,
    "beech": BEECH,
    "boreal": BOREAL,
}
"""All of them, by name."""

_STEEPEST_DEG = 40.0


def on_slope(parameters: StandParameters, slope_deg: float) -> StandParameters:
    """Return a stand's parameters on a plane of a given slope, with the same roughness.

    Parameters
    ----------
    parameters
        Any stand's.
    slope_deg
        0 to 40.

    Raises
    ------
    InvalidParameter
        A steeper slope.

    Examples
    --------
    >>> round(on_slope(MOUNTAIN, 40.0).terrain.max_slope, 3)
    0.839
    """
    check_range("slope_deg", slope_deg, 0.0, _STEEPEST_DEG)
    rise = math.tan(math.radians(slope_deg))
    return replace(parameters, terrain=replace(parameters.terrain, max_slope=rise, least_share=1.0))


def with_density(parameters: StandParameters, stems_per_ha: float) -> StandParameters:
    """Return a stand's parameters at a given number of stems of all sizes, the storeys' shares kept.

    Parameters
    ----------
    parameters
        Any stand's.
    stems_per_ha
        Mean over seeds, before stems that touch others are dropped; 1 to 20,000.

    Raises
    ------
    InvalidParameter
        A number out of range.

    Examples
    --------
    >>> round(sum(layer.stems_per_ha for layer in with_density(BEECH, 600.0).layers))
    600
    """
    check_range("stems_per_ha", stems_per_ha, 1.0, 20_000.0)
    factor = stems_per_ha / sum(layer.stems_per_ha for layer in parameters.layers)
    layers = tuple(replace(layer, stems_per_ha=factor * layer.stems_per_ha) for layer in parameters.layers)
    return replace(parameters, layers=layers, density_scatter=0.0)
