"""The page fits beside the agent: 80 MB are for all of it together."""

import subprocess
import sys

from tests.conftest import CHECKOUT

PROGRAM = """
import sys
from pathlib import Path
import edge.page.app, edge.page.server
heavy = {"textual", "rich", "pydantic", "jinja2", "httpx", "multipart", "numpy"} & set(sys.modules)
pages = int(Path("/proc/self/statm").read_text().split()[1])
print(sorted(heavy), pages * 4096 // 1_000_000)
"""
MOST_MB = 60
"""Of which Python, the record codec and the keys take 33."""


def test_the_page_loads_no_heavy_library_and_stays_small() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, cwd=CHECKOUT)
    heavy, megabytes = done.stdout.rsplit(maxsplit=1)
    assert heavy == "[]"
    assert int(megabytes) < MOST_MB
