"""A real Kubo makes the same CIDs and reads our archives."""

import os
import subprocess
from io import BytesIO
from pathlib import Path
from random import Random

import pytest

from domain.cid import DAG_PB, Cid
from ipfs.car import write_car
from ipfs.unixfs import Profile, build_file, plan_file

pytestmark = pytest.mark.engine

MIB = 1 << 20


class Kubo:
    """A repository of its own, offline, driven by Kubo's command line."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self._binary = binary
        self._environment = {"IPFS_PATH": str(folder), "HOME": str(folder), "PATH": os.environ["PATH"]}
        self.run("init", "--empty-repo")

    def run(self, *arguments: str, given: bytes = b"") -> bytes:
        """Return what the command prints."""
        return subprocess.run(
            [self._binary, "--offline", *arguments],
            input=given,
            env=self._environment,
            check=True,
            capture_output=True,
            timeout=60,
        ).stdout

    def add(self, content: bytes, chunker: int, links: int) -> str:
        """Return the CID of a file added in a profile like ours."""
        profile = ("--cid-version=1", "--raw-leaves", f"--chunker=size-{chunker}", f"--max-file-links={links}")
        return self.run("add", "-Q", "--only-hash", *profile, given=content).decode().strip()


@pytest.fixture(scope="module")
def kubo(kubo_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Kubo:
    """Give an empty Kubo repository."""
    return Kubo(kubo_binary, tmp_path_factory.mktemp("kubo"))


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 7 * MIB + 11])
def test_files_have_the_cids_that_kubo_gives_them(kubo: Kubo, size: int) -> None:
    content = Random(size).randbytes(size)
    assert str(plan_file(BytesIO(content)).root) == kubo.add(content, MIB, 1024)


@pytest.mark.parametrize("leaves", [3, 4, 9, 10, 27, 28, 82])
def test_tall_files_have_the_cids_that_kubo_gives_them(kubo: Kubo, leaves: int) -> None:
    content = Random(leaves).randbytes(1024 * leaves - 5)
    ours = plan_file(BytesIO(content), profile=Profile("tall", chunk_bytes=1024, max_links=3))
    assert str(ours.root) == kubo.add(content, 1024, 3)


def test_kubo_reads_a_file_out_of_our_archive(kubo: Kubo) -> None:
    content = Random(7).randbytes(3 * MIB + 9)
    blocks: list[tuple[Cid, bytes]] = []
    dag = build_file(BytesIO(content), lambda cid, block: blocks.append((cid, block)))
    assert dag.root.codec == DAG_PB
    archive = BytesIO()
    write_car(archive, [dag.root], blocks)
    kubo.run("dag", "import", given=archive.getvalue())
    assert kubo.run("cat", str(dag.root)) == content
