"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on the last line.")]
Data = Annotated[Path, typer.Option("--data", help="Data folder of the server; it may be running.")]
Org = Annotated[
    str | None, typer.Option(help="Id of the organisation; by default the one that the folder was begun for.")
]
Crs = Annotated[str | None, typer.Option("--crs", help="CRS of a cloud that does not say it: EPSG:n or local:m.")]
DATA = Path("cec-data")
Register = Annotated[
    str | None,
    typer.Option(envvar="CEC_REGISTER", help="postgresql://… of the register; by default a file in the data folder."),
]
