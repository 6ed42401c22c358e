"""Drone photos and the maker's clouds: what a photo says of itself, and a folder that is watched for new files."""
