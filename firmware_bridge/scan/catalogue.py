"""The scanners that the bridge reads; docs/recipes.md says how one is added."""

from typing import Final

from firmware_bridge.scan.driver import ScanSpec
from firmware_bridge.scan.errors import UnknownScanner
from firmware_bridge.scan.vlp16 import SPEC as VLP16

SCANNERS: Final[tuple[ScanSpec, ...]] = (VLP16,)


def find_scanner(name: str) -> ScanSpec:
    """Return the scanner of a name.

    Raises
    ------
    UnknownScanner
        None has it.

    Examples
    --------
    >>> find_scanner("vlp16").ports
    (2368, 8308)
    """
    for spec in SCANNERS:
        if spec.name == name:
            return spec
    raise UnknownScanner(name, tuple(spec.name for spec in SCANNERS))
