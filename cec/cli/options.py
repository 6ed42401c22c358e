"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on the last line.")]
Data = Annotated[Path, typer.Option("--data", help="Data folder of the server; it may be running.")]
Org = Annotated[str, typer.Option(help="Id of the organisation, as the server was begun with.")]
DATA = Path("cec-data")
ORG = "north-forest"
