"""The offices above see an audit log: they cosign what goes on, and name what was cut."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from node.audit.witness import AuditNotRefused
from node.domain.audit import AuditEvent, EventKind
from node.office import Office
from node.services.audit import proofs, views
from node.services.health.status import status
from node.store import audit as table
from node.store import checkpoints
from sync.model.errors import Malformed
from sync.store.sql import execute
from sync.tlog import wire
from sync.tlog.checkpoint import origin_of
from sync.tlog.note import COSIGNATURE, Key, cosign
from sync.tlog.note import Signature as NoteSignature
from sync.wire.link.v1 import link_pb2 as pb
from tests.support.audit import verifier
from tests.unit.node.offices import COMMUNITY, DISTRICT, STREET, Clock, exchange, new_office

VERIFIER = verifier()
CITY = "330100000000"


@pytest.fixture
def line(tmp_path: Path) -> Iterator[tuple[Office, Office, Office]]:
    """A city, its district and its street, which know each other's keys."""
    clock = Clock()
    city, district, street = (
        new_office(tmp_path / code, code, clock) for code in (CITY, DISTRICT, STREET)
    )
    for office in (street, district, city):
        grow(office)
    yield city, district, street
    for office in (city, district, street):
        office.close()


def grow(office: Office, times: int = 1) -> None:
    for number in range(times):
        office.audit.record(AuditEvent(event=EventKind.RECORDS_EXPORTED, facts={"records": number}))


def meet(child: Office, parent: Office) -> None:
    """What a handshake brings of audit logs, over the wire's own bytes."""
    me = child.identity.unit
    sent = [
        pb.LogSubmission.FromString(wire.submission_to_wire(each).SerializeToString())
        for each in child.witness.submissions()
    ]
    parent.witness.judge(me, child.audit.key.public_key, map(wire.submission_from_wire, sent))
    answers = [
        pb.LogAnswer.FromString(wire.answer_to_wire(each).SerializeToString())
        for each in parent.witness.answers(me)
    ]
    child.witness.take(parent.audit.key.public_key, map(wire.answer_from_wire, answers))


def key_of(office: Office) -> object:
    key = office.audit.key
    written = VERIFIER.Key(Key(key.name, key.public_key, COSIGNATURE).text)
    as_witness = VERIFIER.Key(key.text, VERIFIER.WITNESS)
    assert (written.id, written.type) == (as_witness.id, as_witness.type)
    return as_witness


def refused_at(office: Office) -> dict[int, str]:
    return office.witness.refused()


def cut(office: Office, keep: int) -> None:
    office.store.write(lambda tx: execute(tx, "DELETE FROM audit_entry WHERE idx>=?", (keep,)))


def test_a_log_that_goes_on_is_cosigned_by_its_parent_and_the_proof_shows_it(
    line: tuple[Office, Office, Office],
) -> None:
    _, district, street = line
    meet(street, district)
    grow(street, 5)
    meet(street, district)
    proof = proofs.prove_entry(street, 3)
    key = VERIFIER.Key(street.audit.key.text)
    witness = key_of(district)
    assert VERIFIER.verify_proof(proof.file, key, [witness], 1)[0] == 3
    with pytest.raises(VERIFIER.Wrong, match="witnesses"):
        VERIFIER.verify_proof(proof.file, key, [key_of(street)], 1)
    (seen,) = views.verify(street).witnesses
    assert (seen.witness, seen.refused) == (district.identity.unit, "")


def test_the_city_cosigns_the_log_of_a_street_that_it_never_meets(
    line: tuple[Office, Office, Office],
) -> None:
    city, district, street = line
    exchange(street, district)
    exchange(district, city)
    remember_key(city, street)
    remember_key(street, city)
    for _ in range(2):
        meet(street, district)
        meet(district, city)
        meet(street, district)
        grow(street, 3)
    meet(street, district)
    meet(district, city)
    meet(street, district)
    proof = proofs.prove_entry(street, 1)
    key = VERIFIER.Key(street.audit.key.text)
    assert VERIFIER.verify_proof(proof.file, key, [key_of(city), key_of(district)], 2)[0] == 1


def remember_key(office: Office, other: Office) -> None:
    """As it comes with the first entry, status or receipt of that office."""
    execute_ = "INSERT INTO incarnation (id, unit, level, public_key) VALUES (?,?,?,?)"
    me = other.identity
    with office.store.read() as tx:
        known = execute(tx, "SELECT 1 FROM incarnation WHERE id=?", (me.incarnation,)).fetchone()
    if known is None:
        office.store.write(
            lambda tx: execute(
                tx, execute_, (me.incarnation, me.unit, me.level, other.audit.key.public_key)
            )
        )


def test_what_nobody_changed_is_neither_sent_nor_written_again(
    line: tuple[Office, Office, Office],
) -> None:
    city, district, street = line
    meet(district, city)
    assert district.witness.submissions() == []
    before = table_size(city)
    meet(district, city)
    assert table_size(city) == before
    assert len(street.witness.submissions()) == 1


def table_size(office: Office) -> int:
    with office.store.read() as tx:
        return table.size(tx)


def test_a_log_whose_end_was_cut_is_named_at_the_next_handshake_on_both_sides(
    line: tuple[Office, Office, Office],
) -> None:
    _, district, street = line
    grow(street, 100)
    meet(street, district)
    cut(street, 2)
    meet(street, district)
    unit = street.identity.unit
    assert refused_at(district) == {unit: "truncated"}
    assert refused_at(street) == {unit: "truncated"}
    assert not views.verify(street).sound
    for office in (district, street):
        codes = {p.code for p in status(office).problems}
        assert "audit_truncated" in codes


def test_a_cut_log_that_has_grown_again_is_named_as_rewritten(
    line: tuple[Office, Office, Office],
) -> None:
    _, district, street = line
    grow(street, 5)
    meet(street, district)
    cut(street, 3)
    grow(street, 9)
    meet(street, district)
    assert refused_at(district) == {street.identity.unit: "rewritten"}
    assert views.verify(street).faults[-1].code == "other"


def test_a_log_that_was_written_again_with_valid_hashes_is_named_as_forked(
    line: tuple[Office, Office, Office],
) -> None:
    _, district, street = line
    grow(street, 5)
    meet(street, district)
    size = table_size(street)
    cut(street, size - 1)
    grow(street, 1)  # another entry at the same place, hashed and signed as it should be
    assert table_size(street) == size
    street.store.write(
        lambda tx: checkpoints.drop(tx, street.identity.unit, district.identity.unit)
    )
    assert views.verify(street).sound
    meet(street, district)
    assert refused_at(district) == {street.identity.unit: "forked"}


def test_a_refused_log_stays_refused_until_a_person_accepts_it(
    line: tuple[Office, Office, Office],
) -> None:
    _, district, street = line
    grow(street, 5)
    meet(street, district)
    cut(street, 3)
    meet(street, district)
    grow(street, 20)
    meet(street, district)
    unit = street.identity.unit
    assert refused_at(district) == {unit: "truncated"}
    with pytest.raises(AuditNotRefused):
        street.witness.accept(district.identity.unit, by="王敏", reason="备份")
    district.witness.accept(unit, by="王敏", reason="恢复备份")
    meet(street, district)
    meet(street, district)
    assert refused_at(district) == refused_at(street) == {}
    assert views.verify(street).sound
    last = views.tail(district, 0, 2).rows
    assert [b"log_refused" in (row.entry or b"") for row in last] == [True, False]
    assert b'"by":"\xe7\x8e\x8b\xe6\x95\x8f"' in (last[1].entry or b"")


def test_a_head_without_the_proof_that_it_goes_on_is_not_accepted(
    line: tuple[Office, Office, Office],
) -> None:
    _, district, street = line
    meet(street, district)
    grow(street, 3)
    (made,) = street.witness.submissions()
    bare = replace(made, proofs={})
    district.witness.judge(street.identity.unit, street.audit.key.public_key, [bare])
    with district.store.read() as tx:
        seen = checkpoints.find(tx, street.identity.unit, district.identity.unit)
    assert seen is not None
    assert seen.size < made.checkpoint.size
    assert refused_at(district) == {}


def test_no_office_but_those_above_is_a_witness(
    line: tuple[Office, Office, Office], tmp_path: Path
) -> None:
    _, district, street = line
    with closing(new_office(tmp_path / "below", COMMUNITY, Clock())) as below:
        remember_key(street, below)
        (made,) = street.witness.submissions()
        me, signer = below.identity.unit, below.replica.signer
        signed = cosign(made.checkpoint.text, origin_of(me), signer, 1_780_000_000)
        answer = wire.Answer(
            street.identity.unit, me, made.checkpoint.size, signed.data, signer.public_key
        )
        street.witness.take(district.audit.key.public_key, [answer])
    assert views.verify(street).witnesses == ()


def test_an_old_head_that_a_hub_hands_on_says_nothing_of_the_log(
    line: tuple[Office, Office, Office],
) -> None:
    city, district, street = line
    for known, of in ((city, street), (street, city)):
        remember_key(known, of)
    (old,) = street.witness.submissions()
    grow(street, 3)
    (new,) = street.witness.submissions()
    for each in (new, old):
        city.witness.judge(district.identity.unit, district.audit.key.public_key, [each])
    assert refused_at(city) == {}


def test_a_head_that_another_key_has_signed_is_no_head_of_that_log(
    line: tuple[Office, Office, Office],
) -> None:
    city, district, street = line
    remember_key(city, street)
    (made,) = district.witness.submissions()
    forged = wire.submission_to_wire(made)
    forged.unit = street.identity.unit
    with pytest.raises(Malformed):
        wire.submission_from_wire(forged)
    text = made.checkpoint.text.replace(str(district.identity.unit), str(street.identity.unit))
    forged.checkpoint = made.note.replace(made.checkpoint.text, text)
    key = street.audit.key
    line = NoteSignature(key.name, key.id + bytes(64)).line
    for public_key, note in (
        (made.public_key, forged.checkpoint),  # a key that is another office's
        (key.public_key, forged.checkpoint),
        (key.public_key, f"{text}\n{line}"),  # under the right name and id
    ):
        forged.public_key, forged.checkpoint = public_key, note
        read = wire.submission_from_wire(forged)
        city.witness.judge(district.identity.unit, district.audit.key.public_key, [read])
        assert city.witness.answers(district.identity.unit) == []
    assert checkpoints_of(city) == []


def checkpoints_of(office: Office) -> list[object]:
    with office.store.read() as tx:
        return list(checkpoints.of_witness(tx, office.identity.unit))


def test_a_cosignature_that_does_not_fit_is_not_kept(line: tuple[Office, Office, Office]) -> None:
    _, district, street = line
    district.witness.judge(
        street.identity.unit, street.audit.key.public_key, street.witness.submissions()
    )
    (answer,) = district.witness.answers(street.identity.unit)
    made = wire.answer_to_wire(answer)
    made.signature = made.signature[:-1] + bytes([made.signature[-1] ^ 1])
    street.witness.take(district.audit.key.public_key, [wire.answer_from_wire(made)])
    assert views.verify(street).witnesses == ()
