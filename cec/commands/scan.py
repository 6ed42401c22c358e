"""``cec bridge scan``: a recorded LiDAR scan and the carrier's track to a cloud with CRS."""

import asyncio
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Literal

from cec.console import Console, print_json, print_text
from cec.signals import stop_on_signals, wait_for_stop
from firmware_bridge.scan.capture import ScanOptions, ScanSummary, convert_pcap, find_start_s
from firmware_bridge.scan.live import RecordOptions, RecordSummary, open_recording
from firmware_bridge.scan.mounting import Mounting
from firmware_bridge.scan.track_files import TrackOptions, read_track


@dataclass(frozen=True, slots=True)
class ScanRun:
    """What `cec bridge scan` was asked for.

    Attributes
    ----------
    pcap
        The capture.
    track
        CSV or SBET.
    crs
        Projected CRS of the cloud.
    out
        LAZ file; absent for the capture's name beside it.
    lever
        ``forward,right,down`` in metres, from the track's point to the sensor.
    boresight
        ``roll,pitch,yaw`` in degrees, of the sensor in the carrier.
    track_crs
        CRS of the track.
    max_gap_s
        Gaps of the track longer than this are not bridged.
    scale
        Whether the track's seconds of the week are of ``gps`` or ``utc``.
    wander
        Whether an SBET's wander angle is added (1), subtracted (-1) or left out (0).
    options
        How the capture is read.
    """

    pcap: Path
    track: Path
    crs: str
    out: Path | None = None
    lever: str = "0,0,0"
    boresight: str = "0,0,0"
    track_crs: str = "EPSG:4979"
    max_gap_s: float = 1.5
    scale: Literal["gps", "utc"] = "gps"
    wander: Literal[-1, 0, 1] | None = None
    options: ScanOptions = field(default_factory=ScanOptions)


WANDER: Final[dict[str, Literal[-1, 0, 1]]] = {"added": 1, "subtracted": -1, "none": 0}
"""Words for what an SBET's wander angle is to the heading."""


def run_capture(out: Path, *, address: str | None, ports: tuple[int, ...], seconds: float, as_json: bool) -> None:
    """Record a scanner's packets until the time is over or Ctrl-C."""
    default = RecordOptions()
    options = RecordOptions(address or default.address, ports or default.ports)
    console = Console(is_quiet=as_json)
    console.say(f"listening on UDP {', '.join(map(str, options.ports))}; Ctrl-C ends it")
    summary = asyncio.run(capture(out, options, seconds))
    if as_json:
        print_json({**asdict(summary), "path": str(summary.path)})
        return
    lost = f", {summary.dropped} dropped: the disk was too slow" if summary.dropped else ""
    print_text(f"  {summary.path}: {summary.datagrams} packets, {summary.size:,} bytes{lost}")


async def capture(out: Path, options: RecordOptions, seconds: float) -> RecordSummary:
    """Record until a signal, the time (0: none), or the largest size that the options allow."""
    stop = asyncio.Event()
    async with open_recording(out, options) as recording:
        with stop_on_signals(stop):
            async with asyncio.TaskGroup() as group:
                running = group.create_task(recording.run(stop), name="capture")
                # It ends by itself when the file is as large as it may be.
                running.add_done_callback(lambda _: stop.set())
                await wait_for_stop(stop, seconds)
                stop.set()
            return running.result()


def run_scan(run: ScanRun, *, as_json: bool) -> None:
    """Write the cloud of a capture and tell what became of its points."""
    console = Console(is_quiet=as_json)
    mounting = Mounting.parse(run.lever, run.boresight)
    track_options = TrackOptions(run.track_crs, run.max_gap_s, run.scale, run.wander)
    out = run.out or run.pcap.with_suffix(".laz")
    with console.stage("scan", f"{run.pcap.name} is placed along {run.track.name}"):
        track = read_track(run.track, track_options, near_gps_s=find_start_s(run.pcap, run.options))
        summary = convert_pcap(run.pcap, track, mounting, run.crs, out=out, options=run.options)
    if as_json:
        print_json(_to_json(summary))
        return
    _print_summary(summary)


def _to_json(summary: ScanSummary) -> dict[str, object]:
    return {
        "out": str(summary.out),
        "written": summary.written,
        "measured": summary.measured,
        "out_of_range": summary.out_of_range,
        "off_track": summary.off_track,
        "lost": summary.lost,
        "clock": summary.clock,
        "pps": summary.pps,
        "gps_s": list(summary.gps_s),
        "crs": summary.crs,
        "vertical": summary.vertical,
    }


def _print_summary(summary: ScanSummary) -> None:
    print_text(f"  {summary.written:,} points in {summary.crs}, heights {summary.vertical}: {summary.out}")
    left_out = (
        ("nearer or farther than asked for", summary.out_of_range),
        ("off the track or in its gaps", summary.off_track),
    )
    for words, count in left_out:
        if count:
            print_text(f"  left out: {count:,} points {words}")
    for reason, count in sorted(summary.lost.items()):
        print_text(f"  lost: {count:,} packets ({reason})")
    if summary.clock == "arrival":
        print_text("  note: no GNSS sentence reached the scanner; the hour is by the recording computer's clock")
    if summary.clock == "free":
        print_text("  note: the scanner's clock contradicts its receiver's sentences: wire the receiver's pulse to it")
    if summary.pps not in ("", "locked"):
        print_text(f"  note: the scanner's clock was not locked to the receiver's pulse ({summary.pps})")
