"""Repair on both stores: whatever rotted at one office, both are the same afterwards."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import text

from sync import fingerprints, log, repairing
from sync.effects import Effect
from sync.narrowing import RecordName
from sync.version import version_of
from tests.storage.conftest import OpenSite
from tests.storage.test_fingerprints import checks_of, contested, filled
from tests.support.sites import GARDEN, LEVEL, ORCHID, STREET, Site, record_id

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
    answers, _ = street.store.write(
        lambda tx: repairing.join_here(street.applier, tx, sent, peer=GARDEN)
    )
    left, _ = child.store.write(
        lambda tx: repairing.adopt(child.applier, tx, sent, answers, peer=STREET)
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
        lambda tx: repairing.join_here(street.applier, tx, sent, peer=GARDEN)
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
