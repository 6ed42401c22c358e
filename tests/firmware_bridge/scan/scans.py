"""Simulated scans for the tests of this folder, and a way back from a CRS that shares no code with the bridge."""

from pathlib import Path

import numpy as np
import pyproj
from numpy.typing import NDArray

from firmware_bridge.scan.mounting import Mounting
from firmware_bridge.scan.track import Samples, Track, build_track
from sample_data.scanning.carrier import Carrier, CarrierTrack, record_track
from sample_data.scanning.surfaces import Scene
from sample_data.scanning.velodyne import VelodyneParameters, VelodyneScan, scan_scene

Floats = NDArray[np.float64]

PARAMETERS = VelodyneParameters(packets=60, boresight_deg=(2.0, -3.0, 40.0))
MOUNTING = Mounting(*PARAMETERS.lever_m, *PARAMETERS.boresight_deg)
BEFORE_THE_HOUR = Carrier(start_utc_s=1_785_672_000.0 - 0.53)
"""Its scan begins 30 ms before a whole hour."""


def make_scan(folder: Path, parameters: VelodyneParameters = PARAMETERS, carrier: Carrier = BEFORE_THE_HOUR) -> Path:
    """Write a scan's capture and return its path."""
    path = folder / "scan.pcap"
    path.write_bytes(scan(parameters, carrier).pcap)
    return path


def scan(parameters: VelodyneParameters = PARAMETERS, carrier: Carrier = BEFORE_THE_HOUR) -> VelodyneScan:
    return scan_scene(Scene(), carrier, parameters=parameters)


def record(carrier: Carrier = BEFORE_THE_HOUR, rate_hz: float = 200.0) -> CarrierTrack:
    return record_track(carrier, duration_s=1.6, rate_hz=rate_hz)


def make_samples(recorded: CarrierTrack) -> Samples:
    return Samples(
        gps_s=recorded.gps_s,
        longitude_deg=recorded.longitude_deg,
        latitude_deg=recorded.latitude_deg,
        height_m=recorded.height_m,
        roll_deg=recorded.roll_deg,
        pitch_deg=recorded.pitch_deg,
        heading_deg=recorded.heading_deg,
    )


def make_track(carrier: Carrier = BEFORE_THE_HOUR) -> Track:
    return build_track(make_samples(record(carrier)))


def to_local(carrier: Carrier, crs: str, coordinates: Floats) -> Floats:
    """Return east, north, up of the carrier's origin, shape (n, 3), of projected coordinates, by PROJ alone."""
    back = pyproj.Transformer.from_crs(pyproj.CRS(crs).to_3d(), "EPSG:4979", always_xy=True)
    longitude, latitude, height = back.transform(coordinates[:, 0], coordinates[:, 1], coordinates[:, 2])
    topocentric = pyproj.Transformer.from_pipeline(
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart +ellps=WGS84 "
        f"+step +proj=topocentric +ellps=WGS84 +lon_0={carrier.longitude_deg} +lat_0={carrier.latitude_deg} "
        f"+h_0={carrier.height_m}"
    )
    return np.stack(topocentric.transform(longitude, latitude, height), axis=-1)
