"""A device of the tests: keys, records in sequence, and what it would send."""

from dataclasses import dataclass, field, replace

from domain.cid import Cid
from domain.envelope import FieldBody, Record, seal
from domain.keys import SigningKey
from domain.readings import Note
from domain.records.field import Blob, Observation, Place
from domain.records.membership import Enrol
from domain.topics import Topic
from ingest.admission import Arrival, Policy, read_arrival
from ingest.journal import Journal

ORG_KEY = SigningKey.from_seed(b"o" * 32)
INGEST_KEY = SigningKey.from_seed(b"i" * 32)
POLICY = Policy(INGEST_KEY.public, max_upload_bytes=1 << 30)
AT_MS = 1_790_000_000_000


@dataclass
class Device:
    """Signs records one after the other."""

    name: str = "rover-1"
    org: str = "north-forest"
    key: SigningKey = field(default_factory=lambda: SigningKey.from_seed(b"d" * 32))
    seq: int = 0
    prev: Cid | None = None

    @property
    def enrol(self) -> Record:
        body = Enrol(self.org, self.name, self.key.public.raw, INGEST_KEY.public.raw, AT_MS)
        return seal(body, ORG_KEY)

    def place(self) -> Place:
        return Place(bytes(16), self.seq, AT_MS, b"b" * 16, self.seq, self.prev)

    def sign(self, body: FieldBody) -> Record:
        record = seal(body, self.key)
        self.seq, self.prev = self.seq + 1, record.cid
        return record

    def observe(self, text: str = "a note") -> Record:
        return self.sign(Observation(self.org, self.name, "ridge", self.place(), (Note(1, text),)))

    def declare(self, root: Cid, size: int, media: str = "application/vnd.laszip") -> Record:
        return self.sign(Blob(self.org, self.name, "ridge", self.place(), root, size, media))

    def topic(self, channel: str = "rec") -> Topic:
        return Topic(self.org, self.name, channel)

    def send(self, *records: Record) -> list[Arrival]:
        return [read_arrival(self.topic(), record.raw) for record in records]


def renumber(body: Observation, seq: int) -> Observation:
    """Return the same observation under another number."""
    return replace(body, place=replace(body.place, seq=seq))


async def enrolled(journal: Journal, device: Device) -> Device:
    answers = await journal.admit(device.send(device.enrol), POLICY)
    assert [answer and answer.verdict for answer in answers] == ["stored"]
    return device


async def outcome(journal: Journal, device: Device, record: Record) -> str:
    """Return ``stored`` or the rule that a record breaks."""
    (answer,) = await journal.admit(device.send(record), POLICY)
    assert answer is not None
    assert answer.record == record.cid
    return answer.reason or answer.verdict
