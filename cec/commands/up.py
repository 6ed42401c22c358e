"""``cec up``: one server, one process, one data folder."""

import asyncio
import contextlib

from cec.commands.pins import format_pin
from cec.console import print_text
from cec.house import open_house
from cec.settings import HouseSettings


def run_up(settings: HouseSettings) -> None:
    """Run a server until Ctrl-C."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(settings))


async def _serve(settings: HouseSettings) -> None:
    async with open_house(settings) as house:
        print_text(f"portal   {house.url}")
        print_text(f"devices  mqtt://{house.broker.host}:{house.broker.port}")
        print_text(f"pin      {format_pin(house.reader.pin)}")
        print_text("Ctrl-C ends it; nothing is lost.")
        await asyncio.Event().wait()
