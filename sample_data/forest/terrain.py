"""Terrain as a closed form: a tilted plane and a few cosine waves, so that its height is exact anywhere."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample_data.errors import check_range

Floats = NDArray[np.float64]

# Wavelength and amplitude of hillocks, hollows and micro-relief; amplitudes grow with the wavelength, as the
# spectra of natural ground do.
_WAVELENGTHS_M = (140.0, 95.0, 60.0, 38.0, 24.0, 14.0, 8.0)
_AMPLITUDE_PER_WAVELENGTH = 0.012


@dataclass(frozen=True, slots=True)
class TerrainParameters:
    """How steep and how rough the ground of a stand may be."""

    base_m: float = 870.0
    """Elevation at the south-west corner, metres above the geoid."""
    max_slope: float = 0.30
    """Largest slope of the plane (rise over run); the seed draws one between a share of it and all of it."""
    roughness: float = 1.0
    """Factor on the waves; 0 gives a plane."""
    least_share: float = 0.25
    """The least slope that the seed may draw, over the largest."""


@dataclass(frozen=True, slots=True)
class Wave:
    """One cosine wave of the ground."""

    east_rad_per_m: float
    """Wave number eastward."""
    north_rad_per_m: float
    """Wave number northward."""
    phase_rad: float
    """Phase at the origin."""
    amplitude_m: float
    """Half of crest to trough."""


@dataclass(frozen=True, slots=True)
class Terrain:
    """The ground of a stand, known everywhere."""

    origin_x_m: float
    """Easting where the plane has its base elevation."""
    origin_y_m: float
    """Northing where the plane has its base elevation."""
    base_m: float
    """Elevation of the plane at the origin, metres above the geoid."""
    slope_east: float
    """Rise of the plane eastward, metres a metre."""
    slope_north: float
    """Rise of the plane northward, metres a metre."""
    waves: tuple[Wave, ...]
    """What is added to the plane."""


def shape_terrain(
    rng: np.random.Generator, origin_x_m: float, origin_y_m: float, parameters: TerrainParameters
) -> Terrain:
    """Return a terrain drawn from a generator.

    Parameters
    ----------
    rng
        Source of all chance.
    origin_x_m, origin_y_m
        Easting and northing of the corner that has the base elevation.
    parameters
        Bounds of slope and roughness.

    Raises
    ------
    InvalidParameter
        A slope beyond 1 (45 degrees), a roughness beyond 5 or a share beyond 1.
    """
    check_range("max_slope", parameters.max_slope, 0.0, 1.0)
    check_range("roughness", parameters.roughness, 0.0, 5.0)
    check_range("least_share", parameters.least_share, 0.0, 1.0)
    slope = parameters.max_slope * rng.uniform(parameters.least_share, 1.0)
    aspect = rng.uniform(0.0, 2.0 * math.pi)
    waves = tuple(_draw_wave(rng, length, parameters.roughness) for length in _WAVELENGTHS_M)
    return Terrain(
        origin_x_m=origin_x_m,
        origin_y_m=origin_y_m,
        base_m=parameters.base_m,
        slope_east=slope * math.cos(aspect),
        slope_north=slope * math.sin(aspect),
        waves=waves,
    )


def elevation_m(terrain: Terrain, x_m: Floats, y_m: Floats) -> Floats:
    """Return the elevation of the ground.

    Parameters
    ----------
    terrain
        The ground.
    x_m, y_m
        Easting and northing, metres, any one shape.

    Returns
    -------
    Array of that shape, metres above the geoid.

    Examples
    --------
    >>> plane = Terrain(0.0, 0.0, 100.0, 0.1, 0.0, ())
    >>> float(elevation_m(plane, np.array([20.0]), np.array([5.0]))[0])
    102.0
    """
    east, north = x_m - terrain.origin_x_m, y_m - terrain.origin_y_m
    height = terrain.base_m + terrain.slope_east * east + terrain.slope_north * north
    for wave in terrain.waves:
        height += wave.amplitude_m * np.cos(_phase(wave, east, north))
    return height


def gradient(terrain: Terrain, x_m: Floats, y_m: Floats) -> tuple[Floats, Floats]:
    """Return the rise of the ground eastward and northward.

    Parameters
    ----------
    terrain
        The ground.
    x_m, y_m
        Easting and northing, metres, any one shape.

    Returns
    -------
    Two arrays of that shape, metres a metre.

    Examples
    --------
    >>> plane = Terrain(0.0, 0.0, 100.0, 0.1, -0.2, ())
    >>> [float(rise[0]) for rise in gradient(plane, np.zeros(1), np.zeros(1))]
    [0.1, -0.2]
    """
    east, north = x_m - terrain.origin_x_m, y_m - terrain.origin_y_m
    rise_east = np.full_like(east, terrain.slope_east)
    rise_north = np.full_like(north, terrain.slope_north)
    for wave in terrain.waves:
        fall = wave.amplitude_m * np.sin(_phase(wave, east, north))
        rise_east -= wave.east_rad_per_m * fall
        rise_north -= wave.north_rad_per_m * fall
    return rise_east, rise_north


def _phase(wave: Wave, east: Floats, north: Floats) -> Floats:
    return wave.east_rad_per_m * east + wave.north_rad_per_m * north + wave.phase_rad


def _draw_wave(rng: np.random.Generator, wavelength_m: float, roughness: float) -> Wave:
    heading = rng.uniform(0.0, 2.0 * math.pi)
    number = 2.0 * math.pi / (wavelength_m * rng.uniform(0.8, 1.25))
    return Wave(
        east_rad_per_m=number * math.cos(heading),
        north_rad_per_m=number * math.sin(heading),
        phase_rad=rng.uniform(0.0, 2.0 * math.pi),
        amplitude_m=roughness * _AMPLITUDE_PER_WAVELENGTH * wavelength_m * rng.uniform(0.5, 1.0),
    )
