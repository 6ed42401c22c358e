"""Configuration files of brokers, written whole or not at all."""

import os
from pathlib import Path
from typing import Final

OWNER_ONLY: Final = 0o600
"""Configurations tell who may do what."""


def replace_file(path: Path, text: str) -> None:
    """Write a file for its owner alone; whoever reads it sees the old or the new one whole."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
