"""Whose a data folder is: told by its journal and keys, so that commands beside the server need not be told again."""

from pathlib import Path

from cec.errors import NotAHouse, OtherOrganisation, OwnerUnknown
from cec.vault import open_vault
from ingest.beside import open_beside


def find_org(data: Path, named: str | None) -> str:
    """Return the organisation of a data folder.

    Parameters
    ----------
    data
        The folder.
    named
        What the command says, if anything.

    Raises
    ------
    NotAHouse
        When there is no data folder.
    OwnerUnknown
        When neither the folder nor the command says it: what is signed for the wrong one is refused everywhere.
    OtherOrganisation
        When the folder was begun for another than the one named.
    """
    if not (data / "keys").is_dir():
        raise NotAHouse(data)
    known = _read_org(data)
    if known is None:
        if named is None:
            raise OwnerUnknown(data)
        return named
    if named is not None and named != known:
        raise OtherOrganisation(data, known, named)
    return known


def _read_org(data: Path) -> str | None:
    """Return whose key signs in the folder, as its journal says; absent where no server has begun one."""
    journal = data / "journal.sqlite"
    if not journal.is_file():
        return None
    key = open_vault(data / "keys").org.public.raw
    with open_beside(journal) as db:
        row = db.execute("SELECT org FROM organisation WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])
