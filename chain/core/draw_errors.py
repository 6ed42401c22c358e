"""Failures of the chain's chance: curve points, proofs of a verifiable random function, the seed and the draws.

::

    CecError
    +-- ChanceRefused              root
        +-- InvalidPoint           bytes are not the one encoding of a point of edwards25519
        +-- InvalidVrfKey          a key is of the wrong length, or its holder would know every output
        +-- InvalidVrfInput        the input is longer than a chain ever asks for
        +-- MalformedVrfProof      bytes are not a proof
        +-- WrongVrfProof          the proof is not this key's for this input
        +-- InvalidReveal          a block's output does not follow the seed
        +-- InvalidUnits           bond units break their bounds or stand twice
        +-- SeedTooOld             the seed was there before the units were frozen
"""

from domain.errors import CecError


class ChanceRefused(CecError):
    """Root of what makes a draw or what it rests on fail."""


class InvalidPoint(ChanceRefused):
    """Bytes are not the one encoding of a point of edwards25519."""

    def __init__(self, given: bytes, reason: str) -> None:
        super().__init__(f"Invalid point {given[:32].hex()}: {reason}")
        self.given = given
        self.reason = reason


class InvalidVrfKey(ChanceRefused):
    """A key is of the wrong length, or anyone could compute its outputs."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid VRF key: {reason}")  # never the bytes: they may be secret
        self.reason = reason


class InvalidVrfInput(ChanceRefused):
    """The input is longer than a chain ever asks for."""

    def __init__(self, length: int, most: int) -> None:
        super().__init__(f"Invalid VRF input of {length} bytes: at most {most}")
        self.length = length
        self.most = most


class MalformedVrfProof(ChanceRefused):
    """Bytes are not a proof."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid VRF proof: {reason}")
        self.reason = reason


class WrongVrfProof(ChanceRefused):
    """The proof is not this key's for this input."""

    def __init__(self, public_key: bytes) -> None:
        super().__init__(
            f"Invalid VRF proof of key {public_key.hex()}: it was made for another input or by another key"
        )
        self.public_key = public_key


class InvalidReveal(ChanceRefused):
    """A block's output does not follow the seed."""

    def __init__(self, height: int, last: int) -> None:
        super().__init__(f"Invalid reveal at height {height}: the seed already holds that of height {last}")
        self.height = height
        self.last = last


class InvalidUnits(ChanceRefused):
    """Bond units break their bounds or stand twice."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid bond units: {reason}")
        self.reason = reason


class SeedTooOld(ChanceRefused):
    """The seed was there before the units were frozen, so who bonded could choose by it."""

    def __init__(self, seed_height: int, frozen_height: int) -> None:
        super().__init__(
            f"Invalid seed of height {seed_height}: it must hold an output later than height {frozen_height}, "
            "at which the units were frozen"
        )
        self.seed_height = seed_height
        self.frozen_height = frozen_height
