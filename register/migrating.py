"""From whatever schema a register has to the one that this code knows, inside the caller's transaction.

Both databases change their schema within a transaction, so a migration is whole or did not happen. The caller lets
one migration run at a time.
"""

from pathlib import Path
from typing import Final

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from register.errors import RegisterTooNew
from register.revision import HEAD

FIRST: Final = "0001"
"""Revision of a register made before its schema had a number."""
_FOLDER: Final = Path(__file__).parent / "migrations"


def migrate(connection: Connection, address: str) -> None:
    """Bring a register's schema to `HEAD`, an empty database's and a never numbered one's too.

    Raises
    ------
    RegisterTooNew
        When the schema's revision is none of ours; nothing is changed.
    """
    context = MigrationContext.configure(connection)
    script = ScriptDirectory(str(_FOLDER), version_locations=[str(_FOLDER / "versions")])
    current = context.get_current_revision()
    if current is None and inspect(connection).has_table("trees"):
        current = FIRST
    if current is not None and current not in {known.revision for known in script.walk_revisions()}:
        raise RegisterTooNew(address, current)
    with Operations.context(context):
        for step in reversed(list(script.iterate_revisions(HEAD, current or "base"))):
            step.module.upgrade()
    context.stamp(script, HEAD)
