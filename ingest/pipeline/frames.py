"""Trees known in a frame off the map: surveys of a permanent plot share one by its name; no box on Earth finds them."""

from collections.abc import AsyncIterator
from typing import Final

from domain.cid import Cid
from ingest.pipeline.bodies import read_body
from ingest.pipeline.errors import TooManyKnown
from register.entries import SurveyEntry
from register.ports import PAGE_LIMIT, RegisterReader

MOST_CODES: Final = 100_000
"""Trees that one survey is compared with, as on the map."""
MOST_PAGES: Final = 100
"""Pages of a thousand surveys that are looked through for a frame: more than organisations make in decades."""
_LOCAL: Final = "local:"
_OWN: Final = "local:m"
"""A frame in metres that is one cloud's own."""


def is_shared_frame(crs: str) -> bool:
    """Tell whether a CRS is a frame off the map that several surveys may share.

    Examples
    --------
    >>> is_shared_frame("local:plot-7"), is_shared_frame("local:m"), is_shared_frame("EPSG:3005")
    (True, False, False)
    """
    return crs.startswith(_LOCAL) and crs != _OWN


async def list_codes_in(register: RegisterReader, org: str, frame: str) -> list[str]:
    """Return the codes of all trees that an organisation's surveys found in a frame.

    Parameters
    ----------
    register
        Knows them.
    org
        Whose word the frame's name is: two organisations may give one name to two plots.
    frame
        ``local:<name>``; of ``local:m`` there are none, and none of what is on the map.

    Raises
    ------
    TooManyKnown
        When there are more trees, or more surveys to look through, than one comparison takes.
    """
    codes: set[str] = set()
    if not is_shared_frame(frame):
        return []
    async for entry in _list_surveys(register):
        if entry.org != org or read_body(await register.record(entry.record)).get("crs") != frame:
            continue
        after = ""
        while page := await register.trees_of(entry.record, after=after, limit=PAGE_LIMIT):
            found = [str(read_body(raw)["code"]) for raw in page]
            after = found[-1]
            codes.update(found)
            if len(codes) > MOST_CODES:
                raise TooManyKnown(MOST_CODES, "trees are known in its frame")
    return sorted(codes)


async def _list_surveys(register: RegisterReader) -> AsyncIterator[SurveyEntry]:
    last: Cid | None = None
    for _ in range(MOST_PAGES):
        page = await register.surveys(after=last)
        if not page:
            return
        for entry in page:
            yield entry
        last = page[-1].record
    raise TooManyKnown(MOST_PAGES * 1_000, "surveys must be looked through for its frame")
