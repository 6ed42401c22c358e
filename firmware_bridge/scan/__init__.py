"""LiDAR scanners and drone photos: packets along a track to a cloud with CRS, folders to files."""
