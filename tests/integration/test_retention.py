"""The log is cut while offices are away; who comes back loses nothing, over real lines."""

from __future__ import annotations

import shutil

import pytest
from sqlalchemy import func, select

from node.china import DAY_MS
from node.services.health.status import status
from node.services.upkeep.log_retention import GRACE_MS, truncate_log
from sync.link.child import ChildEnd
from sync.link.messages import BatchRead, Read
from sync.log import entries as log
from sync.log import truncation
from sync.model.limits import BATCH_BYTES_MAX
from sync.retention.truncate import LANE
from sync.store.tables import entry
from tests.support.edits import addresses, enlarge, move_to, outlet, premises
from tests.support.tier import (
    CITY,
    DISTRICT,
    GARDEN,
    ORCHID,
    STREET,
    Tier,
    assert_consistent_and_equal,
    copy_of,
    eventually,
    offline,
    outlets,
    settled,
)


def years_pass(tier: Tier, code: str) -> int:
    """Let an office's retention look day by day until every lease is over, and cut.

    Returns: how many entries went.
    """
    office = tier.served(code).office
    office.config = office.config.model_copy(update={"log_days": 30, "lease_days": 60})
    now_ms = office.clock.now_ms() + 400 * DAY_MS
    eventually(lambda: durable_at_the_top(tier, code))
    days = range(0, GRACE_MS // DAY_MS + 2, 2)
    return sum(truncate_log(office, now_ms + day * DAY_MS).portion.entries for day in days)


def durable_at_the_top(tier: Tier, code: str) -> bool:
    """Have an office ask how far its log is safe; say whether all that goes up is, at the city."""
    served = tier.served(code)
    served.dialer.renew_handshake()  # type: ignore[union-attr]
    with served.office.store.read() as tx:
        last = select(func.max(entry.c.arrival)).where(entry.c.up_to.is_not(None))
        newest = tx.execute(last.where(entry.c.lane == LANE.value)).scalar_one() or 0
    top = [
        s.position
        for s in served.office.peer_status.receipts.positions()
        if (s.level, s.lane) == (0, LANE)
    ]
    return max(top, default=0) >= newest


def truncation_point(tier: Tier, code: str, peer: int = truncation.ALL) -> int:
    with tier.served(code).office.store.read() as tx:
        return truncation.truncation_point(tx, LANE, peer)


def test_a_child_absent_beyond_its_lease_loses_nothing_and_restores_no_deleted_record(
    tier: Tier,
) -> None:
    first = tier.add_premises(GARDEN, "甲", 10)
    gone = tier.add_premises(GARDEN, "终", 10)
    eventually(lambda: {first, gone} <= set(tier.premises(CITY)))
    settled(tier, GARDEN, STREET, DISTRICT)
    garden = tier.served(GARDEN).office.identity.unit
    tier.stop(GARDEN)
    street = tier.served(STREET).office
    for n in range(5):
        move_to(street, garden, first, f"新址{n}")
    settled(tier, STREET, DISTRICT)
    assert years_pass(tier, STREET) > 5
    assert truncation_point(tier, STREET, garden) > 0
    since = offline(tier, GARDEN, lambda o: [premises(o, f"新{n}", 30) for n in range(3)])
    offline(tier, GARDEN, lambda o: enlarge(o, first, 11))
    tier.start(GARDEN, STREET)
    everything = {first, gone, *since}  # type: ignore[misc]
    for code in (GARDEN, STREET, DISTRICT, CITY):
        eventually(lambda code=code: set(tier.premises(code)) == everything)
    settled(tier, GARDEN, STREET, DISTRICT)
    assert tier.premises(GARDEN)[first] == ("甲", 11)
    assert addresses(tier.served(GARDEN).office)[first] == "新址4"
    move_to(street, garden, first, "后")
    eventually(lambda: addresses(tier.served(GARDEN).office)[first] == "后")
    assert_consistent_and_equal(tier, GARDEN, STREET, DISTRICT, CITY, lowest=GARDEN)


def test_truncating_the_log_sends_no_snapshot_to_a_child_that_is_up_to_date(tier: Tier) -> None:
    kept = {outlet(tier.served(code).office, "甲") for code in (GARDEN, ORCHID) * 4}
    eventually(lambda: kept <= outlets(tier, CITY))
    settled(tier, GARDEN, ORCHID, STREET, DISTRICT)
    assert years_pass(tier, STREET) > 4
    assert years_pass(tier, GARDEN) > 2
    for code in (GARDEN, STREET):
        tier.stop(code)
    begun: list[int] = []
    tier.start(STREET, DISTRICT)
    tier.served(STREET).parent.snapshot = lambda *_: begun.append(1)  # type: ignore[method-assign,assignment]
    tier.start(GARDEN, STREET)
    after = outlet(tier.served(GARDEN).office, "后")
    eventually(lambda: after in outlets(tier, CITY))
    settled(tier, GARDEN, STREET, DISTRICT)
    assert not begun
    assert not [p for p in status(tier.served(STREET).office).problems if p.code == "clone"]
    assert_consistent_and_equal(tier, GARDEN, STREET, DISTRICT, CITY, lowest=GARDEN)


def test_a_backup_older_than_the_parents_log_is_recovered_by_snapshot(tier: Tier) -> None:
    first = tier.add_premises(GARDEN, "甲", 10)
    eventually(lambda: first in tier.premises(CITY))
    backup = copy_of(tier, GARDEN)
    tier.start(GARDEN, STREET)
    lost = [tier.add_premises(GARDEN, f"失{n}", 20) for n in range(4)]
    eventually(lambda: set(lost) <= set(tier.premises(CITY)))
    settled(tier, GARDEN, STREET, DISTRICT)
    assert years_pass(tier, STREET)
    tier.stop(GARDEN)
    shutil.rmtree(tier.base / GARDEN)
    shutil.copytree(backup, tier.base / GARDEN)
    since = offline(tier, GARDEN, lambda o: premises(o, "后", 30))
    tier.start(GARDEN, STREET)
    for code in (GARDEN, STREET, DISTRICT, CITY):
        eventually(lambda code=code: set(tier.premises(code)) == {first, *lost, since}, 15)
    settled(tier, GARDEN, STREET, DISTRICT)
    assert_consistent_and_equal(tier, GARDEN, STREET, DISTRICT, CITY, lowest=GARDEN)


def test_a_snapshot_uploaded_from_below_is_not_overwritten_by_a_push(tier: Tier) -> None:
    first = tier.add_premises(GARDEN, "甲", 10)
    eventually(lambda: first in tier.premises(CITY))
    settled(tier, GARDEN, STREET, DISTRICT)
    office = tier.served(DISTRICT).office
    position_at_handshake = tier.served(DISTRICT).dialer.acked_by_parent[LANE]  # type: ignore[union-attr]
    end = ChildEnd(office, office.tree.parent(office.identity.unit) or 0)
    assert isinstance(end.perform(Read(LANE, position_at_handshake, BATCH_BYTES_MAX)), BatchRead)
    office.store.write(
        lambda tx: truncation.record_snapshot(tx, up=log.allocate(tx, 1, office.clock.last).first)
    )
    with pytest.raises(truncation.SnapshotRequired):
        end.perform(Read(LANE, position_at_handshake, BATCH_BYTES_MAX))
    second = tier.add_premises(GARDEN, "乙", 20)
    eventually(lambda: second in tier.premises(CITY))
    settled(tier, GARDEN, STREET, DISTRICT)
    assert_consistent_and_equal(tier, GARDEN, STREET, DISTRICT, CITY, lowest=GARDEN)


def test_a_parent_that_lost_its_disk_gets_a_snapshot_of_what_its_child_truncated(
    tier: Tier,
) -> None:
    kept = {tier.add_premises(GARDEN, f"旧{n}", 20) for n in range(4)}
    eventually(lambda: kept <= set(tier.premises(CITY)))
    settled(tier, GARDEN, STREET, DISTRICT)
    assert years_pass(tier, GARDEN)
    tier.stop(STREET)
    shutil.rmtree(tier.base / STREET)
    new = tier.add_premises(GARDEN, "新", 30)  # while its street is gone
    tier.start(STREET, DISTRICT)
    for code in (GARDEN, ORCHID):
        tier.served(code).dialer.retry_now()  # type: ignore[union-attr]
    for code in (STREET, DISTRICT, CITY):
        eventually(lambda code=code: set(tier.premises(code)) == {*kept, new})
    settled(tier, GARDEN, STREET, DISTRICT)
    assert_consistent_and_equal(tier, GARDEN, STREET, DISTRICT, CITY, lowest=GARDEN)
