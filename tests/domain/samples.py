"""One valid body of each kind, from which tests change one thing."""

from dataclasses import replace

from domain.cid import DAG_CBOR, RAW, Cid
from domain.envelope import Body
from domain.keys import SigningKey
from domain.readings import GnssFix, GnssMean, HeightShot, MissingLine, Note, Photo, Station, StemDiameter, Visit
from domain.records.field import Birth, Blob, Close, Observation, Place
from domain.records.frame import Area, Campaign, SpeciesList, SpeciesName
from domain.records.match import (
    Change,
    Choice,
    CommonShift,
    DoubtfulTree,
    JoinedCrowns,
    Match,
    MatchCounts,
    SameTree,
    UnseenTree,
)
from domain.records.membership import Enrol, Revoke, Rotate
from domain.records.receipt import Answer, Progress, Receipt, UploadState
from domain.records.result import (
    Absence,
    Crown,
    Detection,
    Estimate,
    Parameter,
    Position,
    Result,
    Species,
    Stem,
    Step,
    Survey,
    Tree,
)

KEY = SigningKey.from_seed(bytes(range(32)))
P256_KEY = SigningKey.p256_from_secret(bytes(range(1, 33)))
LINK = Cid.of(DAG_CBOR, b"a record")
CLOUD = Cid.of(RAW, b"a cloud")
SQUARE = (0, 0, 1_000, 0, 1_000, 1_000, 0, 1_000, 0, 0)
AT_MS = 1_790_000_000_000

PLACE = Place(epoch=bytes(16), seq=7, at_ms=AT_MS, boot=b"b" * 16, mono_ms=1_234, prev=LINK)

OBSERVATION = Observation(
    org="north-forest",
    device="rover-1",
    campaign="ridge-2026",
    place=PLACE,
    readings=(
        GnssFix(
            mono_ms=1_000,
            lon_nd=15_123_456_789,
            lat_nd=-47_123_456_789,
            quality=4,
            satellites=14,
            altitude_mm=412_345,
            geoid_mm=46_900,
            hdop_c=80,
            east_error_mm=12,
            north_error_mm=11,
            up_error_mm=24,
            gnss_at_ms=AT_MS,
            datum="WGS 84",
            raw=b"$GNGGA,",
        ),
        HeightShot(mono_ms=1_100, horizontal_mm=15_500, inclination_cd=4_210, azimuth_cd=9_000, height_mm=21_300),
        StemDiameter(mono_ms=1_200, diameter_mm=312, species_code="PIAB"),
        Note(mono_ms=1_300, text="Fichte, Krone dürr", topic="damage"),
    ),
)

CREW_DAY = Observation(
    org="north-forest",
    device="rover-1",
    campaign="ridge-2026",
    place=PLACE,
    readings=(
        GnssMean(1_400, 15_123_456_789, -47_123_456_789, 4, 30, 29_000, left_out=2, east_sd_mm=9, north_sd_mm=8),
        HeightShot(1_500, slope_mm=15_500, target="12", station=Station(15_123_000_000, -47_123_000_000, hdop_c=90)),
        MissingLine(1_600, horizontal_mm=6_400, azimuth_cd=27_000, instrument="TruPulse 360"),
        Photo(1_700, CLOUD, lon_nd=15_123_456_000, lat_nd=-47_123_456_000, pitch_cd=-9_000, camera="a camera"),
        Visit(1_800, tree="00000000000000000", plot="plot-3", species_code="PIAB", diameter_mm=312, damage_ppm=250_000),
    ),
)
"""The readings that `OBSERVATION` does not have."""

_ABSENCE = Absence(is_covered=True, gone_ppm=930_000, seen_ppm=980_000)

BODIES: dict[str, Body] = {
    "observation": OBSERVATION,
    "blob": Blob("north-forest", "drone-1", "ridge-2026", PLACE, CLOUD, 24_117_248, "application/vnd.laszip"),
    "birth": Birth("north-forest", "rover-1", Place(bytes(16), 0, AT_MS, b"b" * 16, 5), "cec-edge 0.1.0"),
    "close": Close("north-forest", "rover-1", PLACE, 6, LINK, "ridge-2026"),
    "enrol": Enrol("north-forest", "rover-1", KEY.public.raw, P256_KEY.public.raw, AT_MS),
    "rotate": Rotate("north-forest", "rover-1", KEY.public.raw, P256_KEY.public.raw, AT_MS),
    "revoke": Revoke("north-forest", "rover-1", KEY.public.raw, "lost on the ridge", AT_MS),
    "campaign": Campaign("north-forest", "ridge-2026", "Ridge 2026", "airborne lidar", AT_MS, crew=("A. Berg",)),
    "area": Area("north-forest", "stand-7", "stand", "EPSG:32633", (SQUARE,), "owner", AT_MS),
    "species-list": SpeciesList(
        "north-forest", "common", "Common trees", AT_MS, (SpeciesName("PIAB", "Picea abies", "Fichte"),), "ridge-2026"
    ),
    "survey": Survey(
        "north-forest",
        "ridge-2026",
        (LINK,),
        (Step("locate_trees", "popescu2004", "10.14358/PERS.70.5.589", (Parameter("min_height_m", "2.0"),)),),
        "cec-survey 0.1.0",
        "EPSG:32633",
        "file",
        AT_MS,
        (CLOUD,),
        ("sparse cloud",),
    ),
    "tree": Tree(
        org="north-forest",
        campaign="ridge-2026",
        code="00000000000000000",
        survey=LINK,
        position=Position(
            of="apex",
            crs="EPSG:32633",
            error_mm=400,
            x_mm=500_123_456,
            y_mm=5_300_123_456,
            elevation_mm=612_300,
            vertical="unstated",
            lon_nd=15_001_234_567,
            lat_nd=47_812_345_678,
            operation="Inverse of UTM zone 33N",
            operation_error_mm=0,
        ),
        height_mm=Estimate(23_400, 300, 0, "apex-above-terrain"),
        status="alive",
        confidence_ppm=850_000,
        crown=Crown(Estimate(5_600, 800, 0, "equal-area"), SQUARE, 9_000),
        stems=(Stem(Estimate(312, 40, 25, "jucker2017-dbh-gymnosperm"), 1_300),),
        species=Species("gymnosperm", 1_000_000, "user"),
        volume_dm3=Estimate(810, 200, 100, "form-factor"),
        biomass_g=Estimate(402_000, 90_000, 40_000, "jucker2017-agb-gymnosperm"),
        carbon_g=Estimate(245_000, 60_000, 30_000, "ipcc2019"),
    ),
    "result": Result(
        "north-forest",
        "ridge-2026",
        LINK,
        1,
        100_000_000,
        (SQUARE,),
        bytes(32),
        (Detection(5_000, 10_000, 610_000, "simulated"),),
    ),
    "match": Match(
        "north-forest",
        "ridge-2026",
        LINK,
        (LINK,),
        part=0,
        parts=2,
        days=1_826,
        counts=MatchCounts(same=1, new=3, undecided=2, doubtful=1, not_seen=0, outside=0, gone=1),
        shift=CommonShift(1_250, -340, 60, 55),
        height=Change(1_480, 210, 1_826),
        same=(SameTree("00000000000000000", LINK, 987_654, Change(-210, 640, 1_826)),),
        doubtful=(DoubtfulTree("0000000000000001Y", 120_000, (Choice("0000000000000002W", 610_000),)),),
        unseen=(UnseenTree("0000000000000003T", "gone", "its place was covered", _ABSENCE),),
        merges=(JoinedCrowns("00000000000000000", "0000000000000003T"),),
        splits=(JoinedCrowns("00000000000000000", "0000000000000002W"),),
        warnings=("the later survey lies 1.3 m from the earlier ones",),
    ),
    "receipt": Receipt(
        "north-forest",
        "rover-1",
        AT_MS,
        (Answer(LINK, "stored", bytes(16), 7), Answer(CLOUD, "refused", reason="InvalidSignature", remedy="enrol")),
        (UploadState(CLOUD, 49, is_whole=False, held=bytes(7)),),
    ),
}
_TREE = BODIES["tree"]
assert isinstance(_TREE, Tree)
GONE = replace(_TREE, prev=LINK, status="gone", crown=None, absence=_ABSENCE)
"""The end of a tree."""
FROM_WITHIN = replace(
    _TREE,
    position=replace(_TREE.position, of="stem"),
    is_top_hidden=True,
    lean_mdeg=Estimate(4_200, 600, 0, "stem-axis"),
    status_ppm=930_000,
    readings=(LINK, CLOUD),
)
"""A tree seen from within the forest and measured by a crew: its top is hidden."""
PROGRESS = Receipt(
    "north-forest",
    "rover-1",
    AT_MS,
    progress=(Progress(LINK, "anchored", bytes(32), 7, AT_MS), Progress(CLOUD, "processed")),
    pause_ms=2_000,
)
