from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from chain.network.application import Validator
from chain.network.errors import (
    InvalidAnswer,
    InvalidCommit,
    InvalidHeader,
    TooFewKnown,
    TrustExpired,
    UntrustedHeader,
)
from chain.network.forms import (
    FLAG_ABSENT,
    FLAG_COMMIT,
    FLAG_NIL,
    build_validator_set,
    compute_validators_hash,
    time_ns_of,
)
from chain.network.json_forms import format_commit, format_header, format_validators, parse_signed_header
from chain.network.light import (
    SignedHeader,
    bisect,
    check_not_ahead,
    check_trust_period,
    follow,
    validate_commit,
    validate_signed_header,
    verify_adjacent,
    verify_skipping,
)
from chain.wire.comet import BlockId, Consensus, Header, Timestamp, ValidatorSet
from domain.keys import SigningKey
from tests.chain.small_chain import VALIDATORS, sign_header

CHAIN_ID = "cec-light"
COMMIT, NIL, ABSENT = FLAG_COMMIT, FLAG_NIL, FLAG_ABSENT


def make_set(keys: Sequence[SigningKey], powers: Sequence[int] = ()) -> ValidatorSet:
    given = powers or [10] * len(keys)
    return build_validator_set([Validator(key.public.raw[2:], power) for key, power in zip(keys, given, strict=True)])


def make_header(height: int, members: ValidatorSet, following: ValidatorSet) -> Header:
    filler = bytes([height % 256] * 32)
    return Header(
        version=Consensus(11),
        chain_id=CHAIN_ID,
        height=height,
        time=Timestamp(1_790_000_000 + height, 0),
        last_block_id=BlockId(),
        last_commit_hash=filler,
        data_hash=filler,
        validators_hash=compute_validators_hash(members),
        next_validators_hash=compute_validators_hash(following),
        consensus_hash=filler,
        app_hash=filler,
        last_results_hash=filler,
        evidence_hash=filler,
        proposer_address=members.validators[0].address,
    )


def make_chain(length: int, members_at: Callable[[int], Sequence[SigningKey]]) -> dict[int, SignedHeader]:
    """Return headers from height 1; the set at a height is `members_at`'s."""
    sets = {height: make_set(members_at(height)) for height in range(1, length + 2)}
    return {
        height: sign_header(make_header(height, sets[height], sets[height + 1]), sets[height], VALIDATORS)
        for height in range(1, length + 1)
    }


STEADY = make_chain(10, lambda _height: VALIDATORS[:4])
# One of four members changes every fourth block: block 9 has half of block 1's, block 17 none.
TURNING = make_chain(20, lambda height: [VALIDATORS[(height // 4 + place) % 8] for place in range(4)])


def run_bisect(chain: dict[int, SignedHeader], start: int, goal: int) -> tuple[SignedHeader, list[int]]:
    asked = []
    steps = bisect(chain[start], goal, CHAIN_ID)
    wanted = next(steps)
    while True:
        asked.append(wanted)
        try:
            wanted = steps.send(chain[wanted])
        except StopIteration as done:
            return done.value, asked


def test_a_whole_chain_follows_from_its_first_header() -> None:
    for chain in (STEADY, TURNING):
        last = max(chain)
        assert follow(chain[1], [chain[height] for height in range(2, last + 1)], CHAIN_ID) == chain[last]


def test_a_bisection_skips_as_far_as_a_third_of_the_trusted_power_signed() -> None:
    assert run_bisect(STEADY, 1, 10) == (STEADY[10], [10])
    assert run_bisect(TURNING, 1, 17) == (TURNING[17], [17, 9])


def test_skipping_to_strangers_is_refused() -> None:
    with pytest.raises(TooFewKnown):
        verify_skipping(TURNING[1], TURNING[17], CHAIN_ID)


@pytest.mark.parametrize(
    ("powers", "flags", "is_enough"),
    [
        ([10, 10, 10], [COMMIT, COMMIT, COMMIT], True),
        ([10, 10, 10], [COMMIT, COMMIT, ABSENT], False),
        ([10, 10, 10], [COMMIT, COMMIT, NIL], False),
        ([21, 10, 1], [COMMIT, ABSENT, COMMIT], True),
        ([20, 10, 1], [COMMIT, ABSENT, COMMIT], True),
        ([20, 10, 1], [COMMIT, ABSENT, ABSENT], False),
        ([67, 33], [COMMIT, NIL], True),
        ([66, 34], [COMMIT, NIL], False),
    ],
)
def test_more_than_two_thirds_of_the_power_must_sign(powers: list[int], flags: list[int], *, is_enough: bool) -> None:
    members = make_set(VALIDATORS[: len(powers)], powers)
    signed = sign_header(make_header(5, members, members), members, VALIDATORS, flags)
    if is_enough:
        assert len(validate_commit(signed)) == flags.count(COMMIT)
    else:
        with pytest.raises(InvalidCommit, match="more than two thirds"):
            validate_commit(signed)


GOOD = STEADY[5]
VOTES = GOOD.commit.signatures


def with_header(**fields: object) -> SignedHeader:
    return replace(GOOD, header=replace(GOOD.header, **fields))  # type: ignore[arg-type]


def with_vote(**fields: object) -> SignedHeader:
    vote = replace(VOTES[0], **fields)  # type: ignore[arg-type]
    return replace(GOOD, commit=replace(GOOD.commit, signatures=(vote, *VOTES[1:])))


@pytest.mark.parametrize(
    ("signed", "words"),
    [
        (with_header(chain_id="other"), "of chain"),
        (with_header(height=6), "height"),
        (with_header(height=0), "height"),
        (with_header(app_hash=bytes(32)), "not what the commit signs"),
        (with_header(time=Timestamp(1, 1)), "not what the commit signs"),
        (replace(GOOD, validators=make_set(VALIDATORS[:3])), "validators hash"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(signed: SignedHeader, words: str) -> None:
    with pytest.raises(InvalidHeader, match=words):
        validate_signed_header(signed, CHAIN_ID)


@pytest.mark.parametrize(
    ("signed", "words"),
    [
        (with_vote(signature=bytes(64)), "does not hold"),
        (with_vote(timestamp=Timestamp(1, 1)), "does not hold"),
        (with_vote(validator_address=VOTES[1].validator_address), "does not hold"),
        (with_vote(block_id_flag=NIL), "does not hold"),
        (with_vote(block_id_flag=ABSENT), "says something"),
        (with_vote(block_id_flag=0), "flag 0"),
        (replace(GOOD, commit=replace(GOOD.commit, round=1)), "does not hold"),
        (replace(GOOD, commit=replace(GOOD.commit, signatures=VOTES[:3])), "3 signatures for 4"),
        (replace(GOOD, commit=replace(GOOD.commit, signatures=VOTES[::-1])), "does not hold"),
        (replace(GOOD, validators=ValidatorSet(()), commit=replace(GOOD.commit, signatures=())), "0 signatures"),
        (replace(GOOD, validators=ValidatorSet((GOOD.validators.validators[0],) * 4)), "twice"),
    ],
)
def test_a_commit_that_does_not_hold_is_refused(signed: SignedHeader, words: str) -> None:
    with pytest.raises(InvalidCommit, match=words):
        validate_commit(signed)


def test_the_next_header_s_validators_are_those_announced() -> None:
    verify_adjacent(TURNING[3], TURNING[4], CHAIN_ID)
    usurpers = make_set(VALIDATORS[4:])
    usurped = sign_header(make_header(4, usurpers, usurpers), usurpers, VALIDATORS)
    with pytest.raises(UntrustedHeader, match="announced"):
        verify_adjacent(TURNING[3], usurped, CHAIN_ID)


@pytest.mark.parametrize(("start", "goal"), [(5, 5), (5, 4), (5, 7)])
def test_the_next_header_is_one_higher(start: int, goal: int) -> None:
    with pytest.raises(UntrustedHeader, match="not the next"):
        verify_adjacent(STEADY[start], STEADY[goal], CHAIN_ID)


def test_time_moves_forward_from_header_to_header() -> None:
    members = make_set(VALIDATORS[:4])
    early = replace(make_header(6, members, members), time=GOOD.header.time)
    with pytest.raises(UntrustedHeader, match="time"):
        verify_adjacent(GOOD, sign_header(early, members, VALIDATORS), CHAIN_ID)


def test_another_height_than_asked_for_is_refused() -> None:
    steps = bisect(STEADY[1], 9, CHAIN_ID)
    next(steps)
    with pytest.raises(UntrustedHeader, match="asked for"):
        steps.send(STEADY[8])


def test_trust_ends_with_its_period_and_no_header_comes_from_the_future() -> None:
    at = time_ns_of(GOOD.header.time)
    check_trust_period(GOOD, now_ns=at + 99, period_ns=100)
    with pytest.raises(TrustExpired):
        check_trust_period(GOOD, now_ns=at + 100, period_ns=100)
    check_not_ahead(GOOD, now_ns=at - 9_999_999_999)
    with pytest.raises(UntrustedHeader, match="future"):
        check_not_ahead(GOOD, now_ns=at - 10_000_000_000)


def test_headers_come_back_from_their_json() -> None:
    members = make_set(VALIDATORS[:4])
    signed = sign_header(make_header(5, members, members), members, VALIDATORS, [COMMIT, NIL, COMMIT, ABSENT])
    fields = {"header": format_header(signed.header), "commit": format_commit(signed.commit)}
    assert parse_signed_header(fields, format_validators(signed.validators)) == signed


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"header": {}, "commit": {}},
        {"header": None, "commit": None},
        {"header": {**format_header(GOOD.header), "time": "today"}, "commit": format_commit(GOOD.commit)},
        {"header": {**format_header(GOOD.header), "app_hash": "xyz"}, "commit": format_commit(GOOD.commit)},
        {"header": {**format_header(GOOD.header), "height": "1e3"}, "commit": format_commit(GOOD.commit)},
    ],
)
def test_an_answer_in_no_form_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(InvalidAnswer):
        parse_signed_header(fields, [])
