"""What a run of the demo counted, and what it lost."""

from dataclasses import asdict, dataclass, field
from typing import Any

from cec.console import print_text


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures of a run, from device to proof.

    Attributes
    ----------
    cuts
        Times that the link broke or refused.
    readings_expected, readings
        Readings that the instruments gave, and that the devices recorded.
    recorded, sent, resent, received, waiting
        Records signed on the devices, sent first, sent again, signed for by the server, and still waiting.
    refused
        Records in quarantine.
    points
        Points of the cloud.
    trees_true, trees, trees_registered
        Trees that stand there (where that is known), found, and in the register.
    crew_trees, crew_known
        Trees that the crew measured, and those of them that the cloud shows too.
    records, anchored
        Records admitted, and anchored.
    block
        Height of the last block.
    tree, proof_bytes, words
        A tree that was proved, its proof's size, and what it proves.
    alarms, failures
        What a person should look at.
    seconds
        Time of each stage.
    url, pin, folder
        Where to look on.
    """

    cuts: int
    readings_expected: int
    readings: int
    recorded: int
    sent: int
    resent: int
    received: int
    refused: int
    waiting: int
    points: int
    trees_true: int | None
    trees: int
    trees_registered: int
    crew_trees: int
    crew_known: int
    records: int
    anchored: int
    block: int
    tree: str | None
    proof_bytes: int
    words: tuple[str, ...]
    alarms: int
    failures: tuple[str, ...]
    url: str
    pin: str
    folder: str
    seconds: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the summary as a JSON object, with what was lost."""
        return {**asdict(self), "lost": list(find_losses(self))}


def find_losses(summary: Summary) -> tuple[str, ...]:
    """Return in words what a run lost, doubled or could not do; nothing when all is well."""
    checks = (
        (summary.readings != summary.readings_expected, "readings recorded differ from those that instruments gave"),
        (summary.received != summary.recorded, "records received differ from those recorded"),
        (summary.waiting > 0, "a device still waits for receipts"),
        (summary.refused > 0, "records were refused"),
        (summary.alarms > 0, "alarms were raised"),
        (bool(summary.failures), f"jobs failed: {'; '.join(summary.failures)}"),
        (summary.trees == 0, "no tree was found"),
        (summary.crew_trees == 0, "no tree of the crew was told"),
        (summary.trees_registered != summary.trees, "trees in the register differ from those admitted"),
        (summary.anchored != summary.records, "records anchored differ from those admitted"),
        (summary.tree is None, "no tree was proved"),
    )
    return tuple(words for is_lost, words in checks if is_lost)


def print_summary(summary: Summary) -> None:
    """Print a run's figures for people."""
    truth = "" if summary.trees_true is None else f" ({summary.trees_true} stand there)"
    rows = {
        "readings": f"{summary.readings} of {summary.readings_expected} recorded",
        "records": f"{summary.sent} sent, {summary.resent} sent again, {summary.received} received, "
        f"{summary.refused} refused; the link broke or refused {summary.cuts} times",
        "cloud": f"{summary.points:,} points",
        "trees": f"{summary.trees}{truth}",
        "crew": f"{summary.crew_trees} trees measured, {summary.crew_known} of them seen by the drone too",
        "anchored": f"{summary.anchored} of {summary.records} records, block {summary.block}",
        "proof": f"{summary.proof_bytes:,} bytes",
        "time": ", ".join(f"{name} {seconds:.1f} s" for name, seconds in summary.seconds.items()),
        "portal": summary.url,
        "pin": summary.pin,
        "data": summary.folder,
    }
    print_text()
    for name, text in rows.items():
        print_text(f"  {name:<9} {text}")
    for sentence in summary.words:
        print_text(f"  · {sentence}")
