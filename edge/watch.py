"""A watched folder: photos and clouds that appear there are declared and uploaded, each once."""

import asyncio
import hashlib
import logging
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from domain.cid import Cid
from domain.errors import CecError
from domain.readings import Photo
from domain.records.field import Observation, Place
from edge import marks
from edge.agent import Agent
from edge.clock import read_mono_ms
from edge.errors import CannotRecord
from edge.spool import Spool
from firmware_bridge.drone.errors import DroneError
from firmware_bridge.drone.photos import read_photo
from firmware_bridge.drone.settling import FileKey, FoundFile
from firmware_bridge.drone.watch import watch_folder

MEDIA: Final = {
    ".laz": "application/vnd.laszip",
    ".las": "application/vnd.las",
    ".e57": "model/e57",
    ".ply": "application/x-ply",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
}
"""Media type by the end of a file's name."""
RETRY_S: Final = 10.0
"""Wait before a file that a full disk kept from being declared is tried again."""

_LOG: Final = logging.getLogger(__name__)


def find_media(path: Path) -> str:
    """Return the media type of a file by its name.

    Examples
    --------
    >>> find_media(Path("scan.LAZ"))
    'application/vnd.laszip'
    """
    return MEDIA.get(path.suffix.lower(), "application/octet-stream")


@dataclass(frozen=True, slots=True)
class CloudWords:
    """What the crew says of the clouds of a folder.

    Attributes
    ----------
    crs
        Their CRS; absent: the files' own.
    scanned
        How they were taken: ``airborne``, ``drone``, ``terrestrial`` or ``mobile``; absent: from the air.
    """

    crs: str | None = None
    scanned: str | None = None


@dataclass(frozen=True, slots=True)
class Declared:
    """Files of a folder that were declared in earlier runs, as the spool keeps them.

    Attributes
    ----------
    spool
        Keeps a mark of each.
    folder
        Its path without links: the same folder is known again by whatever path it is named.
    """

    spool: Spool
    folder: Path

    def __contains__(self, key: object) -> bool:
        """Tell whether a file was declared; whoever asks has just seen it."""
        if not isinstance(key, tuple):
            return False
        name, now = self.name(key), self.spool.server_ms
        mark = self.spool.noted(name)
        if mark is not None and marks.is_old(mark, now):
            with suppress(CannotRecord):
                self.spool.note(name, marks.encode_mark(now))
        return mark is not None

    def name(self, key: FileKey) -> str:
        """Return the name under which the spool keeps it."""
        path, size, mtime_ns = key
        text = f"{self.folder}\0{path}\0{size}\0{mtime_ns}"
        return marks.PREFIX + hashlib.sha256(text.encode()).hexdigest()


async def upload_folder(agent: Agent, folder: Path, words: CloudWords | None = None, *, settle_s: float = 5.0) -> None:
    """Declare and upload what appears in a folder, for ever; `words` are for its clouds."""
    said = words or CloudWords()
    declared = Declared(agent.spool, await asyncio.to_thread(folder.resolve))
    found = watch_folder(folder, known=declared, settle_s=settle_s, poll_s=min(2.0, settle_s), tell=_tell)
    async for file in found:
        # Nobody tells when a full disk has room again.
        while not await _is_settled(agent, file, declared, said):  # noqa: ASYNC110
            await asyncio.sleep(RETRY_S)


async def _is_settled(agent: Agent, file: FoundFile, declared: Declared, words: CloudWords) -> bool:
    """Declare a file; tell whether it need not be tried again now."""
    try:
        await _declare(agent, file.path, declared.name(file.key), words)
    except CannotRecord as error:
        _LOG.warning("%s: %s", file.path, error)
        return False
    except CecError as error:
        # It comes again when it changes, or at the next start.
        _LOG.warning("%s: %s", file.path, error)
    return True


async def _declare(agent: Agent, path: Path, name: str, words: CloudWords) -> None:
    media = find_media(path)
    is_photo = media == "image/jpeg"
    said = CloudWords() if is_photo else words
    root = await agent.offer_file(path, media=media, crs=said.crs, scanned=said.scanned)
    if not is_photo:
        agent.spool.keep(name, marks.encode_mark(agent.spool.server_ms))
        return
    body = agent.identity.body
    photo = await asyncio.to_thread(_read, path, root)

    def observe(place: Place) -> Observation:
        return Observation(body.org, body.device, agent.settings.campaign, place, (photo,))

    agent.spool.append(observe, readings=1, mark=(name, marks.encode_mark(agent.spool.server_ms)))
    agent.notify()


def _read(path: Path, root: Cid) -> Photo:
    """Return what a photo says of itself; of one that says nothing that can be read, which file it is."""
    try:
        facts = read_photo(path)
    except DroneError as error:
        _LOG.warning("%s", error)
        return Photo(read_mono_ms(), root)
    # The facts bear the names of the record's fields.
    return Photo(read_mono_ms(), root, **asdict(facts))


def _tell(trouble: DroneError | None) -> None:
    if trouble is not None:
        _LOG.warning("%s", trouble)
