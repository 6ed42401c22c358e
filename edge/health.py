"""The device itself: battery, disk, memory."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

POWER: Final = Path("/sys/class/power_supply")
DISK_LOW_BYTES: Final = 200 << 20
"""Room for about a week of records; below it the crew is told."""
BATTERY_LOW_PERCENT: Final = 15
_KIB: Final = 1_024


@dataclass(frozen=True, slots=True)
class Battery:
    """A battery.

    Attributes
    ----------
    percent
        How full, 0 to 100.
    is_charging
        Whether it fills.
    """

    percent: int
    is_charging: bool


def read_battery(root: Path = POWER) -> Battery | None:
    """Return the first battery of a Linux system; absent where there is none."""
    try:
        supplies = sorted(root.iterdir())
    except OSError:
        return None
    for supply in supplies:
        try:
            if (supply / "type").read_text("ascii").strip() != "Battery":
                continue
            percent = int((supply / "capacity").read_text("ascii"))
            status = (supply / "status").read_text("ascii").strip()
        except (OSError, ValueError):
            # A supply that is just being unplugged, or a driver that tells less.
            continue
        return Battery(min(max(0, percent), 100), status in ("Charging", "Full"))
    return None


def read_memory_bytes() -> int:
    """Return the resident memory of this process; 0 where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text("ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * _KIB for line in lines if line.startswith("VmRSS:")), 0)


def read_disk_free(folder: Path) -> int:
    """Return the bytes that are left to this user where a folder is."""
    return shutil.disk_usage(folder).free


def list_damaged(folder: Path) -> list[Path]:
    """Return damaged spools that were put aside and that nobody has taken away."""
    return sorted(folder.glob("spool-damaged-*.sqlite"))


def tell_alarms(folder: Path, *, dropped: int, is_full: bool) -> tuple[str, ...]:
    """Return what somebody should do about the device now, most urgent first, in words with the remedy."""
    told: list[str] = []
    free, battery = read_disk_free(folder), read_battery()
    if is_full:
        told.append("The disk is full, nothing can be recorded: delete files that are no longer needed.")
    elif free < DISK_LOW_BYTES:
        told.append(f"The disk is nearly full ({free >> 20} MB left): delete files that are no longer needed.")
    if dropped:
        told.append(f"{dropped} readings were lost while the disk was full: measure again what is missing.")
    if battery is not None and battery.percent <= BATTERY_LOW_PERCENT and not battery.is_charging:
        told.append(f"The battery is at {battery.percent} %: charge it.")
    told += [
        f"The spool was damaged; what is whole goes on. Save {kept.name} for the office, then remove it."
        for kept in list_damaged(folder)
    ]
    return tuple(told)


def is_private(path: Path) -> bool:
    """Tell whether its owner alone can read a file."""
    return not path.stat().st_mode & 0o077
