"""A whole chain in memory, the same bytes on every run: fixed keys, a clock that tests set, no disk."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from chain.core.wallet import Wallet
from chain.data.memory import MemoryStore
from chain.network.application import Genesis, Validator
from chain.network.forms import (
    FLAG_ABSENT,
    FLAG_COMMIT,
    FLAG_NIL,
    compute_header_hash,
    compute_validator_address,
    encode_vote,
)
from chain.network.light import ABSENT_VOTE, SignedHeader
from chain.network.solo import Finalised, SoloEngine
from chain.node import ChainReader, Node, create_genesis, open_reader
from chain.wire.comet import BlockId, Commit, CommitSig, Header, PartSetHeader, Timestamp, ValidatorSet
from chain.wire.cosmos import MsgAccreditKey, MsgAnchor, MsgRegisterOrganisation, MsgRevokeKey
from domain.cid import DAG_CBOR, Cid
from domain.keys import PublicKey, SigningKey
from tests.domain.samples import AT_MS

CHAIN_ID = "cec-vectors-1"
VALIDATORS = tuple(SigningKey.from_seed(bytes([number] * 32)) for number in range(101, 109))
AUTHORITY = Wallet(bytes([1] * 32))
ADMIN = Wallet(bytes([2] * 32))
ORG = "north-forest"
MANIFEST = str(Cid.of(DAG_CBOR, b"manifest"))
START_NS = AT_MS * 1_000_000
SECOND_NS = 1_000_000_000


@dataclass
class SetClock:
    """A `chain.network.solo.Clock` that moves only when a test says so."""

    now_ns: int = START_NS
    started_ns: int = START_NS

    def time_ns(self) -> int:
        return self.now_ns

    def monotonic_ns(self) -> int:
        return self.now_ns - self.started_ns

    def advance(self, seconds: float) -> None:
        self.now_ns += int(seconds * SECOND_NS)

    def jump(self, seconds: float) -> None:
        """Set the wall clock alone, as an operator or a wrong time server does."""
        self.advance(seconds)
        self.started_ns += int(seconds * SECOND_NS)


@dataclass
class SmallChain:
    """A running chain with an authority, an admin and what they may do."""

    engine: SoloEngine
    reader: ChainReader
    clock: SetClock = field(default_factory=SetClock)

    async def execute(self, wallet: Wallet, *messages: Any) -> Finalised:  # noqa: ANN401 - any message of any module
        """Submit messages two seconds after whatever was last, so that times differ."""
        self.clock.advance(2)
        return await Node(self.engine, self.reader).execute(wallet, messages)

    async def register(self, key: PublicKey, org: str = ORG) -> None:
        name = "Nordwald"
        await self.execute(AUTHORITY, MsgRegisterOrganisation(AUTHORITY.address, org, ADMIN.address, key.raw, name))

    async def accredit(self, key: PublicKey, role: str, subject: str, *, org: str = ORG) -> None:
        await self.execute(ADMIN, MsgAccreditKey(ADMIN.address, org, key.raw, role, subject))

    async def revoke(self, key: PublicKey, org: str = ORG) -> None:
        await self.execute(ADMIN, MsgRevokeKey(ADMIN.address, org, key.raw, "lost"))

    async def anchor(self, root: bytes, count: int) -> Finalised:
        return await self.execute(ADMIN, MsgAnchor(ADMIN.address, root, count, MANIFEST))


def make_genesis(validators: Sequence[SigningKey] = VALIDATORS[:1], chain_id: str = CHAIN_ID) -> Genesis:
    """Return a genesis whose first validator alone makes blocks; the rest sign what tests make."""
    balances = {AUTHORITY.address: 10**12, ADMIN.address: 10**12}
    solo = create_genesis(
        chain_id, validator=validators[0], authority=AUTHORITY.address, balances=balances, time_ns=START_NS
    )
    members = tuple(Validator(key.public.raw[2:], 10) for key in validators)
    return Genesis(solo.chain_id, solo.time_ns, solo.initial_height, members, solo.app_state)


@asynccontextmanager
async def run_chain(genesis: Genesis | None = None, validator: SigningKey = VALIDATORS[0]) -> AsyncIterator[SmallChain]:
    """Run a chain in memory."""
    clock = SetClock()
    reader = open_reader(MemoryStore(), genesis or make_genesis((validator,)))
    async with SoloEngine.open(reader.machine, reader.blocks, reader.genesis, key=validator, clock=clock) as engine:
        yield SmallChain(engine, reader, clock)


def sign_header(
    header: Header, validators: ValidatorSet, keys: Sequence[SigningKey], flags: Sequence[int] = ()
) -> SignedHeader:
    """Return a header signed by those of `keys` that are in the set; `flags` by place in the set, 2 unless given."""
    from_address = {compute_validator_address(key.public.raw[2:]): key for key in keys}
    block_id = BlockId(compute_header_hash(header), PartSetHeader(1, bytes([7] * 32)))
    commit = Commit(header.height, 0, block_id)
    wanted = flags or [FLAG_COMMIT] * len(validators.validators)
    votes = [
        ABSENT_VOTE if flag == FLAG_ABSENT else _sign_vote(header, commit, from_address[member.address], flag)
        for member, flag in zip(validators.validators, wanted, strict=True)
    ]
    return SignedHeader(header, Commit(header.height, 0, block_id, tuple(votes)), validators)


def _sign_vote(header: Header, commit: Commit, key: SigningKey, flag: int) -> CommitSig:
    at = Timestamp(header.time.seconds + 1, 500)
    block_id = BlockId() if flag == FLAG_NIL else commit.block_id
    message = encode_vote(header.chain_id, Commit(commit.height, commit.round, block_id), at)
    return CommitSig(flag, compute_validator_address(key.public.raw[2:]), at, key.sign(message))
