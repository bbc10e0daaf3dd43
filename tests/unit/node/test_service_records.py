"""Records by form: what is checked, whose a field is, stale edits, keys, lists page by page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.office import Office
from node.services.common.pages import BadToken
from node.services.records import edits
from node.services.records.edits import RecordEnded, StaleEdit
from node.services.records.rules import (
    FieldNotOwned,
    ForeignUnit,
    InvalidRecord,
    KeyTaken,
    NotKeptHere,
    SystemRegister,
    UnknownRegister,
)
from node.services.records.views import BadVersionToken
from node.store import private_cells
from node.store.cells import cells_of
from sync.model.errors import RecordMissing
from tests.support.network import CATALOGUE
from tests.unit.node.offices import COMMUNITY, STREET, Clock, exchange, new_office, send_up

HALL = {"name": "办公楼", "use": "办公", "area_m2": "660"}
RESIDENT = {"id_number": "110101199003072316", "name": "示例", "birth_date": "1990-03-07"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def community(tmp_path: Path, clock: Clock) -> Iterator[Office]:
    office = new_office(tmp_path / "c", COMMUNITY, clock)
    yield office
    office.close()


@pytest.fixture
def street(tmp_path: Path, clock: Clock) -> Iterator[Office]:
    office = new_office(tmp_path / "s", STREET, clock)
    yield office
    office.close()


def total(office: Office, measure: str) -> int:
    with office.store.read() as tx:
        private, open_ = own_cells_kept(tx, office.identity.unit)
    return sum(n for key, n in (*private, *open_) if key.measure == measure)


def own_cells_kept(tx, unit):
    private = list(private_cells.cells(tx, CATALOGUE.disclosure_plans))
    return private, [
        (key, n)
        for key, n in cells_of(tx, (unit,))
        if key.measure not in CATALOGUE.disclosure_plans
    ]


def test_a_new_record_is_stored_as_parsed_and_counted_in_its_transaction(community: Office) -> None:
    view = edits.create(community, "premises", HALL)
    assert view.values["use"] == "office"
    assert view.values["area_m2"] == 66_000
    assert view.alive
    assert total(community, "premises_area") == 66_000
    assert edits.get(community, "premises", view.unit, view.id) == view


def test_a_view_shows_which_fields_this_office_fills_in_and_which_levels_own_each(
    community: Office, street: Office
) -> None:
    made = edits.create(community, "premises", HALL)
    send_up(community, street)
    above = edits.get(street, "premises", made.unit, made.id)
    assert above.values == made.values
    assert above.writable == {"verified_area_m2", "checked_on", "tenure", "address", "remark"}
    assert "verified_area_m2" not in made.writable
    assert {level.en for level in made.owners["tenure"]} == {"community", "street"}


def test_bad_values_are_refused_with_every_fault_and_nothing_is_stored(community: Office) -> None:
    with pytest.raises(InvalidRecord) as refused:
        edits.create(community, "premises", {"use": "仓库", "area_m2": "很大"})
    assert {f.code for f in refused.value.faults} == {"required", "not_a_choice", "not_a_number"}
    assert edits.list_records(community, "premises").total == 0


def test_a_refusal_never_quotes_a_resident(community: Office) -> None:
    with pytest.raises(InvalidRecord) as refused:
        edits.create(community, "resident", {**RESIDENT, "sex": "张三丰"})
    assert "张三丰" not in refused.value.text("zh") + refused.value.text("en")
    edits.create(community, "resident", RESIDENT)
    with pytest.raises(KeyTaken) as taken:
        edits.create(community, "resident", RESIDENT)
    assert RESIDENT["id_number"] not in taken.value.text("zh") + taken.value.text("en")


def test_system_and_unknown_registers_are_refused(community: Office) -> None:
    with pytest.raises(SystemRegister):
        edits.create(community, "posting", {})
    with pytest.raises(SystemRegister):
        edits.list_records(community, "cell")
    with pytest.raises(UnknownRegister) as refused:
        edits.create(community, "premise", {})
    assert "premises" in refused.value.remedy_en


def test_only_the_level_that_keeps_a_register_creates_and_deletes_its_records(
    community: Office, street: Office
) -> None:
    with pytest.raises(NotKeptHere):
        edits.create(street, "premises", HALL)
    made = edits.create(community, "premises", HALL)
    send_up(community, street)
    with pytest.raises(NotKeptHere):
        edits.end(street, "premises", made.id)


def test_a_field_of_another_level_is_refused_unless_unchanged(
    community: Office, street: Office
) -> None:
    with pytest.raises(FieldNotOwned) as refused:
        edits.create(community, "premises", {**HALL, "verified_area_m2": "600"})
    assert refused.value.code == "not_owner"
    assert refused.value.fields == ("verified_area_m2",)
    made = edits.create(community, "premises", HALL)
    send_up(community, street)
    edits.change(street, "premises", made.unit, made.id, {"verified_area_m2": "600"})
    exchange(community, street)
    form = {"verified_area_m2": "600", "area_m2": "650", "name": "办公楼"}
    view = edits.change(community, "premises", made.unit, made.id, form)
    assert (view.values["area_m2"], view.values["verified_area_m2"]) == (65_000, 60_000)
    with pytest.raises(FieldNotOwned):
        edits.change(community, "premises", made.unit, made.id, {"verified_area_m2": "1"})


def test_a_stale_edit_of_the_same_field_is_refused_and_of_another_field_is_accepted(
    community: Office,
) -> None:
    made = edits.create(community, "premises", HALL)
    key = (community, "premises", made.unit, made.id)
    edits.change(*key, {"area_m2": "700"}, version_token=made.version_token)
    with pytest.raises(StaleEdit) as refused:
        edits.change(*key, {"area_m2": "710", "address": "东"}, version_token=made.version_token)
    assert refused.value.fields == ("area_m2",)
    view = edits.change(*key, {"address": "东"}, version_token=made.version_token)
    assert (view.values["area_m2"], view.values["address"]) == (70_000, "东")
    assert not view.conflicts


def test_an_edit_made_earlier_elsewhere_that_arrives_later_makes_a_form_stale(
    community: Office, street: Office, clock: Clock
) -> None:
    made = edits.create(community, "premises", HALL)
    send_up(community, street)
    edits.change(street, "premises", made.unit, made.id, {"tenure": "租用"})
    clock.forward()
    key = (community, "premises", made.unit, made.id)
    form = edits.change(*key, {"address": "东"})  # later than what the street wrote
    exchange(community, street)
    with pytest.raises(StaleEdit):
        edits.change(*key, {"tenure": "自有"}, version_token=form.version_token)


def test_the_same_value_written_twice_is_no_stale_edit(community: Office) -> None:
    made = edits.create(community, "premises", HALL)
    key = (community, "premises", made.unit, made.id)
    once = edits.change(*key, {"area_m2": "700"}, version_token=made.version_token)
    twice = edits.change(*key, {"area_m2": "700"}, version_token=made.version_token)
    assert twice.version_token == once.version_token


def test_a_forced_stale_edit_keeps_both_values_as_a_conflict(community: Office) -> None:
    made = edits.create(community, "premises", HALL)
    key = (community, "premises", made.unit, made.id)
    edits.change(*key, {"tenure": "租用"}, version_token=made.version_token)
    view = edits.change(*key, {"tenure": "自有"}, version_token=made.version_token, force=True)
    assert view.values["tenure"] == "owned"
    assert list(view.conflicts) == ["tenure"]


def test_an_invalid_version_token_is_refused(community: Office) -> None:
    made = edits.create(community, "premises", HALL)
    for token in ("x", "1~zz", "1~" + "00" * 16 + "~a", "1~00"):
        with pytest.raises(BadVersionToken):
            edits.change(community, "premises", made.unit, made.id, {}, version_token=token)
    with pytest.raises(BadToken):
        edits.list_records(community, "premises", after="nonsense")


def test_two_active_records_never_share_a_key(community: Office) -> None:
    hall = edits.create(community, "premises", HALL)
    with pytest.raises(KeyTaken) as taken:
        edits.create(community, "premises", HALL)
    assert taken.value.existing == hall.id
    room = edits.create(community, "premises", {**HALL, "name": "活动室"})
    with pytest.raises(KeyTaken):
        edits.change(community, "premises", room.unit, room.id, {"name": "办公楼"})


def test_a_key_follows_no_rename(community: Office) -> None:
    hall = edits.create(community, "premises", HALL)
    edits.change(community, "premises", hall.unit, hall.id, {"name": "旧楼"})
    new = edits.create(community, "premises", HALL)
    assert new.id != hall.id
    assert edits.list_records(community, "premises").total == 2


def test_an_id_follows_from_a_natural_key_but_never_from_a_personal_one(
    tmp_path: Path, clock: Clock, community: Office
) -> None:
    second = new_office(tmp_path / "twin", COMMUNITY, clock, seed=2)
    same = [edits.create(office, "premises", HALL).id for office in (community, second)]
    apart = [edits.create(office, "resident", RESIDENT).id for office in (community, second)]
    second.close()
    assert same[0] == same[1]
    assert apart[0] != apart[1]


def test_a_deleted_record_leaves_lists_and_totals_and_is_restored_empty_under_its_id(
    community: Office,
) -> None:
    made = edits.create(community, "premises", {**HALL, "address": "东"})
    ended = edits.end(community, "premises", made.id, version_token=made.version_token)
    assert not ended.alive
    assert total(community, "premises_area") == 0
    assert edits.list_records(community, "premises").total == 0
    assert edits.list_records(community, "premises", include_ended=True).total == 1
    with pytest.raises(RecordEnded):
        edits.end(community, "premises", made.id)
    with pytest.raises(RecordEnded):
        edits.change(community, "premises", made.unit, made.id, {"address": "西"})
    again = edits.create(community, "premises", {**HALL, "area_m2": "10"})
    assert (again.id, again.alive, again.values["address"]) == (made.id, True, None)
    assert total(community, "premises_area") == 1_000


def test_a_deleted_resident_may_be_added_again(community: Office) -> None:
    first = edits.create(community, "resident", RESIDENT)
    edits.end(community, "resident", first.id)
    assert edits.create(community, "resident", RESIDENT).alive
    assert total(community, "residents") == 1


def test_deleting_a_record_changed_meanwhile_is_stale(community: Office) -> None:
    made = edits.create(community, "premises", HALL)
    edits.change(community, "premises", made.unit, made.id, {"address": "西"})
    with pytest.raises(StaleEdit):
        edits.end(community, "premises", made.id, version_token=made.version_token)
    ended = edits.end(community, "premises", made.id, version_token=made.version_token, force=True)
    assert list(ended.conflicts) == ["address"]


def test_a_unit_has_one_record_of_a_singleton_register(community: Office) -> None:
    made = edits.create(community, "facility_set", {"party_room": "是"})
    with pytest.raises(KeyTaken):
        edits.create(community, "facility_set", {"party_room": "否"})
    edits.end(community, "facility_set", made.id)
    assert edits.create(community, "facility_set", {}).id == made.id


def test_rules_over_two_fields_are_checked_on_the_resulting_record(community: Office) -> None:
    poll = {"date": "2026-03-01", "method": "全体有选举权居民", "electorate": 100, "ballots": 90}
    made = edits.create(community, "election", poll)
    with pytest.raises(InvalidRecord) as refused:
        edits.change(community, "election", made.unit, made.id, {"electorate": "80"})
    assert [f.code for f in refused.value.faults] == ["rule_at_most"]
    edits.change(community, "election", made.unit, made.id, {"electorate": 80, "ballots": 70})


def test_nothing_is_written_for_a_foreign_unit_or_a_missing_record(
    community: Office, street: Office
) -> None:
    with pytest.raises(ForeignUnit):
        edits.change(community, "premises", street.identity.unit, bytes(16), {})
    with pytest.raises(ForeignUnit):
        edits.list_records(community, "premises", unit=street.identity.unit)
    with pytest.raises(RecordMissing):
        edits.change(community, "premises", community.identity.unit, bytes(16), {})
    with pytest.raises(RecordMissing):
        edits.get(community, "premises", community.identity.unit, bytes(16))


def test_pages_contain_every_record_once_in_order_with_the_total(
    community: Office, street: Office
) -> None:
    made = {edits.create(community, "premises", {**HALL, "name": f"房{n}"}).id for n in range(7)}
    send_up(community, street)
    found, token = [], ""
    while True:
        page = edits.list_records(street, "premises", subtree=True, limit=3, after=token)
        assert page.total == 7
        found += [(r.unit, r.id) for r in page.records]
        token = page.next
        if not token:
            break
    assert found == sorted(found)
    assert {record for _, record in found} == made
    assert edits.list_records(street, "premises").total == 0  # of its own it has none
    below = edits.list_records(street, "premises", unit=community.identity.unit, limit=7)
    assert (len(below.records), below.next) == (7, "")


def test_a_list_is_filtered_by_values_as_a_clerk_writes_them(community: Office) -> None:
    edits.create(community, "premises", HALL)
    edits.create(community, "premises", {**HALL, "name": "活动室", "use": "活动", "address": "东"})
    by_use = edits.list_records(community, "premises", where={"use": "活动"})
    assert [r.values["name"] for r in by_use.records] == ["活动室"]
    without = edits.list_records(community, "premises", where={"address": ""})
    assert [r.values["name"] for r in without.records] == ["办公楼"]
    for where in ({"use": "仓库"}, {"colour": "red"}):
        with pytest.raises(InvalidRecord):
            edits.list_records(community, "premises", where=where)


def test_history_shows_who_wrote_the_present_values_and_keeps_the_losers(
    community: Office, street: Office, clock: Clock
) -> None:
    made = edits.create(community, "premises", HALL)
    send_up(community, street)
    clock.forward()
    edits.change(street, "premises", made.unit, made.id, {"tenure": "租用"})
    clock.forward()
    edits.change(community, "premises", made.unit, made.id, {"tenure": "自有"})
    exchange(community, street)
    events = edits.past(community, "premises", made.unit, made.id).events
    assert [(e.kind, e.unit) for e in events] == [
        ("created", community.identity.unit),
        ("lost", street.identity.unit),
        ("changed", community.identity.unit),
    ]
    assert events[1].values == {"tenure": "rented"}
    assert events[1].state == "open"
    edits.end(community, "premises", made.id)
    assert edits.past(community, "premises", made.unit, made.id).events[-1].kind == "ended"
