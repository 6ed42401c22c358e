"""Isolated false points: birds and haze above the canopy, echoes of echoes below the ground."""

import numpy as np
from numpy.typing import NDArray

from sample_data.forest.stand import Stand
from sample_data.forest.terrain import elevation_m
from sample_data.scanning.cloud import PointCloud

LOW_NOISE, HIGH_NOISE = 7, 18
"""ASPRS classes (LAS 1.4 R15, table 17)."""

_LOW_SHARE = 0.6
_DIM = 900.0


def add_noise_points(
    rng: np.random.Generator, cloud: PointCloud, stand: Stand, share: float, *, truth_classes: bool
) -> PointCloud:
    """Return a cloud with single returns added at places where nothing is.

    Parameters
    ----------
    rng
        Source of all chance.
    cloud
        Points without noise.
    stand
        Bounds and terrain.
    share
        Noise points over the cloud's pulses.
    truth_classes
        Class them as noise; else as the cloud's points, unclassified.

    Returns
    -------
    The cloud by time, noise points among the others.
    """
    pulses = int((cloud.return_number == 1).sum())
    count = int(rng.poisson(share * pulses))
    if count == 0:
        return cloud
    west, south, east, north = stand.bounds
    x, y = rng.uniform(west, east, count), rng.uniform(south, north, count)
    low = rng.random(count) < _LOW_SHARE
    above = np.where(low, -rng.uniform(0.8, 12.0, count), rng.uniform(40.0, 90.0, count))
    classes = np.where(low, LOW_NOISE, HIGH_NOISE) if truth_classes else np.ones(count)
    host = rng.integers(0, len(cloud), count)
    noise = PointCloud(
        x_m=x,
        y_m=y,
        z_m=elevation_m(stand.terrain, x, y) + above,
        intensity=np.minimum(1.0 + rng.exponential(_DIM, count), 65_535.0).astype(np.uint16),
        return_number=np.ones(count, dtype=np.uint8),
        number_of_returns=np.ones(count, dtype=np.uint8),
        classification=classes.astype(np.uint8),
        scan_angle=cloud.scan_angle[host],
        # Between the host's pulse and the next (8 us later at the densest), so that no two pulses share a time;
        # seconds of this size are told apart from 0.06 us on.
        gps_time=cloud.gps_time[host] + 1e-6 * rng.uniform(0.2, 0.9, count),
        point_source_id=cloud.point_source_id[host],
    )
    return _by_time(_stack(cloud, noise))


def _stack(cloud: PointCloud, noise: PointCloud) -> PointCloud:
    def both(name: str) -> NDArray[np.generic]:
        return np.concatenate([getattr(cloud, name), getattr(noise, name)])

    return PointCloud(**{name: both(name) for name in PointCloud.__slots__})  # type: ignore[arg-type]


def _by_time(cloud: PointCloud) -> PointCloud:
    order = np.lexsort((cloud.return_number, cloud.gps_time))
    return PointCloud(**{name: getattr(cloud, name)[order] for name in PointCloud.__slots__})
