"""CometBFT's RPC over the solo engine: which methods there are and what they answer; `rpc_server` carries them.

Source: cometbft v0.38 rpc/core and rpc/openapi. Light clients, wallets and indexers made for CometBFT ask these.
Events are answered only with the result of a broadcast: the block store keeps what blocks are made of, no more.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

from chain.network.application import TxResult
from chain.network.blocks import StoredBlock
from chain.network.errors import BadRequest, TxNotTaken
from chain.network.forms import BLOCK_PROTOCOL, compute_header_hash
from chain.network.genesis import format_params, to_document
from chain.network.json_forms import (
    Json,
    format_base64,
    format_block,
    format_block_meta,
    format_commit,
    format_header,
    format_hex,
    format_key,
    format_result,
    format_timestamp,
    format_validators,
)
from chain.network.rpc_params import INVALID_PARAMS, Kind, Signature, Values
from chain.network.solo import SoloEngine
from domain.merkle import build_tree, hash_leaf

INTERNAL: Final = -32603
COMMIT_TIMEOUT_S: Final = 10.0
"""How long ``broadcast_tx_commit`` waits for a block (CometBFT's own default)."""
MAX_META: Final = 20
"""Most blocks in one answer of ``blockchain``."""
MAX_PER_PAGE: Final = 100
_PER_PAGE: Final = 30
_NODE_VERSION: Final = "0.38.19"
"""Whose forms these are; clients choose their decoding by it."""


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """What an application says to a query.

    Attributes
    ----------
    code, codespace, log
        0 when there is an answer; else whose rule was broken, and a sentence.
    key, value
        What was found.
    height
        The state's height.
    """

    code: int = 0
    codespace: str = ""
    log: str = ""
    key: bytes = b""
    value: bytes = b""
    height: int = 0


class QueryHandler(Protocol):
    """Answers ``abci_query``; composed where modules are known."""

    def __call__(self, path: str, data: bytes) -> QueryAnswer:
        """Return the answer of the last committed state."""
        ...


@dataclass(frozen=True, slots=True)
class Method:
    """A method of the RPC.

    Attributes
    ----------
    answer
        Gives its result.
    params
        What it takes.
    """

    answer: Callable[["Rpc", Values], Awaitable[Json]]
    params: Signature


class Rpc:
    """The RPC of one engine.

    Parameters
    ----------
    engine
        Whose blocks.
    query
        Answers queries of the state.
    """

    def __init__(self, engine: SoloEngine, query: QueryHandler) -> None:
        self.engine = engine
        self.query = query

    async def health(self, _params: Values) -> Json:
        """Return an empty object: it answers."""
        return {}

    async def status(self, _params: Values) -> Json:
        """Return who this node is and how far it is."""
        latest, earliest = self.engine.latest(), self._block(self.engine.genesis.initial_height)
        member = latest.validators.validators[0]
        return {
            "node_info": _node_info(latest.header.chain_id, member.address),
            "sync_info": {
                "latest_block_hash": format_hex(latest.commit.block_id.hash),
                "latest_app_hash": format_hex(latest.header.app_hash),
                "latest_block_height": str(latest.header.height),
                "latest_block_time": format_timestamp(latest.header.time),
                "earliest_block_hash": format_hex(compute_header_hash(earliest.block.header)),
                "earliest_app_hash": format_hex(earliest.block.header.app_hash),
                "earliest_block_height": str(earliest.block.header.height),
                "earliest_block_time": format_timestamp(earliest.block.header.time),
                "catching_up": False,
            },
            "validator_info": {
                "address": format_hex(member.address),
                "pub_key": format_key(member.pub_key.ed25519),
                "voting_power": str(member.voting_power),
            },
        }

    async def genesis(self, _params: Values) -> Json:
        """Return the genesis document."""
        return {"genesis": to_document(self.engine.genesis)}

    async def block(self, params: Values) -> Json:
        """Return a block."""
        return format_block(self._block(params.get("height")).block)

    async def header(self, params: Values) -> Json:
        """Return a header."""
        return {"header": format_header(self._block(params.get("height")).block.header)}

    async def commit(self, params: Values) -> Json:
        """Return a header and who signed it."""
        stored = self._block(params.get("height"))
        header = stored.block.header
        signed = {"header": format_header(header), "commit": format_commit(stored.commit)}
        return {"signed_header": signed, "canonical": header.height < self.engine.blocks.last_height()}

    async def validators(self, params: Values) -> Json:
        """Return who may sign a block, by pages."""
        height = self._block(params.get("height")).block.header.height
        signed = self.engine.signed_header(height)
        assert signed is not None, "the block was found"  # noqa: S101
        members = format_validators(signed.validators)
        per_page = min(max(params.get("per_page", _PER_PAGE), 1), MAX_PER_PAGE)
        start = (_check_page(params.get("page", 1), -(-len(members) // per_page)) - 1) * per_page
        shown = members[start : start + per_page]
        return {
            "block_height": str(height),
            "validators": shown,
            "count": str(len(shown)),
            "total": str(len(members)),
        }

    async def consensus_params(self, params: Values) -> Json:
        """Return the consensus parameters."""
        height = self._block(params.get("height")).block.header.height
        return {"block_height": str(height), "consensus_params": format_params()}

    async def blockchain(self, params: Values) -> Json:
        """Return the last blocks of a range, newest first."""
        first, last = self.engine.genesis.initial_height, self.engine.blocks.last_height()
        high = min(params.get("maxHeight") or last, last)
        low = max(params.get("minHeight") or first, high - MAX_META + 1, first)
        if low > high:
            raise BadRequest(INTERNAL, f"min height {low} can't be greater than max height {high}")
        metas = [format_block_meta(self._block(height).block) for height in range(high, low - 1, -1)]
        return {"last_height": str(last), "block_metas": metas}

    async def block_results(self, params: Values) -> Json:
        """Return what a block did."""
        height = self._block(params.get("height")).block.header.height
        after = self.engine.blocks.get(height + 1)
        app_hash = self.engine.info()[1] if after is None else after.block.header.app_hash
        results = self.engine.blocks.results(height) or ()
        return {
            "height": str(height),
            "txs_results": [format_result(result) for result in results] or None,
            "finalize_block_events": [],
            "validator_updates": None,
            "consensus_param_updates": None,
            "app_hash": format_base64(app_hash),
        }

    async def tx(self, params: Values) -> Json:
        """Return a transaction by its hash."""
        wanted = params.get("hash", b"")
        place = self.engine.blocks.find_tx(wanted)
        if place is None:
            raise BadRequest(INTERNAL, f"tx ({format_hex(wanted)}) not found")
        height, index = place
        txs = self._block(height).block.data.txs
        results = self.engine.blocks.results(height) or ()
        answer = {
            "hash": format_hex(wanted),
            "height": str(height),
            "index": index,
            "tx_result": format_result(results[index]),
            "tx": format_base64(txs[index]),
        }
        return answer | ({"proof": _prove_tx(txs, index)} if params.get("prove") else {})

    async def abci_info(self, _params: Values) -> Json:
        """Return how far the application is."""
        height, app_hash = self.engine.info()
        return {
            "response": {
                "data": "cec",
                "version": "1",
                "last_block_height": str(height),
                "last_block_app_hash": format_base64(app_hash),
            }
        }

    async def abci_query(self, params: Values) -> Json:
        """Return what the application answers to a query of its last state."""
        found = self.query(params.get("path", ""), params.get("data", b""))
        return {
            "response": {
                "code": found.code,
                "log": found.log,
                "info": "",
                "index": "0",
                "key": format_base64(found.key) if found.key else None,
                "value": format_base64(found.value) if found.value else None,
                "proofOps": None,
                "height": str(found.height),
                "codespace": found.codespace,
            }
        }

    async def broadcast_tx_sync(self, params: Values) -> Json:
        """Take a transaction and return whether it may enter a block."""
        tx = params.get("tx", b"")
        checked = TxResult()
        try:
            self.engine.offer(tx)
        except TxNotTaken as refusal:
            checked = TxResult(refusal.code, refusal.codespace, refusal.log)
        return {
            "code": checked.code,
            "data": "",
            "log": checked.log,
            "codespace": checked.codespace,
            "hash": format_hex(hashlib.sha256(tx).digest()),
        }

    async def broadcast_tx_commit(self, params: Values) -> Json:
        """Take a transaction and return what it did, once it is final."""
        tx = params.get("tx", b"")
        done, height, checked = TxResult(), 0, TxResult()
        try:
            async with asyncio.timeout(COMMIT_TIMEOUT_S):
                final = await self.engine.submit(tx)
            done, height = final.result, final.height
        except TxNotTaken as refusal:
            checked = TxResult(refusal.code, refusal.codespace, refusal.log)
        except TimeoutError as error:
            raise BadRequest(INTERNAL, "timed out waiting for tx to be included in a block") from error
        return {
            "check_tx": format_result(checked),
            "tx_result": format_result(done),
            "hash": format_hex(hashlib.sha256(tx).digest()),
            "height": str(height),
        }

    def _block(self, height: int | None) -> StoredBlock:
        """Return a block, the last when no height is given; light clients know these two refusals by their words."""
        last = self.engine.blocks.last_height()
        wanted = height or last
        if wanted > last:
            raise BadRequest(
                INTERNAL, f"height {wanted} must be less than or equal to the current blockchain height {last}"
            )
        stored = self.engine.blocks.get(wanted) if wanted > 0 else None
        if stored is None:
            raise BadRequest(INTERNAL, f"height {wanted} is not available")
        return stored


_AT: Final = {"height": Kind.INTEGER}
_TX: Final = {"tx": Kind.BYTES}
METHODS: Final = {
    "health": Method(Rpc.health, {}),
    "status": Method(Rpc.status, {}),
    "genesis": Method(Rpc.genesis, {}),
    "block": Method(Rpc.block, _AT),
    "header": Method(Rpc.header, _AT),
    "commit": Method(Rpc.commit, _AT),
    "validators": Method(Rpc.validators, {**_AT, "page": Kind.INTEGER, "per_page": Kind.INTEGER}),
    "consensus_params": Method(Rpc.consensus_params, _AT),
    "blockchain": Method(Rpc.blockchain, {"minHeight": Kind.INTEGER, "maxHeight": Kind.INTEGER}),
    "block_results": Method(Rpc.block_results, _AT),
    "tx": Method(Rpc.tx, {"hash": Kind.BYTES, "prove": Kind.FLAG}),
    "abci_info": Method(Rpc.abci_info, {}),
    "abci_query": Method(
        Rpc.abci_query, {"path": Kind.TEXT, "data": Kind.HEX, "height": Kind.INTEGER, "prove": Kind.FLAG}
    ),
    "broadcast_tx_sync": Method(Rpc.broadcast_tx_sync, _TX),
    "broadcast_tx_commit": Method(Rpc.broadcast_tx_commit, _TX),
}
"""What can be asked, by name."""


def _check_page(page: int, pages: int) -> int:
    if not 0 < page <= pages:
        raise BadRequest(INVALID_PARAMS, f"page should be within [1, {pages}] range, given {page}")
    return page


def _prove_tx(txs: tuple[bytes, ...], index: int) -> Json:
    leaves = [hashlib.sha256(tx).digest() for tx in txs]
    tree = build_tree(leaves)
    return {
        "root_hash": format_hex(tree.root),
        "data": format_base64(txs[index]),
        "proof": {
            "total": str(len(txs)),
            "index": str(index),
            "leaf_hash": format_base64(hash_leaf(leaves[index])),
            "aunts": [format_base64(item) for item in tree.path(index).hashes],
        },
    }


def _node_info(chain_id: str, address: bytes) -> Json:
    return {
        "protocol_version": {"p2p": "8", "block": str(BLOCK_PROTOCOL), "app": "0"},
        "id": address.hex(),
        "listen_addr": "",
        "network": chain_id,
        "version": _NODE_VERSION,
        "channels": "",
        "moniker": "solo",
        "other": {"tx_index": "on", "rpc_address": ""},
    }
