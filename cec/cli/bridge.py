"""Instruments: their ports, drivers and recorded logs."""

from pathlib import Path
from typing import Annotated, Literal

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
    scanner: Annotated[str, typer.Option(help="Its driver, as `cec bridge list` names it.")] = "vlp16",
    source: Annotated[str | None, typer.Option(help="The scanner's address, where there are several.")] = None,
    lever: Annotated[str, typer.Option(help="Forward,right,down in metres to the sensor.")] = "0,0,0",
    boresight: Annotated[str, typer.Option(help="Roll,pitch,yaw of the sensor in degrees.")] = "0,0,0",
    nearest: Annotated[float, typer.Option(min=0, help="Metres; what is nearer is the carrier itself.")] = 0.5,
    farthest: Annotated[float, typer.Option(help="Metres; the range that the maker states.")] = 130.0,
    track_crs: Annotated[str, typer.Option(help="CRS of the track.")] = "EPSG:4979",
    track_time: Annotated[Literal["gps", "utc"], typer.Option(help="Of the track's seconds of the week.")] = "gps",
    wander: Annotated[
        Literal["added", "subtracted", "none"] | None,
        typer.Option(help="What an SBET's wander angle is to the heading."),
    ] = None,
    max_gap: Annotated[float, typer.Option(min=0, help="Seconds of a gap in the track that is bridged.")] = 1.5,
    json: Json = False,
) -> None:
    """Write the cloud of a recorded LiDAR scan, placed along its carrier's track."""
    from cec.commands.scan import WANDER, ScanRun, run_scan
    from firmware_bridge.scan.capture import ScanOptions

    options = ScanOptions(scanner, source, None, nearest, farthest)
    sign = None if wander is None else WANDER[wander]
    run = ScanRun(pcap, track, crs, out, lever, boresight, track_crs, max_gap, track_time, sign, options)
    run_scan(run, as_json=json)


@bridge.command("capture")
def bridge_capture(
    out: Annotated[Path, typer.Argument(help="The capture, a new pcap file.")],
    address: Annotated[
        str | None, typer.Option(help="IPv4 address of the card at the scanner; by default all.")
    ] = None,
    port: Annotated[
        list[int] | None, typer.Option(help="UDP port of the scanner, repeatable; by default 2368, 8308.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0, help="End after so long; 0: until Ctrl-C.")] = 0.0,
    json: Json = False,
) -> None:
    """Record what a LiDAR scanner sends, as it comes; `cec bridge scan` makes the cloud afterwards."""
    from cec.commands.scan import run_capture

    run_capture(out, address=address, ports=tuple(port or ()), seconds=seconds, as_json=json)


@bridge.command("corrections")
def bridge_corrections(
    caster: Annotated[str, typer.Argument(help="NTRIP caster: HOST or HOST:PORT; IPv6 in brackets.")],
    mountpoint: Annotated[
        str | None, typer.Argument(help="Stream; without it the caster's streams are listed.")
    ] = None,
    to: Annotated[str | None, typer.Option(help="Where frames go: serial:/dev/ttyUSB1@115200, or a file.")] = None,
    user: Annotated[str, typer.Option(help="The password comes from CEC_NTRIP_PASSWORD.")] = "",
    at: Annotated[str | None, typer.Option(help="LON,LAT in degrees, sent to casters that want a position.")] = None,
    seconds: Annotated[float, typer.Option(min=0, help="End after so long; 0: until Ctrl-C.")] = 0.0,
    json: Json = False,
) -> None:
    """Bring corrections (RTCM 3) from a caster to a receiver's second port; a lost caster or line is tried for ever."""
    from cec.commands.corrections import CorrectionsRun, run_corrections

    run_corrections(CorrectionsRun(caster, mountpoint, to, user, at, seconds), as_json=json)


@bridge.command("memory")
def bridge_memory(
    file: Annotated[Path, typer.Argument(help="DATA.CSV of a Vertex Laser Geo.")],
    angle: Annotated[Literal["degrees", "gon"], typer.Option(help="What the instrument was set to.")],
    json: Json = False,
) -> None:
    """Read a hypsometer's memory: heights with the operator's station, and rows that give none."""
    from cec.commands.bridge import run_memory

    run_memory(file, angle=angle, as_json=json)
