"""A tree record as a GeoJSON feature (RFC 7946), made once when it is indexed and served as bytes."""

import json

from domain.cid import Cid
from domain.codes import format_code
from domain.records.result import Estimate, Tree

DEGREE_DIGITS = 9


def encode_feature(tree: Tree, cid: Cid) -> bytes:
    """Return the feature of a tree that has a longitude and latitude, UTF-8 without spaces.

    Properties carry the unit in their name: metres, kilograms, centimetres; each figure's standard error (own
    and shared together) beside it.
    """
    position = tree.position
    if position.lon_nd is None or position.lat_nd is None:
        raise AssertionError("a tree in a local frame has no feature")
    feature = {
        "type": "Feature",
        "id": tree.code,
        "geometry": {"type": "Point", "coordinates": [position.lon_nd / 1e9, position.lat_nd / 1e9]},
        "properties": {"code": format_code(tree.code), "record": str(cid), **_properties(tree)},
    }
    return json.dumps(feature, separators=(",", ":"), ensure_ascii=False).encode()


def _properties(tree: Tree) -> dict[str, object]:
    properties: dict[str, object] = {
        "campaign": tree.campaign,
        "status": tree.status,
        "confidence": tree.confidence_ppm / 1e6,
        **_figure("height", "m", tree.height_mm, 1_000),
        **_figure("crown_diameter", "m", tree.crown.diameter_mm if tree.crown else None, 1_000),
        **_figure("stem_diameter", "cm", tree.stems[0].diameter_mm if tree.stems else None, 10),
        **_figure("volume", "m3", tree.volume_dm3, 1_000),
        **_figure("biomass", "kg", tree.biomass_g, 1_000),
        **_figure("carbon", "kg", tree.carbon_g, 1_000),
    }
    if tree.species is not None:
        properties["species"] = tree.species.name
    return properties


def _figure(name: str, unit: str, estimate: Estimate | None, divisor: int) -> dict[str, float]:
    if estimate is None:
        return {}
    error = (estimate.own_error**2 + estimate.shared_error**2) ** 0.5
    return {f"{name}_{unit}": estimate.value / divisor, f"{name}_error_{unit}": round(error / divisor, 3)}
