"""Ended records at an office: when their values go, why they stay, and what one sees of a stub."""

from __future__ import annotations

import pytest

from node.services import conflict_views, conflicts, corrections, registers
from node.services.conflicts import InvalidRecord
from node.services.log_retention import DAY_MS
from node.services.record_views import RecordView
from node.services.retention import retire
from node.services.stubs import Standing, reduce_ended, standing
from node.services.verify import verify
from sync.stubs import Spared
from tests.support.network import NORTH, A, Network
from tests.unit.node.test_log_retention import all_safe, days_pass, said_down
from tests.unit.node.test_service_conflicts import HALL, WHY, Offices, made_and_known, write
from tests.unit.node.test_service_conflicts import offices as offices  # noqa: PLC0414 - a fixture
from tests.unit.node.test_service_registers import RESIDENT

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


def hall_ended(net: Network) -> RecordView:
    """Add and end a record at the community; its street hears of it."""
    made = registers.create(net[A], "premises", {**HALL, "address": "东路"})
    registers.end(net[A], "premises", made.id)
    net.up(A)
    return made


def address(net: Network, code: str, made: RecordView) -> object:
    return registers.get(net[code], "premises", made.unit, made.id).values["address"]


def test_values_go_after_their_days_and_without_the_setting_never(net):
    made = hall_ended(net)
    all_safe(net, A)
    days_pass(net, A, DAYS)
    assert retire(net[A], net.ms).reduced == 0
    assert standing(net[A], net.ms) == Standing(1, 0, spared={Spared.YOUNG: 1})
    net.forward(DAY_MS)
    office = net[A]
    config = office.config
    office.config = config.model_copy(update={"tombstone_days": 0})
    assert retire(office, net.ms).reduced == 0
    assert standing(office, net.ms) == Standing(1, 0)
    office.config = config
    assert standing(office, net.ms) == Standing(1, 0, reducible=1)
    assert address(net, A, made) == "东路"  # that was only looking
    assert "reduced=1" in str(retire(office, net.ms))
    assert standing(office, net.ms) == Standing(0, 1)
    assert address(net, A, made) is None
    assert verify(office).sound


def test_a_resident_who_left_leaves_no_name_behind_and_may_come_again(net):
    made = registers.create(net[A], "resident", RESIDENT)
    registers.end(net[A], "resident", made.id)
    net.forward((DAYS + 1) * DAY_MS)
    all_safe(net, A)  # of the marks, which go up
    assert reduce_ended(net[A], net.ms) == 1
    view = registers.get(net[A], "resident", made.unit, made.id)
    assert (view.alive, set(view.values.values())) == (False, {None})
    history = registers.history(net[A], "resident", made.unit, made.id)
    assert not any(value for event in history for value in event.values.values())
    again = registers.create(net[A], "resident", RESIDENT)
    assert (again.alive, again.values["name"]) == (True, RESIDENT["name"])
    assert verify(net[A]).sound


def test_an_end_that_is_not_safe_above_keeps_its_values(net):
    made = hall_ended(net)
    net.forward(10 * DAYS * DAY_MS)
    assert reduce_ended(net[A], net.ms) == 0
    assert standing(net[A], net.ms).spared == {Spared.NEEDED: 1}
    all_safe(net, A)
    assert reduce_ended(net[A], net.ms) == 1
    assert address(net, A, made) is None


def test_what_a_child_has_not_heard_keeps_its_values_until_the_lease_is_over(net):
    net.tell(A)
    said_down(net, A)  # what the street says to the community, which is away
    made = hall_ended(net)
    all_safe(net, NORTH)
    office = net[NORTH]
    office.config = office.config.model_copy(update={"tombstone_days": 30})
    days_pass(net, NORTH, LEASE_DAYS - 1)
    assert reduce_ended(office, net.ms) == 0
    assert standing(office, net.ms).spared == {Spared.NEEDED: 1}
    assert address(net, NORTH, made) == "东路"
    days_pass(net, NORTH, 3)
    assert reduce_ended(office, net.ms) == 1
    assert address(net, NORTH, made) is None
    assert verify(office).sound


def reduce_at(office) -> int:
    """Reduce as if everything had long been everywhere."""
    settings = {"tombstone_days": 30}
    office.config = office.config.model_copy(update=settings)
    now_ms = office.clock.now_ms() + 1_000 * DAY_MS
    all_safe({A: office}, A)  # type: ignore[arg-type]
    return reduce_ended(office, now_ms)


def test_what_a_correction_is_asked_of_keeps_its_values(offices: Offices):
    made = made_and_known(offices)
    asked = corrections.ask(
        offices.street, "premises", made.unit, made.id, {"area_m2": "650"}, **WHY
    )
    offices.meet()
    registers.end(offices.community, "premises", made.id)
    offices.meet()
    assert reduce_at(offices.street) == 0
    corrections.withdraw(offices.street, asked.id, **WHY)
    assert reduce_at(offices.street) == 1


def test_a_conflict_with_an_end_is_decided_before_anything_goes(offices: Offices):
    made = made_and_known(offices)
    registers.end(offices.community, "premises", made.id)
    write(offices.street, made, "tenure", "租用")
    offices.meet()
    assert [reduce_at(office) for office in offices[:3]] == [0, 0, 0]
    (found,) = conflict_views.list_open(offices.community).conflicts
    conflicts.resolve(offices.community, found.id, "shown", **WHY)
    offices.meet()
    assert [reduce_at(office) for office in offices[:3]] == [1, 1, 1]
    assert conflict_views.show(offices.street, found.id).loser.value is None
    assert verify(offices.street).sound


def test_who_brings_a_stub_back_must_say_what_it_was_and_all_hold_that(offices: Offices):
    made = made_and_known(offices)
    registers.end(offices.community, "premises", made.id)
    assert reduce_at(offices.community) == 1
    offices.clock.forward()
    write(offices.street, made, "tenure", "租用")
    offices.meet()
    (found,) = conflict_views.list_open(offices.community).conflicts
    with pytest.raises(InvalidRecord):
        conflicts.resolve(offices.community, found.id, "loser", **WHY)
    conflicts.resolve(offices.community, found.id, "loser", values=HALL, **WHY)
    offices.meet()
    assert shown(offices, made) == [{**WHOLE, "tenure": "rented"}] * 3


def test_a_record_added_anew_is_the_same_where_its_values_had_gone(offices: Offices):
    made = registers.create(offices.community, "premises", {**HALL, "address": "东路"})
    offices.meet()
    registers.change(offices.street, "premises", made.unit, made.id, {"verified_area_m2": "600"})
    offices.meet()
    registers.end(offices.community, "premises", made.id)
    offices.meet()
    assert reduce_at(offices.district) == 1
    again = registers.create(offices.community, "premises", HALL)
    assert again.id == made.id
    offices.meet()
    assert shown(offices, made) == [{**WHOLE, "verified_area_m2": 60_000}] * 3


def shown(offices: Offices, made: RecordView) -> list[dict[str, object]]:
    """Return what each office shows of a living record, without what is empty."""
    views = [registers.get(o, "premises", made.unit, made.id) for o in offices[:3]]
    assert all(view.alive for view in views)
    assert all(verify(office).sound for office in offices[:3])
    return [{n: v for n, v in view.values.items() if v is not None} for view in views]
