"""What cutting the log promises on every store: what is needed stays, no gap is hidden."""

from __future__ import annotations

import pytest

from sync import cutting, floors, log, recovery, restating
from sync.change import StreamHead
from sync.cutting import LANE
from sync.floors import LogCut
from sync.schema import Lane
from sync.signing import Signer
from sync.statements import run
from sync.streams import StreamKey
from tests.storage.test_log_contract import notice
from tests.support.sites import CITY, FAR, GARDEN, ORCHID, STREET, Crash, Site


def cut(site: Site, upto: int | None = None, *, limit: int = 100) -> int:
    """Cut all up to a position in portions; return how many entries went."""
    with site.store.read() as tx:
        upto = log.position(tx) if upto is None else upto
    at = gone = 0
    while at < upto:
        portion = site.store.write(
            lambda tx, at=at: cutting.cut(
                tx, upto, after=at, children=(GARDEN, ORCHID), limit=limit
            )
        )
        at, gone = portion.upto, gone + portion.entries
    return gone


def kept(site: Site) -> list[tuple[int, int]]:
    """Return (lane, position) of every entry."""
    with site.store.read() as tx:
        return [tuple(r) for r in run(tx, "SELECT lane, arrival FROM entry ORDER BY arrival")]


def test_the_newest_entry_of_a_stream_stays_and_the_next_one_names_it(open_site):
    garden, street = open_site(GARDEN), open_site(STREET)
    for n in range(5):
        garden.commit(garden.create(n, name="a"))
    garden.send(street)
    assert cut(garden, limit=2) == 4
    assert kept(garden) == [(LANE.value, 5)]
    garden.commit(garden.create(9, name="b"))
    garden.send(street)
    assert street.value(9, "name", GARDEN) == "b"
    key = StreamKey(garden.incarnation, "up:city", LANE)
    with garden.store.read() as tx:
        assert log.bases(tx)[key].seq == 4
        assert floors.floor_of(tx, LANE) == 5
        assert floors.floor_of(tx, LANE, floors.UPWARD) == 4


def test_the_control_lane_is_never_cut(open_site):
    street = open_site(STREET)
    for n in range(3):
        street.commit(notice(n, "down:all", STREET))
        street.commit(street.create(n, name="a"))
    cut(street)
    assert [lane for lane, _ in kept(street)].count(Lane.CONTROL.value) == 3
    assert len(street.batch_down(GARDEN, Lane.CONTROL).entries) == 3


def test_a_batch_that_would_begin_below_the_floor_is_refused(open_site):
    """Nobody is stepped over a gap: who lacks what is cut is told so, upward and downward."""
    street = open_site(STREET)
    for n in range(3):
        street.commit(street.create(n, GARDEN, name="a"))
    cut(street)
    with pytest.raises(LogCut):
        street.batch_up(after=0)
    with pytest.raises(LogCut):
        street.batch_down(GARDEN, after=0)
    assert street.batch_down(ORCHID, after=0).entries == ()  # it could never hear of that
    with street.store.read() as tx:
        floor = floors.floor_of(tx, LANE, GARDEN)
    assert len(street.batch_down(GARDEN, after=floor).entries) == 1
    with pytest.raises(LogCut):
        street.batch_down(FAR, after=0)  # not known by name: nobody knows what it needs


def test_entries_of_holes_stay_until_they_are_healed(open_site):
    garden, street = open_site(GARDEN), open_site(STREET)
    garden.commit(garden.create(1, name="a"))
    garden.commit(garden.create(2, name="a"))
    garden.commit(garden.create(3, name="a"))
    garden.send(street)
    hole = (
        "INSERT INTO hole (id, arrival, incarnation, register, unit, record, reason, detail, "
        "state, at_ms, tries) VALUES (?,?,?,'person',4,?,'wrong_kind','',?,0,1)"
    )
    for place, state in ((1, "closed"), (2, "healed")):
        mark = bytes([place]) * 16
        street.store.write(
            lambda tx, m=mark, p=place, s=state: (
                run(tx, hole, (m, p, garden.incarnation, m, s)).rowcount
            )
        )
    assert cut(street) == 1
    assert [at for _, at in kept(street)] == [1, 3]


def test_what_its_origin_has_not_signed_yet_stays(open_site):
    signer = Signer(bytes(32))
    garden, street = open_site(GARDEN, signer=signer), open_site(STREET)
    for n in range(4):
        garden.commit(garden.create(n, name="a"))
    garden.send(street)
    street.store.write(lambda tx: run(tx, "UPDATE stream SET signed_seq=2").rowcount)
    assert cut(street) == 2
    assert [at for _, at in kept(street)] == [3, 4]


def test_a_run_that_dies_anywhere_goes_on_where_it_was(open_site):
    """Between two portions all is as after the first; within one nothing has happened."""
    street = open_site(STREET)
    for n in range(6):
        street.commit(street.create(n, name="a"))
    cut(street, upto=2)
    before = street.dump("entry", "floor", "stream_base")
    died = 0
    for statement in range(1, 100):
        try:
            with street.crash_before(statement):
                street.store.write(
                    lambda tx: cutting.cut(tx, 4, after=2, children=(GARDEN,), limit=10)
                )
        except Crash:
            died += 1
            assert street.dump("entry", "floor", "stream_base") == before
            continue
        break
    assert died > 5
    assert [at for _, at in kept(street)] == [5, 6]
    cut(street)
    assert [at for _, at in kept(street)] == [6]


def test_a_child_that_holds_what_is_cut_here_proves_nothing_against_us(open_site):
    street, garden = open_site(STREET), open_site(GARDEN)
    for n in range(3):
        street.commit(street.create(n, GARDEN, name="a"))
    street.send(garden)
    with garden.store.read() as tx:
        (proof,) = recovery.newest_from(tx, STREET, LANE)
    cut(street)
    street.commit(street.create(9, GARDEN, name="b"))
    cut(street)
    with street.store.read() as tx:
        assert recovery.hash_at(tx, proof.position) == b""
        assert not recovery.disproved(tx, [proof])
        beyond = recovery.Proof(LANE, proof.position + 99, proof.hash)
        assert recovery.disproved(tx, [beyond])


def test_an_echo_that_lacks_what_is_cut_is_refused_not_given_with_a_gap(open_site):
    garden, street = open_site(GARDEN), open_site(STREET)
    for n in range(5):
        garden.commit(garden.create(n, name="a"))
    garden.send(street)
    key = StreamKey(garden.incarnation, "up:city", LANE)
    cut(street)
    with street.store.read() as tx:
        base = log.bases(tx)[key]
        with pytest.raises(LogCut):
            recovery.read_echo(tx, GARDEN, common={key: StreamHead(2)}, taken={}, after=0)
        assert (
            len(recovery.read_echo(tx, GARDEN, common={key: base}, taken={}, after=0).entries) == 1
        )
        only = recovery.read_echo(tx, GARDEN, common={}, taken={}, after=0, lanes=(Lane.CONTROL,))
        assert only.entries == ()


def test_a_restored_child_looks_for_the_common_entry_no_further_than_its_log_reaches(open_site):
    garden = open_site(GARDEN)
    for n in range(5):
        garden.commit(garden.create(n, name="a"))
    key = StreamKey(garden.incarnation, "up:city", LANE)
    cut(garden, upto=3)
    with garden.store.read() as tx:
        heads = recovery.upward_heads(tx, lambda unit: unit == GARDEN)
        assert recovery.oldest_kept(tx, heads)[key].seq == 3


def test_the_city_and_a_leaf_cut_alike(open_site):
    city = open_site(CITY)
    for n in range(3):
        city.commit(city.create(n, STREET, name="a"))
    assert cut(city) == 2


def test_words_of_a_former_life_are_not_said_again_because_half_of_them_is_cut(open_site):
    """Of what went up and down one half may be spared: that is no sign that the other lacks."""
    street = open_site(STREET)
    street.commit(street.create(1, GARDEN, name="a"))
    street.commit(street.create(2, name="b"))  # up only: the newest of the upward stream
    with street.store.read() as tx:
        assert [said.cut for said in restating.said_before(tx, STREET, 0)] == [set(), set()]
    assert cut(street) == 1
    with street.store.read() as tx:
        both, up_only = restating.said_before(tx, STREET, 0)
    assert (set(both.by_way), both.cut) == ({f"down:{GARDEN}"}, {"up:city"})
    assert (set(up_only.by_way), up_only.cut) == ({"up:city"}, set())
