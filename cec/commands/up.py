"""``cec up``: one server, one process, one data folder."""

import asyncio
import contextlib
import shlex
from pathlib import Path

from cec.brokers import open_certificates, prepare_broker
from cec.certificates import issue_client, utc_now
from cec.commands.pins import format_pin
from cec.console import print_text
from cec.defaults import ORG
from cec.errors import NotAHouse, OwnerUnknown
from cec.house import open_house
from cec.owner import find_org
from cec.settings import HouseSettings
from cec.signals import end_on_termination


def run_up(settings: HouseSettings) -> None:
    """Run a server until Ctrl-C or a termination, which both end it in order."""
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(_serve(settings))


async def _serve(settings: HouseSettings) -> None:
    with end_on_termination():
        async with open_house(settings) as house:
            print_text(f"portal   {house.url}")
            print_text(f"devices  {house.broker.url}")
            print_text(f"pin      {format_pin(house.reader.pin)}")
            print_text("Ctrl-C ends it; nothing is lost.")
            await asyncio.Event().wait()


def run_prepare(kind: str, *, data: Path, org: str | None, host: str, ports: tuple[int, int], servers: int) -> None:
    """Prepare a broker and print how it is started."""
    try:
        owner = find_org(data, org)
    except (NotAHouse, OwnerUnknown):
        # A broker may be prepared before its server has ever run; that will then take the same name.
        owner = org or ORG
    command = prepare_broker(data.resolve(), kind, org=owner, host=host, ports=ports, servers=servers)
    print_text(f"start it with   {shlex.join(command)}")
    print_text(f"then            cec up --data {data} --broker {kind}")


def run_certificate(device: str, *, out: Path, data: Path, org: str | None) -> None:
    """Issue a device's certificate and write what the device needs to a folder."""
    if not data.is_dir():
        raise NotAHouse(data)
    authority = open_certificates(data, find_org(data, org))
    issued = issue_client(authority, device, now=utc_now())
    out.mkdir(parents=True, exist_ok=True)
    for source, name in (
        (authority.certificate, "ca.pem"),
        (issued.certificate, f"{device}.pem"),
        (issued.key, f"{device}.key"),
    ):
        target = out / name
        target.touch(mode=0o600)
        target.write_bytes(source.read_bytes())
    print_text(f"for {device}: {out / 'ca.pem'}, {out / f'{device}.pem'}, {out / f'{device}.key'}")
