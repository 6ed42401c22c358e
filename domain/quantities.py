"""Field types of records: integers with their unit and bound, texts with their form.

The unit stands in a field's name (`height_mm`); the alias here gives the bound. Bounds are wide enough for any
tree, place or date and narrow enough that nonsense is refused at the border.
"""

from typing import Annotated, Final, TypeAlias

from domain.schema import Length, OneOf, Pattern, Range

ID_PATTERN: Final = r"[a-z0-9-]{1,32}"

Id: TypeAlias = Annotated[str, Pattern(ID_PATTERN, "1 to 32 of a-z, 0-9 and -")]
"""Name of an organisation, device or campaign; part of a topic, so no other symbol."""
Name: TypeAlias = Annotated[str, Length(1, 200)]
"""Text for people, or the name of a method."""
Text: TypeAlias = Annotated[str, Length(1, 4_000)]
"""A sentence or a few, or a CRS in WKT."""
Uuid: TypeAlias = Annotated[bytes, Length(16, 16)]
"""A random 128-bit id."""
Digest: TypeAlias = Annotated[bytes, Length(32, 32)]
"""A SHA-256 or Merkle root."""
KeyBytes: TypeAlias = Annotated[bytes, Length(34, 35)]
"""A public key with its multicodec prefix (`domain.keys`)."""

UtcMs: TypeAlias = Annotated[int, Range(0, 7_258_118_400_000)]
"""Milliseconds since 1970 UTC, to the year 2200."""
DurationMs: TypeAlias = Annotated[int, Range(0, 1 << 53)]
"""Milliseconds of a monotonic clock."""
Sequence: TypeAlias = Annotated[int, Range(0, 1 << 53)]
"""Counter of a device within an epoch; JavaScript reads it exactly."""
Count: TypeAlias = Annotated[int, Range(0, 1 << 53)]
"""Number of things, or bytes of a file."""

LengthMm: TypeAlias = Annotated[int, Range(0, 10_000_000)]
"""A length of nature, to 10 km."""
HeightMm: TypeAlias = Annotated[int, Range(0, 200_000)]
"""Height of a tree above its foot, to 200 m (the tallest known stands 116 m)."""
ElevationMm: TypeAlias = Annotated[int, Range(-12_000_000, 100_000_000)]
"""Height above a vertical datum: from the deepest sea to space."""
EastingMm: TypeAlias = Annotated[int, Range(-100_000_000_000, 100_000_000_000)]
"""Projected coordinate, to 100,000 km either way (some national grids use large false origins)."""
NanoDegrees: TypeAlias = Annotated[int, Range(-360_000_000_000, 360_000_000_000)]
"""Geographic coordinate in 10^-9 degree (about 0.1 mm)."""
CentiDegrees: TypeAlias = Annotated[int, Range(-36_000, 36_000)]
"""Angle in 1/100 degree, the resolution of hypsometers."""
Ppm: TypeAlias = Annotated[int, Range(0, 1_000_000)]
"""A fraction in millionths."""
Amount: TypeAlias = Annotated[int, Range(0, 1 << 53)]
"""Grams, cubic decimetres, square centimetres: any physical amount that is not a length."""

Status: TypeAlias = Annotated[str, OneOf(("alive", "standing-dead", "fallen", "stump", "gone"))]
Visibility: TypeAlias = Annotated[str, OneOf(("public", "members", "private"))]
