"""What chance costs the chain: proofs of the verifiable random function, and closing a day of draws.

Run by ``python -m benchmarks.chance``. Times are of this process's CPU, so a busy machine changes little. A block needs
one proof from its proposer and one verification from each other node; a day needs one close.
"""

import time
from collections.abc import Callable
from typing import Final

from benchmarks.report import Figure, parse_options, print_figures
from chain.core.draws import Unit, freeze_units, settle_day
from chain.core.seed import Seed
from chain.core.vrf import compute_public_key, prove, verify

_ROUNDS: Final = 300
_UNITS: Final = 100_000
_DRAWS: Final = 1_000
_VALIDATORS: Final = 100


def measure_vrf() -> list[Figure]:
    """Return proofs and verifications a second."""
    secret = bytes(range(32))
    key = compute_public_key(secret)
    inputs = [number.to_bytes(53, "big") for number in range(_ROUNDS)]
    proofs = [prove(secret, data) for data in inputs]
    proved = _time(lambda: [prove(secret, data) for data in inputs])
    verified = _time(lambda: [verify(key, data, proof) for data, proof in zip(inputs, proofs, strict=True)])
    return [
        Figure("VRF proofs made", _ROUNDS / proved, "/s"),
        Figure("VRF proofs verified", _ROUNDS / verified, "/s"),
    ]


def measure_day() -> list[Figure]:
    """Return how long it takes to close a day of 100,000 units and 1,000 draws."""
    validators = [number.to_bytes(20, "big") for number in range(_VALIDATORS)]
    units = [Unit(number, validators[number % _VALIDATORS], number % 61, 0) for number in range(_UNITS)]
    online = frozenset(validators)
    frozen = freeze_units(units, online, 0)
    spent = _time(lambda: settle_day(units, frozen, Seed(1, bytes(32)), online=online, draws=_DRAWS))
    return [Figure("day closed, 100,000 units, 1,000 draws", spent, "s")]


def _time(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


if __name__ == "__main__":
    raise SystemExit(print_figures([*measure_vrf(), *measure_day()], as_json=parse_options(__doc__).json))
