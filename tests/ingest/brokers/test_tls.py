"""The embedded broker over TLS: certificates are checked, must be the device's, and hold nobody up."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiomqtt
import pytest

from cec.certificates import revoke_certificate, utc_now
from domain.topics import Topic
from edge.client import PromptClient
from ingest.broker import gate
from ingest.broker.certificates import open_client_context
from ingest.broker.embedded import EmbeddedBroker
from ingest.broker.errors import CertificateUnusable
from ingest.journal import Journal
from ingest.settings import ServerTls, TlsFiles
from tests.ingest.brokers.servers import Certificates
from tests.ingest.devices import ORG_KEY, Device
from tests.ingest.test_embedded import login, next_message


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates.make(tmp_path / "certificates")


@asynccontextmanager
async def open_broker(folder: Path, tls: ServerTls) -> AsyncIterator[EmbeddedBroker]:
    async with Journal.open(folder / "j") as journal:
        await journal.add_organisation("north-forest", ORG_KEY.public.raw)
        async with EmbeddedBroker.open(journal, tls=tls) as broker:
            yield broker


def connect(broker: EmbeddedBroker, device: Device, files: TlsFiles) -> aiomqtt.Client:
    return PromptClient(
        broker.host,
        broker.port,
        identifier=device.name,
        username=device.name,
        password=login(device),
        protocol=aiomqtt.ProtocolVersion.V311,
        timeout=5,
        tls_context=open_client_context(files),
    )


async def test_a_devices_messages_of_every_size_pass_through_tls(tmp_path: Path, certificates: Certificates) -> None:
    device = Device()
    async with open_broker(tmp_path, certificates.server_tls) as broker:
        messages = broker.link.messages()
        first = asyncio.ensure_future(anext(messages))
        async with connect(broker, device, certificates.client(device.name)) as client:
            await client.subscribe(str(device.topic("rcpt")), qos=1)
            for size in (0, 1, 100, 20_000, 256 << 10):
                await client.publish(str(device.topic()), bytes(size), qos=1)
                assert len((await (first if size == 0 else anext(messages)))[1]) == size
                await broker.link.publish(str(device.topic("rcpt")), bytes(size))
                assert (await next_message(client)).payload == bytes(size)
        await messages.aclose()


async def test_where_certificates_are_optional_the_enrolment_is_enough_but_anothers_certificate_is_too_much(
    tmp_path: Path, certificates: Certificates
) -> None:
    device = Device()
    shown = certificates.client("rover-2")
    async with open_broker(tmp_path, replace(certificates.server_tls, must_show=False)) as broker:
        async with connect(broker, device, TlsFiles(shown.ca)) as client:
            await client.publish(str(Topic("north-forest", device.name, "rec")), b"hello", qos=1)
        with pytest.raises(aiomqtt.MqttError, match="Not authorized"):
            async with connect(broker, device, shown):
                pass


async def test_a_revoked_certificate_does_not_connect(tmp_path: Path, certificates: Certificates) -> None:
    lost, kept = Device(), Device("rover-2")
    files = {one.name: certificates.client(one.name) for one in (lost, kept)}
    shown = files[lost.name].certificate
    assert shown is not None
    crl = revoke_certificate(certificates.authority, shown, now=utc_now())
    async with open_broker(tmp_path, replace(certificates.server_tls, crl=crl)) as broker:
        async with connect(broker, kept, files[kept.name]):
            pass
        with pytest.raises(aiomqtt.MqttError):
            async with connect(broker, lost, files[lost.name]):
                pass
        assert (broker.gate.counts.accepted, broker.gate.counts.refused) == (1, 1)


async def test_a_handshake_that_does_not_come_ends_at_the_deadline(
    tmp_path: Path, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The deadline itself, made short.
    monkeypatch.setattr(gate, "CONNECT_DEADLINE_S", 0.3)
    async with open_broker(tmp_path, certificates.server_tls) as broker:
        for opening in (b"", b"\x16\x03\x01\x02\x00", b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00"):
            reader, writer = await asyncio.open_connection(broker.host, broker.port)
            writer.write(opening)
            async with asyncio.timeout(2):
                try:
                    while await reader.read(1 << 10):
                        pass
                except ConnectionError:
                    pass
            writer.close()
        assert broker.gate.counts.refused == 3


async def test_nothing_older_than_tls_1_2_is_spoken(tmp_path: Path, certificates: Certificates) -> None:
    context = open_client_context(certificates.client("rover-1"))
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with open_broker(tmp_path, certificates.server_tls) as broker:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection(broker.host, broker.port, ssl=context)


async def test_files_that_do_not_fit_are_named_before_the_broker_listens(
    tmp_path: Path, certificates: Certificates
) -> None:
    tls = certificates.server_tls
    for wrong in (replace(tls, key=tls.certificate), replace(tls, client_ca=tls.key)):
        with pytest.raises(CertificateUnusable):
            async with open_broker(tmp_path, wrong):
                pass
