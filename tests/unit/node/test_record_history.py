"""A record's history at an office: who, when, from what to what, and what is missing of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.china import DAY_MS
from node.office import Office
from node.services.conflicts import resolve, views
from node.services.corrections import requests
from node.services.records import edits
from node.services.records.edits import KeyTaken, NotEnded, StillContested, ValuesGone
from node.services.records.history import Lack, past
from node.services.records.views import Event
from node.services.upkeep.log_retention import truncate_log
from node.services.upkeep.redaction import redact_ended
from sync.merge.record import conflicts_of
from sync.model.attribution import Attribution
from tests.support.network import EAST, NORTH, A, Network
from tests.support.tables import import_table
from tests.unit.node.offices import COMMUNITY, STREET, Clock, exchange, new_office, send_up
from tests.unit.node.test_log_retention import all_durable, days_pass
from tests.unit.node.test_service_records import HALL, RESIDENT

WANG, LI = Attribution("王敏"), Attribution("李军", "实地复测")


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


def edits_of(events: tuple[Event, ...], field: str) -> list[tuple[object, ...]]:
    """Return (office's level, person, from, to, state) of one field's edits."""
    return [
        (event.level, event.actor, change.old, change.new, change.state)
        for event in events
        for change in event.changes
        if change.field == field
    ]


def test_a_history_has_person_office_former_and_new_value_at_every_office(
    community: Office, street: Office, clock: Clock
) -> None:
    made = edits.create(community, "premises", {**HALL, "area_m2": "320.50"}, by=WANG)
    for area, by in (("400", LI), ("330", WANG)):
        clock.forward()
        edits.change(community, "premises", made.unit, made.id, {"area_m2": area}, by=by)
    send_up(community, street)
    for office in (community, street):
        found = past(office, "premises", made.unit, made.id)
        assert edits_of(found.events, "area_m2") == [
            (3, "王敏", None, 32_050, ""), (3, "李军", 32_050, 40_000, ""),
            (3, "王敏", 40_000, 33_000, ""),
        ]  # fmt: skip
        assert [event.reason for event in found.events] == ["", "实地复测", ""]
        assert (found.whole, found.missing) == (True, 0)


def test_both_values_of_a_settled_conflict_stay_in_the_history_of_both_offices(
    community: Office, street: Office, clock: Clock
) -> None:
    """What was shown is overwritten when a third value is taken: it used to be gone from view."""
    made = edits.create(community, "premises", HALL, by=WANG)
    exchange(community, street)
    clock.forward()
    edits.change(street, "premises", made.unit, made.id, {"remark": "上级"}, by=LI)
    clock.forward()
    edits.change(community, "premises", made.unit, made.id, {"remark": "本级"}, by=WANG)
    exchange(community, street)
    (conflict,) = views.list_open(street).conflicts
    clock.forward()
    resolve.resolve(
        street, conflict.id, "value", reason="以现场为准", actor="赵", values={"remark": "第三"}
    )
    exchange(community, street)
    for office in (community, street):
        events = past(office, "premises", made.unit, made.id).events
        assert edits_of(events, "remark") == [
            (2, "李军", None, "上级", "resolved"), (3, "王敏", None, "本级", ""),
            (2, "赵", "本级", "第三", ""),
        ]  # fmt: skip
        assert events[-1].reason == "以现场为准"  # and why, at both


def test_who_imports_a_file_is_the_person_of_its_records(community: Office) -> None:
    head = "姓名,公民身份号码,出生日期\n"
    data = f"{head}示例,110101199003072316,1990-03-07\n".encode()
    import_table(community, "resident", data, "a.csv", by=WANG)
    (one,) = edits.list_records(community, "resident").records
    found = past(community, "resident", one.unit, one.id)
    assert [(event.kind, event.actor) for event in found.events] == [("created", "王敏")]


def test_a_resident_has_a_history_though_no_office_receives_one(
    community: Office, street: Office, clock: Clock
) -> None:
    made = edits.create(community, "resident", RESIDENT, by=WANG)
    clock.forward()
    edits.change(community, "resident", made.unit, made.id, {"phone": "13900000000"}, by=LI)
    clock.forward()
    edits.end(community, "resident", made.id, by=Attribution("王敏", "迁出"))
    clock.forward()
    edits.restore(community, "resident", made.id, by=Attribution("王敏", "误操作"))
    found = past(community, "resident", made.unit, made.id)
    assert [(e.kind, e.actor, e.reason) for e in found.events] == [
        ("created", "王敏", ""), ("changed", "李军", "实地复测"), ("ended", "王敏", "moved_out"),
        ("restored", "王敏", "误操作"),
    ]  # fmt: skip
    assert edits_of(found.events, "phone") == [(3, "李军", None, "13900000000", "")]
    assert found.whole
    send_up(community, street)
    with street.store.read() as tx:
        wires = [bytes(row[0]) for row in tx.exec_driver_sql("SELECT wire FROM entry")]
    assert all("王敏".encode() not in wire for wire in wires)


def test_an_accepted_correction_names_who_accepted_it(
    community: Office, street: Office, clock: Clock
) -> None:
    made = edits.create(community, "premises", HALL, by=WANG)
    exchange(community, street)
    asked = requests.ask(
        street, "premises", made.unit, made.id, {"area_m2": "700"}, reason="复测", actor="赵"
    )
    exchange(community, street)
    clock.forward()
    requests.accept(community, asked.id, actor="李军")
    exchange(community, street)
    events = past(street, "premises", made.unit, made.id).events
    assert edits_of(events, "area_m2")[-1] == (3, "李军", 66_000, 70_000, "")


# -- what is missing is said ----------------------------------------------------------------------


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Network]:
    made = Network(tmp_path / "net", (EAST, NORTH, A), templates=tmp_path / "made")
    for office in made.offices.values():
        settings = {"log_days": 30, "lease_days": 60, "tombstone_days": 40}
        office.config = office.config.model_copy(update=settings)
    yield made
    made.close()


def test_after_the_log_was_cut_the_history_says_so(net: Network) -> None:
    office = net[A]
    made = edits.create(office, "premises", HALL, by=WANG)
    net.forward()
    edits.change(office, "premises", made.unit, made.id, {"area_m2": "1"}, by=LI)
    edits.create(office, "premises", {**HALL, "name": "乙"})  # the newest entry stays
    net.up(A)
    all_durable(net, A)
    days_pass(net, A, 31)
    net.forward()
    edits.change(office, "premises", made.unit, made.id, {"area_m2": "2"}, by=LI)
    found = past(office, "premises", made.unit, made.id)
    assert (found.whole, found.lacks) == (False, (Lack.CUT,))
    assert found.missing >= 2
    assert edits_of(found.events, "area_m2") == [(3, "李军", None, 200, "")]
    assert not found.events[-1].changes[0].old_known
    assert found.events[0].kind == "created"  # its present values are shown, without a person
    assert (found.events[0].logged, found.events[0].actor) == (False, "")


def test_after_the_local_log_was_cut_the_history_says_so(net: Network) -> None:
    office = net[A]
    made = edits.create(office, "resident", RESIDENT, by=WANG)
    net.forward(31 * DAY_MS)
    assert truncate_log(office, net.ms).local_cut.entries == 1
    found = past(office, "resident", made.unit, made.id)
    assert (found.lacks, found.missing) == ((Lack.CUT,), 1)


def test_a_record_that_was_kept_before_edits_were_says_so(community: Office) -> None:
    made = edits.create(community, "resident", RESIDENT, by=WANG)
    community.store.write(lambda tx: tx.exec_driver_sql("DELETE FROM local_entry"))
    edits.change(community, "resident", made.unit, made.id, {"phone": "13900000000"}, by=LI)
    found = past(community, "resident", made.unit, made.id)
    assert (found.lacks, found.missing) == ((Lack.UNKEPT,), 1)
    assert [(event.kind, event.actor) for event in found.events] == [
        ("created", ""), ("changed", "李军"),
    ]  # fmt: skip


def test_a_record_that_came_as_it_stood_says_so(
    community: Office, street: Office, clock: Clock
) -> None:
    made = edits.create(community, "premises", HALL, by=WANG)
    clock.forward()
    edits.change(community, "premises", made.unit, made.id, {"area_m2": "1"}, by=LI)
    send_up(community, street)
    street.store.write(lambda tx: tx.exec_driver_sql("DELETE FROM entry"))  # as copies leave it
    found = past(street, "premises", made.unit, made.id)
    assert (found.lacks, found.missing, found.since_ms) == ((Lack.COPIED,), 2, 0)
    assert [event.kind for event in found.events] == ["created", "changed"]


def test_after_erasure_nobody_is_shown_a_value_though_the_log_had_it(net: Network) -> None:
    office = net[A]
    office.config = office.config.model_copy(update={"log_days": 0})
    hall = edits.create(office, "premises", HALL, by=WANG)
    person = edits.create(office, "resident", RESIDENT, by=WANG)
    edits.end(office, "premises", hall.id, by=WANG)
    edits.end(office, "resident", person.id, by=Attribution("王敏", "死亡"))
    net.up(A)
    all_durable(net, A)
    net.forward(41 * DAY_MS)
    assert redact_ended(office, net.ms) == 2
    found = past(office, "premises", hall.unit, hall.id)
    assert found.lacks == (Lack.ERASED,)
    assert [(event.kind, event.actor) for event in found.events] == [
        ("created", "王敏"), ("ended", "王敏"),
    ]  # fmt: skip
    assert {change.new for event in found.events for change in event.changes} == {None}
    # Of a resident the values are gone from this office's own log, too.
    with office.store.read() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM local_entry").scalar_one() == 0
    assert past(office, "resident", person.unit, person.id).lacks == (Lack.ERASED,)


# -- the way back ---------------------------------------------------------------------------------


def test_an_ended_record_comes_back_with_its_values_id_and_figures(
    community: Office, street: Office
) -> None:
    made = edits.create(community, "premises", {**HALL, "address": "东路"})
    edits.end(community, "premises", made.id)
    back = edits.restore(community, "premises", made.id)
    assert (back.alive, back.id, back.values) == (True, made.id, made.values)
    send_up(community, street)
    assert edits.get(street, "premises", made.unit, made.id).values == made.values
    with pytest.raises(NotEnded):
        edits.restore(community, "premises", made.id)


def test_a_record_does_not_come_back_next_to_another_with_its_key(community: Office) -> None:
    made = edits.create(community, "resident", RESIDENT)
    edits.end(community, "resident", made.id)
    edits.create(community, "resident", RESIDENT)
    with pytest.raises(KeyTaken):
        edits.restore(community, "resident", made.id)


def test_what_is_against_an_end_is_decided_before_the_record_comes_back(
    community: Office, street: Office, clock: Clock
) -> None:
    made = edits.create(community, "premises", HALL)
    exchange(community, street)
    clock.forward()
    edits.change(street, "premises", made.unit, made.id, {"remark": "上级"})
    edits.end(community, "premises", made.id)
    exchange(community, street)
    with pytest.raises(StillContested):
        edits.restore(community, "premises", made.id)
    (conflict,) = views.list_open(community).conflicts
    resolve.resolve(community, conflict.id, "shown", reason="已拆", actor="王敏")
    assert edits.restore(community, "premises", made.id).alive
    with community.store.read() as tx:
        state = edits.state_of(tx, community, "premises", made.unit, made.id)
    assert state is not None
    assert not conflicts_of(state, community.tables["premises"].schema.by_name)


def test_a_record_whose_values_were_erased_is_added_anew(net: Network) -> None:
    office = net[A]
    made = edits.create(office, "resident", RESIDENT)
    edits.end(office, "resident", made.id)
    all_durable(net, A)
    net.forward(41 * DAY_MS)
    assert redact_ended(office, net.ms) == 1
    with pytest.raises(ValuesGone):
        edits.restore(office, "resident", made.id)
    assert edits.create(office, "resident", RESIDENT).alive


def test_a_usual_reason_is_kept_as_its_code_whatever_language_it_was_given_in(
    community: Office,
) -> None:
    for stated in ("moved_out", "迁出", "Moved out"):
        made = edits.create(community, "resident", RESIDENT)
        edits.end(community, "resident", made.id, by=Attribution("王敏", stated))
        last = past(community, "resident", made.unit, made.id).events[-1]
        assert last.reason == "moved_out"
