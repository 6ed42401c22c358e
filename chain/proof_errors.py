"""Failures of proofs.

::

    CecError
    +-- ProofRefused         a step of a proof does not hold
    +-- ProofUnavailable     no proof can be built now
"""

from domain.errors import CecError

_REMEDY = {
    "decode": "the file is damaged or not a proof; get it again",
    "record": "the record was changed after it was signed",
    "path": "the record is not among those that were anchored",
    "anchor": "the anchor does not stand on the chain as the file says",
    "keys": "the signing key was not accredited for this organisation when the record was anchored",
    "header": "the block's header was changed",
    "commit": "the validators did not sign this block",
    "genesis": "this is another chain than the one that you pinned, perhaps a forged one",
}


class ProofRefused(CecError):
    """A step of a proof does not hold.

    Attributes
    ----------
    step
        One of `chain.proof.STEPS`.
    reason
        What does not hold.
    """

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(f"Proof refused at step {step!r}: {reason}. That means: {_REMEDY[step]}")
        self.step = step
        self.reason = reason


class ProofUnavailable(CecError):
    """No proof can be built now."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"No proof yet: {reason}")
        self.reason = reason
