"""What the log promises on every store: nobody skips a number, receives too much, or gets half."""

from __future__ import annotations

import itertools
import threading

import pytest

from sync.codec import entry as codec
from sync.log import entries as log
from sync.model.change import Batch, Edit, Operation, StreamHead
from sync.model.limits import BATCH_CHANGES_MAX
from sync.model.schema import Lane
from tests.support.sites import (
    CITY,
    DISTRICT,
    FAR,
    GARDEN,
    ORCHID,
    OTHER,
    STREET,
    Site,
    heads_of_incarnation,
    key,
    signed,
    site_at,
)

WRITERS, EACH = 4, 30


def notice(number: int, audience: str, unit: int) -> Edit:
    return Edit(
        key=key(number, unit, "notice"), operation=Operation.CREATE, values={"title": "t"},
        audiences=(audience,),
    )  # fmt: skip


def audiences_in(batch: Batch) -> list[str]:
    return [codec.entry_from_wire(wire).audience for wire in batch.entries]


def test_a_reader_never_skips_a_number_that_commits_later(open_site):
    """Four writers, each with connections of its own as in four processes, and one reader (INV-9).

    The reader follows its cursor only; with numbers from a sequence it would lose entries here.
    """
    first = open_site(GARDEN)
    writers = [first, *(site_at(GARDEN, first.store.url) for _ in range(WRITERS - 1))]
    failures: list[BaseException] = []
    begin = threading.Barrier(WRITERS + 1)

    def write(number: int, site: Site) -> None:
        try:
            begin.wait(30)
            for n in range(EACH):
                site.commit(site.create(number * 1_000 + n, name="a"))
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=write, args=(number, site)) for number, site in enumerate(writers)
    ]
    for thread in threads:
        thread.start()
    begin.wait(30)
    seen: list[int] = []
    cursor = 0
    while len(seen) < WRITERS * EACH and not failures:
        ended = not any(thread.is_alive() for thread in threads)
        batch = first.batch_up(after=cursor)
        seen += batch.positions
        assert batch.upto >= cursor
        cursor = batch.upto
        if ended and not batch.entries:
            break
    for thread in threads:
        thread.join(30)
    for site in writers[1:]:
        site.store.close()
    assert failures == []
    assert seen == sorted(set(seen))
    assert len(seen) == WRITERS * EACH
    entries = [codec.entry_from_wire(wire) for wire in first.batch_up().entries]
    assert len({e.hlc for e in entries}) == len(entries), "a version was given twice"
    assert [e.seq for e in entries] == list(range(1, WRITERS * EACH + 1))
    assert all(b.prev_hash == a.hash for a, b in itertools.pairwise(entries))


def test_a_batch_contains_complete_transactions_and_the_next_resumes_after_it(open_site):
    garden = open_site(GARDEN)
    for n in range(10):
        garden.commit(*(garden.create(100 * n + k, name="x" * 50) for k in range(5)))
    whole = garden.batch_up()
    assert len(whole.entries) == 10
    size = len(whole.entries[0])
    parts, after = [], 0
    while True:
        part = garden.batch_up(after=after, bytes_max=int(size * 2.9))
        if not part.entries:
            break
        assert part.after == after
        assert part.upto == part.positions[-1] or len(parts) >= 4
        parts += part.entries
        after = part.upto
    assert tuple(parts) == whole.entries


def test_a_transaction_larger_than_a_batch_is_sent_complete(open_site):
    garden = open_site(GARDEN)
    garden.commit(*(garden.create(n, name=f"name {n}") for n in range(50)))
    garden.commit(garden.create(99, name="b"))
    batch = garden.batch_up(bytes_max=1)
    assert len(batch.entries) == 1
    assert codec.entry_from_wire(batch.entries[0]).changes == 50


def test_a_batch_contains_no_more_changes_than_its_limit(open_site):
    garden = open_site(GARDEN)
    per = BATCH_CHANGES_MAX // 4
    for n in range(6):
        garden.commit(*(garden.create(n * per + k, most=1) for k in range(per)))
    assert len(garden.batch_up().entries) == 4


def test_positions_not_addressed_to_the_reader_are_skipped(open_site):
    street = open_site(STREET)
    street.commit(notice(1, f"down:{GARDEN}", STREET))
    street.commit(notice(2, f"down:{ORCHID}", STREET))
    batch = street.batch_down(GARDEN, Lane.CONTROL)
    assert (len(batch.entries), batch.upto) == (1, street.position(1))
    assert street.batch_up(Lane.CONTROL).entries == ()


def test_what_others_write_moves_no_position_that_a_child_sees(open_site):
    """Neither where a batch ends nor the distance of two entries counts what goes to a sibling."""
    seen = []
    for others in (0, 7):
        street = open_site(STREET)
        street.commit(notice(1, f"down:{GARDEN}", STREET))
        for n in range(others):
            street.commit(notice(10 + n, f"down:{ORCHID}", STREET))
        first = street.batch_down(GARDEN, Lane.CONTROL)
        street.now_ms += 60_000
        street.commit(notice(2, f"down:{GARDEN}", STREET))
        seen.append((first.upto, street.batch_down(GARDEN, Lane.CONTROL).positions))
    assert seen[0] == seen[1]


def test_a_child_never_receives_what_is_addressed_to_another_child(open_site):
    city, district, street = open_site(CITY), open_site(DISTRICT), open_site(STREET)
    for n, target in enumerate((f"down:{GARDEN}", f"down:{ORCHID}", f"down:{FAR}", "down:all",
                                f"down:{STREET}", f"down:{DISTRICT}")):  # fmt: skip
        city.commit(notice(n, target, CITY))
    city.send(district)
    district.send(street)
    to_street = audiences_in(district.batch_down(STREET, Lane.CONTROL))
    to_other = audiences_in(district.batch_down(OTHER, Lane.CONTROL))
    assert to_street == [f"down:{GARDEN}", f"down:{ORCHID}", "down:all", f"down:{STREET}"]
    assert to_other == [f"down:{FAR}", "down:all"]
    assert audiences_in(street.batch_down(GARDEN, Lane.CONTROL)) == [f"down:{GARDEN}", "down:all"]
    assert audiences_in(street.batch_down(ORCHID, Lane.CONTROL)) == [f"down:{ORCHID}", "down:all"]


def test_an_entry_is_sent_up_no_further_than_its_audience(open_site):
    garden, street, district = open_site(GARDEN), open_site(STREET), open_site(DISTRICT)
    near = garden.create(1, name="a")._replace(audiences=("up:street",))
    garden.commit(near, garden.create(2, name="b"))
    garden.send(street)
    street.send(district)
    assert street.value(1, "name", GARDEN) == "a"
    assert district.value(1, "name", GARDEN) is None
    assert district.value(2, "name", GARDEN) == "b"


def test_a_local_edit_is_in_no_log(open_site):
    garden = open_site(GARDEN)
    garden.commit(garden.create(1, name="a")._replace(audiences=("local",)))
    assert garden.dump("entry") == {"entry": []}
    assert garden.value(1, "name") == "a"


def test_nothing_is_sent_back_to_the_child_it_came_from(open_site):
    garden, street = open_site(GARDEN), open_site(STREET)
    garden.commit(garden.create(1, name="a"))
    garden.send(street)
    street.commit(street.update(1, GARDEN, name="b"))
    assert audiences_in(street.batch_down(GARDEN)) == [f"down:{GARDEN}"]
    assert street.batch_down(ORCHID).entries == ()


def test_a_relay_forwards_the_bytes_that_it_received(open_site):
    """With a field that this program does not know, hash chain and all."""
    garden, street, district = open_site(GARDEN), open_site(STREET), open_site(DISTRICT)
    garden.commit(garden.create(1, name="a"))
    garden.commit(garden.create(2, name="b"))
    first, second = (codec.entry_from_wire(w) for w in garden.batch_up().entries)
    unknown = bytes([0xFA, 0x3E, 0x03]) + b"new"  # field 1007, three bytes
    newer = codec.entry_from_wire(first.wire + unknown)
    chained = codec.entry_to_wire(
        codec.unpack(second.payload), incarnation=second.incarnation, unit=second.unit,
        level=second.level, audience=second.audience, lane=second.lane, seq=2,
        prev_hash=newer.hash, hlc=second.hlc,
    )  # fmt: skip
    sent = (newer.wire, chained.wire)
    street.take(signed(Batch(Lane.BULK, garden.incarnation, 0, 2, sent, (1, 2))), GARDEN)
    street.send(district)
    assert street.batch_up().entries == sent
    assert district.batch_up().entries == sent
    assert garden.records() == district.records()


def test_an_edit_has_the_same_version_in_each_of_its_streams(open_site):
    garden, street = open_site(GARDEN), open_site(STREET)
    garden.commit(garden.create(1, name="a"))
    garden.send(street)
    street.commit(street.update(1, GARDEN, name="b"))
    own = [
        e for e in map(codec.entry_from_wire, (r[12] for r in street.dump("entry")["entry"]))
        if e.unit == STREET
    ]  # fmt: skip
    assert {e.audience for e in own} == {"up:city", f"down:{GARDEN}"}
    assert len({(e.hlc, e.payload) for e in own}) == 1


def test_waiting_entries_are_counted_per_receiver(open_site):
    street = open_site(STREET)
    street.commit(notice(1, "down:all", STREET))
    street.commit(notice(2, f"down:{GARDEN}", STREET))
    street.commit(street.create(3, name="a"))
    with street.store.read() as tx:
        waiting = {
            child: log.waiting_down(tx, child=child, lane=Lane.CONTROL, after=0)[0]
            for child in (GARDEN, ORCHID)
        }
        assert waiting == {GARDEN: 2, ORCHID: 1}
        assert log.waiting_up(tx, lane=Lane.BULK, after=0) == (1, street.now_ms)
        assert log.waiting_up(tx, lane=Lane.BULK, after=street.position(3)) == (0, 0)
        heads = heads_of_incarnation(tx, street.incarnation)
    assert all(isinstance(h, StreamHead) and h.seq == 1 for h in heads.values())
    assert len(heads) == 3


@pytest.mark.parametrize("lane", list(Lane))
def test_an_empty_log_is_an_empty_batch(open_site, lane):
    batch = open_site(GARDEN).batch_up(lane)
    assert (batch.entries, batch.after, batch.upto) == ((), 0, 0)
