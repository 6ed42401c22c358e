"""Settings of a house: a whole server over one data folder."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class HouseSettings:
    """How one server works.

    Attributes
    ----------
    folder
        Keys, journal, blocks, register and chain.
    org, org_name
        The organisation: its id, and its name for people.
    campaign
        Campaign that uploads without another belong to.
    host
        Address on which broker and portal listen.
    mqtt_port, portal_port
        Their ports; 0 takes any.
    public_url
        Where labels lead; by default the portal's own address.
    anchor_every_s
        Pause between anchors.
    """

    folder: Path
    org: str = "north-forest"
    org_name: str = "North Forest"
    campaign: str = "first"
    host: str = "127.0.0.1"
    mqtt_port: int = 0
    portal_port: int = 0
    public_url: str | None = None
    anchor_every_s: float = 0.3
