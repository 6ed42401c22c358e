"""A server, a broker and a device in processes of their own, over a folder."""

import json
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.faults.processes import ROOT, Processes, free_port, python
from cec.brokers import open_certificates, prepare_broker
from cec.certificates import issue_client, utc_now
from cec.settings import EMBEDDED, NATS, HouseSettings
from cec.vault import open_vault
from edge.identity import import_enrolment, open_key
from sample_data.forest.stand import StandParameters, grow_stand
from sample_data.scanning.scanner import scan_airborne
from survey.files.las import write_cloud

DEVICE: Final = "rover-1"
READY_S: Final = 90.0
STAND_SEED: Final = 3500
ANCHOR_S: Final = 300.0


@dataclass(slots=True)
class Site:
    """Everything of one run.

    Attributes
    ----------
    folder
        Where all of it lies.
    broker
        Which broker.
    processes
        What runs.
    """

    folder: Path
    broker: str
    processes: Processes = field(init=False)
    mqtt: int = field(default_factory=free_port)
    own: int = field(default_factory=free_port)
    portal: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.processes = Processes(self.folder)

    @property
    def data(self) -> Path:
        """The server's data folder."""
        return self.folder / "server"

    @property
    def truth(self) -> Path:
        """Where the recorder writes what is on its card."""
        return self.folder / "truth"

    @property
    def stop(self) -> Path:
        """When it is there, the recorder records no more."""
        return self.folder / "stop"

    def start(self) -> None:
        """Start broker and server, enrol the device there, and start its agent with a cloud to upload."""
        open_vault(self.data / "keys")
        if self.broker != EMBEDDED:
            self.processes.start("broker", self._prepare_broker())
        listen = ["--mqtt-port", str(self.mqtt), "--port", str(self.portal)]
        self.processes.start("server", python("cec", "up", "--data", str(self.data), "--broker", self.broker, *listen))
        self._wait_healthy()
        self._enrol()
        stand = grow_stand(STAND_SEED, parameters=StandParameters(side_m=50.0))
        write_cloud(self.folder / "cloud.laz", scan_airborne(stand, seed=1), epsg=stand.epsg)
        self.processes.start("agent", self._load())

    def wait_anchored(self) -> float:
        """Return after how many seconds the server had found trees and anchored all that it received."""
        began, counts = time.monotonic(), {}
        while time.monotonic() - began < ANCHOR_S:
            counts = self._get("/api/line")
            counts = counts.get("line", counts)
            if counts.get("trees") and counts.get("anchored") == counts.get("received"):
                return time.monotonic() - began
            time.sleep(0.2)
        raise TimeoutError(f"not anchored within {ANCHOR_S:.0f} s: {counts}")

    def status(self) -> dict[str, int]:
        """Return what the agent said at its end."""
        found: dict[str, int] = json.loads(self.processes.output("agent").strip().splitlines()[-1])
        return found

    def _prepare_broker(self) -> list[str]:
        """Prepare broker and certificate; return the command that starts the broker."""
        org = HouseSettings(self.data).org
        command = prepare_broker(self.data, self.broker, org=org, host="127.0.0.1", ports=(self.mqtt, self.own))
        program = subprocess.check_output([ROOT / "scripts" / "engines" / self.broker], text=True)  # noqa: S603  # ours
        issued = issue_client(open_certificates(self.data, org), DEVICE, now=utc_now())
        tls = self.folder / "tls"
        tls.mkdir()
        (tls / "ca.pem").write_bytes((self.data / "certificates" / "ca.pem").read_bytes())
        (tls / "device.pem").write_bytes(issued.certificate.read_bytes())
        (tls / "device.key").write_bytes(issued.key.read_bytes())
        return [program.strip(), *command[1:]]

    def _enrol(self) -> None:
        device, paper = self.folder / "device", self.folder / "enrolment.cbor"
        key = open_key(device).public.raw.hex()
        command = python("cec", "enrol", DEVICE, key, "--out", str(paper), "--data", str(self.data))
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # ours
        import_enrolment(device, paper.read_bytes())

    def _load(self) -> list[str]:
        paths = {"folder": "device", "truth": "truth", "stop": "stop", "cloud": "cloud.laz"}
        options = [part for name, path in paths.items() for part in (f"--{name}", str(self.folder / path))]
        tls = [] if self.broker == EMBEDDED else ["--tls", str(self.folder / "tls")]
        tls += ["--no-login"] * (self.broker == NATS)
        return python("benchmarks.faults.load", *options, "--port", str(self.mqtt), *tls)

    def _wait_healthy(self) -> None:
        deadline = time.monotonic() + READY_S
        while self._get("/health").get("status") != "ok":
            if time.monotonic() > deadline:
                raise TimeoutError(f"the server is not well within {READY_S:.0f} s: see {self.folder / 'server.err'}")
            time.sleep(0.1)

    def _get(self, path: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = httpx.get(f"http://127.0.0.1:{self.portal}{path}", timeout=10).json()
        except (httpx.HTTPError, ValueError):
            return {}
        return found
