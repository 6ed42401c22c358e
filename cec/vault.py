"""Secrets of a house: one file of 64 hexadecimal digits each, readable by its owner alone.

They are made at the first opening and never again: a file that is there and cannot be read is an error, since a new
key would silently stop being the one that others trust.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cec.errors import VaultDamaged, VaultExposed
from domain.keys import SigningKey
from edge.files import write_whole

SECRET_BYTES: Final = 32
_OTHERS: Final = 0o077


@dataclass(frozen=True, slots=True, repr=False)
class Vault:
    """What signs in a house.

    Attributes
    ----------
    org
        The organisation's record key: enrols devices.
    ingest
        Signs receipts; devices pin it.
    service
        Signs surveys, trees and results; accredited on the chain by the organisation.
    operator
        Secret of the account that pays for anchors and administers the organisation on the chain, 32 bytes.
    validator
        Seed of the solo chain's validator, 32 bytes.
    codes
        The campaign's secret for tree codes, 32 bytes.
    """

    org: SigningKey
    ingest: SigningKey
    service: SigningKey
    operator: bytes
    validator: bytes
    codes: bytes


def open_vault(folder: Path) -> Vault:
    """Return the secrets in `folder`, made when they are not there.

    Raises
    ------
    VaultExposed
        When other users can read one.
    VaultDamaged
        When a file is not a secret.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Vault(
        org=SigningKey.from_seed(load_secret(folder / "org.key")),
        ingest=SigningKey.from_seed(load_secret(folder / "ingest.key")),
        service=SigningKey.from_seed(load_secret(folder / "service.key")),
        operator=load_secret(folder / "operator.key"),
        validator=load_secret(folder / "validator.key"),
        codes=load_secret(folder / "codes.key"),
    )


def load_secret(path: Path) -> bytes:
    """Return the secret in a file, drawn and stored durably when the file is not there."""
    if not path.exists():
        # Whole or not at all: a crash must not leave half a key under the true name.
        write_whole(path, f"{secrets.token_bytes(SECRET_BYTES).hex()}\n".encode())
    mode = path.stat().st_mode & 0o777
    if mode & _OTHERS:
        raise VaultExposed(path, mode)
    try:
        secret = bytes.fromhex(path.read_text("ascii").strip())
    except ValueError as error:
        raise VaultDamaged(path) from error
    if len(secret) != SECRET_BYTES:
        raise VaultDamaged(path)
    return secret
