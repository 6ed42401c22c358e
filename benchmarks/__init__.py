"""Measured figures, each run as ``python -m benchmarks.NAME [--json]``; timing never decides a test."""
