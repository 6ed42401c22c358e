import dataclasses
import json
import math

from hypothesis import given
from hypothesis import strategies as st

from domain.codes import format_code
from domain.records.result import Crown, Estimate, Species, Stem, Tree
from register.feature import encode_feature
from tests.domain.samples import LINK
from tests.register.samples import make_tree

TREE = make_tree(1).expect(Tree)
ESTIMATES = st.builds(Estimate, *([st.integers(0, 2**53)] * 3), st.just("a model"))
PLACES = st.builds(
    lambda lon_nd, lat_nd: dataclasses.replace(TREE.position, lon_nd=lon_nd, lat_nd=lat_nd),
    st.integers(-180 * 10**9, 180 * 10**9),
    st.integers(-90 * 10**9, 90 * 10**9),
)
TREES = st.builds(
    dataclasses.replace,
    st.just(TREE),
    position=PLACES,
    height_mm=ESTIMATES,
    confidence_ppm=st.integers(0, 10**6),
    crown=st.none() | st.builds(Crown, ESTIMATES),
    stems=st.none() | st.lists(st.builds(Stem, ESTIMATES, st.just(1_300)), min_size=1, max_size=2).map(tuple),
    species=st.none()
    | st.builds(Species, st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.just(0), st.just("crew")),
    volume_dm3=st.none() | ESTIMATES,
    biomass_g=st.none() | ESTIMATES,
    carbon_g=st.none() | ESTIMATES,
)


def describe(tree: Tree) -> dict[str, object]:
    """Return the feature as RFC 7946 and the names of its properties have it."""
    figures = {
        ("height", "m"): (tree.height_mm, 1_000),
        ("crown_diameter", "m"): (tree.crown.diameter_mm if tree.crown else None, 1_000),
        ("stem_diameter", "cm"): (tree.stems[0].diameter_mm if tree.stems else None, 10),
        ("volume", "m3"): (tree.volume_dm3, 1_000),
        ("biomass", "kg"): (tree.biomass_g, 1_000),
        ("carbon", "kg"): (tree.carbon_g, 1_000),
    }
    properties: dict[str, object] = {
        "code": format_code(tree.code),
        "record": str(LINK),
        "campaign": tree.campaign,
        "status": tree.status,
        "confidence": tree.confidence_ppm / 1e6,
    }
    for (name, unit), (estimate, divisor) in figures.items():
        if estimate is not None:
            error = math.sqrt(estimate.own_error**2 + estimate.shared_error**2) / divisor
            properties |= {f"{name}_{unit}": estimate.value / divisor, f"{name}_error_{unit}": error}
    if tree.species is not None:
        properties["species"] = tree.species.name
    assert tree.position.lon_nd is not None
    assert tree.position.lat_nd is not None
    place = [tree.position.lon_nd / 1e9, tree.position.lat_nd / 1e9]
    geometry = {"type": "Point", "coordinates": place}
    return {"type": "Feature", "id": tree.code, "geometry": geometry, "properties": properties}


@given(TREES)
def test_a_feature_reads_as_the_tree_and_is_written_as_json_writes_it(tree: Tree) -> None:
    raw = encode_feature(tree, LINK)
    feature = json.loads(raw)
    expected = describe(tree)
    properties, wanted = feature.pop("properties"), expected.pop("properties")
    assert feature == expected
    assert isinstance(wanted, dict)
    assert list(properties) == list(wanted)
    for name, value in wanted.items():
        if "error" in name:
            assert math.isclose(properties[name], value, rel_tol=1e-12, abs_tol=0.000_500_1)
        else:
            assert properties[name] == value
    again = json.dumps({**feature, "properties": properties}, separators=(",", ":"), ensure_ascii=False)
    assert raw == again.encode()
