"""Laser hypsometers and calipers: their lines and blocks to heights, distances, missing lines and diameters."""
