"""The light client: headers, commits and validator sets, checked without I/O.

Source: cometbft v0.38 light/verifier.go and types/validation.go. More than two thirds of a set's power must have
signed; a set may change only as a trusted header says, or, when skipping, with a third of the trusted set signing too.
"""

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Final

from chain.network.errors import InvalidCommit, InvalidHeader, TooFewKnown, TrustExpired, UntrustedHeader
from chain.network.forms import (
    FLAG_ABSENT,
    FLAG_COMMIT,
    FLAG_NIL,
    compute_header_hash,
    compute_validator_address,
    compute_validators_hash,
    encode_vote,
    time_ns_of,
)
from chain.wire.comet import Commit, CommitSig, Header, Timestamp, ValidatorInfo, ValidatorSet
from domain.keys import ED25519_PREFIX, PublicKey, is_signature

MAX_VALIDATORS: Final = 200
"""Largest set read: more than any Cosmos chain has."""
CLOCK_DRIFT_NS: Final = 10_000_000_000
"""How far a new header may lie in the future (CometBFT's own default)."""
MAX_STEPS: Final = 1_000
"""Headers that a bisection may look at: each change of all validators costs about twice log2 of the distance."""
ABSENT_VOTE: Final = CommitSig(FLAG_ABSENT, b"", Timestamp(-62_135_596_800, 0), b"")
"""How a commit says that a validator did not vote; Go's zero time is the year 1."""


@dataclass(frozen=True, slots=True)
class SignedHeader:
    """A header, who signed it, and the set that they are of."""

    header: Header
    commit: Commit
    validators: ValidatorSet


def validate_signed_header(signed: SignedHeader, chain_id: str) -> None:
    """Return when header, commit and validator set fit each other; signatures are `validate_commit`'s.

    Raises
    ------
    InvalidHeader
        By what does not fit.
    """
    header, commit = signed.header, signed.commit
    if header.chain_id != chain_id:
        raise InvalidHeader(f"it is of chain {header.chain_id!r}, not {chain_id!r}")
    if header.height < 1 or commit.height != header.height:
        raise InvalidHeader(f"its height is {header.height}, its commit's {commit.height}")
    if commit.block_id.hash != compute_header_hash(header):
        raise InvalidHeader("its hash is not what the commit signs")
    if compute_validators_hash(signed.validators) != header.validators_hash:
        raise InvalidHeader("its validators hash is not that of the validator set")


def validate_commit(signed: SignedHeader) -> tuple[ValidatorInfo, ...]:
    """Return who signed a block; more than two thirds of the voting power must have.

    Raises
    ------
    InvalidCommit
        When a signature does not hold, or they do not suffice.
    """
    members = signed.validators.validators
    if not 0 < len(members) <= MAX_VALIDATORS or len(signed.commit.signatures) != len(members):
        raise InvalidCommit(f"{len(signed.commit.signatures)} signatures for {len(members)} validators")
    if len({member.address for member in members}) != len(members):
        raise InvalidCommit("a validator stands twice in the set")
    signers: list[ValidatorInfo] = []
    for member, signature in zip(members, signed.commit.signatures, strict=True):
        _check_member(member)
        _check_vote(signed, member, signature)
        if signature.block_id_flag == FLAG_COMMIT:
            signers.append(member)
    total = sum(member.voting_power for member in members)
    power = sum(member.voting_power for member in signers)
    if 3 * power <= 2 * total:
        raise InvalidCommit(f"{power} of {total} voting power signed: more than two thirds are needed")
    return tuple(signers)


def verify_adjacent(trusted: SignedHeader, new: SignedHeader, chain_id: str) -> None:
    """Return when the next header follows from a trusted one; `UntrustedHeader` otherwise."""
    if new.header.height != trusted.header.height + 1:
        raise UntrustedHeader(new.header.height, f"it is not the next after {trusted.header.height}")
    _validate_new(trusted, new, chain_id)
    if new.header.validators_hash != trusted.header.next_validators_hash:
        raise UntrustedHeader(new.header.height, "its validators are not those that the header before it announced")


def verify_skipping(trusted: SignedHeader, new: SignedHeader, chain_id: str) -> None:
    """Return when a later header follows from a trusted one: a third of the trusted set signed it too."""
    if new.header.height <= trusted.header.height:
        raise UntrustedHeader(new.header.height, f"it is not later than {trusted.header.height}")
    _validate_new(trusted, new, chain_id)
    signers = {member.address for member in validate_commit(new)}
    members = trusted.validators.validators
    total = sum(member.voting_power for member in members)
    power = sum(member.voting_power for member in members if member.address in signers)
    if 3 * power <= total:
        raise TooFewKnown(new.header.height)


def check_trust_period(trusted: SignedHeader, *, now_ns: int, period_ns: int) -> None:
    """Return while a trusted header is young enough to follow a live chain from."""
    if time_ns_of(trusted.header.time) + period_ns <= now_ns:
        raise TrustExpired(trusted.header.height)


def check_not_ahead(new: SignedHeader, *, now_ns: int) -> None:
    """Return unless a header's time lies in the future by more than clocks differ; `UntrustedHeader` then."""
    if time_ns_of(new.header.time) >= now_ns + CLOCK_DRIFT_NS:
        raise UntrustedHeader(new.header.height, "its time lies in the future: compare the clocks of both machines")


def follow(trusted: SignedHeader, headers: Iterable[SignedHeader], chain_id: str) -> SignedHeader:
    """Return the last of a path of headers, each following from the one before it."""
    for new in headers:
        _verify(trusted, new, chain_id)
        trusted = new
    return trusted


def bisect(trusted: SignedHeader, height: int, chain_id: str) -> Generator[int, SignedHeader, SignedHeader]:
    """Return the header at a height, proved from a trusted one with as few between as it takes.

    A generator without I/O: it yields the height that it wants and is sent that header. When too few of the trusted
    validators signed, the header half way comes first (cometbft v0.38 light/client.go, skipping verification).

    Raises
    ------
    UntrustedHeader, InvalidHeader, InvalidCommit
        When a header does not follow, is not the one asked for, or `MAX_STEPS` do not lead there.
    """
    ahead = [(yield height)]
    for _ in range(MAX_STEPS):
        new = ahead[-1]
        try:
            _verify(trusted, new, chain_id)
        except TooFewKnown:
            between = (trusted.header.height + new.header.height) // 2
            ahead.append(_expect_height((yield between), between))
            continue
        trusted = ahead.pop()
        if not ahead:
            return _expect_height(trusted, height)
    raise UntrustedHeader(height, f"{MAX_STEPS} headers do not lead there: begin at a newer one from who you trust")


def _verify(trusted: SignedHeader, new: SignedHeader, chain_id: str) -> None:
    is_next = new.header.height == trusted.header.height + 1
    (verify_adjacent if is_next else verify_skipping)(trusted, new, chain_id)


def _expect_height(signed: SignedHeader, height: int) -> SignedHeader:
    if signed.header.height != height:
        raise UntrustedHeader(signed.header.height, f"height {height} was asked for")
    return signed


def _validate_new(trusted: SignedHeader, new: SignedHeader, chain_id: str) -> None:
    validate_signed_header(new, chain_id)
    validate_commit(new)
    if time_ns_of(new.header.time) <= time_ns_of(trusted.header.time):
        raise UntrustedHeader(new.header.height, "its time does not come after the trusted header's")


def _check_member(member: ValidatorInfo) -> None:
    if member.voting_power <= 0 or compute_validator_address(member.pub_key.ed25519) != member.address:
        raise InvalidCommit(f"validator {member.address.hex()} has no power, or another key than its address says")


def _check_vote(signed: SignedHeader, member: ValidatorInfo, vote: CommitSig) -> None:
    """Return when a vote is absent and empty, or signed for the block or for none: nothing in a commit is unchecked."""
    if vote.block_id_flag == FLAG_ABSENT:
        if vote != ABSENT_VOTE:
            raise InvalidCommit(f"the vote of validator {member.address.hex()} is absent and says something")
        return
    if vote.block_id_flag not in (FLAG_COMMIT, FLAG_NIL):
        raise InvalidCommit(f"vote flag {vote.block_id_flag}")
    commit = signed.commit
    voted = commit if vote.block_id_flag == FLAG_COMMIT else Commit(commit.height, commit.round)
    message = encode_vote(signed.header.chain_id, voted, vote.timestamp)
    key = PublicKey(ED25519_PREFIX + member.pub_key.ed25519)
    if vote.validator_address != member.address or not is_signature(key, message, vote.signature):
        raise InvalidCommit(f"the signature of validator {member.address.hex()} does not hold")
