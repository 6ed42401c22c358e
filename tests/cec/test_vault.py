"""Secrets are made once, kept to their owner, and never replaced in silence."""

from pathlib import Path

import pytest

from cec.errors import VaultDamaged, VaultExposed
from cec.vault import load_secret, open_vault


def test_a_vault_opened_again_has_the_same_keys(tmp_path: Path) -> None:
    first, second = open_vault(tmp_path / "keys"), open_vault(tmp_path / "keys")
    assert first.org.public == second.org.public
    assert first.operator == second.operator


def test_all_secrets_of_a_vault_differ(tmp_path: Path) -> None:
    open_vault(tmp_path)
    texts = [path.read_text() for path in tmp_path.glob("*.key")]
    assert len(texts) == len(set(texts)) == 6


def test_nobody_else_can_read_a_secret(tmp_path: Path) -> None:
    open_vault(tmp_path / "keys")
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()}
    assert modes == {0o600}
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700


def test_a_secret_that_others_can_read_is_refused_with_the_remedy(tmp_path: Path) -> None:
    load_secret(tmp_path / "one.key")
    (tmp_path / "one.key").chmod(0o644)
    with pytest.raises(VaultExposed, match="chmod 600"):
        load_secret(tmp_path / "one.key")


@pytest.mark.parametrize("content", ["", "abc", "zz" * 32, "00" * 31, "00" * 33])
def test_a_damaged_secret_is_refused_and_kept(tmp_path: Path, content: str) -> None:
    path = tmp_path / "one.key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(VaultDamaged):
        load_secret(path)
    assert path.read_text() == content


def test_half_a_key_left_by_a_crash_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / ".one.key.part").write_text("0011")
    assert len(load_secret(tmp_path / "one.key")) == 32
    assert not (tmp_path / ".one.key.part").exists()
