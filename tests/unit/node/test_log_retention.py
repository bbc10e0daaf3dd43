"""Retention of the log at an office: what holds it, for whom, and what the status says."""

from __future__ import annotations

import pytest

from node.audiences import audiences_of
from node.china import DAY_MS
from node.services.health.status import status
from node.services.health.verify import verify
from node.services.upkeep.log_retention import (
    GRACE_MS,
    leases,
    retention_state,
    truncate_log,
)
from node.services.upkeep.retention import retire
from sync.model.change import Edit, Operation, RecordKey
from sync.model.report import DurableAt
from sync.retention.plan import GAP_MS, HoldReason, uptime_since
from sync.retention.truncate import LANE
from sync.store.sql import execute
from tests.support.network import CATALOGUE, EAST, NORTH, A, B, Network

LOG_DAYS, LEASE_DAYS = 30, 60
DOWN = "down_hop IS NOT NULL"


@pytest.fixture
def net(tmp_path):
    made = Network(tmp_path / "net", (EAST, NORTH, A, B), templates=tmp_path / "made")
    for office in made.offices.values():
        office.config = office.config.model_copy(
            update={"log_days": LOG_DAYS, "lease_days": LEASE_DAYS}
        )
    yield made
    made.close()


def premises(net: Network, code: str, count: int) -> None:
    for n in range(count):
        net.create(code, "premises", name=f"名{n}", address="路", area_m2=30)


def all_durable(net: Network, code: str) -> None:
    """Tell an office that everybody above has all that it wrote."""
    office = net[code]
    with office.store.read() as tx:
        end = execute(tx, "SELECT arrival FROM log_head").fetchone()[0]
    levels = range(office.identity.level)
    office.peer_status.on_parent_contact(0, [DurableAt(level, LANE, end) for level in levels])


def days_pass(net: Network, code: str, days: int) -> None:
    """Let retention look once a day, as its job does."""
    for _ in range(days):
        net.forward(DAY_MS)
        truncate_log(net[code], net.ms)


def entries(net: Network, code: str, where: str = "1=1") -> int:
    with net[code].store.read() as tx:
        return execute(tx, f"SELECT count(*) FROM entry WHERE lane=2 AND {where}").fetchone()[0]


def test_entries_not_yet_durable_at_the_top_are_kept_however_old_they_are(net):
    premises(net, A, 5)
    whole = entries(net, A)
    net.settle()  # the street has it; the district and the city had no contact
    net.forward(10 * LOG_DAYS * DAY_MS)
    looked = truncate_log(net[A], net.ms)
    assert entries(net, A) == whole
    assert [hold.why for hold in looked.holds] == [HoldReason.ABOVE]
    all_durable(net, A)
    assert retention_state(net[A], net.ms).portion.entries == whole - 1
    assert entries(net, A) == whole  # that was only looking
    assert truncate_log(net[A], net.ms).portion.entries == whole - 1
    assert verify(net[A]).differences == ()


def test_recent_entries_are_kept_and_without_the_setting_all_entries(net):
    premises(net, A, 5)
    all_durable(net, A)
    whole = entries(net, A)
    days_pass(net, A, LOG_DAYS - 1)
    assert [hold.why for hold in truncate_log(net[A], net.ms).holds] == [HoldReason.YOUNG]
    net.forward(2 * DAY_MS)
    office = net[A]
    config = office.config
    office.config = config.model_copy(update={"log_days": 0})
    assert truncate_log(office, net.ms).portion.entries == 0
    office.config = config
    assert truncate_log(office, net.ms).portion.entries == whole - 1


def test_a_silent_child_keeps_the_log_from_truncation_until_its_lease_expires(net):
    unit = net.unit(A)
    office = net[NORTH]
    net.send_status(A)
    net.send_status(B)
    write_downward(net, A)
    all_durable(net, NORTH)
    whole = entries(net, NORTH, DOWN)
    days_pass(net, NORTH, LEASE_DAYS - 1)
    looked = retention_state(office, net.ms)
    assert [(hold.why, hold.unit) for hold in looked.holds] == [(HoldReason.CHILD, unit)]
    assert entries(net, NORTH, DOWN) == whole
    codes = {p.code for p in status(office, tree=True).problems}
    assert "lease_ending" in codes
    days_pass(net, NORTH, 2)
    assert entries(net, NORTH, DOWN) < whole
    assert "lease_over" in {p.code for p in status(office, tree=True).problems}
    assert [lease.left_ms < 0 for lease in leases(office, net.ms)] == [True, True]
    assert verify(office).differences == ()


def write_downward(net: Network, code: str) -> None:
    """Let the street correct a community's premises three times: that goes up and down."""
    record = net.create(code, "premises", name="名", address="路", area_m2=30)
    net.up(code)
    street, unit = net[NORTH], net.unit(code)
    audiences = audiences_of(
        CATALOGUE.registers["premises"], unit=unit, writer=street.identity.unit, level=street.level
    )
    for n in range(3):
        net.write(NORTH, Edit(
            key=RecordKey("premises", unit, record), operation=Operation.UPDATE,
            values={"address": f"路{n}"}, audiences=audiences,
        ))  # fmt: skip


def test_after_an_outage_of_its_own_a_hub_waits_before_it_expires_leases(net):
    net.send_status(A)
    write_downward(net, A)
    all_durable(net, NORTH)
    whole = entries(net, NORTH, DOWN)
    days_pass(net, NORTH, 1)
    net.forward(2 * LEASE_DAYS * DAY_MS)  # the hub was off, and had no contact
    truncate_log(net[NORTH], net.ms)
    assert entries(net, NORTH, DOWN) == whole
    days_pass(net, NORTH, GRACE_MS // DAY_MS - 1)
    assert entries(net, NORTH, DOWN) == whole
    days_pass(net, NORTH, 2)
    assert entries(net, NORTH, DOWN) < whole


def test_uptime_counts_from_the_last_gap():
    assert uptime_since(0, 0, 10 * GAP_MS) == 10 * GAP_MS
    assert uptime_since(5 * GAP_MS, 7, 6 * GAP_MS) == 7
    assert uptime_since(5 * GAP_MS, 7, 6 * GAP_MS + 1) == 6 * GAP_MS + 1
    assert uptime_since(5 * GAP_MS, 7, 4 * GAP_MS) == 4 * GAP_MS  # the clock went back


def test_the_job_reports_what_it_truncated(net):
    premises(net, A, 3)
    all_durable(net, A)
    net.forward((LOG_DAYS + 1) * DAY_MS)
    done = retire(net[A], net.ms)
    assert done.entries > 0
    assert f"entries={done.entries} floor={done.low_water_mark}" in str(done)
