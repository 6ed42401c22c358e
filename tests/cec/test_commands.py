"""The command line answers fast, in sentences, and with codes that scripts can use."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cec.commands.pins import format_pin, parse_pin
from cec.errors import UnreadablePin
from cec.vault import open_vault

ROOT = Path(__file__).parent.parent.parent
PROOFS = ROOT / "tests" / "vectors" / "proof"


def cec(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cec", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def pin() -> str:
    known = json.loads((PROOFS / "proof.json").read_text())["valid"]["solo"]["pin"]
    return f"{known['chain_id']}:{known['genesis_hash']}"


def test_help_names_every_command() -> None:
    said = cec("--help").stdout
    for command in ("demo", "survey", "up", "trace", "verify", "pin", "edge"):
        assert f"  {command} " in said


def test_a_true_proof_is_told_in_words(pin: str) -> None:
    done = cec("verify", str(PROOFS / "solo.cecproof"), "--pin", pin)
    assert done.returncode == 0
    assert "this server alone; no outside witness yet" in done.stdout
    assert "Not proven" in done.stdout


def test_a_true_proof_is_told_to_scripts_too(pin: str) -> None:
    done = cec("verify", str(PROOFS / "solo.cecproof"), "--pin", pin, "--json")
    assert json.loads(done.stdout.splitlines()[-1])["holds"] is True


def test_a_changed_proof_names_the_step_that_fails(tmp_path: Path, pin: str) -> None:
    raw = bytearray((PROOFS / "solo.cecproof").read_bytes())
    raw[len(raw) // 2] ^= 1
    (tmp_path / "changed.cecproof").write_bytes(raw)
    done = cec("verify", str(tmp_path / "changed.cecproof"), "--pin", pin)
    assert done.returncode == 1
    assert "✗" in done.stdout
    assert "Proof refused at step" in done.stderr


def test_a_pin_of_another_chain_refuses(pin: str) -> None:
    other = pin[:-4] + ("0000" if pin[-4:] != "0000" else "1111")
    done = cec("verify", str(PROOFS / "solo.cecproof"), "--pin", other)
    assert done.returncode == 1
    assert "genesis" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("trace", "00000000000000000", "--data", "nowhere"), "No CEC data in nowhere"),
        (("trace", "0000-0000-0000-0000Z", "--data", "nowhere"), "last symbol"),
        (("verify", "nothing.cecproof", "--pin", "cec:00"), "Invalid pin"),
        (("edge", "status", "--folder", "nowhere"), "No enrolment"),
        (("demo", "--cloud", "nothing.laz", "--once"), "No file nothing.laz"),
        (("edge", "enrol", "nothing.cbor", "--folder", "nowhere"), "nothing.cbor: No such file"),
    ],
)
def test_a_mistake_is_answered_by_a_sentence_and_code_1(arguments: tuple[str, ...], words: str) -> None:
    done = cec(*arguments)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_mistake_is_told_to_scripts_as_json() -> None:
    done = cec("trace", "00000000000000000", "--data", "nowhere", "--json")
    assert json.loads(done.stdout)["error"] == "NotAHouse"


@pytest.mark.parametrize("text", ["", "cec", ":" + "0" * 64, "cec:" + "0" * 63, "cec:" + "z" * 64])
def test_what_is_no_pin_is_refused(text: str) -> None:
    with pytest.raises(UnreadablePin):
        parse_pin(text)


def test_pins_come_back_as_they_were_written(pin: str) -> None:
    assert format_pin(parse_pin(pin)) == pin


def test_a_device_is_enrolled_by_three_commands(tmp_path: Path) -> None:
    open_vault(tmp_path / "data" / "keys")
    key = cec("edge", "key", "--folder", str(tmp_path / "device")).stdout.strip()
    paper = str(tmp_path / "enrolment.cbor")
    named = ("--data", str(tmp_path / "data"), "--org", "north-forest")
    assert cec("enrol", "rover-1", key, "--out", paper, *named).returncode == 0
    done = cec("edge", "enrol", paper, "--folder", str(tmp_path / "device"))
    assert "rover-1 is enrolled by north-forest" in done.stdout
    status = json.loads(cec("edge", "status", "--folder", str(tmp_path / "device"), "--json").stdout)
    assert status["queued"] == 1


def test_a_log_that_is_not_there_is_told_without_a_traceback(tmp_path: Path) -> None:
    open_vault(tmp_path / "data" / "keys")
    device = str(tmp_path / "device")
    key = cec("edge", "key", "--folder", device).stdout.strip()
    paper = str(tmp_path / "enrolment.cbor")
    named = ("--data", str(tmp_path / "data"), "--org", "north-forest")
    assert cec("enrol", "rover-1", key, "--out", paper, *named).returncode == 0
    assert cec("edge", "enrol", paper, "--folder", device).returncode == 0
    done = cec("edge", "run", "--folder", device, "--replay", "missing.log", "--port", "1", "--wait", "3")
    assert done.returncode == 1
    assert "missing.log: No such file" in done.stderr
    assert "Traceback" not in done.stderr
