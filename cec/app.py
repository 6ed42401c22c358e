"""The command line. Each command parses, calls and prints; heavy imports wait until a command runs."""

from pathlib import Path
from typing import Annotated

import typer

from cec.cli.office import office
from cec.cli.server import server

app = typer.Typer(
    help="Every tree in a forest as a record that anyone can check.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    add_completion=False,
)
edge = typer.Typer(help="The agent on a device.", rich_markup_mode=None, no_args_is_help=True)
app.add_typer(edge, name="edge")
app.add_typer(server)
app.add_typer(office)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on the last line.")]
Data = Annotated[Path | None, typer.Option("--data", help="Data folder of the server.")]
Org = Annotated[str, typer.Option(help="Id of the organisation, as the server was begun with.")]
Crs = Annotated[str | None, typer.Option("--crs", help="CRS of a cloud that does not say it: EPSG:n or local:m.")]


@app.command()
def demo(
    cloud: Annotated[Path | None, typer.Option(help="A LAS or LAZ file in place of the simulated scan.")] = None,
    crs: Crs = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the simulated stand, crew and link.")] = 7,
    data: Data = None,
    once: Annotated[bool, typer.Option("--once", help="End after the summary.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Of the portal; 0 takes any.")] = 0,
    json: Json = False,
) -> None:
    """Run the whole line: device, bad link, server, trees, blocks, chain, proof, portal."""
    from cec.demo.run import DemoOptions, run_demo

    run_demo(DemoOptions(cloud, crs, seed, data, port, is_once=once, as_json=json))


@app.command()
def survey(
    cloud: Annotated[Path, typer.Argument(help="A LAS or LAZ file.")],
    crs: Crs = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the records; by default beside the cloud.")] = None,
    json: Json = False,
) -> None:
    """Find the trees of one cloud and write their signed records."""
    from cec.commands.survey import run_survey

    run_survey(cloud, crs=crs, out=out, as_json=json)


@app.command()
def trace(
    code: Annotated[str, typer.Argument(help="A tree's code, as on its label, or the label's address.")],
    data: Annotated[Path, typer.Option("--data", help="Data folder of the server.")] = Path("cec-data"),
    proof: Annotated[Path | None, typer.Option(help="Write the tree's proof file here.")] = None,
    json: Json = False,
) -> None:
    """Follow a tree from its code to its record, survey, anchor and block; works beside a server or without one."""
    from cec.commands.trace import run_trace

    run_trace(code, data=data, proof=proof, as_json=json)


@app.command()
def verify(
    proof: Annotated[Path, typer.Argument(help="A .cecproof file.")],
    pin: Annotated[str, typer.Option(help="CHAIN-ID:GENESIS-HASH, got from elsewhere than the proof.")],
    json: Json = False,
) -> None:
    """Check every step of a proof, in words, without a server."""
    from cec.commands.verify import run_verify

    run_verify(proof, pin=pin, as_json=json)


@app.command()
def pin(data: Annotated[Path, typer.Option("--data", help="Data folder of the server.")] = Path("cec-data")) -> None:
    """Print the pin of a server's chain, to be published elsewhere."""
    from cec.commands.trace import run_pin

    run_pin(data)


@app.command("verify-page")
def verify_page(
    out: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("verify.html"),
    pin: Annotated[str | None, typer.Option(help="CHAIN-ID:GENESIS-HASH to build in.")] = None,
) -> None:
    """Write verify.html, which checks proofs in a browser without a server, and print its SHA-256."""
    from cec.commands.verify import run_verify_page

    run_verify_page(out, pin=pin)


@edge.command("run")
def edge_run(
    folder: Annotated[Path, typer.Option(help="Key, enrolment and spool of the device.")],
    host: Annotated[str, typer.Option(help="The broker.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535)] = 1883,
    campaign: Annotated[str, typer.Option(help="For which campaign.")] = "first",
    replay: Annotated[Path | None, typer.Option(help="A recorded log to play.")] = None,
    speed: Annotated[float, typer.Option(min=0, help="1 as recorded, 0 as fast as possible.")] = 1.0,
    offer: Annotated[Path | None, typer.Option(help="A cloud to upload.")] = None,
    crs: Crs = None,
    wait: Annotated[float, typer.Option(min=0, help="End when all is received, or after so many seconds.")] = 0.0,
    json: Json = False,
) -> None:
    """Run the agent: capture, sign, spool, publish, upload."""
    from cec.commands.edge import EdgeRun, run_edge

    run_edge(EdgeRun(folder, host, port, campaign, replay, speed, offer, crs, wait, as_json=json))


@edge.command("status")
def edge_status(
    folder: Annotated[Path, typer.Option(help="Key, enrolment and spool of the device.")],
    json: Json = False,
) -> None:
    """Tell what is recorded, sent, received and refused, and why."""
    from cec.commands.edge import run_status

    run_status(folder, as_json=json)


@edge.command("key")
def edge_key(folder: Annotated[Path, typer.Option(help="Folder of the device, made when absent.")]) -> None:
    """Print the device's public key, made when there is none, for its organisation to sign."""
    from cec.commands.edge import run_key

    run_key(folder)


@edge.command("enrol")
def edge_enrol(
    folder: Annotated[Path, typer.Option(help="Folder of the device.")],
    enrolment: Annotated[Path, typer.Argument(help="What the organisation signed.")],
) -> None:
    """Take the organisation's enrolment in."""
    from cec.commands.edge import run_enrol

    run_enrol(folder, enrolment)
