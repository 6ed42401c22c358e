"""What an organisation decides: keys of its devices, refused records, campaigns, plots and species; and its audits."""

from pathlib import Path
from typing import Annotated

import typer

from cec.cli.options import DATA, Data, Json, Org, Register

office = typer.Typer(rich_markup_mode=None)
quarantine = typer.Typer(help="Refused records: look, admit, drop.", rich_markup_mode=None, no_args_is_help=True)
office.add_typer(quarantine, name="quarantine")

Device = Annotated[str, typer.Argument(help="The device's id.")]
Cids = Annotated[list[str], typer.Argument(help="Names of records, as `cec quarantine list` tells them.")]


@office.command()
def audit(
    device: Device,
    campaign: Annotated[str | None, typer.Option(help="Count the records of this campaign.")] = None,
    data: Data = DATA,
    org: Org = None,
    register: Register = None,
    json: Json = False,
) -> None:
    """Tell whether all records of a device are there, which are missing, and which stand on the chain."""
    from cec.commands.audit import run_audit

    run_audit(device, campaign=campaign, data=data, org=org, register=register, as_json=json)


@quarantine.command("list")
def quarantine_list(
    device: Annotated[str | None, typer.Option(help="Of this device alone.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000)] = 1_000,
    data: Data = DATA,
    json: Json = False,
) -> None:
    """List refused records, the rule that each breaks, and whether a person may admit it."""
    from cec.commands.office import run_list

    run_list(data=data, device=device, limit=limit, as_json=json)


@quarantine.command("admit")
def quarantine_admit(
    cids: Cids,
    by: Annotated[str | None, typer.Option(help="Who decides; by default the user of this shell.")] = None,
    data: Data = DATA,
) -> None:
    """Admit records that a key signed before it ended; every other rule still holds."""
    from cec.commands.office import run_admit

    run_admit(cids, data=data, person=by)


@quarantine.command("drop")
def quarantine_drop(
    cids: Cids,
    out: Annotated[Path, typer.Option(help="Folder where their bytes are written first.")],
    data: Data = DATA,
) -> None:
    """Take records out of quarantine for good; their bytes are written to a folder first."""
    from cec.commands.office import run_drop

    run_drop(cids, data=data, out=out)


@office.command()
def revoke(
    device: Device,
    key: Annotated[str, typer.Argument(help="The key that ends, as `cec edge key` prints it.")],
    reason: Annotated[str, typer.Option(help="Why: lost, stolen, retired.")],
    data: Data = DATA,
    org: Org = None,
) -> None:
    """End a device's key at once; what it still sends goes to quarantine."""
    from cec.commands.office import run_revoke

    run_revoke(device, key, data=data, org=org, reason=reason)


@office.command()
def rotate(
    device: Device,
    old: Annotated[str, typer.Argument(help="The key in use.")],
    new: Annotated[str, typer.Argument(help="The next one, as `cec edge rotate` prints it.")],
    out: Annotated[Path, typer.Option(help="Where to write what the device takes in.")],
    data: Data = DATA,
    org: Org = None,
) -> None:
    """Let a device's next key follow its present one; what that signed before still counts."""
    from cec.commands.office import run_rotate

    run_rotate(device, (old, new), data=data, org=org, out=out)


@office.command()
def campaign(
    campaign: Annotated[str, typer.Argument(help="Id: 1 to 32 of a-z, 0-9 and -.")],
    title: Annotated[str, typer.Option(help="For people.")],
    method: Annotated[str, typer.Option(help="How it is surveyed.")] = "field crew",
    data: Data = DATA,
    org: Org = None,
) -> None:
    """Sign a campaign; it comes down to the organisation's devices."""
    from cec.commands.frames import run_campaign

    run_campaign(campaign, data=data, org=org, title=title, method=method)


@office.command()
def plots(
    file: Annotated[Path, typer.Argument(help="GeoJSON: polygons, or points with --radius; each with an id.")],
    use: Annotated[str, typer.Option(help="plot, stand, parcel or protected.")] = "plot",
    radius: Annotated[float | None, typer.Option(min=0.1, max=1_000, help="Metres, for points.")] = None,
    data: Data = DATA,
    org: Org = None,
) -> None:
    """Sign areas; they come down to the organisation's devices."""
    from cec.commands.frames import run_plots

    run_plots(file, data=data, org=org, use=use, radius_m=radius)


@office.command()
def species(
    file: Annotated[Path, typer.Argument(help="CSV with the columns code, name and, if wanted, common.")],
    list_id: Annotated[str, typer.Option("--id", help="Id of the list; a later one of the same id replaces it.")],
    title: Annotated[str, typer.Option(help="For people.")] = "Species",
    campaign: Annotated[str | None, typer.Option(help="For this campaign alone.")] = None,
    data: Data = DATA,
    org: Org = None,
) -> None:
    """Sign a species list; it comes down to the organisation's devices."""
    from cec.commands.frames import run_species

    run_species(file, data=data, org=org, list_id=list_id, title=title, campaign=campaign)
