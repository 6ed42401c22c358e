"""Whose a data folder is: told by its journal and keys, so that commands beside the server need not be told again."""

from pathlib import Path
from typing import Final

from cec.errors import NotAHouse, OtherOrganisation
from cec.vault import open_vault
from ingest.beside import open_beside

DEFAULT_ORG: Final = "north-forest"
"""Organisation of a folder whose server has not run yet and that nobody named."""


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
    OtherOrganisation
        When the folder was begun for another than the one named.
    """
    if not (data / "keys").is_dir():
        raise NotAHouse(data)
    journal = data / "journal.sqlite"
    if not journal.is_file():
        return named or DEFAULT_ORG
    key = open_vault(data / "keys").org.public.raw
    with open_beside(journal) as db:
        row = db.execute("SELECT org FROM organisation WHERE key = ?", (key,)).fetchone()
    if row is None:
        return named or DEFAULT_ORG
    if named is not None and named != row[0]:
        raise OtherOrganisation(data, row[0], named)
    return str(row[0])
