"""What the line endures: kills, bad links and full disks, done to it on purpose, and what was lost, doubled or late.

Run: ``python -m benchmarks.faults [--json] [--only NAME …] [--kills N] [--records N]``.
"""
