"""Instruments: their ports, drivers and recorded logs."""

from pathlib import Path
from typing import Annotated

import typer

from cec.cli.options import Json

bridge = typer.Typer(
    help="Instruments: their ports, drivers and recorded logs.", rich_markup_mode=None, no_args_is_help=True
)


@bridge.command("list")
def bridge_list(json: Json = False) -> None:
    """Name the drivers and what they yield."""
    from cec.commands.bridge import run_list

    run_list(as_json=json)


@bridge.command("record")
def bridge_record(
    ports: Annotated[list[str], typer.Argument(help="NAME=DRIVER@ADDRESS, one for each instrument.")],
    out: Annotated[Path, typer.Option(help="The log, a new file.")],
    seconds: Annotated[float, typer.Option(min=0, help="End after so long; 0: until Ctrl-C.")] = 0.0,
    json: Json = False,
) -> None:
    """Record what instruments send, as a log that can be replayed."""
    from cec.commands.bridge import run_record

    run_record(ports, out, seconds, as_json=json)


@bridge.command("replay")
def bridge_replay(
    log: Annotated[Path, typer.Argument(help="A recorded log.")],
    speed: Annotated[float, typer.Option(min=0, help="1 as recorded, 0 as fast as possible.")] = 0.0,
    to: Annotated[
        str | None, typer.Option(help="Send the bytes on: pty or tcp-listen:HOST:PORT, PORT= before it to name one.")
    ] = None,
    json: Json = False,
) -> None:
    """Play a log: print its readings, or feed its bytes to another program."""
    from cec.commands.bridge import run_replay

    run_replay(log, speed, to, as_json=json)


@bridge.command("scan")
def bridge_scan(
    pcap: Annotated[Path, typer.Argument(help="Packet capture of a scanner: pcap or pcapng.")],
    track: Annotated[Path, typer.Option(help="The carrier's track: CSV or SBET.")],
    crs: Annotated[str, typer.Option(help="Projected CRS of the cloud: EPSG:n.")],
    out: Annotated[Path | None, typer.Option(help="LAZ file; by default beside the capture.")] = None,
    lever: Annotated[str, typer.Option(help="Forward,right,down in metres to the sensor.")] = "0,0,0",
    boresight: Annotated[str, typer.Option(help="Roll,pitch,yaw of the sensor in degrees.")] = "0,0,0",
    track_crs: Annotated[str, typer.Option(help="CRS of the track.")] = "EPSG:4979",
    max_gap: Annotated[float, typer.Option(min=0, help="Seconds of a gap in the track that is bridged.")] = 1.5,
    source: Annotated[str | None, typer.Option(help="The scanner's address, where there are several.")] = None,
    json: Json = False,
) -> None:
    """Write the cloud of a recorded LiDAR scan, placed along its carrier's track."""
    from cec.commands.scan import ScanRun, run_scan
    from firmware_bridge.scan.capture import ScanOptions

    options = ScanOptions(source=source)
    run = ScanRun(pcap, track, crs, out, lever, boresight, track_crs, max_gap, options=options)
    run_scan(run, as_json=json)
