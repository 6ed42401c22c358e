import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.core.accounts import get_account
from chain.core.bech32 import parse_address
from chain.core.wallet import Signing
from chain.network.errors import TxNotTaken
from chain.network.genesis import parse_genesis
from chain.network.json_forms import Json, parse_signed_header
from chain.network.light import validate_commit, validate_signed_header
from chain.network.rpc import METHODS, QueryAnswer, Rpc
from chain.network.rpc_answers import MAX_BATCH, Request, answer
from chain.network.rpc_server import MAX_BODY, MAX_HEAD, serve_rpc
from chain.network.websocket import CLOSE, PING, PONG, TEXT, encode_frame
from chain.wire.cosmos import MsgAnchor
from tests.chain.small_chain import ADMIN, CHAIN_ID, MANIFEST, SmallChain, run_chain
from tests.domain.samples import KEY

ROOT = bytes([5] * 32)


def answer_query(path: str, data: bytes) -> QueryAnswer:
    """Echo: what the RPC must carry both ways."""
    return QueryAnswer(key=data, value=path.encode(), height=3)


@asynccontextmanager
async def serve() -> AsyncIterator[tuple[SmallChain, httpx.AsyncClient]]:
    async with run_chain() as chain, serve_rpc(Rpc(chain.engine, answer_query)) as port:
        await chain.register(KEY.public)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            yield chain, client


async def get(client: httpx.AsyncClient, target: str) -> Json:
    answered = await client.get(target)
    document: Json = answered.json()
    assert "error" not in document, document
    result: Json = document["result"]
    return result


async def call(client: httpx.AsyncClient, method: str, **params: object) -> Json:
    request = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
    document: Json = (await client.post("/", json=request)).json()
    assert document["id"] == 7
    result: Json = document["result"]
    return result


def sign_anchor(chain: SmallChain, root: bytes = ROOT) -> bytes:
    account = get_account(chain.reader.machine.store, parse_address(ADMIN.address))
    signing = Signing(CHAIN_ID, account.number, account.sequence, 30_000)
    return ADMIN.sign([MsgAnchor(ADMIN.address, root, 1, MANIFEST)], signing)


async def test_every_height_is_served_so_that_a_light_client_accepts_it() -> None:
    async with serve() as (chain, client):
        await chain.anchor(ROOT, 1)
        for height in range(1, chain.engine.blocks.last_height() + 1):
            signed = (await get(client, f"/commit?height={height}"))["signed_header"]
            members = (await get(client, f"/validators?height={height}&per_page=100"))["validators"]
            parsed = parse_signed_header(signed, members)
            assert parsed == chain.engine.signed_header(height)
            validate_signed_header(parsed, CHAIN_ID)
            validate_commit(parsed)


async def test_the_genesis_served_is_the_chain_s() -> None:
    async with serve() as (chain, client):
        document = (await get(client, "/genesis"))["genesis"]
        assert parse_genesis(json.dumps(document)) == chain.engine.genesis


async def test_status_and_info_name_the_last_block() -> None:
    async with serve() as (chain, client):
        status, info = await get(client, "/status"), await get(client, "/abci_info")
        latest = chain.engine.latest()
        assert status["sync_info"]["latest_block_height"] == str(latest.header.height)
        assert status["sync_info"]["latest_block_hash"] == latest.commit.block_id.hash.hex().upper()
        assert status["node_info"]["network"] == CHAIN_ID
        assert info["response"]["last_block_height"] == str(latest.header.height)
        assert base64.b64decode(info["response"]["last_block_app_hash"]) == latest.header.app_hash


async def test_a_block_names_itself_as_its_commit_does() -> None:
    async with serve() as (chain, client):
        block = await get(client, "/block?height=2")
        commit = await get(client, "/commit?height=2")
        metas = (await get(client, "/blockchain?minHeight=2&maxHeight=2"))["block_metas"]
        assert block["block_id"] == commit["signed_header"]["commit"]["block_id"] == metas[0]["block_id"]
        assert (await get(client, "/header?height=2"))["header"] == block["block"]["header"]
        assert (await get(client, "/block"))["block"]["header"]["height"] == str(chain.engine.blocks.last_height())


async def test_a_transaction_is_taken_made_final_and_found_with_its_proof() -> None:
    async with serve() as (chain, client):
        tx = sign_anchor(chain)
        chain.clock.advance(2)
        done = await call(client, "broadcast_tx_commit", tx=base64.b64encode(tx).decode())
        assert (done["check_tx"]["code"], done["tx_result"]["code"]) == (0, 0)
        assert done["hash"] == hashlib.sha256(tx).hexdigest().upper()
        found = await get(client, f"/tx?hash=0x{done['hash']}&prove=true")
        assert (found["height"], base64.b64decode(found["tx"])) == (done["height"], tx)
        block = await get(client, f"/block?height={found['height']}")
        assert found["proof"]["root_hash"] == block["block"]["header"]["data_hash"]
        results = await get(client, f"/block_results?height={found['height']}")
        assert results["txs_results"][0]["gas_used"] == done["tx_result"]["gas_used"]


async def test_a_transaction_may_be_taken_without_waiting() -> None:
    async with serve() as (chain, client):
        tx = sign_anchor(chain)
        taken = await get(client, f"/broadcast_tx_sync?tx=0x{tx.hex()}")
        assert (taken["code"], taken["hash"]) == (0, hashlib.sha256(tx).hexdigest().upper())
        # The engine makes blocks in order: a later transaction is final after it.
        with pytest.raises(TxNotTaken):
            await chain.engine.submit(b"none")
        await chain.engine.submit(sign_anchor(chain, bytes(32)))
        assert (await get(client, f"/broadcast_tx_sync?tx=0x{tx.hex()}"))["code"] != 0


async def test_a_refused_transaction_says_whose_rule_it_broke() -> None:
    async with serve() as (_, client):
        for method in ("broadcast_tx_sync", "broadcast_tx_commit"):
            refused = await call(client, method, tx=base64.b64encode(b"no transaction").decode())
            result = refused.get("check_tx", refused)
            assert result["code"] > 0
            assert result["codespace"]
            assert result["log"]


async def test_a_query_reaches_the_application() -> None:
    async with serve() as (_, client):
        by_uri = await get(client, '/abci_query?path="/store"&data=0x0aff')
        by_json = await call(client, "abci_query", path="/store", data="0aff")
        assert by_uri == by_json
        assert base64.b64decode(by_uri["response"]["key"]) == b"\x0a\xff"
        assert base64.b64decode(by_uri["response"]["value"]) == b"/store"


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("/commit?height=1000", "must be less than or equal to"),
        ("/block?height=-1", "is not available"),
        ("/tx?hash=0x00", "not found"),
        ("/block?height=five", "height must be"),
        ("/tx?hash=0xzz", "hash must be"),
        ("/tx?hash=0x00&prove=maybe", "prove must be"),
        ("/validators?page=2", "page should be within"),
        ("/blockchain?minHeight=3&maxHeight=2", "can't be greater"),
    ],
)
async def test_what_cannot_be_answered_is_refused_in_words(target: str, words: str) -> None:
    async with serve() as (_, client):
        answered = await client.get(target)
        assert answered.status_code == 500
        assert words in answered.json()["error"]["data"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b"[" * 100_000, -32700),
        (b"1", -32600),
        (b'{"id":1,"method":5}', -32600),
        (b'{"id":1.5,"method":"health"}', -32600),
        (b'{"id":1,"method":"mint"}', -32601),
        (b'{"id":1,"method":"block","params":{"height":true}}', -32602),
        (b'{"id":1,"method":"block","params":"5"}', -32602),
        (b'{"id":1,"method":"block","params":[1,2]}', -32602),
        (b'{"id":1,"method":"tx","params":{"hash":"?"}}', -32602),
        (b'{"id":1,"method":"abci_query","params":{"data":"zz"}}', -32602),
        (json.dumps([{"id": 1, "method": "health"}] * (MAX_BATCH + 1)).encode(), -32600),
    ],
)
async def test_malformed_json_rpc_is_refused_with_its_code(body: bytes, code: int) -> None:
    async with serve() as (_, client):
        assert (await client.post("/", content=body)).json()["error"]["code"] == code


async def test_batches_are_answered_in_order_and_notifications_are_not() -> None:
    async with serve() as (_, client):
        batch = [
            {"id": 1, "method": "block", "params": ["1"]},
            {"method": "health"},
            {"id": "two", "method": "block", "params": {"height": 2}},
        ]
        answers = (await client.post("/", json=batch)).json()
        assert [(one["id"], one["result"]["block"]["header"]["height"]) for one in answers] == [(1, "1"), ("two", "2")]
        assert (await client.post("/", json=[{"method": "health"}])).content == b""


async def test_other_paths_and_methods_are_refused() -> None:
    async with serve() as (_, client):
        assert (await client.get("/mint")).status_code == 404
        assert (await client.put("/health")).status_code == 405
        assert (await client.get("/")).json() == {"methods": sorted(METHODS)}


async def send_raw(port: int, raw: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    async with asyncio.timeout(5):
        found = await reader.read()
    writer.close()
    return found


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"y" * MAX_HEAD, b"431"),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % (MAX_BODY + 1) + bytes(MAX_BODY + 1), b"413"),
    ],
)
async def test_a_request_beyond_the_limits_ends_the_connection(raw: bytes, status: bytes) -> None:
    async with run_chain() as chain, serve_rpc(Rpc(chain.engine, answer_query)) as port:
        assert (await send_raw(port, raw)).startswith(b"HTTP/1.1 " + status)


async def test_a_server_that_closes_ends_open_connections() -> None:
    async with run_chain() as chain:
        async with serve_rpc(Rpc(chain.engine, answer_query)) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.sleep(0.01)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()


HANDSHAKE = (
    b"GET /websocket HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def mask_frame(opcode: int, payload: bytes) -> bytes:
    """Return a short client's frame whose mask is zero, so that it shows its payload."""
    return bytes((0x80 | opcode, 0x80 | len(payload))) + bytes(4) + payload


async def test_a_websocket_answers_questions_and_pings_until_it_is_closed() -> None:
    async with run_chain() as chain, serve_rpc(Rpc(chain.engine, answer_query)) as port:
        question = mask_frame(TEXT, b'{"id":3,"method":"health"}')
        found = await send_raw(port, HANDSHAKE + question + mask_frame(PING, b"here?") + mask_frame(CLOSE, b""))
        head, frames = found.split(b"\r\n\r\n", 1)
        # The accept value is the example of RFC 6455 section 1.3.
        assert head.startswith(b"HTTP/1.1 101")
        assert b": s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
        told = b'{"jsonrpc":"2.0","id":3,"result":{}}'
        assert frames == encode_frame(TEXT, told) + encode_frame(PONG, b"here?") + encode_frame(CLOSE, b"")


@pytest.mark.parametrize("frame", [b"\x81\x02hi", b"\xf1\x80" + bytes(4), mask_frame(0, b"more")])
async def test_a_frame_that_no_client_may_send_closes_the_websocket(frame: bytes) -> None:
    async with run_chain() as chain, serve_rpc(Rpc(chain.engine, answer_query)) as port:
        assert (await send_raw(port, HANDSHAKE + frame)).endswith(encode_frame(CLOSE, b"\x03\xea"))


@given(st.sampled_from(["GET", "POST"]), st.text(max_size=60), st.binary(max_size=80))
def test_any_request_is_answered(method: str, target: str, body: bytes) -> None:
    async def ask() -> int:
        async with run_chain() as chain:
            return (await answer(Rpc(chain.engine, answer_query), Request(method, target, body))).status

    assert asyncio.run(ask()) in (200, 400, 404, 500)
