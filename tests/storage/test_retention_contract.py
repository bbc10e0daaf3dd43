"""What cutting the log promises on every store: what is needed stays, no gap is hidden."""

from __future__ import annotations

import pytest

from sync.log import entries as log
from sync.log import truncation
from sync.log.truncation import LogTruncated
from sync.model.change import StreamHead
from sync.model.schema import Lane
from sync.model.stream import StreamKey
from sync.recovery import heads as recovery_heads
from sync.recovery import parent as recovery_parent
from sync.recovery import republish
from sync.retention import truncate
from sync.retention.truncate import LANE
from sync.store.sql import execute
from tests.storage.test_log_contract import notice
from tests.support.sites import CITY, FAR, GARDEN, ORCHID, STREET, Crash, Site


def truncated(site: Site, upto: int | None = None, *, limit: int = 100) -> int:
    """Cut all up to a position in portions; return how many entries went."""
    with site.store.read() as tx:
        upto = log.position(tx) if upto is None else upto
    at = gone = 0
    while at < upto:
        portion = site.store.write(
            lambda tx, at=at: truncate.truncate(
                tx, upto, after=at, children=(GARDEN, ORCHID), limit=limit
            )
        )
        at, gone = portion.upto, gone + portion.entries
    return gone


def kept(site: Site) -> list[tuple[int, int]]:
    """Return (lane, position) of every entry."""
    with site.store.read() as tx:
        return [tuple(r) for r in execute(tx, "SELECT lane, arrival FROM entry ORDER BY arrival")]


def test_the_newest_entry_of_a_stream_is_kept_and_the_next_one_chains_to_it(open_site):
    garden, street = open_site(GARDEN), open_site(STREET)
    for n in range(5):
        garden.commit(garden.create(n, name="a"))
    garden.send(street)
    assert truncated(garden, limit=2) == 4
    assert kept(garden) == [(LANE.value, garden.position(5))]
    garden.commit(garden.create(9, name="b"))
    garden.send(street)
    assert street.value(9, "name", GARDEN) == "b"
    key = StreamKey(garden.incarnation, "up:city", LANE)
    with garden.store.read() as tx:
        assert log.bases(tx)[key].seq == 4
        assert truncation.truncation_point(tx, LANE) == garden.position(5)
        assert truncation.truncation_point(tx, LANE, truncation.UPWARD) == garden.position(4)


def test_the_control_lane_is_never_truncated(open_site):
    street = open_site(STREET)
    for n in range(3):
        street.commit(notice(n, "down:all", STREET))
        street.commit(street.create(n, name="a"))
    truncated(street)
    assert [lane for lane, _ in kept(street)].count(Lane.CONTROL.value) == 3
    assert len(street.batch_down(GARDEN, Lane.CONTROL).entries) == 3


def test_a_batch_that_would_begin_below_the_low_water_mark_is_refused(open_site):
    """Nobody skips a gap: who lacks what is truncated gets an error, upward and downward."""
    street = open_site(STREET)
    for n in range(3):
        street.commit(street.create(n, GARDEN, name="a"))
    truncated(street)
    with pytest.raises(LogTruncated):
        street.batch_up(after=0)
    with pytest.raises(LogTruncated):
        street.batch_down(GARDEN, after=0)
    assert street.batch_down(ORCHID, after=0).entries == ()  # it could never receive that
    with street.store.read() as tx:
        low_water_mark = truncation.truncation_point(tx, LANE, GARDEN)
    assert len(street.batch_down(GARDEN, after=low_water_mark).entries) == 1
    with pytest.raises(LogTruncated):
        street.batch_down(FAR, after=0)  # not known by name: nobody knows what it needs


def test_entries_with_quarantined_changes_are_kept_until_these_are_applied(open_site):
    garden, street = open_site(GARDEN), open_site(STREET)
    garden.commit(garden.create(1, name="a"))
    garden.commit(garden.create(2, name="a"))
    garden.commit(garden.create(3, name="a"))
    garden.send(street)
    insert = (
        "INSERT INTO quarantine (id, arrival, incarnation, register, unit, record, reason, detail, "
        "state, at_ms, tries) VALUES (?,?,?,'person',4,?,'wrong_kind','',?,0,1)"
    )
    for place, state in ((1, "closed"), (2, "applied")):
        mark = bytes([place]) * 16
        street.store.write(
            lambda tx, m=mark, p=place, s=state: (
                execute(tx, insert, (m, street.position(p), garden.incarnation, m, s)).rowcount
            )
        )
    assert truncated(street) == 1
    assert [at for _, at in kept(street)] == [street.position(1), street.position(3)]


def test_an_entry_not_yet_signed_by_its_origin_is_kept(open_site):
    garden, street = open_site(GARDEN), open_site(STREET)
    for n in range(4):
        garden.commit(garden.create(n, name="a"))
    garden.send(street)
    street.store.write(lambda tx: execute(tx, "UPDATE stream SET signed_seq=2").rowcount)
    assert truncated(street) == 2
    assert [at for _, at in kept(street)] == [street.position(3), street.position(4)]


def test_a_truncation_that_crashes_anywhere_resumes(open_site):
    """Between two portions all is as after the first; within one nothing has happened."""
    street = open_site(STREET)
    for n in range(6):
        street.commit(street.create(n, name="a"))
    truncated(street, upto=street.position(2))
    before = street.dump("entry", "truncation", "stream_base")
    died = 0
    for statement in range(1, 100):
        try:
            with street.crash_before(statement):
                street.store.write(
                    lambda tx: truncate.truncate(
                        tx,
                        street.position(4),
                        after=street.position(2),
                        children=(GARDEN,),
                        limit=10,
                    )
                )
        except Crash:
            died += 1
            assert street.dump("entry", "truncation", "stream_base") == before
            continue
        break
    assert died > 5
    assert [at for _, at in kept(street)] == [street.position(5), street.position(6)]
    truncated(street)
    assert [at for _, at in kept(street)] == [street.position(6)]


def test_entries_that_we_truncated_but_a_child_has_are_no_proof_of_a_loss(open_site):
    street, garden = open_site(STREET), open_site(GARDEN)
    for n in range(3):
        street.commit(street.create(n, GARDEN, name="a"))
    street.send(garden)
    with garden.store.read() as tx:
        (required,) = recovery_heads.newest_from(tx, STREET, LANE)
    truncated(street)
    street.commit(street.create(9, GARDEN, name="b"))
    truncated(street)
    with street.store.read() as tx:
        assert recovery_heads.hash_at(tx, required.position) == b""
        assert recovery_heads.has_all(tx, [required])
        beyond = required._replace(position=required.position + 99)
        assert not recovery_heads.has_all(tx, [beyond])
        taken = required._replace(position=log.position(tx))  # by another entry
        assert not recovery_heads.has_all(tx, [taken])


def test_a_replay_that_lacks_truncated_entries_is_refused_not_sent_with_a_gap(open_site):
    garden, street = open_site(GARDEN), open_site(STREET)
    for n in range(5):
        garden.commit(garden.create(n, name="a"))
    garden.send(street)
    key = StreamKey(garden.incarnation, "up:city", LANE)
    truncated(street)
    with street.store.read() as tx:
        base = log.bases(tx)[key]
        with pytest.raises(LogTruncated):
            recovery_parent.read_replay(tx, GARDEN, common={key: StreamHead(2)}, acked={}, after=0)
        assert (
            len(
                recovery_parent.read_replay(
                    tx, GARDEN, common={key: base}, acked={}, after=0
                ).entries
            )
            == 1
        )
        only = recovery_parent.read_replay(
            tx, GARDEN, common={}, acked={}, after=0, lanes=(Lane.CONTROL,)
        )
        assert only.entries == ()


def test_a_restored_child_searches_for_the_common_entry_within_its_log_only(open_site):
    garden = open_site(GARDEN)
    for n in range(5):
        garden.commit(garden.create(n, name="a"))
    key = StreamKey(garden.incarnation, "up:city", LANE)
    truncated(garden, upto=garden.position(3))
    with garden.store.read() as tx:
        heads = recovery_heads.upward_heads(tx, lambda unit: unit == GARDEN)
        assert recovery_heads.oldest_kept(tx, heads)[key].seq == 3


def test_the_city_and_a_leaf_truncate_alike(open_site):
    city = open_site(CITY)
    for n in range(3):
        city.commit(city.create(n, STREET, name="a"))
    assert truncated(city) == 2


def test_half_truncated_entries_of_a_former_incarnation_are_not_republished(open_site):
    """Of what went up and down one half may be spared: that is no sign that the other lacks."""
    street = open_site(STREET)
    street.commit(street.create(1, GARDEN, name="a"))
    street.commit(street.create(2, name="b"))  # up only: the newest of the upward stream
    with street.store.read() as tx:
        assert [
            transaction.truncated for transaction in republish.own_transactions(tx, STREET, 0)
        ] == [set(), set()]
    assert truncated(street) == 1
    with street.store.read() as tx:
        both, up_only = republish.own_transactions(tx, STREET, 0)
    assert (set(both.by_audience), both.truncated) == ({f"down:{GARDEN}"}, {"up:city"})
    assert (set(up_only.by_audience), up_only.truncated) == ({"up:city"}, set())
