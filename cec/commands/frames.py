"""``cec campaign``, ``cec plots`` and ``cec species``: what comes down to the organisation's devices.

Each record is signed by the organisation and appended to the journal beside a running server; devices get it when they
ask next.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from pyproj import Geod

from cec.console import print_text
from cec.errors import FrameUnreadable, NotAHouse
from cec.owner import find_org
from cec.vault import open_vault
from domain.envelope import Body, seal
from domain.errors import InvalidField
from domain.records.frame import Area, Campaign, Ring, SpeciesList, SpeciesName
from ingest.beside import add_records, open_beside
from ingest.journal import now_ms

MAX_FILE: Final = 32 << 20
"""Bytes of a file with plots or species: 2,000 plots of 1,000 corners."""
CORNERS: Final = 72
"""Corners of a circular plot: its polygon's area is within 0.13 % of the circle's."""
_NANO: Final = 1_000_000_000


def run_campaign(campaign: str, *, data: Path, org: str | None, title: str, method: str) -> None:
    """Begin a campaign, or say anew what it is."""
    org = find_org(data, org)
    _append([Campaign(org, campaign, title, method, now_ms())], data)
    print_text(f"campaign {campaign} is signed; devices of {org} get it when they ask next")


def run_plots(file: Path, *, data: Path, org: str | None, use: str, radius_m: float | None) -> None:
    """Sign the plots of a GeoJSON file: polygons, or points with a radius."""
    org = find_org(data, org)
    areas = [_read_area(feature, org, use, radius_m) for feature in _read_features(file)]
    _append(areas, data)
    print_text(f"{len(areas)} areas are signed ({use}); devices of {org} get them when they ask next")


def run_species(file: Path, *, data: Path, org: str | None, list_id: str, title: str, campaign: str | None) -> None:
    """Sign a species list from a CSV file with the columns code, name and, if wanted, common."""
    org = find_org(data, org)
    species = tuple(_read_species(file))
    if not species:
        raise FrameUnreadable(file, "no species in it")
    _append([SpeciesList(org, list_id, title, now_ms(), species, campaign)], data)
    print_text(f"{len(species)} species are signed as list {list_id}; devices of {org} get them when they ask next")


def _append(bodies: Sequence[Body], data: Path) -> None:
    if not (data / "keys").is_dir():
        raise NotAHouse(data)
    key = open_vault(data / "keys").org
    records = [seal(body, key) for body in bodies]
    with open_beside(data / "journal.sqlite") as db:
        add_records(db, records, now_ms())


def _read_text(file: Path) -> str:
    try:
        if file.stat().st_size > MAX_FILE:
            raise FrameUnreadable(file, f"larger than {MAX_FILE >> 20} MiB; split it")
        return file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FrameUnreadable(file, str(error)) from error


def _read_features(file: Path) -> list[dict[str, Any]]:
    try:
        found = json.loads(_read_text(file))
        features = found["features"] if found["type"] == "FeatureCollection" else [found]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FrameUnreadable(file, "expected GeoJSON (RFC 7946): a feature or a collection of them") from error
    if not isinstance(features, list) or not features:
        raise FrameUnreadable(file, "no features in it")
    return features


def _read_area(feature: Any, org: str, use: str, radius_m: float | None) -> Area:  # noqa: ANN401  # whatever JSON holds
    try:
        properties = feature.get("properties") or {}
        name = str(feature.get("id") or properties.get("id") or properties["name"]).lower().replace(" ", "-")
        rings = tuple(_read_rings(feature["geometry"], radius_m))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        what = "each feature needs an id and a polygon, or a point and --radius"
        raise InvalidField("feature", str(feature)[:80], what) from error
    authority = str(properties.get("authority") or org)
    return Area(org, name, use, "EPSG:4326", rings, authority, now_ms())


def _read_rings(geometry: dict[str, Any], radius_m: float | None) -> Iterator[Ring]:
    if geometry["type"] == "Polygon":
        for ring in geometry["coordinates"]:
            yield tuple(round(value * _NANO) for lon, lat, *_ in ring for value in (lon, lat))
    elif geometry["type"] == "Point" and radius_m is not None:
        lon, lat = geometry["coordinates"][:2]
        yield _circle(float(lon), float(lat), radius_m)
    else:
        raise ValueError(geometry["type"])


def _circle(lon: float, lat: float, radius_m: float) -> Ring:
    """Return a ring about a point at a geodesic distance, counter-clockwise, as RFC 7946 wants outer rings."""
    azimuths = [-360 * corner / CORNERS for corner in range(CORNERS)]
    lons, lats, _ = Geod(ellps="WGS84").fwd([lon] * CORNERS, [lat] * CORNERS, azimuths, [radius_m] * CORNERS)
    ring = [round(value * _NANO) for pair in zip(lons, lats, strict=True) for value in pair]
    return (*ring, *ring[:2])


def _read_species(file: Path) -> Iterator[SpeciesName]:
    rows = csv.DictReader(_read_text(file).splitlines())
    if not {"code", "name"} <= set(rows.fieldnames or ()):
        raise FrameUnreadable(file, "the first line must name the columns code, name and, if wanted, common")
    for row in rows:
        yield SpeciesName(
            (row["code"] or "").strip(), (row["name"] or "").strip(), (row.get("common") or "").strip() or None
        )
