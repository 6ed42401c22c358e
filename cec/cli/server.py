"""The server: running it, and what it needs beside it."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from cec.cli.options import DATA, Data, Json, Org, Register
from cec.defaults import ORG, QUIET_S

server = typer.Typer(rich_markup_mode=None)

Kind = Annotated[Literal["mosquitto", "nats"], typer.Argument(help="Which broker.")]


@server.command()
def up(
    data: Annotated[Path, typer.Option("--data", help="Data folder, made when absent.")] = DATA,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    mqtt_port: Annotated[int, typer.Option(min=0, max=65_535, help="Of the embedded broker.")] = 1883,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Of the portal.")] = 8080,
    org: Annotated[str, typer.Option(help="Id of the organisation that a new folder is begun for.")] = ORG,
    org_name: Annotated[str, typer.Option(help="The organisation's name for people.")] = "North Forest",
    campaign: Annotated[str, typer.Option(help="Id of the first campaign.")] = "first",
    tls: Annotated[bool, typer.Option("--tls", help="The embedded broker speaks TLS; see `cec certificate`.")] = False,
    broker: Annotated[
        Literal["embedded", "mosquitto", "nats"], typer.Option(help="The last two: as `cec broker` prepared them.")
    ] = "embedded",
    broker_url: Annotated[str | None, typer.Option(help="Any other: mqtt[s]://[USER:PASSWORD@]HOST[:PORT].")] = None,
    tls_ca: Annotated[Path | None, typer.Option(help="With --broker-url: CA of its certificate.")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="With --broker-url: this server's certificate.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="With --broker-url: its key.")] = None,
    register: Register = None,
    share: Annotated[str, typer.Option(help="Of the devices, where several servers divide them: 1/4.")] = "1/1",
    quiet: Annotated[
        float, typer.Option(min=1.0, help="Seconds without a reading after which a crew's day becomes tree records.")
    ] = QUIET_S,
    region: Annotated[
        str | None,
        typer.Option(help="Whose equations for trees whose stems were measured: canada, united-states, europe …"),
    ] = None,
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], typer.Option(help="Least that is told.")
    ] = "warning",
    log_json: Annotated[bool, typer.Option("--log-json", help="Logs as one JSON object a line.")] = False,
) -> None:
    """Run a server in one process over one data folder."""
    from cec.commands.up import run_up
    from cec.logs import begin_logs
    from cec.settings import BrokerChoice, HouseSettings, parse_share
    from ingest.settings import TlsFiles

    begin_logs(as_json=log_json, level=log_level)
    files = None if tls_ca is None else TlsFiles(tls_ca, tls_cert, tls_key)
    choice = BrokerChoice(broker, tls) if broker_url is None else BrokerChoice.parse(broker_url, files)
    choice = replace(choice, shards=parse_share(share))
    if region is not None:
        from survey.allometry.registry import parse_region

        parse_region(region)
    settings = HouseSettings(data, org, org_name, campaign, host, mqtt_port, port, broker=choice, register=register)
    run_up(replace(settings, quiet_s=quiet, region=region))


@server.command("broker")
def prepare(
    kind: Kind,
    host: Annotated[str, typer.Option(help="Name or address under which devices find it.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Of MQTT over TLS.")] = 8883,
    own_port: Annotated[int, typer.Option(min=1, max=65_535, help="Of NATS's own protocol, on loopback.")] = 4222,
    servers: Annotated[int, typer.Option(min=1, max=256, help="How many servers divide the devices.")] = 1,
    data: Data = DATA,
    org: Org = None,
) -> None:
    """Write configuration and certificates for a broker that others wrote, and print the command that starts it."""
    from cec.commands.up import run_prepare

    run_prepare(kind, data=data, org=org, host=host, ports=(port, own_port), servers=servers)


@server.command()
def certificate(
    device: Annotated[str, typer.Argument(help="The device's id.")],
    out: Annotated[Path, typer.Option(help="Folder for ca.pem, the device's certificate and its key.")],
    data: Data = DATA,
    org: Org = None,
) -> None:
    """Issue the certificate by which a device is known to a broker over TLS."""
    from cec.commands.up import run_certificate

    run_certificate(device, out=out, data=data, org=org)


@server.command()
def enrol(
    device: Annotated[str, typer.Argument(help="The device's id.")],
    key: Annotated[str, typer.Argument(help="Its public key, as `cec edge key` prints it.")],
    out: Annotated[Path, typer.Option(help="Where to write the enrolment.")],
    data: Data = DATA,
    org: Org = None,
) -> None:
    """Sign a device's key for the organisation; a server that runs lets the device in at once."""
    from cec.commands.office import run_enrol

    run_enrol(device, key, out=out, data=data, org=org)


@server.command()
def reindex(
    data: Annotated[Path, typer.Option("--data", help="Data folder of a server that does not run.")] = DATA,
    register: Register = None,
    json: Json = False,
) -> None:
    """Make the register anew from journal and chain: after damage, or on another database; the server must not run."""
    from cec.commands.reindex import run_reindex

    run_reindex(data=data, register=register, as_json=json)
