"""What is fed with mutated bytes, by libFuzzer through atheris: ``… mutation_targets NAME RUNS CORPUS``.

A target returns for whatever it is given, or raises what is a bug: anything but the project's own errors. Coverage of
our own code guides the mutations.
"""

import sqlite3
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import atheris

with atheris.instrument_imports(include=["domain", "ingest", "firmware_bridge", "ipfs"]):
    from domain.envelope import seal, unpack_message
    from domain.errors import CecError
    from domain.inquiry import parse_inquiry
    from domain.keys import SigningKey
    from domain.login import parse_login
    from domain.records.membership import Enrol
    from domain.topics import Topic
    from domain.upload import parse_upload
    from firmware_bridge.catalogue import list_drivers
    from firmware_bridge.replay import parse_delivery
    from ingest import ledger
    from ingest.admission import Policy, read_arrival
    from ingest.broker.connect import parse_connect
    from ingest.tables import prepare

AT_MS: Final = 1_790_000_000_000
SECONDS: Final = 1
"""Longest time for one input; libFuzzer ends the run beyond it."""
MEMORY_MB: Final = 1_024
LONGEST: Final = 4_096
"""Bytes of an input: larger ones repeat what smaller ones do."""
FORGET_AFTER: Final = 500
"""Inputs after which the journal is begun anew, before its quarantine is full."""
ORG_KEY: Final = SigningKey.from_seed(b"o" * 32)
INGEST_KEY: Final = SigningKey.from_seed(b"i" * 32)
DEVICE_KEY: Final = SigningKey.from_seed(b"d" * 32)
TOPIC: Final = Topic("north-forest", "rover-1", "rec")


class Payloads:
    """Messages of a device, through admission: what is refused must stand in quarantine, byte for byte."""

    def __init__(self) -> None:
        self._policy = Policy(INGEST_KEY.public, 1 << 30)
        self._inputs = 0
        self._db = self._begin()

    def __call__(self, data: bytes) -> None:
        """Take one input."""
        for parse in (parse_inquiry, parse_upload, parse_connect):
            _expect(lambda parse=parse: parse(data))  # type: ignore[misc]
        _expect(lambda: parse_login(data.decode("latin-1"), client_id="rover-1"))
        try:
            envelopes: Iterable[bytes] = unpack_message(data)
        except CecError:
            envelopes = (data,)
        arrivals = [read_arrival(TOPIC, raw) for raw in envelopes]
        for arrival, answer in zip(arrivals, ledger.admit(self._db, arrivals, self._policy, AT_MS), strict=True):
            if answer is None:
                raise AssertionError("quarantine has room")
            table = "record" if answer.verdict == "stored" else "quarantine"
            row = self._db.execute(f"SELECT raw FROM {table} WHERE cid = ?", (bytes(arrival.cid),)).fetchone()  # noqa: S608
            if row != (arrival.raw,):
                raise AssertionError(f"lost: {table} does not hold {arrival.cid}")
        self._inputs += 1
        if self._inputs % FORGET_AFTER == 0:
            self._db.close()
            self._db = self._begin()

    def _begin(self) -> sqlite3.Connection:
        db = sqlite3.connect(":memory:", isolation_level=None)
        prepare(db, ":memory:")
        db.execute("INSERT INTO organisation VALUES ('north-forest', ?)", (ORG_KEY.public.raw,))
        enrol = Enrol("north-forest", "rover-1", DEVICE_KEY.public.raw, INGEST_KEY.public.raw, AT_MS)
        ledger.admit(db, [read_arrival(TOPIC, seal(enrol, ORG_KEY).raw)], self._policy, AT_MS)
        return db


def feed_lines(data: bytes) -> None:
    """Give one input to every driver, in two pieces, and as a line of a log."""
    split = data[0] % (len(data) + 1) if data else 0
    for spec in list_drivers():
        driver = spec.make()
        driver.feed(data[:split], mono_ms=1)
        driver.feed(data[split:], mono_ms=2)
        driver.flush()
    _expect(lambda: parse_delivery(data, 1))


def _expect(parse: Callable[[], object]) -> None:
    try:
        parse()
    except CecError:
        return


TARGETS: Final[dict[str, Callable[[], Callable[[bytes], None]]]] = {
    "payloads": Payloads,
    "lines": lambda: feed_lines,
}


def main() -> None:
    """Run a target; libFuzzer ends the process."""
    name, runs, corpus = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    options = [f"-runs={runs}", "-seed=1", f"-timeout={SECONDS}", f"-rss_limit_mb={MEMORY_MB}", f"-max_len={LONGEST}"]
    quiet = ["-print_final_stats=1", "-verbosity=0", f"-artifact_prefix={corpus}/found-"]
    atheris.Setup([sys.argv[0], *options, *quiet, str(corpus)], TARGETS[name]())
    atheris.Fuzz()


if __name__ == "__main__":
    main()
