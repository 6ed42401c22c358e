"""Trees as GeoParquet 1.1, written in bounded row groups.

Source: https://geoparquet.org/releases/v1.1.0/. The geometry is a WKB point in OGC:CRS84, which is what the standard
means when no CRS is stated; trees in a local frame have no geometry. Every measured column carries its unit in its
name and in its metadata, and its standard error (own and shared together) beside it.
"""

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import pyarrow as pa
import pyarrow.parquet as pq

from domain.cid import Cid
from domain.codes import format_code
from domain.records.result import Estimate, Tree

ROW_GROUP: Final = 16_384
"""Rows held in memory and written at once: some 8 MB."""
_POINT: Final = struct.Struct("<BIdd")
_LITTLE_ENDIAN, _WKB_POINT = 1, 1


@dataclass(frozen=True, slots=True)
class _Figure:
    """An estimate's column: its name, unit, records' units in one of it, and where it stands in a tree."""

    name: str
    unit: str
    divisor: int
    get: Callable[[Tree], Estimate | None]

    @property
    def column(self) -> str:
        return f"{self.name}_{self.unit}"

    @property
    def error_column(self) -> str:
        return f"{self.name}_error_{self.unit}"


_FIGURES: Final = (
    _Figure("height", "m", 1_000, lambda tree: tree.height_mm),
    _Figure("lean", "deg", 1_000, lambda tree: tree.lean_mdeg),
    _Figure("crown_diameter", "m", 1_000, lambda tree: tree.crown.diameter_mm if tree.crown else None),
    _Figure("stem_diameter", "cm", 10, lambda tree: tree.stems[0].diameter_mm if tree.stems else None),
    _Figure("volume", "m3", 1_000, lambda tree: tree.volume_dm3),
    _Figure("biomass", "kg", 1_000, lambda tree: tree.biomass_g),
    _Figure("carbon", "kg", 1_000, lambda tree: tree.carbon_g),
)
_TEXTS: Final = ("code", "record", "prev", "survey", "campaign", "status", "species")


@dataclass(slots=True)
class TreeTable:
    """A GeoParquet file being written; a context manager.

    Attributes
    ----------
    path
        The file.
    count
        Trees written so far.
    """

    path: Path
    count: int = 0
    _rows: list[dict[str, Any]] = field(default_factory=list)
    _writer: Any = None

    def __enter__(self) -> Self:
        self._writer = pq.ParquetWriter(self.path, _SCHEMA, compression="zstd")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
        self._writer.close()

    def add(self, cid: Cid, tree: Tree) -> None:
        """Add a tree record."""
        self._rows.append(make_row(cid, tree))
        self.count += 1
        if len(self._rows) >= ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=_SCHEMA), row_group_size=ROW_GROUP)
            self._rows.clear()


def make_row(cid: Cid, tree: Tree) -> dict[str, Any]:
    """Return a tree as a row of the table; what is not known is null."""
    position = tree.position
    row: dict[str, Any] = {
        "code": format_code(tree.code),
        "record": str(cid),
        "prev": str(tree.prev) if tree.prev else None,
        "survey": str(tree.survey),
        "campaign": tree.campaign,
        "status": tree.status,
        "species": tree.species.name if tree.species else None,
        "confidence": tree.confidence_ppm / 1e6,
        "position_error_m": position.error_mm / 1_000,
        "is_top_hidden": tree.is_top_hidden or False,
        "geometry": None,
    }
    for figure in _FIGURES:
        estimate = figure.get(tree)
        if estimate is not None:
            row[figure.column] = estimate.value / figure.divisor
            row[figure.error_column] = (estimate.own_error**2 + estimate.shared_error**2) ** 0.5 / figure.divisor
    if position.lon_nd is not None and position.lat_nd is not None:
        row["lon"], row["lat"] = position.lon_nd / 1e9, position.lat_nd / 1e9
        row["geometry"] = _POINT.pack(_LITTLE_ENDIAN, _WKB_POINT, row["lon"], row["lat"])
    return row


def _measured(name: str, unit: str) -> Any:  # noqa: ANN401  # pyarrow ships no types
    return pa.field(name, pa.float64(), metadata={"unit": unit})


_GEO: Final = {
    "version": "1.1.0",
    "primary_column": "geometry",
    "columns": {"geometry": {"encoding": "WKB", "geometry_types": ["Point"]}},
}
"""In the schema, where every reader looks; so no box, which is known at the end alone and which the standard leaves
open."""
_SCHEMA: Final = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in _TEXTS),
        _measured("confidence", "1"),
        _measured("lon", "degree"),
        _measured("lat", "degree"),
        _measured("position_error_m", "m"),
        *(_measured(column, figure.unit) for figure in _FIGURES for column in (figure.column, figure.error_column)),
        pa.field("is_top_hidden", pa.bool_()),
        pa.field("geometry", pa.binary()),
    ],
    metadata={"geo": json.dumps(_GEO)},
)
