"""Processes that are killed and started again."""

import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent
END_S: Final = 30.0


def free_port() -> int:
    """Return a port on loopback that nobody holds now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def python(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of this checkout."""
    return [sys.executable, "-m", module, *arguments]


class Processes:
    """Named processes, each started again after every kill.

    Parameters
    ----------
    folder
        Where each writes what it says.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._commands: dict[str, Sequence[str]] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.kills = 0
        self.ended: list[str] = []

    @property
    def names(self) -> tuple[str, ...]:
        """Names of those that can be killed."""
        return tuple(self._commands)

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start a process."""
        self._commands[name] = command
        self._running[name] = self._spawn(name)

    def kill(self, name: str) -> None:
        """Kill a process at whatever it does (SIGKILL) and start it again; one that had ended by itself is no kill."""
        process = self._running[name]
        if process.poll() is None:
            process.kill()
            self.kills += 1
        else:
            self.ended.append(f"{name} ended by itself with {process.returncode}")
        process.wait()
        self._running[name] = self._spawn(name)

    def wait(self, name: str, *, timeout_s: float) -> int | None:
        """Return the exit code of a process that ends by itself; nothing when it does not within a time."""
        try:
            return self._running[name].wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def output(self, name: str) -> str:
        """Return what a process has said since the beginning."""
        return (self._folder / f"{name}.out").read_text("utf-8", "replace")

    def end(self) -> None:
        """End all, those started last first."""
        for process in reversed(self._running.values()):
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _spawn(self, name: str) -> "subprocess.Popen[bytes]":
        with (self._folder / f"{name}.out").open("ab") as said, (self._folder / f"{name}.err").open("ab") as complaint:
            return subprocess.Popen(self._commands[name], cwd=ROOT, stdout=said, stderr=complaint)  # noqa: S603  # ours
