"""Whose a data folder is, nobody guesses."""

from pathlib import Path

import pytest

from cec.commands.office import run_enrol
from cec.commands.up import run_certificate, run_prepare
from cec.defaults import ORG
from cec.errors import NotAHouse, OtherOrganisation, OwnerUnknown
from cec.house import open_house
from cec.owner import find_org
from cec.settings import MOSQUITTO, HouseSettings
from cec.vault import open_vault
from domain.envelope import open_envelope
from domain.records.membership import Enrol
from ingest.journal import Journal
from tests.ingest.devices import Device

KEY = Device().key.public.raw.hex()


async def test_a_folder_that_was_begun_says_whose_it_is(tmp_path: Path) -> None:
    async with open_house(HouseSettings(tmp_path, org="south-forest")):
        assert find_org(tmp_path, None) == find_org(tmp_path, "south-forest") == "south-forest"
        with pytest.raises(OtherOrganisation, match="--org south-forest"):
            find_org(tmp_path, ORG)


async def test_without_a_journal_or_a_key_in_it_the_organisation_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(NotAHouse):
        find_org(tmp_path, ORG)
    open_vault(tmp_path / "keys")
    for _ in range(2):
        with pytest.raises(OwnerUnknown, match="give --org"):
            find_org(tmp_path, None)
        assert find_org(tmp_path, "south-forest") == "south-forest"
        async with Journal.open(tmp_path / "journal.sqlite"):
            pass  # knows no organisation yet


def test_nothing_is_signed_for_an_organisation_that_nobody_named(tmp_path: Path) -> None:
    open_vault(tmp_path / "keys")
    with pytest.raises(OwnerUnknown):
        run_enrol("rover-1", KEY, out=tmp_path / "paper", data=tmp_path, org=None)
    with pytest.raises(OwnerUnknown):
        run_certificate("rover-1", out=tmp_path / "tls", data=tmp_path, org=None)
    assert {path.name for path in tmp_path.iterdir()} == {"keys"}
    run_enrol("rover-1", KEY, out=tmp_path / "paper", data=tmp_path, org="south-forest")
    assert open_envelope((tmp_path / "paper").read_bytes()).expect(Enrol).org == "south-forest"


def test_a_broker_is_prepared_before_its_server_ever_ran(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in (tmp_path / "none", tmp_path / "begun"):
        if folder.name == "begun":
            open_vault(folder / "keys")
        run_prepare(MOSQUITTO, data=folder, org=None, host="127.0.0.1", ports=(8883, 4222), servers=1)
        assert f"cec up --data {folder} --broker mosquitto" in capsys.readouterr().out
