"""A server with its embedded broker in a process of its own, to be killed: ``… whole_server FOLDER PORT``."""

import asyncio
import sys
from pathlib import Path

from ingest.broker.embedded import EmbeddedBroker
from ingest.journal import Journal
from ingest.service import IngestService, Server
from ingest.settings import ServerTls
from ipfs.local import LocalBlockStore
from tests.ingest.devices import INGEST_KEY, ORG_KEY

LONGEST_S = 120.0


async def serve(folder: Path, port: int) -> None:
    """Serve until killed, or for a while."""
    certificates = folder / "certificates"
    tls = ServerTls(certificates / "server.pem", certificates / "server.key", certificates / "ca.pem")
    async with Journal.open(folder / "journal") as journal, EmbeddedBroker.open(journal, port=port, tls=tls) as broker:
        await journal.add_organisation("north-forest", ORG_KEY.public.raw)
        with LocalBlockStore(folder / "blocks") as blocks:
            async with IngestService.open(broker.link, Server(journal, blocks, INGEST_KEY, folder / "up")):
                await asyncio.sleep(LONGEST_S)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
