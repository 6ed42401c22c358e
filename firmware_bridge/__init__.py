"""Device bytes to readings: one parser for each instrument, without I/O, and ports that bring the bytes.

Parsers take bytes as they come, in any pieces, and give readings, or `Skipped` with the reason, or nothing yet.
"""
