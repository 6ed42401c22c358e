"""Laser hypsometers and calipers: lines to heights, distances and diameters."""
