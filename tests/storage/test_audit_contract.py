"""The audit log on both stores: appended with what it records, and proven to others."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from node.bad_config import BadConfig
from node.china import DAY_MS
from node.config import OfficeConfig, parse_config
from node.domain.audit import AuditEvent, EventKind
from node.identity.authority import new_key
from node.office import Office
from node.open import open_office
from node.services.audit import proofs, views
from node.services.audit.proofs import AuditEntryMissing, AuditEntryPruned
from node.services.enrolment import authority, invitations
from node.services.enrolment.requests import request_of
from node.services.upkeep.audit_retention import prune_audit
from node.setup import init_office
from node.store import audit as table
from node.store.audit import AuditDamaged
from sync.codec.signing import Signer
from sync.store.sql import execute
from tests.support.audit import verifier
from tests.unit.node.offices import CATALOGUE, DISTRICT, TREE, Clock

VERIFIER = verifier()
KEY = Signer(bytes(range(32)))
TLS = new_key()


@pytest.fixture(params=["sqlite", "postgresql"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    rng = random.Random(5)
    url = "" if request.param == "sqlite" else request.getfixturevalue("fresh_postgres_url")
    config = OfficeConfig(unit="330100000000", store=url)
    init_office(tmp_path / "c", config, CATALOGUE, rng=rng, tree_csv=TREE.encode())
    office = open_office(tmp_path / "c", wall_ms=Clock(), rng=rng, catalogue=CATALOGUE)
    yield office
    office.close()


def event(number: int) -> AuditEvent:
    return AuditEvent(event=EventKind.RECORDS_EXPORTED, facts={"records": number})


def kinds(office: Office) -> list[str]:
    return [content["event"] for content in contents(office)]


def contents(office: Office) -> list[dict[str, object]]:
    with office.store.read() as tx:
        rows = list(table.rows_from(tx, 0, table.size(tx)))
    return [json.loads(row.entry) for row in rows if row.entry is not None]


def test_what_is_recorded_commits_with_what_it_records_or_not_at_all(office: Office) -> None:
    class Broken(Exception):
        pass

    before = views.verify(office)

    def work(tx: Connection) -> None:
        office.audit.append(tx, event(1))
        raise Broken

    with pytest.raises(Broken):
        office.store.write(work)
    assert views.verify(office) == before
    assert office.audit.record(event(2)) == before.checkpoint.size


def test_a_log_of_many_entries_verifies_and_every_entry_is_proven(office: Office) -> None:
    for number in range(20):
        office.store.write(lambda tx, n=number: office.audit.append(tx, event(n), event(-n)))
    report = views.verify(office)
    assert report.sound
    assert report.checkpoint.size == 41
    for index in range(41):
        proof = proofs.prove_entry(office, index)
        key = VERIFIER.Key(proof.key)
        assert VERIFIER.verify_proof(proof.file, key) == (index, proof.entry)
    for index in (41, 1 << 70):
        with pytest.raises(AuditEntryMissing):
            proofs.prove_entry(office, index)


def test_an_export_is_whole_and_goes_on_with_an_earlier_checkpoint(office: Office) -> None:
    for number in range(5):
        office.audit.record(event(number))
    earlier = views.verify(office).note
    office.audit.record(event(5))
    lines = [line for part in views.exported(office) for line in part]
    key = VERIFIER.Key(office.audit.key.text)
    assert VERIFIER.verify_log(lines, key, earlier) == 7
    with pytest.raises(VERIFIER.Wrong, match="is missing"):
        VERIFIER.verify_log([*lines[:2], *lines[3:]], key)
    with pytest.raises(VERIFIER.Wrong, match="was changed"):
        VERIFIER.verify_log([line.replace(":4}", ":9}") for line in lines], key)
    with pytest.raises(VERIFIER.Wrong, match="not those"):
        VERIFIER.verify_log([*lines[:-2], lines[-1]], key)


@pytest.mark.parametrize(
    ("fraud", "code"),
    [
        ("UPDATE audit_entry SET entry='{}' WHERE idx=3", "entry_changed"),
        ("UPDATE audit_entry SET hashes=entry WHERE idx=5", "entry_changed"),
        ("UPDATE audit_entry SET hashes=substr(hashes, 1, 32) WHERE idx=5", "hashes_changed"),
        ("DELETE FROM audit_entry WHERE idx=4", "missing"),
    ],
)
def test_a_row_that_was_changed_or_deleted_is_named(office: Office, fraud: str, code: str) -> None:
    for number in range(8):
        office.audit.record(event(number))
    if not office.store.is_sqlite:
        fraud = fraud.replace("'{}'", "'{}'::bytea")
    office.store.write(lambda tx: execute(tx, fraud))
    report = views.verify(office)
    assert not report.sound
    assert report.faults[0].code == code


def test_a_log_that_lacks_a_row_takes_no_entry_that_needs_it(office: Office) -> None:
    for number in range(6):
        office.audit.record(event(number))  # with the one that begins the log: 7 entries
    office.store.write(lambda tx: execute(tx, "DELETE FROM audit_entry WHERE idx=3"))
    with pytest.raises(AuditDamaged):
        office.audit.record(event(7))  # closes the subtree of 0 to 7, with the hash of 3
    with pytest.raises(AuditDamaged):
        proofs.prove_entry(office, 5)


def test_what_was_pruned_keeps_its_hash_and_all_else_its_proof(office: Office) -> None:
    for number in range(9):
        office.audit.record(event(number))
    kept = proofs.prove_entry(office, 9)
    earlier = views.verify(office).note
    with office.store.read() as tx:
        (row,) = table.rows_from(tx, 4, 5)
    office.store.write(lambda tx: table.prune(tx, 10, row.at_ms + 1, 5))
    report = views.verify(office)
    assert (report.sound, report.pruned) == (True, 5)
    assert report.note == earlier
    key = VERIFIER.Key(office.audit.key.text)
    assert VERIFIER.verify_proof(kept.file, key)[0] == 9
    assert VERIFIER.verify_proof(proofs.prove_entry(office, 6).file, key)[0] == 6
    with pytest.raises(AuditEntryPruned):
        proofs.prove_entry(office, 4)
    lines = [line for part in views.exported(office) for line in part]
    assert VERIFIER.verify_log(lines, key, earlier) == 10


def test_entries_are_removed_after_their_days_and_the_log_says_so(office: Office) -> None:
    office.audit.record(event(1))
    days = office.config.model_copy(update={"audit_days": 183})
    office.config = days
    first_ms = office.clock.now_ms()
    assert prune_audit(office, first_ms + 182 * DAY_MS) == 0
    assert prune_audit(office, first_ms + 184 * DAY_MS) == 2
    assert [content["event"] for content in contents(office)] == ["entries_pruned"]
    assert views.verify(office).sound


def test_nothing_is_removed_before_somebody_has_confirmed_the_clock(office: Office) -> None:
    office.audit.record(event(1))
    office.config = office.config.model_copy(update={"audit_days": 183})
    office.clock_leap_ms = 400 * DAY_MS
    assert prune_audit(office, office.clock.now_ms() + 400 * DAY_MS) == 0


@pytest.mark.parametrize("days", [1, 182])
def test_no_setting_keeps_entries_for_less_than_six_months(days: int) -> None:
    with pytest.raises(BadConfig, match="183"):
        parse_config("office.toml", {"unit": "330100000000", "audit_days": days})


def test_certificates_and_invitations_are_recorded_with_their_rows(office: Office) -> None:
    authority.found_city(office)
    unit = office.tree.find(DISTRICT).unit_id
    (invited,) = invitations.invite(office, [unit], by="王敏")
    request = request_of(KEY, unit, TLS)
    invitations.use(office, invitations.check(office, invited.secret, request), request)
    authority.issue(office, unit, TLS.public_key(), KEY.public_key)
    (revoked,) = authority.revoke(office, DISTRICT, "lost", by="王敏")
    assert kinds(office) == [
        "log_begun", "authority_founded", "certificate_issued", "certificate_received",
        "unit_invited", "invitation_used", "certificate_issued", "certificate_revoked",
    ]  # fmt: skip
    last = contents(office)[-1]
    assert last["by"] == "王敏"
    assert last["facts"] == {"serial": revoked.serial}
    assert invited.secret.hex() not in str(contents(office))
