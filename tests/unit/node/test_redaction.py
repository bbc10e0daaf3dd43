"""Ended records at an office: when their values go, why they stay, and what one sees of a stub."""

from __future__ import annotations

import pytest

from node.china import DAY_MS
from node.services.conflicts import resolve
from node.services.conflicts import views as conflict_views
from node.services.corrections import requests
from node.services.health.verify import verify
from node.services.records import edits
from node.services.records.rules import InvalidRecord
from node.services.records.views import RecordView
from node.services.upkeep.redaction import RetentionState, redact_ended, retention_state
from node.services.upkeep.retention import retire
from sync.retention.redact import KeepReason
from tests.support.network import NORTH, A, Network
from tests.unit.node.test_log_retention import all_durable, days_pass, write_downward
from tests.unit.node.test_service_conflicts import (
    HALL,
    WHY,
    Offices,
    made_and_known,
    write,
)
from tests.unit.node.test_service_conflicts import offices as offices  # noqa: PLC0414 - a fixture
from tests.unit.node.test_service_records import RESIDENT

DAYS, LEASE_DAYS = 100, 60
WHOLE = {"name": "办公楼", "use": "office", "area_m2": 66_000}


@pytest.fixture
def net(tmp_path):
    made = Network(tmp_path / "net", (NORTH, A), templates=tmp_path / "made")
    for office in made.offices.values():
        settings = {"tombstone_days": DAYS, "lease_days": LEASE_DAYS}
        office.config = office.config.model_copy(update=settings)
    yield made
    made.close()


def hall_deleted(net: Network) -> RecordView:
    """Add and end a record at the community; its street receives it."""
    made = edits.create(net[A], "premises", {**HALL, "address": "东路"})
    edits.end(net[A], "premises", made.id)
    net.up(A)
    return made


def address(net: Network, code: str, made: RecordView) -> object:
    return edits.get(net[code], "premises", made.unit, made.id).values["address"]


def test_values_are_redacted_after_their_days_and_without_the_setting_never(net):
    made = hall_deleted(net)
    all_durable(net, A)
    days_pass(net, A, DAYS)
    assert retire(net[A], net.ms).redacted_now == 0
    assert retention_state(net[A], net.ms) == RetentionState(
        1, 0, keep_reasons={KeepReason.YOUNG: 1}
    )
    net.forward(DAY_MS)
    office = net[A]
    config = office.config
    office.config = config.model_copy(update={"tombstone_days": 0})
    assert retire(office, net.ms).redacted_now == 0
    assert retention_state(office, net.ms) == RetentionState(1, 0)
    office.config = config
    assert retention_state(office, net.ms) == RetentionState(1, 0, redactable=1)
    assert address(net, A, made) == "东路"  # that was only looking
    assert "reduced=1" in str(retire(office, net.ms))
    assert retention_state(office, net.ms) == RetentionState(0, 1)
    assert address(net, A, made) is None
    assert verify(office).sound


def test_a_resident_who_left_leaves_no_name_and_may_be_registered_again(net):
    made = edits.create(net[A], "resident", RESIDENT)
    edits.end(net[A], "resident", made.id)
    net.forward((DAYS + 1) * DAY_MS)
    all_durable(net, A)  # of the marks, which go up
    assert redact_ended(net[A], net.ms) == 1
    view = edits.get(net[A], "resident", made.unit, made.id)
    assert (view.alive, set(view.values.values())) == (False, {None})
    history = edits.past(net[A], "resident", made.unit, made.id).events
    assert not any(value for event in history for value in event.values.values())
    again = edits.create(net[A], "resident", RESIDENT)
    assert (again.alive, again.values["name"]) == (True, RESIDENT["name"])
    assert verify(net[A]).sound


def test_a_delete_that_is_not_durable_above_keeps_its_values(net):
    made = hall_deleted(net)
    net.forward(10 * DAYS * DAY_MS)
    assert redact_ended(net[A], net.ms) == 0
    assert retention_state(net[A], net.ms).keep_reasons == {KeepReason.NEEDED: 1}
    all_durable(net, A)
    assert redact_ended(net[A], net.ms) == 1
    assert address(net, A, made) is None


def test_a_delete_that_a_child_has_not_received_keeps_its_values_until_the_lease_expires(net):
    net.send_status(A)
    write_downward(net, A)  # what the street says to the community, which is away
    made = hall_deleted(net)
    all_durable(net, NORTH)
    office = net[NORTH]
    office.config = office.config.model_copy(update={"tombstone_days": 30})
    days_pass(net, NORTH, LEASE_DAYS - 1)
    assert redact_ended(office, net.ms) == 0
    assert retention_state(office, net.ms).keep_reasons == {KeepReason.NEEDED: 1}
    assert address(net, NORTH, made) == "东路"
    days_pass(net, NORTH, 3)
    assert redact_ended(office, net.ms) == 1
    assert address(net, NORTH, made) is None
    assert verify(office).sound


def redact_at(office) -> int:
    """Reduce as if everything had long been everywhere."""
    settings = {"tombstone_days": 30}
    office.config = office.config.model_copy(update=settings)
    now_ms = office.clock.now_ms() + 1_000 * DAY_MS
    all_durable({A: office}, A)  # type: ignore[arg-type]
    return redact_ended(office, now_ms)


def test_a_record_with_an_open_correction_request_keeps_its_values(offices: Offices):
    made = made_and_known(offices)
    asked = requests.ask(offices.street, "premises", made.unit, made.id, {"area_m2": "650"}, **WHY)
    offices.meet()
    edits.end(offices.community, "premises", made.id)
    offices.meet()
    assert redact_at(offices.street) == 0
    requests.withdraw(offices.street, asked.id, **WHY)
    assert redact_at(offices.street) == 1


def test_a_conflict_with_a_delete_is_decided_before_values_are_redacted(offices: Offices):
    made = made_and_known(offices)
    edits.end(offices.community, "premises", made.id)
    write(offices.street, made, "tenure", "租用")
    offices.meet()
    assert [redact_at(office) for office in offices[:3]] == [0, 0, 0]
    (found,) = conflict_views.list_open(offices.community).conflicts
    resolve.resolve(offices.community, found.id, "shown", **WHY)
    offices.meet()
    assert [redact_at(office) for office in offices[:3]] == [1, 1, 1]
    assert conflict_views.show(offices.street, found.id).loser.value is None
    assert verify(offices.street).sound


def test_restoring_a_redacted_record_needs_its_values_and_all_offices_store_them(offices: Offices):
    made = made_and_known(offices)
    edits.end(offices.community, "premises", made.id)
    assert redact_at(offices.community) == 1
    offices.clock.forward()
    write(offices.street, made, "tenure", "租用")
    offices.meet()
    (found,) = conflict_views.list_open(offices.community).conflicts
    with pytest.raises(InvalidRecord):
        resolve.resolve(offices.community, found.id, "loser", **WHY)
    resolve.resolve(offices.community, found.id, "loser", values=HALL, **WHY)
    offices.meet()
    assert shown(offices, made) == [{**WHOLE, "tenure": "rented"}] * 3


def test_a_record_added_again_is_the_same_where_its_values_were_redacted(offices: Offices):
    made = edits.create(offices.community, "premises", {**HALL, "address": "东路"})
    offices.meet()
    edits.change(offices.street, "premises", made.unit, made.id, {"verified_area_m2": "600"})
    offices.meet()
    edits.end(offices.community, "premises", made.id)
    offices.meet()
    assert redact_at(offices.district) == 1
    again = edits.create(offices.community, "premises", HALL)
    assert again.id == made.id
    offices.meet()
    assert shown(offices, made) == [{**WHOLE, "verified_area_m2": 60_000}] * 3


def shown(offices: Offices, made: RecordView) -> list[dict[str, object]]:
    """Return what each office shows of a living record, without what is empty."""
    views = [edits.get(o, "premises", made.unit, made.id) for o in offices[:3]]
    assert all(view.alive for view in views)
    assert all(verify(office).sound for office in offices[:3])
    return [{n: v for n, v in view.values.items() if v is not None} for view in views]
