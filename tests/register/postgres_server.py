"""A PostgreSQL cluster of our own: made in an empty folder, on a free port of loopback, ended with the tests."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

PASSWORD = "ein Wort/mit @ und :"  # noqa: S105 - of a server that lives for a minute
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 120.0
"""It writes all that it holds to a disk that others may be using."""


@dataclass(slots=True)
class PostgresServer:
    """One cluster and its server process."""

    programs: Path
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    databases: int = field(default=0)

    @property
    def data(self) -> Path:
        """The cluster's folder."""
        return self.folder / "data"

    def url(self, database: str, *, user: str = "postgres", password: str = PASSWORD) -> str:
        """Return the address of a database."""
        return f"postgresql://{user}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def initialise(self) -> None:
        """Make the cluster, whose local socket trusts and whose TCP port asks for a password."""
        secret = self.folder / "password"
        secret.write_text(PASSWORD, encoding="utf-8")
        secret.chmod(0o644)
        options = ["--username=postgres", "--encoding=UTF8", "--locale=C", "--auth-local=trust", "--no-sync"]
        options += ["--auth-host=scram-sha-256", f"--pwfile={secret}", f"--pgdata={self.data}"]
        self._run([self.programs / "initdb", *options])

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self.folder}
        settings |= {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
        options: list[str | Path] = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        deadline = time.monotonic() + START_TIMEOUT_S
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.data, *options],
                stdout=log,
                stderr=log,
                start_new_session=True,
                **_as_no_root(),
            )
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((self.folder / "log").read_text(encoding="utf-8")[-4000:])
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server as an administrator would who does not wait for sessions."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(STOP_TIMEOUT_S)

    def kill(self) -> None:
        """End the server and all its children at once, as a power cut of its process would."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(STOP_TIMEOUT_S)

    def execute(self, statement: str, *, database: str = "postgres") -> str:
        """Run a statement as administrator and return what it prints, fields apart by |."""
        options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
        target = [f"--host={self.folder}", f"--port={self.port}", "--username=postgres", f"--dbname={database}"]
        return self._run([self.programs / "psql", *options, *target, f"--command={statement}"])

    def create_database(self, *, template: str = "template1", owner: str = "postgres") -> str:
        """Make a database and return its name."""
        self.databases += 1
        name = f"register_{self.databases}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {owner}")
        return name

    def _answers(self) -> bool:
        command: list[str | Path] = [
            self.programs / "pg_isready",
            "--quiet",
            f"--host={self.folder}",
            f"--port={self.port}",
        ]
        return subprocess.run(command, check=False, timeout=10).returncode == 0

    def _run(self, command: list[str | Path]) -> str:
        done: subprocess.CompletedProcess[str]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **_as_no_root())
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@contextmanager
def running_server(programs: Path) -> Iterator[PostgresServer]:
    """Yield a new cluster with its server running; nothing of it is left afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="cec-postgres-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        server = PostgresServer(programs, folder, _find_port())
        server.initialise()
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


def _as_no_root() -> dict[str, Any]:
    """Return options of `subprocess` that leave root behind, which PostgreSQL refuses to run as."""
    if os.geteuid():
        return {}
    account = pwd.getpwnam("postgres")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": [], "cwd": "/"}


def _find_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
