"""A member's data in and out: export, import, synchronisation, members' tokens, webhooks."""

from pathlib import Path
from typing import Annotated

import typer

from cec.cli.options import DATA, Data, Json, Org

exchange = typer.Typer(rich_markup_mode=None)
members = typer.Typer(help="Who may read and write by a token.", rich_markup_mode=None, no_args_is_help=True)
webhooks = typer.Typer(help="Addresses that are told of new records.", rich_markup_mode=None, no_args_is_help=True)
exchange.add_typer(members, name="members")
exchange.add_typer(webhooks, name="webhooks")

Member = Annotated[str, typer.Argument(help="Id of the member's organisation.")]
Trust = Annotated[
    list[str] | None, typer.Option("--trust", help="ORG=KEY of an organisation to be trusted from now on, repeatable.")
]
Service = Annotated[
    list[str] | None, typer.Option("--service", help="ORG=KEY that signs its surveys and trees, repeatable.")
]
Clouds = Annotated[bool, typer.Option("--clouds", help="Blocks of point clouds too; the server must not run.")]


@exchange.command()
def export(
    org: Member,
    out: Annotated[Path, typer.Option(help="A new folder.")],
    clouds: Clouds = False,
    data: Data = DATA,
    json: Json = False,
) -> None:
    """Write a member's whole data: records as CAR, trees as GeoParquet, checksums."""
    from cec.commands.exchange import run_export

    run_export(org, data=data, out=out, clouds=clouds, as_json=json)


@exchange.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(help="What `cec export` wrote.")],
    trust: Trust = None,
    service: Service = None,
    clouds: Clouds = False,
    data: Data = DATA,
    json: Json = False,
) -> None:
    """Take a member's data in: every block and signature is checked, and doing it again changes nothing."""
    from cec.commands.exchange import Trusted, run_import

    trusted = Trusted(trust or (), service or ())
    run_import(folder, data=data, trusted=trusted, clouds=clouds, as_json=json)


@exchange.command()
def sync(
    url: Annotated[str, typer.Argument(help="The other installation's portal.")],
    token: Annotated[str, typer.Option(envvar="CEC_TOKEN", help="What it gave us by `cec members add`.")],
    org: Org = None,
    trust: Trust = None,
    service: Service = None,
    data: Data = DATA,
    json: Json = False,
) -> None:
    """Exchange records with another installation until both have the same."""
    from cec.commands.exchange import Trusted, run_sync

    trusted = Trusted(trust or (), service or ())
    run_sync(url, org=org, token=token, data=data, trusted=trusted, as_json=json)


@members.command("add")
def members_add(
    org: Member,
    scope: Annotated[
        list[str] | None, typer.Option(help="feed, export or import; repeatable, by default feed.")
    ] = None,
    label: Annotated[str, typer.Option(help="What the token is for.")] = "",
    data: Data = DATA,
    json: Json = False,
) -> None:
    """Make a token for a member and print it, this once."""
    from cec.commands.exchange import run_members_add

    run_members_add(org, data=data, scopes=scope or ("feed",), label=label, as_json=json)


@members.command("remove")
def members_remove(org: Member, data: Data = DATA) -> None:
    """End a member's tokens."""
    from cec.commands.exchange import run_members_remove

    run_members_remove(org, data=data)


@members.command("trust")
def members_trust(trust: Trust = None, service: Service = None, data: Data = DATA) -> None:
    """Trust another organisation's keys, so that its records are taken."""
    from cec.commands.exchange import Trusted, run_members_trust

    run_members_trust(data=data, trusted=Trusted(trust or (), service or ()))


@webhooks.command("add")
def webhooks_add(
    org: Member, url: Annotated[str, typer.Argument(help="Where to post.")], data: Data = DATA, json: Json = False
) -> None:
    """Tell an address of each new record; prints the secret that its signatures are checked with, this once."""
    from cec.commands.exchange import run_hooks_add

    run_hooks_add(org, url, data=data, as_json=json)


@webhooks.command("list")
def webhooks_list(data: Data = DATA, json: Json = False) -> None:
    """List addresses, what waits for each and what failed."""
    from cec.commands.exchange import run_hooks_list

    run_hooks_list(data=data, as_json=json)


@webhooks.command("remove")
def webhooks_remove(hook: Annotated[str, typer.Argument(help="Its id.")], data: Data = DATA) -> None:
    """Tell an address no more."""
    from cec.commands.exchange import run_hooks_remove

    run_hooks_remove(hook, data=data)


@webhooks.command("revive")
def webhooks_revive(hook: Annotated[str, typer.Argument(help="Its id.")], data: Data = DATA) -> None:
    """Begin again with an address that was given up."""
    from cec.commands.exchange import run_hooks_revive

    run_hooks_revive(hook, data=data)
