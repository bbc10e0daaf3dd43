"""Two offices that wrote the same field: one conflict at both, settled once, nothing lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from node.app import Office
from node.domain.units import Level
from node.services import conflict_views, conflicts, registers
from node.services.conflict_views import ConflictView, UnknownConflict, must_look
from node.services.conflicts import ConflictClosed, ConflictNotOurs, ReasonMissing
from node.services.record_rules import FieldNotOwned, InvalidRecord, KeyTaken
from node.services.registers import RecordView
from tests.unit.node.offices import (
    CATALOGUE,
    COMMUNITY,
    DISTRICT,
    OTHER,
    STREET,
    Clock,
    exchange,
    new_office,
    send_up,
)

HALL = {"name": "办公楼", "use": "办公", "area_m2": "660"}
WHY = {"reason": "有房产证", "actor": "王"}


class Offices(NamedTuple):
    """A community, its street and their district."""

    community: Office
    street: Office
    district: Office
    clock: Clock

    def meet(self) -> None:
        """Exchange until everybody has heard everything."""
        exchange(self.community, self.street)
        exchange(self.street, self.district)
        exchange(self.community, self.street)

    def opened(self) -> list[list[ConflictView]]:
        return [list(conflict_views.list_open(o).conflicts) for o in self[:3]]

    def values(self, made: RecordView, name: str) -> set[object]:
        views = [registers.get(o, "premises", made.unit, made.id) for o in self[:3]]
        return {view.values[name] for view in views}


@pytest.fixture
def offices(tmp_path: Path) -> Iterator[Offices]:
    clock = Clock()
    opened = [
        new_office(tmp_path / code, code, clock, seed=n)
        for n, code in enumerate((COMMUNITY, STREET, DISTRICT))
    ]
    yield Offices(*opened, clock)
    for office in opened:
        office.close()


def made_and_known(offices: Offices, **more: str) -> RecordView:
    made = registers.create(offices.community, "premises", {**HALL, **more})
    offices.meet()
    return made


def write(office: Office, made: RecordView, name: str, value: str) -> None:
    registers.change(office, "premises", made.unit, made.id, {name: value})


def disputed(offices: Offices, **more: str) -> tuple[RecordView, bytes]:
    """Let the street write 租用 and the community, later and apart, 自有."""
    made = made_and_known(offices, **more)
    write(offices.street, made, "tenure", "租用")
    offices.clock.forward()
    write(offices.community, made, "tenure", "自有")
    offices.meet()
    (found,) = conflict_views.list_open(offices.community).conflicts
    return made, found.id


def test_both_writers_and_the_offices_above_see_one_conflict_with_both_sides(
    offices: Offices,
) -> None:
    made, _ = disputed(offices)
    seen = offices.opened()
    assert len({views[0].id for views in seen}) == 1
    for (view,) in seen:
        assert (view.register, view.record, view.field) == ("premises", made.id, "tenure")
        assert (view.shown.value, view.shown.level) == ("owned", Level.COMMUNITY)
        assert (view.loser.value, view.loser.level) == ("rented", Level.STREET)
        assert view.shown.unit == offices.community.identity.unit
        assert view.loser.unit == offices.street.identity.unit
        assert view.shown.at_ms - view.loser.at_ms == 60_000
        assert view.must_look == offices.street.identity.unit
        assert not view.ended
    assert [views[0].may_settle for views in seen] == [True, True, False]
    assert offices.values(made, "tenure") == {"owned"}


@pytest.mark.parametrize("at", ["community", "street"])
@pytest.mark.parametrize(("take", "value"), [("shown", "owned"), ("loser", "rented")])
def test_a_decision_at_one_closes_it_everywhere_and_the_loser_is_kept_as_settled(
    offices: Offices, at: str, take: conflicts.Take, value: str
) -> None:
    made, found = disputed(offices)
    done = conflicts.resolve(getattr(offices, at), found, take, **WHY)
    assert done.state == "settled"
    offices.meet()
    assert offices.opened() == [[], [], []]
    assert offices.values(made, "tenure") == {value}
    for office in offices[:3]:
        kept = conflict_views.show(office, found)
        assert (kept.state, kept.loser.value) == ("settled", "rented")


def test_a_third_value_settles_too_and_is_checked_as_any_edit(offices: Offices) -> None:
    made, found = disputed(offices)
    for values in ({}, {"tenure": "买的"}):
        with pytest.raises(InvalidRecord):
            conflicts.resolve(offices.street, found, "value", values=values, **WHY)
    conflicts.resolve(offices.street, found, "value", values={"tenure": "划拨"}, **WHY)
    offices.meet()
    assert offices.values(made, "tenure") == {"allotted"}
    assert offices.opened() == [[], [], []]


def test_reason_and_name_are_kept_where_it_was_decided_and_must_be_given(
    offices: Offices,
) -> None:
    _, found = disputed(offices)
    with pytest.raises(ReasonMissing):
        conflicts.resolve(offices.street, found, "shown", reason=" ", actor="王")
    conflicts.resolve(offices.street, found, "shown", **WHY)
    offices.meet()
    assert conflict_views.show(offices.street, found).reason == "王: 有房产证"
    assert conflict_views.show(offices.community, found).reason == ""


def test_what_is_settled_is_not_settled_again(offices: Offices) -> None:
    _, found = disputed(offices)
    conflicts.resolve(offices.street, found, "shown", **WHY)
    with pytest.raises(ConflictClosed):
        conflicts.resolve(offices.street, found, "loser", **WHY)
    with pytest.raises(UnknownConflict):
        conflicts.resolve(offices.street, bytes(16), "shown", **WHY)


def test_an_office_that_does_not_fill_in_the_field_cannot_settle(offices: Offices) -> None:
    _, found = disputed(offices)
    with pytest.raises(FieldNotOwned):
        conflicts.resolve(offices.district, found, "shown", **WHY)


def test_two_decisions_apart_that_differ_are_a_new_conflict_and_equal_ones_are_none(
    offices: Offices,
) -> None:
    made, found = disputed(offices)
    conflicts.resolve(offices.street, found, "loser", **WHY)
    offices.clock.forward()
    conflicts.resolve(offices.community, found, "shown", **WHY)
    offices.meet()
    seen = offices.opened()
    assert len({views[0].id for views in seen}) == 1
    assert seen[0][0].id != found
    assert offices.values(made, "tenure") == {"owned"}
    for office in (offices.street, offices.community):
        conflicts.resolve(office, seen[0][0].id, "loser", **WHY)
    offices.meet()
    assert offices.opened() == [[], [], []]
    assert offices.values(made, "tenure") == {"rented"}


def test_different_fields_never_conflict(offices: Offices) -> None:
    made = made_and_known(offices)
    write(offices.street, made, "remark", "已看")
    write(offices.community, made, "address", "东")
    offices.meet()
    assert offices.opened() == [[], [], []]
    assert offices.values(made, "remark") == {"已看"}
    assert offices.values(made, "address") == {"东"}


def ended_against_edit(offices: Offices, *, end_first: bool) -> tuple[RecordView, bytes]:
    """End at the community what the street edits apart; the two meet in the order asked for."""
    made = made_and_known(offices)
    if end_first:
        registers.end(offices.community, "premises", made.id)
        offices.clock.forward()
        write(offices.street, made, "tenure", "租用")
    else:
        write(offices.street, made, "tenure", "租用")
        offices.clock.forward()
        registers.end(offices.community, "premises", made.id)
    offices.meet()
    seen = offices.opened()
    assert len({views[0].id for views in seen}) == 1
    for (view,) in seen:
        assert view.ended
        assert view.shown.unit == offices.community.identity.unit
        assert (view.loser.value, view.loser.unit) == ("rented", offices.street.identity.unit)
        assert view.must_look == made.unit
    assert [views[0].may_settle for views in seen] == [True, False, False]
    return made, seen[0][0].id


@pytest.mark.parametrize("end_first", [True, False])
def test_an_end_confirmed_against_an_edit_stays_and_closes_everywhere(
    offices: Offices, end_first: bool
) -> None:
    made, found = ended_against_edit(offices, end_first=end_first)
    done = conflicts.resolve(offices.community, found, "shown", **WHY)
    assert (done.state, done.ended, done.reason) == ("settled", True, "王: 有房产证")
    offices.meet()
    assert offices.opened() == [[], [], []]
    for office in offices[:3]:
        assert not registers.get(office, "premises", made.unit, made.id).alive
        assert conflict_views.show(office, found).state == "settled"


@pytest.mark.parametrize("end_first", [True, False])
@pytest.mark.parametrize("take", ["loser", "value"])
def test_an_ended_record_is_brought_back_with_the_value_chosen(
    offices: Offices, end_first: bool, take: conflicts.Take
) -> None:
    made, found = ended_against_edit(offices, end_first=end_first)
    values = {"area_m2": "10", **({"tenure": "借用"} if take == "value" else {})}
    conflicts.resolve(offices.community, found, take, values=values, **WHY)
    offices.meet()
    assert offices.opened() == [[], [], []]
    for office in offices[:3]:
        view = registers.get(office, "premises", made.unit, made.id)
        assert view.alive
        assert view.values["tenure"] == ("lent" if take == "value" else "rented")
        assert view.values["area_m2"] == 1_000
        assert conflict_views.show(office, found).state == "settled"


def test_only_the_office_that_keeps_the_record_decides_whether_it_stays_ended(
    offices: Offices,
) -> None:
    _, found = ended_against_edit(offices, end_first=True)
    for take in ("shown", "loser"):
        with pytest.raises(ConflictNotOurs):
            conflicts.resolve(offices.street, found, take, **WHY)


def test_a_record_comes_back_only_while_its_key_is_free(offices: Offices) -> None:
    made = made_and_known(offices)
    write(offices.street, made, "tenure", "租用")
    write(offices.community, made, "name", "旧楼")
    registers.end(offices.community, "premises", made.id)
    registers.create(offices.community, "premises", {**HALL, "name": "旧楼"})
    offices.meet()
    (found,) = conflict_views.list_open(offices.community).conflicts
    with pytest.raises(KeyTaken):
        conflicts.resolve(offices.community, found.id, "loser", **WHY)
    conflicts.resolve(offices.community, found.id, "shown", **WHY)


def test_all_alike_are_settled_at_once_and_what_differs_stays_open(offices: Offices) -> None:
    made = [
        registers.create(offices.community, "premises", {**HALL, "name": f"房{n}"})
        for n in range(6)
    ]
    offices.meet()
    for n, each in enumerate(made):
        write(offices.street, each, "tenure", "租用")
        write(offices.street, each, "address", "西")
        offices.clock.forward()
        write(offices.community, each, "tenure", "自有" if n < 4 else "划拨")
        write(offices.community, each, "address", "东")
    offices.meet()
    (model, *_) = (
        c for c in conflict_views.list_open(offices.street).conflicts
        if c.field == "tenure" and c.shown.value == "owned"
    )  # fmt: skip
    done = conflicts.resolve_alike(offices.street, model.id, "loser", **WHY)
    assert (done.settled, done.left) == (4, 0)
    offices.meet()
    for views in offices.opened():
        assert sorted(v.field for v in views) == ["address"] * 6 + ["tenure"] * 2
    with pytest.raises(ConflictClosed):
        conflicts.resolve_alike(offices.street, model.id, "loser", **WHY)


def clashing(offices: Offices, *addresses: tuple[str, str]) -> None:
    """Let the street and the community write an address each, for a premises each time."""
    made = [
        registers.create(offices.community, "premises", {**HALL, "name": f"房{n}"})
        for n in range(len(addresses))
    ]
    offices.meet()
    for each, (street, community) in zip(made, addresses, strict=True):
        write(offices.street, each, "address", street)
        offices.clock.forward()
        write(offices.community, each, "address", community)
    offices.meet()


def test_one_decision_settles_all_conflicts_between_the_same_two_writers(
    offices: Offices,
) -> None:
    clashing(offices, ("西1", "东1"), ("西2", "东2"), ("西3", "东3"))
    (model, *others) = conflict_views.list_open(offices.street).conflicts
    counted = conflicts.resolve_alike(
        offices.street, model.id, "loser", by="writers", preview=True, **WHY
    )
    assert (counted.settled, counted.left) == (3, 0)
    assert len(conflict_views.list_open(offices.street).conflicts) == 3  # only counted
    assert (
        conflicts.resolve_alike(offices.street, model.id, "loser", by="writers", **WHY) == counted
    )
    offices.meet()
    assert offices.opened() == [[], [], []]
    shown = {
        registers.get(offices.community, "premises", c.unit, c.record).values["address"]
        for c in (model, *others)
    }
    assert shown == {"西1", "西2", "西3"}  # to each record the value of its own writer
    assert conflict_views.show(offices.street, others[0].id).reason == "王: 有房产证"


def test_what_another_pair_of_offices_wrote_is_not_alike(offices: Offices) -> None:
    clashing(offices, ("西1", "东1"), ("西2", "东2"))
    (model, other) = conflict_views.list_open(offices.street).conflicts
    made = registers.get(offices.street, "premises", other.unit, other.record)
    offices.clock.forward()
    registers.change(offices.street, "premises", made.unit, made.id, {"address": "西9"})
    done = conflicts.resolve_alike(offices.street, model.id, "loser", by="writers", **WHY)
    assert (done.settled, done.left) == (1, 0)


def test_the_list_comes_in_pages_with_its_total_and_by_register(offices: Offices) -> None:
    for n in range(5):
        made = made_and_known(offices, name=f"房{n}")
        write(offices.street, made, "tenure", "租用")
        write(offices.community, made, "tenure", "自有")
    offices.meet()
    found: list[bytes] = []
    token = ""
    while True:
        page = conflict_views.list_open(offices.street, register="premises", limit=2, after=token)
        assert page.total == 5
        found += [view.id for view in page.conflicts]
        token = page.next
        if not token:
            break
    assert len(set(found)) == len(found) == 5
    assert conflict_views.list_open(offices.street, register="service_outlet").total == 0


def test_more_losers_of_one_field_are_shown_together_and_settled_together(
    offices: Offices,
) -> None:
    made = made_and_known(offices)
    write(offices.street, made, "tenure", "租用")
    for value in ("自有", "划拨"):
        offices.clock.forward()
        registers.change(
            offices.community, "premises", made.unit, made.id, {"tenure": value},
            seen=made.seen, force=True,
        )  # fmt: skip
    offices.meet()
    for views in offices.opened():
        assert {v.loser.value for v in views} == {"rented", "owned"}
        assert {side.value for side in views[0].others} | {views[0].loser.value} == {
            "rented",
            "owned",
        }
    conflicts.resolve(offices.street, offices.opened()[1][0].id, "shown", **WHY)
    offices.meet()
    assert offices.opened() == [[], [], []]


def test_who_must_look_follows_the_owner_or_the_lowest_common_ancestor(
    offices: Offices,
) -> None:
    tree = offices.district.tree
    district, street, community, other = (
        tree.by_code(code).unit_id for code in (DISTRICT, STREET, COMMUNITY, OTHER)
    )
    premises = CATALOGUE.registers["premises"]
    assert must_look(tree, premises, "tenure", community, [street, community]) == street
    assert must_look(tree, premises, "tenure", community, [community, community]) == community
    assert must_look(tree, premises, "tenure", community, [None, community]) == community
    assert must_look(tree, premises, "area_m2", community, [community]) == community
    assert must_look(tree, premises, "verified_area_m2", community, [street]) == street
    worker = CATALOGUE.registers["community_worker"]
    assert must_look(tree, worker, "grade", community, [district]) == district
    assert must_look(tree, premises, "tenure", community, [other, community]) == street
    assert must_look(tree, premises, "tenure", 42, [street]) == 42


def test_a_forced_end_lists_what_the_person_had_not_seen(offices: Offices) -> None:
    made = registers.create(offices.community, "premises", HALL)
    write(offices.community, made, "address", "西")
    registers.end(offices.community, "premises", made.id, seen=made.seen, force=True)
    (found,) = conflict_views.list_open(offices.community).conflicts
    assert (found.field, found.loser.value, found.ended) == ("address", "西", True)
    send_up(offices.community, offices.street)
    assert [v.id for v in conflict_views.list_open(offices.street).conflicts] == [found.id]
