"""One door for clouds of every format: what a file says of itself, and its points, chunk by chunk.

LAS 1.0 to 1.4, LAZ, COPC, E57 and PLY are told by their content. `open_cloud` decodes nothing; `stream_points` decodes
in a process of its own, in bounded memory and time.
"""

import base64
from collections.abc import Generator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from survey.cloud import RawCloud
from survey.errors import DecodeFailed, InvalidParameter
from survey.files.copc_tree import bound_node, find_nodes, read_tree
from survey.files.decode_job import RECORD, DecodeJob, Kind, Window
from survey.files.decoder import Decoder, Pace
from survey.files.e57_header import SIGNATURE, E57Header, E57Scan, read_e57_header
from survey.files.errors import MissingField, UnknownCloudFormat
from survey.files.fixed_units import UNIT, choose_offset
from survey.files.las_header import WKT_RECORD, LasHeader, read_header
from survey.files.ply_header import PlyHeader, read_ply_header
from survey.files.point_layout import Columns, list_fields, read_columns

CHUNK_POINTS: Final = 500_000
"""8 MB of base columns; the decoder holds some 50 MB beside."""
MAX_CHUNK_POINTS: Final = 5_000_000
"""The decoder holds a chunk twice, 67 bytes a point: 0.7 of its 2 GB of address space."""
_MOST_RAW_BYTES: Final = 80
"""Of a point that is sent as it stands: longer ones carry much that few ask for."""
Format = Literal["las", "laz", "copc", "e57", "ply"]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in a file's own unit; boxes side by side share no point.

    Attributes
    ----------
    west, south
        Inclusive.
    east, north
        Exclusive.
    """

    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True)
class Scan:
    """One station of a terrestrial file.

    Attributes
    ----------
    name
        As the scanner's program gave it.
    x, y, z
        Of the scanner in the file's frame, file's unit.
    first, count
        Which of the file's points it saw.
    """

    name: str
    x: float
    y: float
    z: float
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class CloudFile:
    """What is known of a file before its points are read.

    Attributes
    ----------
    path
        Where.
    format
        By its content.
    point_count
        Points promised.
    scale, offset
        Coordinates are ``units * scale + offset``, file's unit.
    bounds
        As promised, the highest point of each axis inclusive; absent where the file does not say. Untrusted: whoever
        reads by windows compares the sum of points with `point_count`.
    z_range
        Lowest and highest z as promised; absent with the bounds.
    fields
        Further dimensions that `stream_points` can return.
    crs_records
        Payloads that state a CRS, by their record id in LAS.
    prefers_wkt
        Whether the WKT is the valid one of two CRS.
    is_metric
        Whether the format itself says that coordinates are metres.
    scans
        Stations of the scanner, where the file has them.
    header
        Of a LAS file; absent for others.
    details
        What the decoder needs.
    warnings
        Oddities that do not hinder reading.
    """

    path: Path
    format: Format
    point_count: int
    scale: tuple[float, float, float]
    offset: tuple[float, float, float]
    bounds: Box | None
    z_range: tuple[float, float] | None
    fields: tuple[str, ...]
    crs_records: dict[int, bytes]
    prefers_wkt: bool
    is_metric: bool
    scans: tuple[Scan, ...]
    header: LasHeader | None
    details: dict[str, Any]
    warnings: tuple[str, ...]


def open_cloud(path: Path) -> CloudFile:
    """Return what a file says of itself, checked; no point is decoded.

    Parameters
    ----------
    path
        An untrusted file; its name does not matter.

    Raises
    ------
    InvalidCloudFile
        When it is none of the formats, or its header breaks a bound.
    """
    try:
        with path.open("rb") as file:
            head = file.read(8)
        if head.startswith(b"LASF"):
            return describe_las(path, read_header(path))
        if head.startswith(SIGNATURE):
            return _describe_e57(path, read_e57_header(path))
        if head.startswith((b"ply\n", b"ply\r\n")):
            return _describe_ply(path, read_ply_header(path))
    except OSError as error:
        raise DecodeFailed(path, error.strerror or str(error)) from error
    raise UnknownCloudFormat(path, head)


def describe_las(path: Path, header: LasHeader) -> CloudFile:
    """Return the cloud of a LAS file whose header was read."""
    bounds = header.bounds
    laszip = base64.b64encode(header.laszip).decode()
    return CloudFile(
        path=path,
        format="copc" if header.copc else "laz" if header.is_compressed else "las",
        point_count=header.point_count,
        scale=header.scale,
        offset=header.offset,
        bounds=Box(bounds[0], bounds[1], bounds[3], bounds[4]) if bounds else None,
        z_range=(bounds[2], bounds[5]) if bounds else None,
        fields=list_fields(header.point_format),
        crs_records=header.crs_records,
        prefers_wkt=header.prefers_wkt,
        is_metric=False,
        scans=(),
        header=header,
        details={
            "points_at": header.points_at,
            "point_format": header.point_format,
            "point_bytes": header.point_bytes,
            "laszip": laszip,
        },
        warnings=header.warnings,
    )


def stream_points(
    cloud: CloudFile,
    window: Box | None = None,
    chunk_points: int = CHUNK_POINTS,
    *,
    fields: tuple[str, ...] = (),
    decoder: Decoder | None = None,
) -> Generator[RawCloud, None, None]:
    """Yield a cloud's points in the file's order, chunk by chunk, decoded in a process of its own.

    Who leaves early closes the generator, so that the process is free or ended.

    Of a COPC file only the nodes that meet the window are decoded. Other formats are decoded whole, as they have no
    index of places, and what lies outside is left out before it is sent.

    Parameters
    ----------
    cloud
        Of `open_cloud`.
    window
        Points outside are left out; chunks without points are not yielded.
    chunk_points
        Most points of a chunk, up to 5 million.
    fields
        Of `CloudFile.fields`: returned in `RawCloud.fields`. ``index`` is the place in the file, from 0.
    decoder
        A process that is already there, for many files after each other; it is not ended.

    Raises
    ------
    InvalidCloudFile
        `DecodeTimedOut`, `DecodeFailed` or `ShortRead` at the chunk where it shows; no more points follow.
    InvalidParameter
        When the size of a chunk is out of range.
    """
    for name in fields:
        if name not in cloud.fields:
            raise MissingField(cloud.path, name, cloud.fields)
    for columns in stream_columns(cloud, window, chunk_points, fields=fields, decoder=decoder):
        yield to_raw(cloud, columns)


def stream_columns(
    cloud: CloudFile,
    window: Box | None = None,
    chunk_points: int = CHUNK_POINTS,
    *,
    fields: tuple[str, ...] = (),
    decoder: Decoder | None = None,
) -> Generator[Columns, None, None]:
    """Yield bare columns; beside `CloudFile.fields`, ``record`` is each point of a LAS file as it stands."""
    if not 0 < chunk_points <= MAX_CHUNK_POINTS:
        raise InvalidParameter("chunk_points", chunk_points, f"1 to {MAX_CHUNK_POINTS:,}")
    job = _plan(cloud, window, chunk_points, fields)
    if job.point_count == 0:
        return
    with nullcontext(decoder) if decoder is not None else Decoder() as used:
        at = 0
        for columns in used.run(job):
            found = (
                columns if cloud.header is None or job.kind != "raw" else _take_apart(cloud.header, columns, fields, at)
            )
            at += found["units"].shape[0]
            yield found


def _take_apart(header: LasHeader, sent: Columns, fields: tuple[str, ...], first: int) -> Columns:
    """Return the columns of points that were sent as they stand."""
    records = sent[RECORD]
    columns = read_columns(records, header.point_format, fields)
    if RECORD in fields:
        columns[RECORD] = records
    if "index" in fields:
        columns["index"] = np.arange(first, first + records.shape[0])
    return columns


def to_raw(cloud: CloudFile, columns: Columns) -> RawCloud:
    """Return columns of a stream as a cloud."""
    return RawCloud(
        units=columns.pop("units"),
        scale=cloud.scale,
        offset=cloud.offset,
        classification=columns.pop("classification"),
        return_number=columns.pop("return_number"),
        number_of_returns=columns.pop("number_of_returns"),
        withheld=columns.pop("withheld") != 0,
        fields=columns,
    )


def _plan(cloud: CloudFile, window: Box | None, chunk_points: int, fields: tuple[str, ...]) -> DecodeJob:
    edges: Window | None = (window.west, window.south, window.east, window.north) if window else None
    count, details = cloud.point_count, cloud.details
    if cloud.format == "copc" and edges is not None and cloud.header is not None:
        tree = read_tree(cloud.path, cloud.header)
        margin = tree.side * 1e-6 + 2.0 * max(cloud.scale)
        nodes = find_nodes(tree, edges, margin)
        count = sum(node.points for node in nodes)
        listed = [(node.at, node.length, node.points, node.first, *bound_node(tree, node)) for node in nodes]
        details = {**details, "nodes": listed, "margin": margin}
    kind: Kind = cloud.format if cloud.format in {"e57", "ply"} else "las"
    is_short = RECORD in fields or int(details.get("point_bytes", 0)) <= _MOST_RAW_BYTES
    if kind == "las" and edges is None and is_short:
        kind = "raw"
    return DecodeJob(
        path=str(cloud.path.absolute()),
        kind=kind,
        point_count=count,
        chunk_points=chunk_points,
        fields=fields,
        scale=cloud.scale,
        offset=cloud.offset,
        window=edges,
        limit_s=Pace().limit_s(count),
        details={**details, "point_bytes": details.get("point_bytes", 0)} if RECORD in fields else details,
    )


def _describe_ply(path: Path, header: PlyHeader) -> CloudFile:
    names = {name for name, _ in header.properties}
    kinds = dict(header.properties)
    colours = {"red", "green", "blue"}
    has_colours = colours <= names and all(kinds[name] == "u1" for name in colours)
    return CloudFile(
        path=path,
        format="ply",
        point_count=header.point_count,
        scale=(UNIT, UNIT, UNIT),
        offset=choose_offset(header.first_xyz),
        bounds=None,
        z_range=None,
        fields=("red", "green", "blue", "index") if has_colours else ("index",),
        crs_records={},
        prefers_wkt=False,
        is_metric=False,
        scans=(),
        header=None,
        details={"order": header.order, "points_at": header.points_at, "properties": header.properties},
        warnings=(),
    )


def _describe_e57(path: Path, header: E57Header) -> CloudFile:
    low, high = _bound_scans(header.scans)
    has_bounds = bool(np.isfinite(low).all() and np.isfinite(high).all())
    middle = (low + high) / 2.0 if has_bounds else np.array(header.scans[0].translation)
    stations, first = [], 0
    for scan in header.scans:
        stations.append(Scan(scan.name, *scan.translation, first, scan.point_count))
        first += scan.point_count
    has_intensity = any("intensity" in scan.fields for scan in header.scans)
    return CloudFile(
        path=path,
        format="e57",
        point_count=first,
        scale=(UNIT, UNIT, UNIT),
        offset=choose_offset((float(middle[0]), float(middle[1]), float(middle[2]))),
        bounds=Box(float(low[0]), float(low[1]), float(high[0]), float(high[1])) if has_bounds else None,
        z_range=(float(low[2]), float(high[2])) if has_bounds else None,
        fields=("intensity", "index") if has_intensity else ("index",),
        crs_records={WKT_RECORD: header.crs.encode()} if header.crs else {},
        prefers_wkt=True,
        is_metric=True,
        scans=tuple(stations),
        header=None,
        details={"scans": [asdict(scan) for scan in header.scans]},
        warnings=(),
    )


def _bound_scans(scans: tuple[E57Scan, ...]) -> tuple[Any, Any]:
    """Return lowest and highest corner of all scans; not finite where it is not known.

    Bounds stand in a scan's own frame by the standard, and in the file's frame as some libraries write them; they are
    believed where the pose leaves no difference.
    """
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for scan in scans:
        if scan.bounds is None or scan.rotation != (1.0, 0.0, 0.0, 0.0) or scan.translation != (0.0, 0.0, 0.0):
            return np.full(3, np.nan), np.full(3, np.nan)
        low, high = np.minimum(low, scan.bounds[:3]), np.maximum(high, scan.bounds[3:])
    return low, high
