"""CometBFT itself as the judge: its light client on our chain, and our forms on its chain."""

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from chain.core.wallet import Wallet
from chain.data.memory import MemoryStore
from chain.network.application import TxResult
from chain.network.blocks import BlockStore, StoredBlock
from chain.network.forms import (
    compute_block_id,
    compute_commit_hash,
    compute_consensus_hash,
    compute_data_hash,
    compute_results_hash,
)
from chain.network.genesis import MAX_BLOCK_BYTES, MAX_BLOCK_GAS, format_params
from chain.network.json_forms import (
    Json,
    format_commit,
    format_header,
    format_validators,
    parse_signed_header,
)
from chain.network.light import SignedHeader, follow, validate_commit, validate_signed_header, verify_skipping
from chain.network.rpc import QueryAnswer, Rpc
from chain.network.rpc_server import serve_rpc
from chain.network.solo import SoloEngine
from chain.node import Node, SystemClock, create_genesis, open_reader
from chain.wire.codec import encode_message
from chain.wire.comet import Block, EvidenceList, TxList
from chain.wire.cosmos import MsgAnchor
from tests.chain.small_chain import ADMIN, MANIFEST, VALIDATORS

pytestmark = pytest.mark.engine

CHAIN_ID = "cec-light-1"
READY_S = 30.0


@asynccontextmanager
async def open_engine(kv: MemoryStore, time_ns: int) -> AsyncIterator[Node]:
    """Run a solo chain by the machine's clock, which is the one that the light client goes by."""
    balances = {ADMIN.address: 10**12}
    genesis = create_genesis(
        CHAIN_ID, validator=VALIDATORS[0], authority=Wallet(bytes([9] * 32)).address, balances=balances, time_ns=time_ns
    )
    reader = open_reader(kv, genesis)
    async with SoloEngine.open(
        reader.machine, reader.blocks, genesis, key=VALIDATORS[0], clock=SystemClock()
    ) as engine:
        yield Node(engine, reader)


async def make_blocks(node: Node, count: int) -> None:
    for number in range(count):
        await node.execute(ADMIN, [MsgAnchor(ADMIN.address, bytes([number] * 32), 1, MANIFEST)])


def answer_nothing(path: str, data: bytes) -> QueryAnswer:
    return QueryAnswer(code=1, codespace="test", log=f"nothing is known of {path} {data.hex()}")


def find_free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@asynccontextmanager
async def run_program(*command: str | Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program until the block ends, and end that program alone."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(10):
            await process.wait()


@asynccontextmanager
async def run_light(
    binary: Path, home: Path, trusted: SignedHeader, *, primary: int, witness: int
) -> AsyncIterator[httpx.AsyncClient]:
    """Run CometBFT's light client as a proxy that answers only what it has verified."""
    port = find_free_port()
    command = (
        binary,
        "light",
        CHAIN_ID,
        f"--primary=http://127.0.0.1:{primary}",
        f"--witnesses=http://127.0.0.1:{witness}",
        f"--height={trusted.header.height}",
        f"--hash={trusted.commit.block_id.hash.hex()}",
        f"--laddr=tcp://127.0.0.1:{port}",
        f"--home-dir={home}",
    )
    async with run_program(*command) as process, open_client(port) as client:
        await wait_until_answers(client, process)
        yield client


@asynccontextmanager
async def open_client(port: int) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False) as client:
        yield client


async def wait_until_answers(client: httpx.AsyncClient, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(READY_S):
        while True:
            assert process.returncode is None, "the program ended"
            try:
                await client.get("/health")
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                return


async def test_cometbft_s_light_client_accepts_our_chain(cometbft_binary: Path, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(open_engine(MemoryStore(), SystemClock().time_ns()))
        rpc = Rpc(node.engine, answer_nothing)
        ports = [await stack.enter_async_context(serve_rpc(rpc)) for _ in range(2)]
        trusted = node.engine.signed_header(1)
        assert trusted is not None
        await make_blocks(node, 6)
        light = await stack.enter_async_context(
            run_light(cometbft_binary, tmp_path, trusted, primary=ports[0], witness=ports[1])
        )
        last = node.engine.blocks.last_height()
        for height in (2, 5, last):
            signed = (await light.get(f"/commit?height={height}")).json()["result"]["signed_header"]
            found = node.engine.signed_header(height)
            assert found is not None
            assert signed["header"]["app_hash"] == found.header.app_hash.hex().upper()
        await make_blocks_again(node)
        late = (await light.get(f"/commit?height={last + 2}")).json()
        assert late["result"]["signed_header"]["header"]["height"] == str(last + 2)
        block = (await light.get(f"/block?height={last}")).json()
        assert block["result"]["block"]["header"]["height"] == str(last)


async def make_blocks_again(node: Node) -> None:
    """One more change: its block, and the one that carries its state."""
    await node.execute(ADMIN, [MsgAnchor(ADMIN.address, bytes([200] * 32), 1, MANIFEST)])


async def test_cometbft_s_light_client_refuses_a_header_that_was_changed(cometbft_binary: Path, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        kv, time_ns = MemoryStore(), SystemClock().time_ns()
        honest = await stack.enter_async_context(open_engine(kv, time_ns))
        await make_blocks(honest, 4)
        lying = await stack.enter_async_context(open_engine(change_a_header(kv, height=4), time_ns))
        lie = await stack.enter_async_context(serve_rpc(Rpc(lying.engine, answer_nothing)))
        truth = await stack.enter_async_context(serve_rpc(Rpc(honest.engine, answer_nothing)))
        trusted = honest.engine.signed_header(1)
        assert trusted is not None
        light = await stack.enter_async_context(
            run_light(cometbft_binary, tmp_path, trusted, primary=lie, witness=truth)
        )
        refused = (await light.get("/commit?height=4")).json()
        assert "result" not in refused
        assert (await light.get("/commit?height=3")).json()["result"]["signed_header"]["header"]["height"] == "3"


def change_a_header(kv: MemoryStore, *, height: int) -> MemoryStore:
    """Return a copy of a chain in which one header says another state than was signed."""
    copy = MemoryStore()
    copy.write(dict(kv.iterate(b"")))
    blocks = BlockStore(copy)
    stored = blocks.get(height)
    assert stored is not None
    changed = replace(stored.block, header=replace(stored.block.header, app_hash=bytes(32)))
    last = blocks.last_height()
    blocks.put(StoredBlock(changed, stored.commit))
    copy.write({b"b/last": last.to_bytes(8, "big")})
    return copy


@asynccontextmanager
async def run_cometbft(binary: Path, home: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Run a CometBFT node with its own example application."""
    init = await asyncio.create_subprocess_exec(
        binary, "init", "--home", home, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    assert await init.wait() == 0
    genesis = home / "config" / "genesis.json"
    document = json.loads(genesis.read_text())
    genesis.write_text(json.dumps(document | {"consensus_params": format_params()}))
    port = find_free_port()
    command = (
        binary,
        "node",
        f"--home={home}",
        "--proxy_app=kvstore",
        f"--rpc.laddr=tcp://127.0.0.1:{port}",
        f"--p2p.laddr=tcp://127.0.0.1:{find_free_port()}",
        "--consensus.create_empty_blocks=false",
    )
    async with run_program(*command) as process, open_client(port) as client:
        await wait_until_answers(client, process)
        yield client


async def fetch(client: httpx.AsyncClient, target: str) -> Json:
    result: Json = (await client.get(target)).json()["result"]
    return result


async def fetch_signed(client: httpx.AsyncClient, height: int) -> tuple[SignedHeader, Json, list[Json]]:
    signed = (await fetch(client, f"/commit?height={height}"))["signed_header"]
    members = (await fetch(client, f"/validators?height={height}"))["validators"]
    return parse_signed_header(signed, members), signed, members


async def test_our_forms_reproduce_what_cometbft_makes(cometbft_binary: Path, tmp_path: Path) -> None:
    async with run_cometbft(cometbft_binary, tmp_path) as client:
        for number in range(3):
            tx = f"k{number}={'v' * 70_000}".encode()
            request = {"id": 1, "method": "broadcast_tx_commit", "params": {"tx": base64.b64encode(tx).decode()}}
            await client.post("/", json=request)
        params = (await fetch(client, "/consensus_params"))["consensus_params"]
        assert params == format_params()
        status = await fetch(client, "/status")
        last = int(status["sync_info"]["latest_block_height"])
        chain_id = status["node_info"]["network"]
        headers = []
        for height in range(1, last + 1):
            signed, raw, members = await fetch_signed(client, height)
            check_signed(signed, raw, members, chain_id)
            headers.append(signed)
            await check_block(client, signed)
        follow(headers[0], headers[1:], chain_id)
        verify_skipping(headers[0], headers[-1], chain_id)


def check_signed(signed: SignedHeader, raw: Json, members: list[Json], chain_id: str) -> None:
    """Return when hashes and signatures are as CometBFT made them, and its JSON as we write it."""
    validate_signed_header(signed, chain_id)
    validate_commit(signed)
    assert {"header": format_header(signed.header), "commit": format_commit(signed.commit)} == raw
    plain = [{**member, "proposer_priority": "0"} for member in members]
    assert format_validators(signed.validators) == plain
    assert signed.header.consensus_hash == compute_consensus_hash(MAX_BLOCK_BYTES, MAX_BLOCK_GAS)


async def check_block(client: httpx.AsyncClient, signed: SignedHeader) -> None:
    """Return when a block's bytes, parts and hashes are as CometBFT made them."""
    header = signed.header
    block = (await fetch(client, f"/block?height={header.height}"))["block"]
    txs = tuple(base64.b64decode(tx) for tx in block["data"]["txs"])
    parent = {"header": format_header(header), "commit": block["last_commit"]}
    last_commit = parse_signed_header(parent, []).commit
    whole = Block(header, TxList(txs), EvidenceList(), last_commit)
    assert compute_block_id(header, encode_message(whole)) == signed.commit.block_id
    assert header.data_hash == compute_data_hash(txs)
    assert header.last_commit_hash == compute_commit_hash(last_commit)
    if header.height > 1:
        results = await fetch_results(client, header.height - 1)
        assert header.last_results_hash == compute_results_hash(results)


async def fetch_results(client: httpx.AsyncClient, height: int) -> list[TxResult]:
    results = (await fetch(client, f"/block_results?height={height}"))["txs_results"] or []
    return [
        TxResult(
            code=one["code"],
            data=base64.b64decode(one["data"] or ""),
            gas_wanted=int(one["gas_wanted"]),
            gas_used=int(one["gas_used"]),
        )
        for one in results
    ]
