"""A desk in memory: true records and receipts, and a hand behind it that plays instruments, link and server."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Final

from domain.cid import Cid
from domain.codes import mint_reading_code
from domain.envelope import Body, FieldBody, Record, open_envelope, pack_message, seal, unpack_message
from domain.keys import SigningKey
from domain.readings import HeightShot, Note, Reading, Visit
from domain.records.field import Blob, Observation, Place
from domain.records.frame import Area, Campaign, SpeciesList, SpeciesName
from domain.records.receipt import Answer, Progress, Receipt, UploadState
from domain.upload import compute_shape, encode_bitmap, parse_bitmap
from edge.crew.figures import describe_visit
from edge.errors import NoReceipt, UnknownItem
from edge.views import STAGES, FrameView, HealthView, ItemView, LinkView, Overview
from ipfs.unixfs import plan_file

ORG: Final = "north-forest"
DEVICE: Final = "rover-1"
CAMPAIGN: Final = "ridge"
DEVICE_KEY: Final = SigningKey.from_seed(b"d" * 32)
ORG_KEY: Final = SigningKey.from_seed(b"o" * 32)
SERVER_KEY: Final = SigningKey.from_seed(b"i" * 32)
AT_MS: Final = 1_790_000_000_000
"""2026-09-21 14:13:20 UTC."""
STEP_MS: Final = 60_000
TREE: Final = mint_reading_code(b"s" * 32, Cid.of(0x71, b"evidence"), 0)
OTHER_TREE: Final = mint_reading_code(b"s" * 32, Cid.of(0x71, b"evidence"), 1)


@dataclass
class MemoryDesk:
    """Promises of `edge.views.Desk`; `play_` methods are what happens behind it."""

    link: LinkView = field(
        default_factory=lambda: LinkView(is_connected=False, broker="mqtts://forest.example:8883", connections=0)
    )
    health: HealthView = field(default_factory=lambda: HealthView(12_500_000_000, 41_000_000))
    _items: list[tuple[ItemView, Record]] = field(default_factory=list)
    _receipts: dict[Cid, bytes] = field(default_factory=dict)
    _read: set[Cid] = field(default_factory=set)
    _frames: dict[tuple[str, str], Campaign | Area | SpeciesList] = field(default_factory=dict)

    def overview(self) -> Overview:
        shown = [item for item, _ in self._items if item.cid not in self._read]
        files = [item for item, _ in self._items if item.size is not None]
        return Overview(
            ORG,
            DEVICE,
            CAMPAIGN,
            {stage: sum(item.stage == stage for item in shown) for stage in STAGES},
            sum(len(record.body.readings) for _, record in self._items if isinstance(record.body, Observation)),
            0,
            len(files),
            sum(item.held_ppm == 1_000_000 for item in files),
            self.link,
            self.health,
        )

    def items(self, *, stage: str | None = None, before: int | None = None, limit: int = 50) -> tuple[ItemView, ...]:
        hidden = self._read if stage == "refused" else set()
        rows = (item for item, _ in reversed(self._items) if item.cid not in hidden)
        found = [item for item in rows if stage in (None, item.stage) and (before is None or item.row < before)]
        return tuple(found[:limit])

    def files(
        self, *, is_whole: bool | None = None, before: int | None = None, limit: int = 50
    ) -> tuple[ItemView, ...]:
        files = (item for item, _ in reversed(self._items) if item.size is not None)
        wanted = (item for item in files if is_whole in (None, item.held_ppm == 1_000_000))
        return tuple(item for item in wanted if before is None or item.row < before)[:limit]

    def item(self, cid: Cid) -> ItemView:
        return self._items[self._row(cid)][0]

    def receipt(self, cid: Cid) -> bytes:
        self._row(cid)
        if cid not in self._receipts:
            raise NoReceipt(str(cid))
        return pack_message([self._receipts[cid]])

    def receipts(self) -> bytes:
        return b"".join(pack_message([raw]) for raw in dict.fromkeys(self._receipts.values()))

    def acknowledge(self, cid: Cid) -> None:
        if self.item(cid).stage == "refused":
            self._read.add(cid)

    def frames(self) -> FrameView:
        held = self._frames.values()
        return FrameView(
            tuple(one for one in held if isinstance(one, Campaign)),
            tuple(one for one in held if isinstance(one, Area)),
            tuple(one for one in held if isinstance(one, SpeciesList)),
        )

    def enter(self, visit: Visit) -> Cid:
        return self.play_readings([visit])

    def visits(self, tree: str) -> tuple[tuple[ItemView, Visit], ...]:
        return tuple(
            (item, reading)
            for item, record in reversed(self._items)
            if isinstance(record.body, Observation)
            for reading in record.body.readings
            if isinstance(reading, Visit) and reading.tree == tree
        )

    def play_readings(self, readings: Sequence[Reading]) -> Cid:
        """Record readings, as an instrument or the form gives them."""
        body = Observation(ORG, DEVICE, CAMPAIGN, self._place(), tuple(readings))
        return self._append(body, _describe(readings)).cid

    def play_file(self, name: str, content: bytes, *, held_ppm: int = 0, problem: str | None = None) -> Cid:
        """Offer a file."""
        root = plan_file(BytesIO(content)).root
        body = Blob(ORG, DEVICE, CAMPAIGN, self._place(), root, len(content), "application/vnd.laszip", name=name)
        item = self._append(body, f"file {name}")
        return self._put(replace(item, size=len(content), held_ppm=held_ppm, name=name, problem=problem))

    def play_sent(self, cid: Cid) -> None:
        """Have a record leave the device."""
        item = self.item(cid)
        self._put(replace(item, stage="sent", times_sent=item.times_sent + 1))

    def play_message(self, message: bytes) -> None:
        """Have a message of receipts or frame records come down."""
        for raw in unpack_message(message):
            record = open_envelope(raw)
            if isinstance(record.body, Receipt):
                self._take_receipt(record, record.body)
            elif isinstance(record.body, Campaign | Area | SpeciesList):
                self._take_frame(record.body)

    def _take_frame(self, body: Campaign | Area | SpeciesList) -> None:
        if isinstance(body, SpeciesList):
            held = self._frames.get(("species", body.list_id))
            if not isinstance(held, SpeciesList) or body.at_ms >= held.at_ms:
                self._frames["species", body.list_id] = body
        elif isinstance(body, Campaign):
            self._frames["campaign", body.campaign] = body
        else:
            self._frames["area", body.area] = body

    def _take_receipt(self, record: Record, receipt: Receipt) -> None:
        for answer in receipt.answers or ():
            self._receipts.setdefault(answer.record, record.raw)
            item = self.item(answer.record)
            stage = "refused" if answer.verdict == "refused" else "received"
            if STAGES.index(stage) > STAGES.index(item.stage):
                self._put(replace(item, stage=stage, rule=answer.reason, remedy=answer.remedy))
        for one in receipt.progress or ():
            item = self.item(one.record)
            if STAGES.index(one.stage) > STAGES.index(item.stage):
                self._put(replace(item, stage=one.stage, height=one.height, anchored_ms=one.at_ms))
        for state in receipt.uploads or ():
            self._take_upload(state)

    def _take_upload(self, state: UploadState) -> None:
        for item, record in list(self._items):
            if isinstance(record.body, Blob) and record.body.root == state.root:
                held = len(parse_bitmap(state.held or b"", state.frames)) if not state.is_whole else state.frames
                self._put(replace(item, held_ppm=held * 1_000_000 // state.frames))

    def _place(self) -> Place:
        number = len(self._items)
        prev = self._items[-1][1].cid if self._items else None
        return Place(b"e" * 16, number, AT_MS + number * STEP_MS, b"b" * 16, number * STEP_MS, prev)

    def _append(self, body: FieldBody, words: str) -> ItemView:
        record = seal(body, DEVICE_KEY)
        place = body.place
        row = len(self._items) + 1
        item = ItemView(row, record.cid, record.kind, words, place.seq, place.at_ms, "queued")
        self._items.append((item, record))
        return item

    def _row(self, cid: Cid) -> int:
        for row, (item, _) in enumerate(self._items):
            if item.cid == cid:
                return row
        raise UnknownItem(str(cid))

    def _put(self, item: ItemView) -> Cid:
        row = self._row(item.cid)
        self._items[row] = (item, self._items[row][1])
        return item.cid


def answer(
    *cids: Cid,
    verdict: str = "stored",
    reason: str | None = None,
    remedy: str | None = None,
    key: SigningKey = SERVER_KEY,
) -> bytes:
    """Return the server's message that it stored or refused records."""
    answers = tuple(Answer(cid, verdict, reason=reason, remedy=remedy) for cid in cids)
    return sign(Receipt(ORG, DEVICE, AT_MS, answers), key=key)


def progress(cid: Cid, stage: str, *, height: int | None = None) -> bytes:
    """Return the server's message that a record came further."""
    at_ms = AT_MS if height is not None else None
    root = b"r" * 32 if height is not None else None
    return sign(Receipt(ORG, DEVICE, AT_MS, progress=(Progress(cid, stage, root, height, at_ms),)))


def hold(root: Cid, size: int, *, frames: int | None = None) -> bytes:
    """Return the server's message that it holds the first frames of a file, or all of it."""
    count = compute_shape(size).frames
    held = encode_bitmap(range(frames), count) if frames is not None else None
    return sign(Receipt(ORG, DEVICE, AT_MS, uploads=(UploadState(root, count, frames is None, held),)))


def sign(*bodies: Body, key: SigningKey = SERVER_KEY) -> bytes:
    """Return a message of bodies signed by the server, or by `key`."""
    return pack_message([seal(body, key).raw for body in bodies])


def frame_message() -> bytes:
    """Return the organisation's campaign, two plots and a species list."""
    ring = (0, 0, 30_000, 0, 30_000, 30_000, 0, 30_000, 0, 0)
    plots = tuple(Area(ORG, name, "plot", "EPSG:25832", (ring,), "North Forest", AT_MS) for name in ("p-01", "p-02"))
    species = SpeciesList(
        ORG,
        "alps",
        "Alpine species",
        AT_MS,
        (
            SpeciesName("FI", "Picea abies", "Norway spruce"),
            SpeciesName("TA", "Abies alba", "Silver fir"),
            SpeciesName("BU", "Fagus sylvatica", "Beech"),
            SpeciesName("LA", "Larix decidua", "European larch"),
            SpeciesName("AH", "Acer pseudoplatanus", "Sycamore"),
        ),
        CAMPAIGN,
    )
    campaign = Campaign(
        ORG, CAMPAIGN, "Ridge inventory 2026", "Fixed plots, 12.62 m, all stems from 7 cm", AT_MS, crew=("Ann", "Bo")
    )
    return sign(campaign, *plots, species, key=ORG_KEY)


def make_busy_desk() -> MemoryDesk:
    """Return a desk in the middle of a day: records at every stage, files, an alarm."""
    link = LinkView(
        is_connected=True,
        broker="mqtts://forest.example:8883",
        connections=7,
        silent_s=12,
        sent_bytes=48_200_000,
        budget_bytes=200_000_000,
    )
    health = HealthView(
        disk_free_bytes=900_000_000,
        memory_bytes=41_000_000,
        battery_percent=63,
        is_charging=False,
        satellites_used=14,
        satellites_seen=22,
        quality=4,
        hdop_c=80,
        alarms=("Disk nearly full (0.9 GB): take whole files off it.",),
    )
    desk = MemoryDesk(link, health)
    desk.play_message(frame_message())
    cids = [desk.play_readings([HeightShot(n, height_mm=20_000 + n), Note(n, f"stop {n}")]) for n in range(1, 37)]
    visit = desk.enter(
        Visit(1, TREE, "p-01", "Picea abies", "FI", "alive", 325, 1_300, 24_100, "bark beetle", 150_000, "split top")
    )
    whole = desk.play_file("flight-2026-09-21.laz", b"\1" * 70_000, held_ppm=1_000_000)
    desk.play_file("flight-2026-09-22.laz", b"\2" * 90_000, held_ppm=410_000)
    desk.play_file("scan-0007.laz", b"\3" * 5_000, problem="The file changed after it was offered: offer it again.")
    for cid in cids[:30]:
        desk.play_sent(cid)
    desk.play_message(answer(*cids[:24], visit, whole))
    for cid in cids[:9]:
        desk.play_message(progress(cid, "processed"))
    for cid in cids[:4]:
        desk.play_message(progress(cid, "anchored", height=1_204))
    remedy = "Another body has this number: ask the office whether the card was copied, then enrol the device anew."
    desk.play_message(answer(*cids[24:26], verdict="refused", reason="SequenceConflict", remedy=remedy))
    return desk


def _describe(readings: Sequence[Reading]) -> str:
    if len(readings) == 1 and isinstance(readings[0], Visit):
        return describe_visit(readings[0])
    kinds: dict[str, int] = {}
    for reading in readings:
        kinds[reading.TYPE] = kinds.get(reading.TYPE, 0) + 1
    return ", ".join(f"{count} {kind}" + ("s" if count > 1 else "") for kind, count in kinds.items())
