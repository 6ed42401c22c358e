"""The chain's seed: each block's proposer adds the one output that its VRF key has for the seed before it.

A proposer cannot choose its output, for the function has one for each key and input, and the input holds nothing that
a proposer fills: neither round nor block nor time. Its only choice is to keep silent and let another propose. The key
must have been fixed before the seed was known (else the choice among keys is a choice of output): whoever registers
keys lets a new one wait until the units that it may draw are frozen.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from chain.core.draw_errors import InvalidReveal
from chain.core.vrf import OUTPUT_BYTES, prove, verify

SEED_BYTES: Final = 32
_START: Final = b"cec/seed/0"
_INPUT: Final = b"cec/seed/in/1"
_NEXT: Final = b"cec/seed/out/1"


@dataclass(frozen=True, slots=True)
class Seed:
    """What the next draw, and the next proposer's output, are made from.

    Attributes
    ----------
    height
        Of the block whose output came last; the height before the first block at the start.
    value
        32 bytes.
    """

    height: int
    value: bytes


def compute_first_seed(chain_id: str, height: int = 0) -> Seed:
    """Return the seed before any output: of one chain and none else.

    Parameters
    ----------
    chain_id
        Of the chain; what follows it hangs on the proposers' keys.
    height
        The one before the first block.
    """
    return Seed(height, hashlib.sha256(_START + chain_id.encode()).digest())


def compute_input(seed: Seed, height: int) -> bytes:
    """Return what the proposer of a height proves its output for.

    Raises
    ------
    InvalidReveal
        The height is not above that of the seed.
    """
    if not seed.height < height < 1 << 63:
        raise InvalidReveal(height, seed.height)
    return _INPUT + seed.value + height.to_bytes(8, "big")


def prove_reveal(seed: Seed, height: int, secret: bytes) -> bytes:
    """Return the proof that the proposer of a height puts into its block."""
    return prove(secret, compute_input(seed, height))


def compute_next_seed(seed: Seed, height: int, *, public_key: bytes, proof: bytes) -> Seed:
    """Return the seed after a block.

    Parameters
    ----------
    seed
        Before it.
    height
        Of the block.
    public_key
        The VRF key that the proposer had registered.
    proof
        From the block.

    Raises
    ------
    InvalidReveal
        The seed holds a block of this height or above.
    InvalidVrfKey, MalformedVrfProof, WrongVrfProof
        The proof is not the proposer's for this seed and height.
    """
    output = verify(public_key, compute_input(seed, height), proof)
    assert len(output) == OUTPUT_BYTES  # noqa: S101  # lengths are fixed, so the parts cannot run into each other
    return Seed(height, hashlib.sha256(_NEXT + seed.value + height.to_bytes(8, "big") + output).digest())
