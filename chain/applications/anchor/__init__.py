"""Anchors: Merkle roots over records, by whom and when. See README.md beside this file."""
