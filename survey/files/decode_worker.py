"""A process of its own that decodes points, so that a hostile file can hang or crash only this process.

``python -m survey.files.decode_worker IN OUT MEMORY CPU`` limits its own memory (bytes) and processor time (seconds),
then writes each point as 16 bytes (`POINT`) in the file's order. It ends with 0, or with 1 and the reason on standard
error.
"""

import resource
import sys
from pathlib import Path
from typing import Any, Final, cast

import laspy
import numpy as np
from numpy.typing import NDArray

POINT: Final = np.dtype(
    [
        ("units", "<i4", (3,)),
        ("classification", "u1"),
        ("return_number", "u1"),
        ("number_of_returns", "u1"),
        ("withheld", "u1"),
    ]
)
"""What a survey needs of a point."""
_CHUNK_POINTS: Final = 500_000
_MOST_REASON: Final = 500


def decode(source: Path, target: Path) -> int:
    """Write a file's points to another and return how many there were."""
    count = 0
    with target.open("wb") as out, laspy.open(source) as reader:
        for chunk in reader.chunk_iterator(_CHUNK_POINTS):
            packed = _pack(chunk)
            out.write(packed.tobytes())
            count += packed.size
    return count


def _pack(chunk: Any) -> NDArray[np.void]:
    packed = np.zeros(len(chunk), dtype=POINT)
    packed["units"][:, 0] = chunk.X
    packed["units"][:, 1] = chunk.Y
    packed["units"][:, 2] = chunk.Z
    for name in ("classification", "return_number", "number_of_returns", "withheld"):
        packed[name] = np.asarray(chunk[name])
    return cast("NDArray[np.void]", packed)


def main(arguments: list[str]) -> int:
    """Decode within limits and return the exit code."""
    source, target, memory, cpu = arguments
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    resource.setrlimit(resource.RLIMIT_CPU, (int(cpu), int(cpu)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        decode(Path(source), Path(target))
    except BaseException as error:  # noqa: BLE001 - whatever the decoder raises, a Rust panic too, is the file's fault
        sys.stderr.write(f"{type(error).__name__}: {error}"[:_MOST_REASON])
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
