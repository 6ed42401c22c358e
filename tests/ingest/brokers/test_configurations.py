"""Configurations are written whole, keep who was admitted, and refuse what they cannot say."""

import json
import os
import stat
from pathlib import Path

import pytest

from domain.errors import InvalidField
from ingest.broker import mosquitto
from ingest.broker.errors import DoorRefused
from ingest.broker.mosquitto import MosquittoPlan, write_mosquitto
from ingest.broker.nats import NatsDoor, NatsPlan, write_nats
from ingest.settings import ServerTls

PLUGIN = Path("/p/plugin.so")
TLS = ServerTls(Path("/c/server.pem"), Path("/c/server.key"), Path("/c/ca.pem"))


def nats(folder: Path, tls: ServerTls = TLS) -> NatsPlan:
    return NatsPlan(folder, 8_883, 4_222, tls)


def test_mosquittos_settings_are_one_a_line(tmp_path: Path) -> None:
    path = write_mosquitto(MosquittoPlan(tmp_path / "m", 8_883, TLS, user="forest", plugin=PLUGIN))
    lines = path.read_text().splitlines()
    expected = ["persistence false", "listener 8883 127.0.0.1", "cafile /c/ca.pem", "require_certificate true"]
    assert set(expected) <= set(lines)
    assert not any(line.startswith("crlfile") for line in lines)
    assert {stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()} == {0o600}


def test_the_plugins_devices_outlive_a_new_configuration(tmp_path: Path) -> None:
    plan = MosquittoPlan(tmp_path, 8_883, TLS, plugin=PLUGIN)
    write_mosquitto(plan)
    rights = tmp_path / "dynamic-security.json"
    told = json.loads(rights.read_text())
    told["clients"].append({"username": "rover-1", "roles": []})
    rights.write_text(json.dumps(told))
    write_mosquitto(plan)
    assert json.loads(rights.read_text()) == told


@pytest.mark.parametrize(
    "tls",
    [
        pytest.param(ServerTls(TLS.certificate, TLS.key), id="no client certificates"),
        pytest.param(ServerTls(TLS.certificate, TLS.key, TLS.client_ca, must_show=False), id="not asked of everyone"),
        pytest.param(ServerTls(Path("/c/a\nallow_anonymous true"), TLS.key, TLS.client_ca), id="two lines"),
    ],
)
def test_mosquitto_refuses_what_would_let_strangers_in(tmp_path: Path, tls: ServerTls) -> None:
    with pytest.raises(InvalidField):
        write_mosquitto(MosquittoPlan(tmp_path, 8_883, tls, plugin=PLUGIN))


@pytest.mark.parametrize(
    "tls",
    [
        pytest.param(ServerTls(TLS.certificate, TLS.key), id="no client certificates"),
        pytest.param(ServerTls(TLS.certificate, TLS.key, TLS.client_ca, must_show=False), id="not asked of everyone"),
        pytest.param(ServerTls(TLS.certificate, TLS.key, TLS.client_ca, crl=Path("/c/crl.pem")), id="revocations"),
    ],
)
def test_nats_refuses_what_it_cannot_hold(tmp_path: Path, tls: ServerTls) -> None:
    with pytest.raises(InvalidField):
        write_nats(nats(tmp_path, tls))


async def test_a_nats_device_has_its_own_subjects_until_it_is_put_out(tmp_path: Path) -> None:
    plan, reloads = nats(tmp_path), []
    write_nats(plan)
    door = NatsDoor(plan, lambda: reloads.append(1))
    await door.admit("north-forest", "rover-1")
    write_nats(plan)
    rights = (tmp_path / "rights.conf").read_text()
    # The shard of rover-1 is 3e (the vector in domain.topics).
    assert '"cec.v1.3e.north-forest.rover-1.rec"' in rights
    assert '"cec.v1.*.*.*.rec"' in rights
    await door.cut("north-forest", "rover-1")
    assert "rover-1" not in (tmp_path / "rights.conf").read_text()
    assert len(reloads) == 2


async def test_another_program_is_not_signalled_for_a_nats_that_is_gone(tmp_path: Path) -> None:
    plan = nats(tmp_path)
    write_nats(plan)
    door = NatsDoor(plan)
    with pytest.raises(DoorRefused, match=r"nats\.pid"):
        await door.admit("north-forest", "rover-1")
    # This very process: it would not outlive the signal.
    plan.process.write_text(str(os.getpid()))
    with pytest.raises(DoorRefused, match="no nats-server"):
        await door.admit("north-forest", "rover-1")


def test_a_plugin_that_is_nowhere_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mosquitto, "PLUGIN_FOLDERS", (tmp_path / "lib",))
    plan = MosquittoPlan(tmp_path, 8_883, TLS)
    with pytest.raises(InvalidField, match="install mosquitto"):
        write_mosquitto(plan)
    found = tmp_path / "lib" / "arm-linux" / mosquitto.PLUGIN
    found.parent.mkdir(parents=True)
    found.touch()
    assert f"plugin {found}" in write_mosquitto(plan).read_text().splitlines()
