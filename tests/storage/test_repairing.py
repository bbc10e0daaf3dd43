"""Repair on both stores: whatever rotted at one office, both are the same afterwards."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import text

from sync import fingerprints, log, repairing
from sync.effects import Effect
from sync.joining import Told
from sync.narrowing import RecordName
from sync.testimony import told_of
from sync.version import version_of
from tests.storage.conftest import OpenSite
from tests.storage.test_fingerprints import checks_of, contested, filled
from tests.storage.test_snapshot_contract import refuse
from tests.support.sites import DISTRICT, GARDEN, LEVEL, ORCHID, STREET, Site, record_id

NAME = RecordName("person", GARDEN, record_id(2))
NOBODY = version_of(5 << 16, 424_242)


class Heard:
    """A fold that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[object, object]] = []

    def wants(self, register: str, unit: int) -> frozenset[str] | None:
        return frozenset({"name", "most"}) if register == "person" else None

    def fold(self, _tx: object, effects: Sequence[Effect]) -> Sequence[object]:
        for effect in effects:
            self.told += [(before, after) for _, before, after in effect.changes()]
        return ()


def in_step(open_site: OpenSite, **street_options: object) -> tuple[Site, Site]:
    """Return a community and its street that hold the same, a contested record among it."""
    child, street = filled(open_site(GARDEN), 9), open_site(STREET, **street_options)
    child.send(street)
    contested(child, street)
    for site in (child, street):
        knows_itself(site)
    assert checks_of(child) == checks_of(street)
    return child, street


def knows_itself(site: Site) -> None:
    """Let a made-up store know its own incarnation, as setting it up does."""
    site.store.write(
        lambda tx: log.learn_incarnation(tx, [(site.incarnation, site.unit, LEVEL[site.unit])])
    )


def meet(child: Site, street: Site, *names: RecordName) -> dict[RecordName, str]:
    """Repair as both do over a line; return what is left and why."""
    with child.store.read() as tx:
        sent = repairing.copies(child.applier, tx, names)
        told = told_of(tx, sent)
    answers, _ = street.store.write(
        lambda tx: repairing.join_here(street.applier, tx, sent, told, peer=child.unit)
    )
    left, _ = child.store.write(
        lambda tx: repairing.adopt(child.applier, tx, sent, answers, peer=street.unit)
    )
    return left


def rot(site: Site, statement: str, **values: object) -> None:
    values.setdefault("i", NAME.id)
    assert site.store.write(lambda tx: tx.execute(text(statement), values)).rowcount >= 1


ROTS = {
    "value": "UPDATE r_person SET f_name='坏' WHERE id=:i",
    "no value": "UPDATE r_person SET f_rank=NULL, f_most=NULL WHERE id=:i",
    "version of nobody": "UPDATE r_person SET v_most=:v WHERE id=:i",
    "creation of nobody": "UPDATE r_person SET born=:v WHERE id=:i",
    "life": "UPDATE r_person SET life=2 WHERE id=:i",
    "row deleted": "DELETE FROM r_person WHERE id=:i",
    "loser deleted": "DELETE FROM conflict WHERE record=:i AND head=1",
    "loser's value": "UPDATE conflict SET value='\"坏\"' WHERE record=:i AND head=1",
}


@pytest.mark.parametrize("what", list(ROTS))
@pytest.mark.parametrize("where", ["community", "street"])
def test_a_record_changed_behind_the_programs_back_is_as_it_was(
    open_site: OpenSite, what: str, where: str
) -> None:
    child, street = in_step(open_site)
    right = child.records(), checks_of(child)
    rotten = child if where == "community" else street
    rot(rotten, ROTS[what], **({"v": NOBODY} if ":v" in ROTS[what] else {}))
    assert checks_of(child) != checks_of(street)
    assert meet(child, street, NAME) == {}
    for site in (child, street):
        assert checks_of(site) == right[1]
        assert site.digests() == site.recomputed_digests()
        with site.store.read() as tx:
            counted = fingerprints.count(tx, site.tables["person"], GARDEN, range(64))
        assert all(one.sound for one in counted.values())
    assert child.records() == right[0]


def test_a_repair_is_written_down_with_the_side_that_changed(open_site: OpenSite) -> None:
    child, street = in_step(open_site)
    right = checks_of(child)[NAME.id]
    rot(street, ROTS["value"])
    wrong = checks_of(street)[NAME.id]
    meet(child, street, NAME)
    (there,) = street.dump("repair")["repair"]
    assert there[2:9] == (GARDEN, "person", GARDEN, NAME.id, "here", wrong, right)
    assert "坏" in str(there[9]), "what was taken out is kept"
    (here,) = child.dump("repair")["repair"]
    assert here[2:9] == (STREET, "person", GARDEN, NAME.id, "there", right, right)


def test_what_no_log_explains_stands_on_both_sides(open_site: OpenSite) -> None:
    child, street = in_step(open_site)
    unlogged = version_of(99 << 40, child.incarnation)
    rot(street, "UPDATE r_person SET f_name='无人写过', v_name=:v WHERE id=:i", v=unlogged)
    assert meet(child, street, NAME) == {}
    assert checks_of(child) == checks_of(street)
    values = {h.value for h in child.states()[GARDEN, NAME.id].fields["name"].all}
    assert {"无人写过", "居"} <= values


def test_what_only_one_sides_log_explains_is_no_conflict(open_site: OpenSite) -> None:
    """A copy came in the place of the log while an edit was held up: the other has it not."""
    child, street = in_step(open_site)
    child.now_ms += 1
    child.commit(child.update(3, name="居后"))  # and its street will not hear the words
    street.now_ms = child.now_ms
    street.commit(street.update(4, GARDEN, grade="甲"))
    third, fourth = (RecordName("person", GARDEN, record_id(n)) for n in (3, 4))
    assert meet(child, street, third, fourth) == {}
    assert checks_of(child) == checks_of(street)
    assert not [c for c in street.dump("conflict")["conflict"] if third.id in c]
    assert street.value(3, "name", GARDEN) == "居后"
    assert child.value(4, "grade") == "甲"


def test_an_end_that_only_one_sides_log_has_stays_an_end(open_site: OpenSite) -> None:
    child, street = in_step(open_site)
    child.now_ms += 1
    child.commit(child.delete(3))
    third = RecordName("person", GARDEN, record_id(3))
    assert meet(child, street, third) == {}
    assert checks_of(child) == checks_of(street)
    assert street.states()[GARDEN, third.id].life == 2


def test_what_a_repair_was_told_is_told_on(open_site: OpenSite) -> None:
    child, street = in_step(open_site)
    district = open_site(DISTRICT)
    street.send(district)
    knows_itself(district)
    child.now_ms += 1
    child.commit(child.update(3, name="居后"))
    child.commit(child.delete(4))
    names = [RecordName("person", GARDEN, record_id(n)) for n in (3, 4)]
    assert meet(child, street, *names) == {}
    assert meet(street, district, *names) == {}, "its own log has neither edit"
    assert checks_of(child) == checks_of(street) == checks_of(district)
    assert district.value(3, "name", GARDEN) == "居后"
    assert district.states()[GARDEN, record_id(4)].life == 2


def test_a_value_that_rotted_where_no_log_has_it_does_not_spread(open_site: OpenSite) -> None:
    child, street = in_step(open_site)
    district = open_site(DISTRICT)
    street.send(district)
    for site in (street, district):
        knows_itself(site)
        rot(site, "DELETE FROM entry WHERE :i=:i")
    third = RecordName("person", GARDEN, record_id(3))
    right = street.value(3, "name", GARDEN)
    rot(district, ROTS["value"], i=third.id)
    assert meet(street, district, third) == {}
    assert district.value(3, "name", GARDEN) == right, "a community wrote it: below is nearer"
    for site in (street, district):
        rot(site, ROTS["value"], i=third.id)
    assert meet(child, street, third) == {}
    assert meet(street, district, third) == {}
    assert street.value(3, "name", GARDEN) == district.value(3, "name", GARDEN) == right


def test_a_peers_word_does_not_take_a_value_that_nothing_later_stands_for(
    open_site: OpenSite,
) -> None:
    child, street = in_step(open_site)
    street.now_ms += 1
    street.commit(street.update(3, GARDEN, name="街后"))
    third = RecordName("person", GARDEN, record_id(3))
    latest = street.states()[GARDEN, third.id].fields["name"].shown.version
    rot(street, "DELETE FROM entry WHERE :i=:i")  # its own log does not speak for it
    with child.store.read() as tx:
        sent = repairing.copies(child.applier, tx, [third])
    told = {third: Told(overwritten={"name": {latest}})}
    street.store.write(lambda tx: repairing.join_here(street.applier, tx, sent, told, peer=GARDEN))
    heads = street.states()[GARDEN, third.id].fields["name"].all
    assert "街后" in {head.value for head in heads}, "beside the other, for a person"


def test_what_goes_on_a_peers_word_is_kept_in_the_note(open_site: OpenSite) -> None:
    child, street = in_step(open_site)
    child.now_ms += 1
    child.commit(child.update(3, name="居后"))
    before = street.value(3, "name", GARDEN)
    meet(child, street, RecordName("person", GARDEN, record_id(3)))
    (note,) = street.dump("repair")["repair"]
    assert str(before) in str(note[9])


def test_a_record_that_only_one_side_has_is_at_both_afterwards(open_site: OpenSite) -> None:
    child, street = in_step(open_site)
    other = RecordName("person", GARDEN, record_id(777))
    rot(
        street,
        "INSERT INTO r_person (unit, id, born, life, f_name) "
        "SELECT unit, :n, born, life, '多出' FROM r_person WHERE id=:i",
        n=other.id,
    )
    assert meet(child, street, other) == {}
    assert checks_of(child) == checks_of(street)


def test_a_record_that_nobody_known_wrote_is_reported_and_not_spread(open_site: OpenSite) -> None:
    child, street = in_step(open_site)
    other = RecordName("person", GARDEN, record_id(777))
    child.store.write(
        lambda tx: tx.execute(
            text("INSERT INTO r_person (unit, id, born, life, f_name) VALUES (:u,:n,:v,1,'多出')"),
            {"u": GARDEN, "n": other.id, "v": NOBODY},
        )
    )
    assert meet(child, street, other) == {other: "unknown_writer"}
    assert other.id not in checks_of(street)


def test_a_child_cannot_slip_in_what_it_has_no_right_to_write(open_site: OpenSite) -> None:
    child, street = in_step(open_site)
    forged = version_of(99 << 40, child.incarnation)  # a grade is the street's to give
    rot(child, "UPDATE r_person SET f_grade='甲', v_grade=:v WHERE id=:i", v=forged)
    before = street.records()
    assert meet(child, street, NAME) == {NAME: "not_owner"}
    assert street.records() == before


def test_a_record_behind_a_hole_is_left_alone(open_site: OpenSite) -> None:
    child, street = in_step(open_site)
    street.store.write(
        lambda tx: tx.execute(
            text("INSERT INTO hole (id, arrival, incarnation, register, unit, record, reason, "
                 "detail, state, at_ms, tries) VALUES (:r,1,1,'person',:u,:r,'not_owner','','open',"
                 "1,1)"),
            {"r": NAME.id, "u": GARDEN},
        )
    )  # fmt: skip
    rot(child, ROTS["value"])
    assert meet(child, street, NAME) == {NAME: "hole"}


def test_sums_that_followed_the_true_record_are_not_moved_by_its_repair(
    open_site: OpenSite,
) -> None:
    heard = Heard()
    child, street = in_step(open_site, folds=[heard])
    heard.told.clear()
    rot(street, ROTS["row deleted"])
    meet(child, street, NAME)
    assert heard.told == [], "cells and totals had followed it before"
    rot(street, ROTS["value"])
    meet(child, street, NAME)
    assert [b for b, a in heard.told if b != a] == [], "nor by a value of the same version"


def test_sums_follow_a_record_that_was_truly_another(open_site: OpenSite) -> None:
    heard = Heard()
    child, street = in_step(open_site, folds=[heard])
    heard.told.clear()
    rot(street, "DELETE FROM r_person WHERE id=:i")
    rot(street, "DELETE FROM conflict WHERE record=:i")
    street.store.write(lambda tx: fingerprints.mend(tx, street.tables["person"], GARDEN, range(64)))
    meet(child, street, NAME)
    assert [(b, a["name"]) for b, a in heard.told] == [(None, child.value(2, "name"))]  # type: ignore[index]
    assert street.digests() == child.digests()


def test_a_copy_that_changed_meanwhile_is_not_overwritten(open_site: OpenSite) -> None:
    child, street = in_step(open_site)
    rot(street, ROTS["value"])
    with child.store.read() as tx:
        sent = repairing.copies(child.applier, tx, [NAME])
    answers, _ = street.store.write(
        lambda tx: repairing.join_here(street.applier, tx, sent, {}, peer=GARDEN)
    )
    child.now_ms += 1
    child.commit(child.update(2, name="新"))
    left, _ = child.store.write(
        lambda tx: repairing.adopt(child.applier, tx, sent, answers, peer=STREET)
    )
    assert left == {NAME: "changed_meanwhile"}
    assert child.value(2, "name") == "新"


def test_an_answer_that_lacks_what_is_held_here_is_not_taken(open_site: OpenSite) -> None:
    child, _ = in_step(open_site)
    with child.store.read() as tx:
        sent = repairing.copies(child.applier, tx, [NAME])
    other = record_id(3)
    with child.store.read() as tx:
        poor = repairing.copies(child.applier, tx, [RecordName("person", GARDEN, other)])
    answer = repairing.Answer(poor[RecordName("person", GARDEN, other)], check=1)
    left, _ = child.store.write(
        lambda tx: repairing.adopt(child.applier, tx, sent, {NAME: answer}, peer=STREET)
    )
    assert left == {NAME: "lacks_ours"}


def test_a_sibling_is_not_spoken_of(open_site: OpenSite) -> None:
    street, orchid = open_site(STREET), open_site(ORCHID)
    orchid.commit(orchid.create(5, name="兰"))
    orchid.send(street)
    with street.store.read() as tx:
        assert fingerprints.unit_sums(tx, {"person": [GARDEN]}) == {}


@pytest.mark.parametrize("where", ["community", "street"])
def test_a_record_that_a_store_refuses_is_named_and_holds_up_no_other(
    open_site: OpenSite, where: str
) -> None:
    child, street = in_step(open_site)
    refuser, other = (child, street) if where == "community" else (street, child)
    third = RecordName("person", GARDEN, record_id(3))
    right = checks_of(child)[third.id]
    for site in (child, street):
        rot(site, "DELETE FROM conflict WHERE record=:i", i=NAME.id)
    rot(other, "UPDATE r_person SET f_name='bad' WHERE id=:i")
    rot(refuser, "DELETE FROM r_person WHERE id=:i")
    rot(refuser, ROTS["value"], i=third.id)
    refuse(refuser, on=True)
    rotten = checks_of(other)[NAME.id]
    assert meet(child, street, NAME, third) == {NAME: "refused_by_store"}
    for site in (child, street):
        assert checks_of(site)[third.id] == right
    assert NAME.id not in checks_of(refuser), "nothing of it was done"
    assert checks_of(other)[NAME.id] == rotten
    noted = [row[2:9] for row in refuser.dump("repair")["repair"] if row[5] == NAME.id]
    peer = STREET if where == "community" else GARDEN
    assert noted == [(peer, "person", GARDEN, NAME.id, "refused", None, None)]
    refuse(refuser, on=False)
    assert meet(child, street, NAME) == {}
    assert checks_of(child) == checks_of(street)
