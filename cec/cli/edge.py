"""The agent on a device."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from cec.cli.options import Crs, Json

edge = typer.Typer(help="The agent on a device.", rich_markup_mode=None, no_args_is_help=True)

Folder = Annotated[Path, typer.Option(help="Key, enrolment and spool of the device.")]
Host = Annotated[str, typer.Option(help="The broker.")]
Campaign = Annotated[str, typer.Option(help="For which campaign.")]
Port = Annotated[int | None, typer.Option(min=1, max=65_535, help="The broker's; by default 1883, over TLS 8883.")]
Scanned = Literal["airborne", "drone", "terrestrial", "mobile"]
Instruments = Annotated[
    list[str] | None,
    typer.Option("--instrument", help="NAME=DRIVER@ADDRESS, repeatable; see `cec bridge list` for the drivers."),
]
TlsCa = Annotated[Path | None, typer.Option("--tls-ca", help="Who may have signed the broker's certificate (PEM).")]
TlsCert = Annotated[Path | None, typer.Option("--tls-cert", help="The device's certificate (PEM).")]
TlsKey = Annotated[Path | None, typer.Option("--tls-key", help="Its key (PEM).")]


@edge.command("run")
def edge_run(
    folder: Folder,
    host: Host = "127.0.0.1",
    port: Port = None,
    instrument: Instruments = None,
    campaign: Campaign = "first",
    replay: Annotated[Path | None, typer.Option(help="A recorded log to play, from where it was taken up to.")] = None,
    speed: Annotated[float, typer.Option(min=0, help="1 as recorded, 0 as fast as possible.")] = 1.0,
    offer: Annotated[Path | None, typer.Option(help="A cloud to upload.")] = None,
    watch: Annotated[Path | None, typer.Option(help="A folder whose photos and clouds are uploaded.")] = None,
    crs: Crs = None,
    scanned: Annotated[
        Scanned | None, typer.Option(help="How clouds were taken; without, they are surveyed as from the air.")
    ] = None,
    page: Annotated[str | None, typer.Option(help="HOST:PORT of the crew's page.")] = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    no_login: Annotated[
        bool, typer.Option("--no-login", help="The certificate alone says who it is; NATS wants it so.")
    ] = False,
    metered: Annotated[bool, typer.Option("--metered", help="Each byte of the link costs.")] = False,
    budget: Annotated[
        int | None, typer.Option(min=0, help="Bytes a month before files wait; records never do.")
    ] = None,
    wait: Annotated[float, typer.Option(min=0, help="End when all is received, or after so many seconds.")] = 0.0,
    json: Json = False,
) -> None:
    """Run the agent: capture, sign, spool, publish, upload."""
    from cec.commands.edge import EdgeRun, list_instruments, read_tls, run_edge
    from cec.commands.edge_page import parse_page
    from edge.settings import EdgeSettings
    from edge.watch import CloudWords

    tls = read_tls(tls_ca, tls_cert, tls_key)
    settings = EdgeSettings(
        folder,
        host,
        port or (1883 if tls is None else 8883),
        campaign,
        tls=tls,
        is_silent=no_login,
        is_metered=metered or budget is not None,
        budget_bytes=budget,
    )
    run_edge(
        EdgeRun(
            settings,
            list_instruments(instrument or ()),
            replay,
            speed,
            offer,
            watch,
            CloudWords(crs, scanned),
            None if page is None else parse_page(page),
            wait,
            as_json=json,
        )
    )


@edge.command("status")
def edge_status(folder: Folder, json: Json = False) -> None:
    """Tell what is recorded, sent, received and refused, and why; also while the agent runs."""
    from cec.commands.edge import run_status

    run_status(folder, as_json=json)


@edge.command("doctor")
def edge_doctor(
    folder: Folder,
    host: Host = "127.0.0.1",
    port: Port = None,
    instrument: Instruments = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    json: Json = False,
) -> None:
    """Look at key, enrolment, spool, disk, clock, broker, ports and battery, and say what to do."""
    from cec.commands.edge import list_instruments, read_tls, run_doctor
    from edge.settings import EdgeSettings

    tls = read_tls(tls_ca, tls_cert, tls_key)
    settings = EdgeSettings(folder, host, port or (1883 if tls is None else 8883), "first", tls=tls)
    run_doctor(settings, list_instruments(instrument or ()), as_json=json)


@edge.command("screen")
def edge_screen(folder: Folder, campaign: Campaign = "first") -> None:
    """Show the crew's screen: what became of everything, and an entry form; also beside a running agent."""
    from cec.commands.edge import run_screen
    from edge.settings import EdgeSettings

    run_screen(EdgeSettings(folder, "127.0.0.1", 1883, campaign))


@edge.command("close")
def edge_close(
    folder: Folder,
    campaign: Annotated[str | None, typer.Option(help="Which campaign ends; absent: all, until now.")] = None,
    json: Json = False,
) -> None:
    """Sign how far the device's records go, at the end of a day, so that a withheld tail shows."""
    from cec.commands.edge import run_close

    run_close(folder, campaign, as_json=json)


@edge.command("key")
def edge_key(folder: Annotated[Path, typer.Option(help="Folder of the device, made when absent.")]) -> None:
    """Print the device's public key, made when there is none, for its organisation to sign."""
    from cec.commands.edge import run_key

    run_key(folder)


@edge.command("rotate")
def edge_rotate(folder: Folder) -> None:
    """Print the device's next public key; the present one signs until the organisation's word is imported."""
    from cec.commands.edge import run_rotate

    run_rotate(folder)


@edge.command("enrol")
def edge_enrol(
    folder: Annotated[Path, typer.Option(help="Folder of the device.")],
    enrolment: Annotated[Path, typer.Argument(help="What the organisation signed.")],
) -> None:
    """Take in the organisation's enrolment, or its word that the next key is in force."""
    from cec.commands.edge import run_enrol

    run_enrol(folder, enrolment)
