"""``cec verify`` and ``cec verify-page``: proofs without a server."""

from pathlib import Path

from cec.commands.pins import parse_pin
from cec.console import print_json, print_text
from chain.proof import STEPS, describe, verify_proof
from chain.proof_errors import ProofRefused


def run_verify(proof: Path, *, pin: str, as_json: bool) -> None:
    """Check a proof and say in words what holds; a refused one ends with code 1."""
    trusted = parse_pin(pin)
    try:
        raw = proof.read_bytes()
    except OSError as error:
        raise ProofRefused("decode", f"{proof}: {error.strerror}") from error
    try:
        verdict = verify_proof(raw, trusted)
    except ProofRefused as refusal:
        if not as_json:
            _print_steps(refusal.step)
        raise
    if as_json:
        print_json(
            {
                "holds": True,
                "record": str(verdict.records[0].cid),
                "kind": verdict.records[0].kind,
                "anchored_ms": verdict.anchored_ms,
                "block": verdict.height,
                "validators": list(verdict.validators),
                "words": list(describe(verdict)),
            }
        )
        return
    _print_steps(None)
    for sentence in describe(verdict):
        print_text(sentence)


def run_verify_page(out: Path, *, pin: str | None) -> None:
    """Write verify.html and print its hash."""
    from portal.ports import Pin
    from portal.verify_page import build_page, compute_page_hash

    trusted = None if pin is None else parse_pin(pin)
    page = build_page(None if trusted is None else Pin(trusted.chain_id, trusted.genesis_hash.hex()))
    out.write_bytes(page)
    print_text(f"{compute_page_hash(page)}  {out}")


def _print_steps(failed: str | None) -> None:
    for step in STEPS:
        if step == failed:
            print_text(f"  ✗ {step}")
            return
        print_text(f"  ✓ {step}")
