"""Which broker a house works with, and what is told of a choice that cannot be."""

from pathlib import Path

import pytest

from cec.brokers import open_broker, prepare_broker
from cec.errors import BrokerNotPrepared, UnreadableAddress
from cec.house import open_house
from cec.settings import MOSQUITTO, NATS, BrokerChoice, HouseSettings
from ingest.journal import Journal
from ingest.settings import TlsFiles

TLS = TlsFiles(Path("ca.pem"))


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("mqtt://broker.example", ("broker.example", 1883, "", "")),
        ("mqtts://broker.example", ("broker.example", 8883, "", "")),
        ("mqtt://forest:p%40ss@[::1]:2883", ("::1", 2883, "forest", "p@ss")),
    ],
)
def test_a_broker_is_named_by_its_address(url: str, parts: tuple[str, int, str, str]) -> None:
    choice = BrokerChoice.parse(url, TLS)
    assert (choice.host, choice.port, choice.username, choice.password) == parts
    assert (choice.tls is TLS) == url.startswith("mqtts")


@pytest.mark.parametrize(
    "url", ["http://broker", "broker:1883", "mqtt://", "mqtt://host:port", "mqtt://host:99999", ""]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UnreadableAddress):
        BrokerChoice.parse(url, TLS)


def test_a_password_is_neither_told_nor_repeated() -> None:
    with pytest.raises(UnreadableAddress) as caught:
        BrokerChoice.parse("mqtts://forest:secret@broker", None)
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(BrokerChoice.parse("mqtt://forest:secret@broker", None))


@pytest.mark.parametrize("kind", [MOSQUITTO, NATS])
async def test_a_broker_that_was_not_prepared_is_told_with_the_command_that_does(tmp_path: Path, kind: str) -> None:
    async with Journal.open(tmp_path / "j") as journal:
        with pytest.raises(BrokerNotPrepared, match=f"cec broker {kind}"):
            async with open_broker(HouseSettings(tmp_path, broker=BrokerChoice(kind)), journal):
                pass


async def test_a_prepared_broker_is_found_again_with_its_door_and_certificates(tmp_path: Path) -> None:
    *_, configuration = prepare_broker(tmp_path, NATS, org="north-forest", host="127.0.0.1", ports=(18_883, 14_222))
    assert configuration == str(tmp_path / "broker" / "nats.conf")
    async with Journal.open(tmp_path / "j") as journal:
        async with open_broker(HouseSettings(tmp_path, broker=BrokerChoice(NATS)), journal) as broker:
            assert broker.url == "mqtts://127.0.0.1:18883"
        with pytest.raises(BrokerNotPrepared):
            async with open_broker(HouseSettings(tmp_path, broker=BrokerChoice(MOSQUITTO)), journal):
                pass


async def test_a_house_opens_while_its_broker_is_away(tmp_path: Path) -> None:
    prepare_broker(tmp_path, MOSQUITTO, org="north-forest", host="127.0.0.1", ports=(1, 2))
    async with open_house(HouseSettings(tmp_path, broker=BrokerChoice(MOSQUITTO))) as house:
        assert not house.service.link.connected.is_set()
