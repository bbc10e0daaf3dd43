"""Two offices that wrote the same field: one conflict at both, settled once, nothing lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import Connection, insert, select

from node.domain.units import Level
from node.office import Office
from node.services.common.reason import ReasonMissing
from node.services.conflicts import resolve
from node.services.conflicts import views as conflict_views
from node.services.conflicts.resolve import ConflictClosed, ConflictNotOurs
from node.services.conflicts.views import ConflictView, UnknownConflict, assignee
from node.services.records import edits
from node.services.records.edits import RecordView
from node.services.records.rules import FieldNotOwned, InvalidRecord, KeyTaken
from sync.store.tables import conflict
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
        """Exchange until everybody has received everything."""
        exchange(self.community, self.street)
        exchange(self.street, self.district)
        exchange(self.community, self.street)

    def opened(self) -> list[list[ConflictView]]:
        return [list(conflict_views.list_open(o).conflicts) for o in self[:3]]

    def values(self, made: RecordView, name: str) -> set[object]:
        views = [edits.get(o, "premises", made.unit, made.id) for o in self[:3]]
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
    made = edits.create(offices.community, "premises", {**HALL, **more})
    offices.meet()
    return made


def write(office: Office, made: RecordView, name: str, value: str) -> None:
    edits.change(office, "premises", made.unit, made.id, {name: value})


def disputed(offices: Offices, **more: str) -> tuple[RecordView, bytes]:
    """Let the street write 租用 and the community, later and apart, 自有."""
    made = made_and_known(offices, **more)
    write(offices.street, made, "tenure", "租用")
    offices.clock.forward()
    write(offices.community, made, "tenure", "自有")
    offices.meet()
    (found,) = conflict_views.list_open(offices.community).conflicts
    return made, found.id


def test_a_conflict_in_a_field_of_a_newer_program_waits_and_stops_no_list(
    offices: Offices,
) -> None:
    """The office was upgraded, and the upgrade was taken back."""
    _, known = disputed(offices)
    later = bytes(16)

    def write(tx: Connection) -> None:
        row = tx.execute(select(conflict).where(conflict.c.id == known)).one()
        tx.execute(insert(conflict).values({**row._mapping, "id": later, "field": "of_later"}))

    offices.community.store.write(write)
    assert [view.id for view in conflict_views.list_open(offices.community).conflicts] == [known]
    with pytest.raises(UnknownConflict):
        conflict_views.show(offices.community, later)


def test_both_writers_and_the_offices_above_see_one_conflict_with_both_sides(
    offices: Offices,
) -> None:
    made, _ = disputed(offices)
    version_token = offices.opened()
    assert len({views[0].id for views in version_token}) == 1
    for (view,) in version_token:
        assert (view.register, view.record, view.field) == ("premises", made.id, "tenure")
        assert (view.shown.value, view.shown.level) == ("owned", Level.COMMUNITY)
        assert (view.loser.value, view.loser.level) == ("rented", Level.STREET)
        assert view.shown.unit == offices.community.identity.unit
        assert view.loser.unit == offices.street.identity.unit
        assert view.shown.at_ms - view.loser.at_ms == 60_000
        assert view.assignee == offices.street.identity.unit
        assert not view.ended
    assert [views[0].may_resolve for views in version_token] == [True, True, False]
    assert offices.values(made, "tenure") == {"owned"}


@pytest.mark.parametrize("at", ["community", "street"])
@pytest.mark.parametrize(("take", "value"), [("shown", "owned"), ("loser", "rented")])
def test_a_decision_at_one_office_closes_the_conflict_everywhere_and_keeps_the_loser_as_resolved(
    offices: Offices, at: str, take: resolve.Take, value: str
) -> None:
    made, found = disputed(offices)
    done = resolve.resolve(getattr(offices, at), found, take, **WHY)
    assert done.state == "resolved"
    offices.meet()
    assert offices.opened() == [[], [], []]
    assert offices.values(made, "tenure") == {value}
    for office in offices[:3]:
        kept = conflict_views.show(office, found)
        assert (kept.state, kept.loser.value) == ("resolved", "rented")


def test_a_third_value_resolves_too_and_is_validated_like_any_edit(offices: Offices) -> None:
    made, found = disputed(offices)
    for values in ({}, {"tenure": "买的"}):
        with pytest.raises(InvalidRecord):
            resolve.resolve(offices.street, found, "value", values=values, **WHY)
    resolve.resolve(offices.street, found, "value", values={"tenure": "划拨"}, **WHY)
    offices.meet()
    assert offices.values(made, "tenure") == {"allotted"}
    assert offices.opened() == [[], [], []]


def test_reason_and_name_are_kept_where_it_was_decided_and_must_be_given(
    offices: Offices,
) -> None:
    _, found = disputed(offices)
    with pytest.raises(ReasonMissing):
        resolve.resolve(offices.street, found, "shown", reason=" ", actor="王")
    resolve.resolve(offices.street, found, "shown", **WHY)
    offices.meet()
    assert conflict_views.show(offices.street, found).reason == "王: 有房产证"
    assert conflict_views.show(offices.community, found).reason == ""


def test_a_resolved_conflict_is_not_resolved_again(offices: Offices) -> None:
    _, found = disputed(offices)
    resolve.resolve(offices.street, found, "shown", **WHY)
    with pytest.raises(ConflictClosed):
        resolve.resolve(offices.street, found, "loser", **WHY)
    with pytest.raises(UnknownConflict):
        resolve.resolve(offices.street, bytes(16), "shown", **WHY)


def test_an_office_that_does_not_own_the_field_cannot_resolve(offices: Offices) -> None:
    _, found = disputed(offices)
    with pytest.raises(FieldNotOwned):
        resolve.resolve(offices.district, found, "shown", **WHY)


def test_two_concurrent_decisions_that_differ_are_a_new_conflict_and_equal_ones_are_none(
    offices: Offices,
) -> None:
    made, found = disputed(offices)
    resolve.resolve(offices.street, found, "loser", **WHY)
    offices.clock.forward()
    resolve.resolve(offices.community, found, "shown", **WHY)
    offices.meet()
    version_token = offices.opened()
    assert len({views[0].id for views in version_token}) == 1
    assert version_token[0][0].id != found
    assert offices.values(made, "tenure") == {"owned"}
    for office in (offices.street, offices.community):
        resolve.resolve(office, version_token[0][0].id, "loser", **WHY)
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
        edits.end(offices.community, "premises", made.id)
        offices.clock.forward()
        write(offices.street, made, "tenure", "租用")
    else:
        write(offices.street, made, "tenure", "租用")
        offices.clock.forward()
        edits.end(offices.community, "premises", made.id)
    offices.meet()
    version_token = offices.opened()
    assert len({views[0].id for views in version_token}) == 1
    for (view,) in version_token:
        assert view.ended
        assert view.shown.unit == offices.community.identity.unit
        assert (view.loser.value, view.loser.unit) == ("rented", offices.street.identity.unit)
        assert view.assignee == made.unit
    assert [views[0].may_resolve for views in version_token] == [True, False, False]
    return made, version_token[0][0].id


@pytest.mark.parametrize("end_first", [True, False])
def test_a_delete_confirmed_against_an_edit_stays_and_closes_everywhere(
    offices: Offices, end_first: bool
) -> None:
    made, found = ended_against_edit(offices, end_first=end_first)
    done = resolve.resolve(offices.community, found, "shown", **WHY)
    assert (done.state, done.ended, done.reason) == ("resolved", True, "王: 有房产证")
    offices.meet()
    assert offices.opened() == [[], [], []]
    for office in offices[:3]:
        assert not edits.get(office, "premises", made.unit, made.id).alive
        assert conflict_views.show(office, found).state == "resolved"


@pytest.mark.parametrize("end_first", [True, False])
@pytest.mark.parametrize("take", ["loser", "value"])
def test_a_deleted_record_is_restored_with_the_chosen_value(
    offices: Offices, end_first: bool, take: resolve.Take
) -> None:
    made, found = ended_against_edit(offices, end_first=end_first)
    values = {"area_m2": "10", **({"tenure": "借用"} if take == "value" else {})}
    resolve.resolve(offices.community, found, take, values=values, **WHY)
    offices.meet()
    assert offices.opened() == [[], [], []]
    for office in offices[:3]:
        view = edits.get(office, "premises", made.unit, made.id)
        assert view.alive
        assert view.values["tenure"] == ("lent" if take == "value" else "rented")
        assert view.values["area_m2"] == 1_000
        assert conflict_views.show(office, found).state == "resolved"


def test_only_the_office_that_keeps_the_record_decides_whether_it_stays_deleted(
    offices: Offices,
) -> None:
    _, found = ended_against_edit(offices, end_first=True)
    for take in ("shown", "loser"):
        with pytest.raises(ConflictNotOurs):
            resolve.resolve(offices.street, found, take, **WHY)


def test_a_record_is_restored_only_while_its_key_is_free(offices: Offices) -> None:
    made = made_and_known(offices)
    write(offices.street, made, "tenure", "租用")
    write(offices.community, made, "name", "旧楼")
    edits.end(offices.community, "premises", made.id)
    edits.create(offices.community, "premises", {**HALL, "name": "旧楼"})
    offices.meet()
    (found,) = conflict_views.list_open(offices.community).conflicts
    with pytest.raises(KeyTaken):
        resolve.resolve(offices.community, found.id, "loser", **WHY)
    resolve.resolve(offices.community, found.id, "shown", **WHY)


def test_all_similar_conflicts_are_resolved_at_once_and_different_ones_stay_open(
    offices: Offices,
) -> None:
    made = [
        edits.create(offices.community, "premises", {**HALL, "name": f"房{n}"}) for n in range(6)
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
    done = resolve.resolve_alike(offices.street, model.id, "loser", **WHY)
    assert (done.resolved, done.left) == (4, 0)
    offices.meet()
    for views in offices.opened():
        assert sorted(v.field for v in views) == ["address"] * 6 + ["tenure"] * 2
    with pytest.raises(ConflictClosed):
        resolve.resolve_alike(offices.street, model.id, "loser", **WHY)


def clashing(offices: Offices, *addresses: tuple[str, str]) -> None:
    """Let the street and the community write an address each, for a premises each time."""
    made = [
        edits.create(offices.community, "premises", {**HALL, "name": f"房{n}"})
        for n in range(len(addresses))
    ]
    offices.meet()
    for each, (street, community) in zip(made, addresses, strict=True):
        write(offices.street, each, "address", street)
        offices.clock.forward()
        write(offices.community, each, "address", community)
    offices.meet()


def test_one_decision_resolves_all_conflicts_between_the_same_two_writers(
    offices: Offices,
) -> None:
    clashing(offices, ("西1", "东1"), ("西2", "东2"), ("西3", "东3"))
    (model, *others) = conflict_views.list_open(offices.street).conflicts
    counted = resolve.resolve_alike(
        offices.street, model.id, "loser", by="writers", preview=True, **WHY
    )
    assert (counted.resolved, counted.left) == (3, 0)
    assert len(conflict_views.list_open(offices.street).conflicts) == 3  # only counted
    assert resolve.resolve_alike(offices.street, model.id, "loser", by="writers", **WHY) == counted
    offices.meet()
    assert offices.opened() == [[], [], []]
    shown = {
        edits.get(offices.community, "premises", c.unit, c.record).values["address"]
        for c in (model, *others)
    }
    assert shown == {"西1", "西2", "西3"}  # to each record the value of its own writer
    assert conflict_views.show(offices.street, others[0].id).reason == "王: 有房产证"


def test_a_conflict_of_another_pair_of_offices_is_not_similar(offices: Offices) -> None:
    clashing(offices, ("西1", "东1"), ("西2", "东2"))
    (model, other) = conflict_views.list_open(offices.street).conflicts
    made = edits.get(offices.street, "premises", other.unit, other.record)
    offices.clock.forward()
    edits.change(offices.street, "premises", made.unit, made.id, {"address": "西9"})
    done = resolve.resolve_alike(offices.street, model.id, "loser", by="writers", **WHY)
    assert (done.resolved, done.left) == (1, 0)


def test_the_list_is_paged_with_its_total_and_filtered_by_register(offices: Offices) -> None:
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


def test_several_losers_of_one_field_are_shown_and_resolved_together(
    offices: Offices,
) -> None:
    made = made_and_known(offices)
    write(offices.street, made, "tenure", "租用")
    for value in ("自有", "划拨"):
        offices.clock.forward()
        edits.change(
            offices.community, "premises", made.unit, made.id, {"tenure": value},
            version_token=made.version_token, force=True,
        )  # fmt: skip
    offices.meet()
    for views in offices.opened():
        assert {v.loser.value for v in views} == {"rented", "owned"}
        assert {side.value for side in views[0].others} | {views[0].loser.value} == {
            "rented",
            "owned",
        }
    resolve.resolve(offices.street, offices.opened()[1][0].id, "shown", **WHY)
    offices.meet()
    assert offices.opened() == [[], [], []]


def test_a_conflict_is_assigned_to_the_owner_or_the_lowest_common_ancestor(
    offices: Offices,
) -> None:
    tree = offices.district.tree
    district, street, community, other = (
        tree.find(code).unit_id for code in (DISTRICT, STREET, COMMUNITY, OTHER)
    )
    premises = CATALOGUE.registers["premises"]
    assert assignee(tree, premises, "tenure", community, [street, community]) == street
    assert assignee(tree, premises, "tenure", community, [community, community]) == community
    assert assignee(tree, premises, "tenure", community, [None, community]) == community
    assert assignee(tree, premises, "area_m2", community, [community]) == community
    assert assignee(tree, premises, "verified_area_m2", community, [street]) == street
    worker = CATALOGUE.registers["community_worker"]
    assert assignee(tree, worker, "grade", community, [district]) == district
    assert assignee(tree, premises, "tenure", community, [other, community]) == street
    assert assignee(tree, premises, "tenure", 42, [street]) == 42


def test_a_forced_delete_lists_what_the_person_had_not_seen(offices: Offices) -> None:
    made = edits.create(offices.community, "premises", HALL)
    write(offices.community, made, "address", "西")
    edits.end(offices.community, "premises", made.id, version_token=made.version_token, force=True)
    (found,) = conflict_views.list_open(offices.community).conflicts
    assert (found.field, found.loser.value, found.ended) == ("address", "西", True)
    send_up(offices.community, offices.street)
    assert [v.id for v in conflict_views.list_open(offices.street).conflicts] == [found.id]
