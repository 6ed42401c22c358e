"""A caster's source table: which streams of corrections it has, and where.

Source: RTCM 10410.1 (NTRIP 2.0), section on source tables; the same rows as in NTRIP 1.0. A row is fields between
semicolons; one that holds a semicolon stands in quotes. ``ENDSOURCETABLE`` ends it.
"""

import csv
from dataclasses import dataclass
from typing import Final

from firmware_bridge.errors import UnreadableField
from firmware_bridge.gnss.errors import InvalidSourceTable
from firmware_bridge.numbers import parse_scaled

END: Final = b"ENDSOURCETABLE"
MAX_TABLE: Final = 4 * 1024 * 1024
"""Bytes of a table: the largest public casters list some 10,000 streams of 200 bytes."""
MAX_ROW: Final = 4_096
"""Bytes of a row: format details may list a hundred message types."""
MAX_ROWS: Final = 20_000
_STREAM_FIELDS: Final = 18
_CASTER_FIELDS: Final = 11
_NETWORK_FIELDS: Final = 8
_HALF_ND: Final = 180_000_000_000


@dataclass(frozen=True, slots=True)
class MountedStream:
    """A row ``STR``.

    Attributes
    ----------
    mountpoint
        Name to ask for.
    identifier
        Such as the nearest town.
    form, details
        Such as ``RTCM 3.2``, and its messages with their seconds.
    carrier
        0 no carrier phase, 1 one frequency, 2 two or more.
    systems
        Such as ``GPS+GLO+GAL``.
    network, country
        As the caster writes them.
    lon_nd, lat_nd
        Of the station, 10^-9 degree; absent where the row has none.
    needs_position
        Whether it makes its corrections for the rover's place and wants GGA.
    is_network
        Whether many stations make them.
    authentication
        ``N`` none, ``B`` basic, ``D`` digest.
    has_fee
        Whether it costs.
    bits_per_s
        As the caster says it; absent where it does not.
    """

    mountpoint: str
    identifier: str
    form: str
    details: str
    carrier: str
    systems: str
    network: str
    country: str
    lon_nd: int | None
    lat_nd: int | None
    needs_position: bool
    is_network: bool
    authentication: str
    has_fee: bool
    bits_per_s: int | None


@dataclass(frozen=True, slots=True)
class Caster:
    """A row ``CAS``: another caster.

    Attributes
    ----------
    host, port
        Where it listens.
    identifier, operator
        As written.
    """

    host: str
    port: int
    identifier: str
    operator: str


@dataclass(frozen=True, slots=True)
class Network:
    """A row ``NET``: who runs streams, and where one registers.

    Attributes
    ----------
    identifier, operator
        As written.
    web
        The network's page.
    registration
        Where to ask for a password.
    """

    identifier: str
    operator: str
    web: str
    registration: str


@dataclass(frozen=True, slots=True)
class SourceTable:
    """What a caster lists.

    Attributes
    ----------
    streams, casters, networks
        Its rows.
    skipped
        Rows that are none of these or lack fields: casters' tables are typed by hand.
    """

    streams: tuple[MountedStream, ...]
    casters: tuple[Caster, ...]
    networks: tuple[Network, ...]
    skipped: tuple[str, ...]


def parse_sourcetable(raw: bytes) -> SourceTable:
    r"""Return a source table's rows.

    Raises
    ------
    InvalidSourceTable
        When it does not end as one, or is beyond any.

    Examples
    --------
    >>> parse_sourcetable(b"CAS;example.org;2101;Demo;Club;0;DEU;50.0;8.0;;0\r\nENDSOURCETABLE\r\n").casters
    (Caster(host='example.org', port=2101, identifier='Demo', operator='Club'),)
    """
    body, end, _ = raw.partition(END)
    if not end or len(raw) > MAX_TABLE:
        raise InvalidSourceTable(f"{len(raw)} bytes without {END.decode()} within {MAX_TABLE}")
    lines = body.splitlines()
    if len(lines) > MAX_ROWS:
        raise InvalidSourceTable(f"{len(lines)} rows, more than {MAX_ROWS}")
    streams, casters, networks, skipped = [], [], [], []
    for line in lines:
        match _parse_row(line):
            case MountedStream() as stream:
                streams.append(stream)
            case Caster() as caster:
                casters.append(caster)
            case Network() as network:
                networks.append(network)
            case str() as text if text:
                skipped.append(text)
    return SourceTable(tuple(streams), tuple(casters), tuple(networks), tuple(skipped))


def _parse_row(line: bytes) -> MountedStream | Caster | Network | str:
    """Return a row's values, or its text where it is no row."""
    text = line.decode("utf-8", "replace").strip()
    if len(line) > MAX_ROW:
        return text[:80]
    try:
        fields = next(csv.reader([text], delimiter=";"), [])
        kind, count = fields[0] if fields else "", len(fields)
        if kind == "STR" and count >= _STREAM_FIELDS and fields[1]:
            return _parse_stream(fields)
        if kind == "CAS" and count >= _CASTER_FIELDS:
            return Caster(fields[1], parse_scaled("port", fields[2], 1) or 0, fields[3], fields[4])
        if kind == "NET" and count >= _NETWORK_FIELDS:
            return Network(fields[1], fields[2], fields[5], fields[7])
    except (csv.Error, UnreadableField):
        return text
    return text


def _parse_stream(fields: list[str]) -> MountedStream:
    lon_nd = parse_scaled("longitude", fields[10], 1_000_000_000)
    if lon_nd is not None and lon_nd > _HALF_ND:  # many tables count from 0 to 360 degrees
        lon_nd -= 2 * _HALF_ND
    return MountedStream(
        mountpoint=fields[1],
        identifier=fields[2],
        form=fields[3],
        details=fields[4],
        carrier=fields[5],
        systems=fields[6],
        network=fields[7],
        country=fields[8],
        lon_nd=lon_nd,
        lat_nd=parse_scaled("latitude", fields[9], 1_000_000_000),
        needs_position=fields[11] == "1",
        is_network=fields[12] == "1",
        authentication=fields[15],
        has_fee=fields[16] == "Y",
        bits_per_s=parse_scaled("bit rate", fields[17], 1),
    )
