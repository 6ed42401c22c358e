"""``cec field``: what crews measured."""

from typing import Annotated

import typer

from cec.cli.options import DATA, Data, Json

field_app = typer.Typer(rich_markup_mode=None)


@field_app.command("field")
def field(
    data: Data = DATA,
    campaign: Annotated[str | None, typer.Option(help="Of this campaign alone.")] = None,
    json: Json = False,
) -> None:
    """Tell what crews measured: trees known and new, open pairs, and where crew and cloud disagree."""
    from cec.commands.field import run_field

    run_field(data=data, campaign=campaign, as_json=json)
