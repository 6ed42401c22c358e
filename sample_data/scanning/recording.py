"""Echoes become points of a cloud: within the plot, in the order of time, with their intensity and class."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample_data.scanning.cloud import PointCloud
from sample_data.scanning.echoes import Echoes
from sample_data.scanning.tracing import ON_GROUND

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

UNCLASSIFIED, GROUND, VEGETATION = 1, 2, 5
"""ASPRS classes (LAS 1.4 R15, table 17); stems have none of their own."""

_FULL_SCALE = 40_000.0
_SPECKLE = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class Shots:
    """What is known of n pulses when they leave."""

    gps_time: Floats
    """Seconds, ascending."""
    scan_angle: Floats
    """Degrees from nadir."""
    source: Ints
    """Tripod or strip, from 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """Points and their truth."""

    cloud: PointCloud
    """Points."""
    tree: Ints
    """Index of the tree that each lies on, -1 for none."""


def record(
    rng: np.random.Generator,
    places_m: Floats,
    echoes: Echoes,
    shots: Shots,
    *,
    plot: tuple[float, float, float],
    truth_classes: bool,
) -> Recorded:
    """Return echoes as points.

    Parameters
    ----------
    rng
        Source of speckle.
    places_m
        Where each echo is reported, shape (m, 3): easting, northing, elevation.
    echoes
        m echoes of n pulses.
    shots
        The pulses.
    plot
        Easting and northing of its centre, and its radius; a pulse of which any echo lies outside is dropped.
    truth_classes
        Write ground and vegetation; else all is unclassified.
    """
    count = shots.gps_time.size
    outside = np.hypot(places_m[:, 0] - plot[0], places_m[:, 1] - plot[1]) > plot[2]
    keep = np.flatnonzero(np.bincount(echoes.pulse, weights=outside, minlength=count)[echoes.pulse] == 0.0)
    pulse = echoes.pulse[keep]
    speckle = np.exp(rng.normal(0.0, _SPECKLE, keep.size))
    classes = np.where(echoes.kind[keep] == ON_GROUND, GROUND, VEGETATION) if truth_classes else UNCLASSIFIED
    cloud = PointCloud(
        x_m=places_m[keep, 0],
        y_m=places_m[keep, 1],
        z_m=places_m[keep, 2],
        intensity=np.clip(_FULL_SCALE * echoes.brightness[keep] * speckle, 1, 65_535).astype(np.uint16),
        return_number=(echoes.number[keep] + 1).astype(np.uint8),
        number_of_returns=np.bincount(pulse, minlength=count)[pulse].astype(np.uint8),
        classification=np.broadcast_to(classes, keep.shape).astype(np.uint8),
        scan_angle=shots.scan_angle[pulse],
        gps_time=shots.gps_time[pulse],
        point_source_id=shots.source[pulse].astype(np.uint16),
    )
    return Recorded(cloud, echoes.tree[keep])


def join_recorded(parts: list[Recorded]) -> Recorded:
    """Return one recording of several, in their order; at least one."""
    whole = {name: np.concatenate([getattr(part.cloud, name) for part in parts]) for name in PointCloud.__slots__}
    return Recorded(PointCloud(**whole), np.concatenate([part.tree for part in parts]))
