"""Repair on both stores: whatever rotted at one office, both are the same afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import Connection, text

from sync.apply.authority import UNPROVEN
from sync.compare import digests, repair
from sync.compare.repair import Answer
from sync.compare.repair_log import evidence_of
from sync.log import entries as log
from sync.log import shown
from sync.log.shown import SignedEntries
from sync.log.signatures import BadSignature
from sync.merge.evidence import Evidence, versions_in_dispute
from sync.model.change import RecordKey
from sync.model.effect import Effect
from sync.model.errors import Malformed
from sync.model.version import hlc_of, version_of
from sync.retention.truncate import truncate
from sync.store.conflicts import conflict_id, value_to_json
from tests.storage.conftest import OpenSite
from tests.storage.test_digests import checks_of, contested, filled
from tests.storage.test_snapshot_contract import refuse
from tests.support.sites import DISTRICT, GARDEN, LEVEL, ORCHID, STREET, Site, record_id

NAME = RecordKey("person", GARDEN, record_id(2))
NOBODY = version_of(5 << 16, 424_242)


class RecordingFold:
    """A fold that remembers what it received."""

    def __init__(self) -> None:
        self.evidence: list[tuple[object, object]] = []

    def fields_read(self, register: str, unit: int) -> frozenset[str] | None:
        return frozenset({"name", "most"}) if register == "person" else None

    def fold(self, _tx: object, effects: Sequence[Effect]) -> Sequence[object]:
        for effect in effects:
            self.evidence += [(before, after) for _, before, after in effect.changes()]
        return ()


def in_step(open_site: OpenSite, **street_options: object) -> tuple[Site, Site]:
    """Return a community and its street that hold the same, a contested record among it."""
    child, street = filled(open_site(GARDEN), 9), open_site(STREET, **street_options)
    child.send(street)
    contested(child, street)
    for site in (child, street):
        register_own_incarnation(site)
    assert checks_of(child) == checks_of(street)
    return child, street


def register_own_incarnation(site: Site) -> None:
    """Let a made-up store know its own incarnation, as setting it up does."""
    site.store.write(
        lambda tx: log.register_incarnations(tx, [(site.incarnation, site.unit, LEVEL[site.unit])])
    )


def meet(child: Site, street: Site, *names: RecordKey) -> dict[RecordKey, str]:
    """Repair as both do over a line; return what is left and why."""
    left = _meet(child, street, names, prove=False)
    unproven = [name for name, why in left.items() if why == UNPROVEN]
    if unproven:
        again = _meet(child, street, unproven, prove=True)
        left = {name: why for name, why in left.items() if name not in unproven} | again
    return left


def _meet(
    child: Site, street: Site, names: Sequence[RecordKey], *, prove: bool
) -> dict[RecordKey, str]:
    with child.store.read() as tx:
        sent = repair.copies(child.replica, tx, names)
        evidence = evidence_of(tx, sent)
        proofs = repair.proofs_for_parent(tx, child.replica, sent) if prove else []

    def join(tx: Connection) -> tuple[dict[RecordKey, Answer], list[SignedEntries]]:
        answers, _ = repair.join_here(
            street.replica, tx, sent, evidence, peer=child.unit, proofs=proofs
        )
        return answers, repair.proofs_for_child(tx, street.replica, child.unit, sent, answers)

    answers, shown = street.store.write(join)
    left, _ = child.store.write(
        lambda tx: repair.adopt(child.replica, tx, sent, answers, peer=street.unit, proofs=shown)
    )
    return left


def corrupt(site: Site, statement: str, **values: object) -> None:
    values.setdefault("i", NAME.id)
    assert site.store.write(lambda tx: tx.execute(text(statement), values)).rowcount >= 1


CORRUPTIONS = {
    "value": "UPDATE r_person SET f_name='坏' WHERE id=:i",
    "no value": "UPDATE r_person SET f_rank=NULL, f_most=NULL WHERE id=:i",
    "version of nobody": "UPDATE r_person SET v_most=:v WHERE id=:i",
    "creation of nobody": "UPDATE r_person SET created=:v WHERE id=:i",
    "causal_length": "UPDATE r_person SET causal_length=2 WHERE id=:i",
    "row deleted": "DELETE FROM r_person WHERE id=:i",
    "loser deleted": "DELETE FROM conflict WHERE record=:i AND head=1",
    "loser's value": "UPDATE conflict SET value='\"坏\"' WHERE record=:i AND head=1",
}


@pytest.mark.parametrize("what", list(CORRUPTIONS))
@pytest.mark.parametrize("where", ["community", "street"])
def test_a_record_changed_outside_the_program_is_repaired(
    open_site: OpenSite, what: str, where: str
) -> None:
    child, street = in_step(open_site)
    right = child.records(), checks_of(child)
    damaged = child if where == "community" else street
    corrupt(damaged, CORRUPTIONS[what], **({"v": NOBODY} if ":v" in CORRUPTIONS[what] else {}))
    assert checks_of(child) != checks_of(street)
    assert meet(child, street, NAME) == {}
    for site in (child, street):
        assert checks_of(site) == right[1]
        assert site.digests() == site.recomputed_digests()
        with site.store.read() as tx:
            counted = digests.count(tx, site.tables["person"], GARDEN, range(64))
        assert all(one.consistent for one in counted.values())
    assert child.records() == right[0]


def test_a_repair_is_logged_with_the_side_that_changed(open_site: OpenSite) -> None:
    child, street = in_step(open_site)
    right = checks_of(child)[NAME.id]
    corrupt(street, CORRUPTIONS["value"])
    wrong = checks_of(street)[NAME.id]
    meet(child, street, NAME)
    (there,) = street.dump("repair")["repair"]
    assert there[2:9] == (GARDEN, "person", GARDEN, NAME.id, "here", wrong, right)
    assert "坏" in str(there[9]), "what was taken out is kept"
    (here,) = child.dump("repair")["repair"]
    assert here[2:9] == (STREET, "person", GARDEN, NAME.id, "there", right, right)


def forget(site: Site, *writers: Site) -> None:
    """Remove the log of a site, as retention does: what these wrote was once in it."""

    def work(tx: Connection) -> None:
        for _, key, head in [*log.heads_by_unit(tx, "")]:
            if key.incarnation in {writer.incarnation for writer in writers}:
                log.record_truncation(tx, key, head.seq, head.hash, 1 << 62)
        tx.exec_driver_sql("DELETE FROM entry")

    site.store.write(work)


def lose(site: Site, name: RecordKey) -> None:
    """Take a record and the log out of a store, as a restore from an older copy leaves it."""
    corrupt(site, "DELETE FROM r_person WHERE id=:i", i=name.id)
    site.store.write(lambda tx: tx.exec_driver_sql("DELETE FROM entry"))


def test_an_office_takes_back_from_its_parent_what_it_has_signed_and_lost(
    open_site: OpenSite,
) -> None:
    child, street = in_step(open_site)
    third = RecordKey("person", GARDEN, record_id(3))
    right = child.records(), checks_of(child)
    lose(child, third)
    assert meet(child, street, third) == {}
    assert (child.records(), checks_of(child)) == right
    assert checks_of(street) == right[1]


def test_of_entries_under_a_key_that_was_never_ours_nothing_is_taken_back(
    open_site: OpenSite,
) -> None:
    child, street = in_step(open_site)
    third = RecordKey("person", GARDEN, record_id(3))
    lose(child, third)
    before = child.records()
    with street.store.read() as tx:
        sent = {third: None}
        answer = repair.copies(street.replica, tx, [third])[third]
        proofs = repair.proofs_for_child(
            tx, street.replica, child.unit, sent, {third: Answer(answer)}
        )
    assert proofs
    versions = versions_in_dispute(None, answer)
    for is_ours in (False, True):
        child.store.write(lambda tx: shown.take(tx, proofs, versions, lambda *_: is_ours))  # noqa: B023
        assert bool(child.dump("shown_entry")["shown_entry"]) is is_ours
    assert child.records() == before


def test_a_value_that_no_log_has_stays_where_it_is_and_is_named(open_site: OpenSite) -> None:
    child, street = in_step(open_site)
    unlogged = version_of(99 << 40, child.incarnation)
    corrupt(child, "UPDATE r_person SET f_name='无人写过', v_name=:v WHERE id=:i", v=unlogged)
    before = child.records(), street.records()
    assert meet(child, street, NAME) == {NAME: "unproven"}
    assert (child.records(), street.records()) == before


def test_a_hub_cannot_make_up_a_value_of_an_office_below_it(open_site: OpenSite) -> None:
    child, street = in_step(open_site)
    district = open_site(DISTRICT)
    street.send(district)
    register_own_incarnation(district)
    third = RecordKey("person", GARDEN, record_id(3))
    known = district.states()[GARDEN, third.id].fields["name"].shown.version
    for version in (known, version_of(hlc_of(known) + 1, child.incarnation)):
        corrupt(
            street,
            "UPDATE r_person SET f_name='街造', v_name=:v WHERE id=:i",
            v=version,
            i=third.id,
        )
        before = district.records()
        assert meet(street, district, third) in ({}, {third: "unproven"})
        assert district.records() == before


def test_a_parent_cannot_make_up_a_value_of_an_office_above_it(open_site: OpenSite) -> None:
    child, street = in_step(open_site)
    invented = version_of(99 << 40, street.incarnation)
    corrupt(street, "UPDATE r_person SET f_grade='甲', v_grade=:v WHERE id=:i", v=invented)
    before = child.records()
    assert meet(child, street, NAME) == {NAME: "unproven"}
    assert child.records() == before


def test_a_parent_cannot_take_back_the_end_of_its_childs_record(open_site: OpenSite) -> None:
    child, _ = in_step(open_site)
    third = RecordKey("person", GARDEN, record_id(3))
    with child.store.read() as tx:
        alive = repair.copies(child.replica, tx, [third])[third]
    child.now_ms += 1
    child.commit(child.delete(3))
    with child.store.read() as tx:
        sent = repair.copies(child.replica, tx, [third])
    before = child.records()
    left, _ = child.store.write(
        lambda tx: repair.adopt(child.replica, tx, sent, {third: Answer(alive)}, peer=STREET)
    )
    assert left == {third: "missing_local_heads"}
    assert child.records() == before


def test_an_entry_signed_by_another_hand_is_no_proof(open_site: OpenSite) -> None:
    child, street = in_step(open_site)
    child.now_ms += 1
    child.commit(child.update(3, name="居后"))
    third = RecordKey("person", GARDEN, record_id(3))
    with child.store.read() as tx:
        sent = repair.copies(child.replica, tx, [third])
        (proof,) = repair.proofs_for_parent(tx, child.replica, sent)[-1:]
    before = street.records()
    forged = replace(proof, signature=replace(proof.signature, signature=bytes(64)))
    for lie, refusal in ((forged, BadSignature), (replace(proof, wires=()), Malformed)):

        def join(tx: Connection, shown: SignedEntries = lie) -> object:
            return repair.join_here(street.replica, tx, sent, {}, peer=GARDEN, proofs=[shown])

        with pytest.raises(refusal):
            street.store.write(join)
    assert street.records() == before


def test_a_signature_proves_only_the_entries_that_lead_to_it(open_site: OpenSite) -> None:
    """Else any entry could be shown before one that its office has signed."""
    child, street = in_step(open_site)
    third, fourth = (RecordKey("person", GARDEN, record_id(n)) for n in (3, 4))
    for n, name in ((3, "先"), (5, "中"), (4, "后")):
        child.now_ms += 1
        child.commit(child.update(n, name=name))
    with child.store.read() as tx:
        sent = repair.copies(child.replica, tx, [third, fourth])
        proofs = repair.proofs_for_parent(tx, child.replica, sent)
    first, last = proofs[-2:]
    gap = SignedEntries((first.wires[0], last.wires[0]), last.signature)
    before = street.records()

    def join(tx: Connection) -> object:
        return repair.join_here(street.replica, tx, sent, {}, peer=GARDEN, proofs=[gap])

    with pytest.raises(Malformed):
        street.store.write(join)
    assert street.records() == before


def test_what_both_logs_have_forgotten_counts_as_its_own_writers_word_only(
    open_site: OpenSite,
) -> None:
    child, street = in_step(open_site)
    district = open_site(DISTRICT)
    street.send(district)
    register_own_incarnation(district)
    third, fourth = (RecordKey("person", GARDEN, record_id(n)) for n in (3, 4))
    right = district.records()
    for site in (child, street, district):
        forget(site, child, street)
    corrupt(district, CORRUPTIONS["row deleted"], i=fourth.id)
    assert meet(street, district, fourth) == {}, "it takes the place of nothing"
    assert district.records() == right
    assert [row[6] for row in district.dump("repair")["repair"]] == ["unproven"]
    corrupt(street, CORRUPTIONS["value"], i=third.id)
    assert meet(street, district, third) == {third: "unproven"}
    assert district.records() == right
    assert meet(child, street, third) == {}, "its own writer says it"
    assert street.value(3, "name", GARDEN) == district.value(3, "name", GARDEN)


def test_a_parent_cannot_use_a_repair_to_write_in_its_childs_name(open_site: OpenSite) -> None:
    """A version of the child's own that its log does not have is false, whatever it says."""
    child, street = in_step(open_site)
    unlogged = version_of(99 << 40, child.incarnation)
    corrupt(street, "UPDATE r_person SET f_name='无人写过', v_name=:v WHERE id=:i", v=unlogged)
    before = child.records()
    assert meet(child, street, NAME) == {NAME: "foreign_version"}
    assert child.records() == before


def test_a_child_cannot_use_a_repair_to_write_in_its_parents_name(open_site: OpenSite) -> None:
    """40 square metres that the street verified stay 40, under whatever version of the street."""
    child, street = in_step(open_site)
    street.now_ms += 1
    street.commit(street.update(3, GARDEN, grade="甲"))
    street.send(child)
    third = RecordKey("person", GARDEN, record_id(3))
    forged = version_of(99 << 40, street.incarnation)
    corrupt(child, "UPDATE r_person SET f_grade='伪', v_grade=:v WHERE id=:i", v=forged, i=third.id)
    before = street.records()
    assert meet(child, street, third) == {third: "foreign_version"}
    assert street.records() == before


def test_a_child_cannot_give_evidence_of_what_its_parent_wrote(open_site: OpenSite) -> None:
    """The street's log is cut: the child's word for another value does not count."""
    child, street = in_step(open_site)
    street.now_ms += 1
    street.commit(street.update(3, GARDEN, grade="甲"))
    street.send(child)
    third = RecordKey("person", GARDEN, record_id(3))
    version = child.states()[GARDEN, third.id].fields["grade"].shown.version
    for site in (child, street):
        corrupt(site, "DELETE FROM entry WHERE hlc=:h", h=hlc_of(version))
    corrupt(child, "UPDATE r_person SET f_grade='伪' WHERE id=:i", i=third.id)
    with child.store.read() as tx:
        sent = repair.copies(child.replica, tx, [third])
    lie = Evidence(written={"grade": {version: "伪"}})
    answers, _ = street.store.write(
        lambda tx: repair.join_here(street.replica, tx, sent, {third: lie}, peer=GARDEN)
    )
    assert street.value(3, "grade", GARDEN) == "甲"
    assert answers[third].copy is not None
    assert answers[third].copy.fields["grade"].shown.value == "甲"


@pytest.mark.parametrize("writer", [GARDEN, STREET])
def test_a_parent_cannot_end_its_childs_record_by_a_repair(
    open_site: OpenSite, writer: int
) -> None:
    child, street = in_step(open_site)
    with child.store.read() as tx:
        sent = repair.copies(child.replica, tx, [NAME])
    mine = sent[NAME]
    assert mine is not None
    incarnation = (child if writer == GARDEN else street).incarnation
    end = version_of(99 << 40, incarnation)
    ended = replace(mine, causal_length=2, causal_length_version=end)
    lie = Evidence(causal_lengths={end})
    before = child.records()
    left, _ = child.store.write(
        lambda tx: repair.adopt(
            child.replica, tx, sent, {NAME: Answer(ended, evidence=lie)}, peer=STREET
        )
    )
    assert left == {NAME: "foreign_version"}
    assert child.records() == before


def test_a_value_that_only_one_sides_log_explains_is_no_conflict(open_site: OpenSite) -> None:
    """A copy came in the place of the log while an edit was held up: the other has it not."""
    child, street = in_step(open_site)
    child.now_ms += 1
    child.commit(child.update(3, name="居后"))  # and its street will not receive the entries
    street.now_ms = child.now_ms
    street.commit(street.update(4, GARDEN, grade="甲"))
    third, fourth = (RecordKey("person", GARDEN, record_id(n)) for n in (3, 4))
    assert meet(child, street, third, fourth) == {}
    assert checks_of(child) == checks_of(street)
    assert not [c for c in street.dump("conflict")["conflict"] if third.id in c]
    assert street.value(3, "name", GARDEN) == "居后"
    assert child.value(4, "grade") == "甲"


def test_a_delete_that_only_one_sides_log_has_stays_a_delete(open_site: OpenSite) -> None:
    child, street = in_step(open_site)
    child.now_ms += 1
    child.commit(child.delete(3))
    third = RecordKey("person", GARDEN, record_id(3))
    assert meet(child, street, third) == {}
    assert checks_of(child) == checks_of(street)
    assert street.states()[GARDEN, third.id].causal_length == 2


def test_evidence_received_in_a_repair_is_passed_on(open_site: OpenSite) -> None:
    child, street = in_step(open_site)
    district = open_site(DISTRICT)
    street.send(district)
    register_own_incarnation(district)
    child.now_ms += 1
    child.commit(child.update(3, name="居后"))
    child.commit(child.delete(4))
    names = [RecordKey("person", GARDEN, record_id(n)) for n in (3, 4)]
    assert meet(child, street, *names) == {}
    assert meet(street, district, *names) == {}, "its own log has neither edit"
    assert checks_of(child) == checks_of(street) == checks_of(district)
    assert district.value(3, "name", GARDEN) == "居后"
    assert district.states()[GARDEN, record_id(4)].causal_length == 2


def test_what_the_writers_log_says_is_passed_on_where_the_logs_have_forgotten(
    open_site: OpenSite,
) -> None:
    """A value stays as a loser above, though its writer overwrote it knowingly."""
    child, street = in_step(open_site)
    district = open_site(DISTRICT)
    register_own_incarnation(district)
    third = RecordKey("person", GARDEN, record_id(3))
    first = child.states()[GARDEN, third.id].fields["name"].shown.version
    child.now_ms += 1
    child.commit(child.update(3, name="居后"))
    child.send(street)
    street.send(district)
    right = child.records()
    for site in (street, district):
        forget(site, child, street)
        corrupt(
            site,
            "INSERT INTO conflict (id, register, unit, record, field, version, value, level, "
            "head, deleted, state, opened_ms) "
            "VALUES (:c,'person',:u,:i,'name',:v,:x,3,1,0,'open',1)",
            i=third.id, u=GARDEN, v=first, x=value_to_json("旧"),
            c=conflict_id("person", GARDEN, third.id, "name", first),
        )  # fmt: skip
    assert meet(child, street, third) == {}
    assert meet(street, district, third) == {}, "the street's own log has forgotten it"
    assert street.records() == district.records() == right


def test_what_a_neighbour_has_shown_is_forgotten_with_the_log(open_site: OpenSite) -> None:
    child, street = in_step(open_site)
    child.now_ms += 1
    child.commit(child.update(3, name="居后"))
    assert meet(child, street, RecordKey("person", GARDEN, record_id(3))) == {}
    assert street.dump("shown_entry")["shown_entry"]
    child.now_ms += 1
    child.commit(child.update(5, name="更后"))
    child.commit(child.update(6, name="再后"))
    child.send(street)
    with street.store.read() as tx:
        end = log.position(tx)
    street.store.write(lambda tx: truncate(tx, end, after=0, children=()))
    assert not street.dump("shown_entry")["shown_entry"]


def test_a_corrupted_value_without_a_log_does_not_spread(open_site: OpenSite) -> None:
    child, street = in_step(open_site)
    district = open_site(DISTRICT)
    street.send(district)
    for site in (street, district):
        register_own_incarnation(site)
        corrupt(site, "DELETE FROM entry WHERE :i=:i")
    third = RecordKey("person", GARDEN, record_id(3))
    right = street.value(3, "name", GARDEN)
    corrupt(street, CORRUPTIONS["value"], i=third.id)
    assert meet(street, district, third) == {third: "unproven"}
    assert district.value(3, "name", GARDEN) == right
    corrupt(district, CORRUPTIONS["value"], i=third.id)
    assert meet(child, street, third) == {}
    assert meet(street, district, third) == {}, "the street shows on what the community showed"
    assert street.value(3, "name", GARDEN) == district.value(3, "name", GARDEN) == right


def test_a_peers_evidence_does_not_remove_a_value_without_a_later_one(
    open_site: OpenSite,
) -> None:
    child, street = in_step(open_site)
    street.now_ms += 1
    street.commit(street.update(3, GARDEN, name="街后"))
    third = RecordKey("person", GARDEN, record_id(3))
    latest = street.states()[GARDEN, third.id].fields["name"].shown.version
    forget(street, child, street)  # its own log does not speak for it
    with child.store.read() as tx:
        sent = repair.copies(child.replica, tx, [third])
    evidence = {third: Evidence(overwritten={"name": {latest}})}
    street.store.write(lambda tx: repair.join_here(street.replica, tx, sent, evidence, peer=GARDEN))
    heads = street.states()[GARDEN, third.id].fields["name"].all
    assert "街后" in {head.value for head in heads}, "beside the other, for a person"


def test_a_value_removed_on_a_peers_evidence_is_kept_in_the_repair_log(open_site: OpenSite) -> None:
    child, street = in_step(open_site)
    child.now_ms += 1
    child.commit(child.update(3, name="居后"))
    before = street.value(3, "name", GARDEN)
    forget(street, child)
    meet(child, street, RecordKey("person", GARDEN, record_id(3)))
    (note,) = street.dump("repair")["repair"]
    assert str(before) in str(note[9])


def test_a_record_that_no_log_has_stays_where_it_is_and_is_named(open_site: OpenSite) -> None:
    child, street = in_step(open_site)
    other = RecordKey("person", GARDEN, record_id(777))
    corrupt(
        child,
        "INSERT INTO r_person (unit, id, created, causal_length, f_name) "
        "SELECT unit, :n, created, causal_length, '多出' FROM r_person WHERE id=:i",
        n=other.id,
    )
    assert meet(child, street, other) == {other: "unproven"}
    assert other.id not in checks_of(street)


def test_a_record_that_nobody_known_wrote_is_reported_and_not_spread(open_site: OpenSite) -> None:
    child, street = in_step(open_site)
    other = RecordKey("person", GARDEN, record_id(777))
    child.store.write(
        lambda tx: tx.execute(
            text(
                "INSERT INTO r_person (unit, id, created, causal_length, f_name) "
                "VALUES (:u,:n,:v,1,'多出')"
            ),
            {"u": GARDEN, "n": other.id, "v": NOBODY},
        )
    )
    assert meet(child, street, other) == {other: "unknown_writer"}
    assert other.id not in checks_of(street)


def test_a_child_cannot_use_a_repair_to_write_what_it_may_not(open_site: OpenSite) -> None:
    child, street = in_step(open_site)
    forged = version_of(99 << 40, child.incarnation)  # a grade is the street's to give
    corrupt(child, "UPDATE r_person SET f_grade='甲', v_grade=:v WHERE id=:i", v=forged)
    before = street.records()
    assert meet(child, street, NAME) == {NAME: "not_owner"}
    assert street.records() == before


def test_a_record_with_a_quarantined_change_is_not_repaired(open_site: OpenSite) -> None:
    child, street = in_step(open_site)
    street.store.write(
        lambda tx: tx.execute(
            text("INSERT INTO quarantine (id, arrival, incarnation, register, unit, record, "
                 "reason, detail, state, at_ms, tries) "
                 "VALUES (:r,1,1,'person',:u,:r,'not_owner','','open',1,1)"),
            {"r": NAME.id, "u": GARDEN},
        )
    )  # fmt: skip
    corrupt(child, CORRUPTIONS["value"])
    assert meet(child, street, NAME) == {NAME: "quarantined"}


def test_sums_that_matched_the_correct_record_are_not_changed_by_its_repair(
    open_site: OpenSite,
) -> None:
    recorder = RecordingFold()
    child, street = in_step(open_site, folds=[recorder])
    recorder.evidence.clear()
    corrupt(street, CORRUPTIONS["row deleted"])
    meet(child, street, NAME)
    assert recorder.evidence == [], "cells and totals had followed it before"
    corrupt(street, CORRUPTIONS["value"])
    meet(child, street, NAME)
    assert [b for b, a in recorder.evidence if b != a] == [], "nor by a value of the same version"


def test_sums_are_updated_when_a_repair_changes_the_record(open_site: OpenSite) -> None:
    recorder = RecordingFold()
    child, street = in_step(open_site, folds=[recorder])
    recorder.evidence.clear()
    corrupt(street, "DELETE FROM r_person WHERE id=:i")
    corrupt(street, "DELETE FROM conflict WHERE record=:i")
    street.store.write(
        lambda tx: digests.fix_digest(tx, street.tables["person"], GARDEN, range(64))
    )
    meet(child, street, NAME)
    assert [(b, a["name"]) for b, a in recorder.evidence] == [(None, child.value(2, "name"))]  # type: ignore[index]
    assert street.digests() == child.digests()


def test_a_copy_that_changed_meanwhile_is_not_overwritten(open_site: OpenSite) -> None:
    child, street = in_step(open_site)
    corrupt(street, CORRUPTIONS["value"])
    with child.store.read() as tx:
        sent = repair.copies(child.replica, tx, [NAME])
    answers, _ = street.store.write(
        lambda tx: repair.join_here(street.replica, tx, sent, {}, peer=GARDEN)
    )
    child.now_ms += 1
    child.commit(child.update(2, name="新"))
    left, _ = child.store.write(
        lambda tx: repair.adopt(child.replica, tx, sent, answers, peer=STREET)
    )
    assert left == {NAME: "changed_meanwhile"}
    assert child.value(2, "name") == "新"


def test_an_answer_that_lacks_what_we_have_is_not_adopted(open_site: OpenSite) -> None:
    child, _ = in_step(open_site)
    with child.store.read() as tx:
        sent = repair.copies(child.replica, tx, [NAME])
    other = record_id(3)
    with child.store.read() as tx:
        poor = repair.copies(child.replica, tx, [RecordKey("person", GARDEN, other)])
    answer = repair.Answer(poor[RecordKey("person", GARDEN, other)], checksum=1)
    left, _ = child.store.write(
        lambda tx: repair.adopt(child.replica, tx, sent, {NAME: answer}, peer=STREET)
    )
    assert left == {NAME: "missing_local_heads"}


def test_a_comparison_reveals_nothing_of_a_sibling(open_site: OpenSite) -> None:
    street, orchid = open_site(STREET), open_site(ORCHID)
    orchid.commit(orchid.create(5, name="兰"))
    orchid.send(street)
    with street.store.read() as tx:
        assert digests.unit_sums(tx, {"person": [GARDEN]}) == {}


@pytest.mark.parametrize("where", ["community", "street"])
def test_a_record_that_a_store_rejects_is_reported_and_blocks_no_other(
    open_site: OpenSite, where: str
) -> None:
    child, street = in_step(open_site)
    refuser, other = (child, street) if where == "community" else (street, child)
    third = RecordKey("person", GARDEN, record_id(3))
    child.now_ms += 1
    child.commit(child.update(2, name="bad"))
    child.send(street)
    right = checks_of(child)[third.id]
    for site in (child, street):
        corrupt(site, "DELETE FROM conflict WHERE record=:i", i=NAME.id)
    corrupt(refuser, "DELETE FROM r_person WHERE id=:i")
    corrupt(refuser, CORRUPTIONS["value"], i=third.id)
    refuse(refuser, on=True)
    damaged = checks_of(other)[NAME.id]
    assert meet(child, street, NAME, third) == {NAME: "constraint_violation"}
    for site in (child, street):
        assert checks_of(site)[third.id] == right
    assert NAME.id not in checks_of(refuser), "nothing of it was done"
    assert checks_of(other)[NAME.id] == damaged
    noted = [row[2:9] for row in refuser.dump("repair")["repair"] if row[5] == NAME.id]
    peer = STREET if where == "community" else GARDEN
    assert noted == [(peer, "person", GARDEN, NAME.id, "refused", None, None)]
    refuse(refuser, on=False)
    # The street shows a union of values whose parts were deleted; the child's log corrects it.
    again = meet(child, street, NAME)
    assert again == ({NAME: "still_different"} if where == "community" else {})
    assert meet(child, street, NAME) == {}
    assert checks_of(child) == checks_of(street)
