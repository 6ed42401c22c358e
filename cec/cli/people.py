"""What anyone may do: the demo, and the way from a tree to its proof."""

from pathlib import Path
from typing import Annotated

import typer

from cec.cli.options import DATA, Crs, Data, Json, Register

people = typer.Typer(rich_markup_mode=None)


@people.command()
def demo(
    cloud: Annotated[Path | None, typer.Option(help="A LAS or LAZ file in place of the simulated scan.")] = None,
    crs: Crs = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the simulated stand, crew and link.")] = 7,
    data: Annotated[Path | None, typer.Option("--data", help="Data folder, made when absent.")] = None,
    once: Annotated[bool, typer.Option("--once", help="End after the summary.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Of the portal; 0 takes any.")] = 0,
    json: Json = False,
) -> None:
    """Run the whole line: device, bad link, server, trees, blocks, chain, proof, portal."""
    from cec.demo.run import DemoOptions, run_demo

    run_demo(DemoOptions(cloud, crs, seed, data, port, is_once=once, as_json=json))


@people.command()
def trace(
    code: Annotated[str, typer.Argument(help="A tree's code, as on its label, or the label's address.")],
    data: Data = DATA,
    proof: Annotated[Path | None, typer.Option(help="Write the tree's proof file here.")] = None,
    json: Json = False,
    register: Register = None,
) -> None:
    """Follow a tree from its code to its record, survey, anchor and block; works beside a server or without one."""
    from cec.commands.trace import run_trace

    run_trace(code, data=data, register=register, proof=proof, as_json=json)


@people.command()
def verify(
    proof: Annotated[Path, typer.Argument(help="A .cecproof file.")],
    pin: Annotated[str, typer.Option(help="CHAIN-ID:GENESIS-HASH, got from elsewhere than the proof.")],
    json: Json = False,
) -> None:
    """Check every step of a proof, in words, without a server."""
    from cec.commands.verify import run_verify

    run_verify(proof, pin=pin, as_json=json)


@people.command()
def pin(data: Data = DATA) -> None:
    """Print the pin of a server's chain, to be published elsewhere."""
    from cec.commands.trace import run_pin

    run_pin(data)


@people.command("verify-page")
def verify_page(
    out: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("verify.html"),
    pin: Annotated[str | None, typer.Option(help="CHAIN-ID:GENESIS-HASH to build in.")] = None,
) -> None:
    """Write verify.html, which checks proofs in a browser without a server, and print its SHA-256."""
    from cec.commands.verify import run_verify_page

    run_verify_page(out, pin=pin)
