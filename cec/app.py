"""The command line: its groups of commands. Heavy imports wait until a command runs."""

import typer

from cec.cli.bridge import bridge
from cec.cli.edge import edge
from cec.cli.exchange import exchange
from cec.cli.field import field_app
from cec.cli.office import office
from cec.cli.people import people
from cec.cli.server import server
from cec.cli.survey import survey_app

app = typer.Typer(
    help="Every tree in a forest as a record that anyone can check.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    add_completion=False,
)
app.add_typer(people)
app.add_typer(survey_app)
app.add_typer(field_app)
app.add_typer(server)
app.add_typer(office)
app.add_typer(exchange)
app.add_typer(edge, name="edge")
app.add_typer(bridge, name="bridge")
