"""A device's key changes on its organisation's word; what waits under the old one is not lost."""

import shutil
from pathlib import Path

import pytest

from domain.cid import Cid
from domain.envelope import Body, pack_message, seal
from domain.keys import PublicKey, SigningKey
from domain.readings import Note
from domain.records.field import Observation, Place
from domain.records.membership import Enrol, Rotate
from edge.agent import Agent
from edge.errors import NoNextKey, RotationIncomplete, WrongEnrolment
from edge.identity import (
    ENROLMENT_FILE,
    KEY_FILE,
    NEXT_KEY_FILE,
    ROTATION_FILE,
    Identity,
    import_enrolment,
    load_identity,
    open_key,
    open_next_key,
)
from edge.spool import open_spool
from ingest.journal import Journal
from ingest.ledger import Ledger
from tests.edge.server import name_of, settings, small_server, until
from tests.edge.test_hardship import broker_alone, service
from tests.edge.test_hardship import settings as plain_settings
from tests.edge.test_spool import AT_MS, INGEST_KEY, ORG_KEY, enrol, observe

STRANGER = SigningKey.from_seed(b"s" * 32)


def halves(folder: Path) -> tuple[Rotate, Enrol]:
    """Return what the organisation says for a device that has made its next key."""
    old, new = open_key(folder).public, open_next_key(folder).public
    return (
        Rotate("north-forest", "rover-1", old.raw, new.raw, AT_MS),
        Enrol("north-forest", "rover-1", new.raw, INGEST_KEY.public.raw, AT_MS),
    )


def sign(*bodies: Body, key: SigningKey = ORG_KEY) -> bytes:
    return pack_message([seal(body, key).raw for body in bodies])


def tell(identity: Identity) -> tuple[object, ...]:
    return identity.key.public, identity.enrol, identity.rotation


def test_the_old_key_signs_until_both_halves_are_imported(tmp_path: Path) -> None:
    old = enrol(tmp_path).key.public
    rotate, renewed = halves(tmp_path)
    with pytest.raises(RotationIncomplete, match="enrolment of the new key"):
        import_enrolment(tmp_path, seal(rotate, ORG_KEY).raw)
    assert load_identity(tmp_path).key.public == old
    identity = import_enrolment(tmp_path, seal(renewed, ORG_KEY).raw)
    assert identity.key.public.raw == rotate.new_key
    assert set(identity.own_keys) == {old, PublicKey(rotate.new_key)}
    assert not (tmp_path / NEXT_KEY_FILE).exists()
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert tell(load_identity(tmp_path)) == tell(identity)


def test_both_halves_may_come_in_one_file(tmp_path: Path) -> None:
    enrol(tmp_path)
    rotate, renewed = halves(tmp_path)
    assert import_enrolment(tmp_path, sign(rotate, renewed)).key.public.raw == renewed.key


def test_a_rotation_that_is_not_to_the_key_made_here_or_not_by_the_organisation_is_refused(tmp_path: Path) -> None:
    enrol(tmp_path)
    old = open_key(tmp_path).public
    foreign = Rotate("north-forest", "rover-1", old.raw, STRANGER.public.raw, AT_MS)
    with pytest.raises(NoNextKey, match="no next key"):
        import_enrolment(tmp_path, seal(foreign, ORG_KEY).raw)
    rotate, renewed = halves(tmp_path)
    with pytest.raises(NoNextKey, match="another key than the next one"):
        import_enrolment(tmp_path, seal(foreign, ORG_KEY).raw)
    with pytest.raises(NoNextKey, match="ends another key"):
        import_enrolment(
            tmp_path, sign(Rotate("north-forest", "rover-1", STRANGER.public.raw, rotate.new_key, AT_MS), renewed)
        )
    with pytest.raises(WrongEnrolment, match="another key signed it"):
        import_enrolment(tmp_path, sign(rotate, renewed, key=STRANGER))
    assert load_identity(tmp_path).key.public == old


def test_a_power_cut_in_any_step_of_the_import_leaves_one_whole_identity(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    old = enrol(before)
    rotate, renewed = halves(before)
    shutil.copytree(before, after)
    new = import_enrolment(after, sign(rotate, renewed))
    steps = (
        (ROTATION_FILE, False),
        (ENROLMENT_FILE, False),
        (KEY_FILE, True),
    )
    cut = tmp_path / "cut"
    shutil.copytree(before, cut)
    assert tell(load_identity(cut)) == tell(old)
    for name, is_last in steps:
        if is_last:
            (cut / NEXT_KEY_FILE).unlink(missing_ok=True)
        shutil.copy(after / name, cut / name)
        found = load_identity(shutil.copytree(cut, tmp_path / f"look-{name}"))
        assert tell(found) == tell(old if name == ROTATION_FILE else new)


async def test_a_server_takes_what_waits_under_the_old_key_then_ends_it(tmp_path: Path) -> None:
    identity = enrol(tmp_path / "d")
    async with broker_alone(tmp_path) as (journal, broker), service(tmp_path, journal, broker):
        async with Agent.open(plain_settings(tmp_path / "d", broker.port)) as agent:
            assert await agent.wait_drained(timeout_s=10)
        with open_spool(tmp_path / "d", identity) as spool:
            waiting = [spool.append(observe).cid for _ in range(5)]
        rotate, renewed = halves(tmp_path / "d")
        import_enrolment(tmp_path / "d", sign(rotate, renewed))
        async with Agent.open(plain_settings(tmp_path / "d", broker.port)) as agent:
            later = agent.spool.append(observe)
            assert later.key.raw == renewed.key
            assert await agent.wait_drained(timeout_s=10)
            await until(lambda: agent.identity.rotation is None)
            last = agent.spool.append(observe)
            agent.notify()
            await until(lambda: not agent.spool.is_waiting(last.cid))
            assert agent.spool.status().refused == 0
            assert agent.refusal is None
        await check_journal(journal, rotate, {*waiting, later.cid, last.cid})


async def check_journal(journal: Journal, rotate: Rotate, expected: set[Cid]) -> None:
    entries = await journal.records_after(0, limit=1_000)
    assert expected <= {name_of(entry.raw) for entry in entries}
    late = Observation("north-forest", "rover-1", "ridge", Place(b"e" * 16, 0, 1, b"b" * 16, 1), (Note(1, "late"),))
    assert await journal.read(lambda db: Ledger(db).is_retired(late, rotate.old_key))
    assert await journal.is_revoked("north-forest", "rover-1", rotate.new_key) is False


async def test_the_word_that_ends_the_old_key_waits_for_its_last_record(tmp_path: Path) -> None:
    identity = enrol(tmp_path / "d")
    with open_spool(tmp_path / "d", identity) as spool:
        spool.append(observe)
    import_enrolment(tmp_path / "d", sign(*halves(tmp_path / "d")))
    async with small_server(tmp_path) as server, Agent.open(settings(tmp_path / "d", server)) as agent:
        await until(lambda: agent.identity.rotation is None)
        kinds = [record.kind for one in server.said for record in one.records]
        assert kinds[:3] == ["enrol", "enrol", "birth"]
        assert kinds.index("rotate") > kinds.index("observation")
        keys = [record.key for one in server.said for record in one.records if isinstance(record.body, Observation)]
        assert keys == [identity.key.public]
