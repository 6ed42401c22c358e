"""A server ends in order, whoever ends it."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

HANG_S = 120.0
"""Only a server that does not end takes so long."""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
async def test_a_server_that_is_ended_closes_what_it_opened_and_says_so_by_its_exit_code(
    tmp_path: Path, sent: signal.Signals
) -> None:
    command = [sys.executable, "-m", "cec", "up", "--data", str(tmp_path / "data"), "--port", "0", "--mqtt-port", "0"]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    async with asyncio.timeout(HANG_S):
        while b"nothing is lost" not in (line := await process.stdout.readline()):
            assert line, "it ended before it was up"
        process.send_signal(sent)
        _, said = await process.communicate()
        while _list_group(process.pid):  # noqa: ASYNC110  # another process tells no event
            # A worker that was at work ends once it sees that nobody waits for it.
            await asyncio.sleep(0.05)
    assert (process.returncode, said.decode()) == (0, "")
    # SQLite takes its log away when the last connection is closed.
    assert not list((tmp_path / "data").rglob("*-wal"))


def _list_group(leader: int) -> list[int]:
    """Return the processes of a session that are still there."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.getsid(int(entry.name)) == leader:
                    found.append(int(entry.name))
            except ProcessLookupError:
                continue
    return found
