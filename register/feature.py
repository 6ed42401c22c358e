"""A tree record as a GeoJSON feature (RFC 7946), made once when it is indexed and served as bytes.

Written as text and not by `json.dumps`, which takes nearly twice as long and would be half of the cost of indexing; a
test holds both to the same bytes.
"""

from json.encoder import encode_basestring
from math import hypot
from typing import Final

from domain.cid import Cid
from domain.codes import format_code
from domain.records.result import Estimate, Tree

_MILLI: Final = 1_000
_DECI: Final = 10


def encode_feature(tree: Tree, cid: Cid) -> bytes:
    """Return the feature of a tree that has a longitude and latitude, UTF-8 without spaces.

    Properties carry the unit in their name: metres, kilograms, centimetres; each figure's standard error (own
    and shared together) beside it.
    """
    position = tree.position
    if position.lon_nd is None or position.lat_nd is None:
        raise AssertionError("a tree in a local frame has no feature")
    species = "" if tree.species is None else f',"species":{encode_basestring(tree.species.name)}'
    return (
        f'{{"type":"Feature","id":"{tree.code}","geometry":{{"type":"Point","coordinates":'
        f"[{position.lon_nd / 1e9!r},{position.lat_nd / 1e9!r}]}},"
        f'"properties":{{"code":"{format_code(tree.code)}","record":"{cid}",'
        f'"campaign":{encode_basestring(tree.campaign)},"status":{encode_basestring(tree.status)},'
        f'"confidence":{tree.confidence_ppm / 1e6!r}{_figures(tree)}{species}}}}}'
    ).encode()


def _figures(tree: Tree) -> str:
    text = ""
    if tree.height_mm:
        text += _figure("height", "m", tree.height_mm, _MILLI)
    if tree.is_top_hidden:
        text += ',"is_top_hidden":true'
    if tree.lean_mdeg:
        text += _figure("lean", "deg", tree.lean_mdeg, _MILLI)
    if tree.crown:
        text += _figure("crown_diameter", "m", tree.crown.diameter_mm, _MILLI)
    if tree.stems:
        text += _figure("stem_diameter", "cm", tree.stems[0].diameter_mm, _DECI)
    if tree.volume_dm3:
        text += _figure("volume", "m3", tree.volume_dm3, _MILLI)
    if tree.biomass_g:
        text += _figure("biomass", "kg", tree.biomass_g, _MILLI)
    if tree.carbon_g:
        text += _figure("carbon", "kg", tree.carbon_g, _MILLI)
    return text


def _figure(name: str, unit: str, estimate: Estimate, divisor: int) -> str:
    error = round(hypot(estimate.own_error, estimate.shared_error) / divisor, 3)
    return f',"{name}_{unit}":{estimate.value / divisor!r},"{name}_error_{unit}":{error!r}'
