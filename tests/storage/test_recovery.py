"""Recovery on both stores: what was lost comes back, what was said twice bears one number each."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from sync import codec, log, rebirth, recovering, recovery
from sync.change import StreamHead
from sync.probing import Probing
from sync.recovery import Echo, Heads
from sync.schema import Lane
from sync.statements import run
from sync.streams import StreamKey
from tests.storage.conftest import OpenSite
from tests.support.sites import DISTRICT, GARDEN, STREET, Site

SECOND_LIFE = 7_004


def common_of(child: Site, parent: Site) -> tuple[Heads, int]:
    """Find what both have in common, as a child and its parent do; return it and the rounds."""
    with child.store.read() as tx:
        heads = recovery.upward_heads(tx, lambda unit: unit == child.unit)
        probing = Probing.over(heads, recovery.oldest_kept(tx, heads))
    rounds = 0
    while not probing.done:
        rounds += 1
        with child.store.read() as tx:
            asked = probing.ask(recovery.hashes_of(tx, probing.wanted()))
        with parent.store.read() as tx:
            known = recovery.recognised(tx, child.unit, asked)
            theirs = recovery.upward_heads(tx, lambda unit: unit == child.unit)
        probing.answered(asked, known, theirs)
    return probing.common, rounds


def recover(child: Site, parent: Site) -> list[Echo]:
    """Recover a child's store from its parent's, page by page; return the pages."""
    common, _ = common_of(child, parent)

    def begin(tx: Connection) -> None:
        child.applier.clock.resume(log.lock(tx))
        log.learn_incarnation(tx, [(SECOND_LIFE, child.unit, child.applier.identity.level)])
        child.applier.become(SECOND_LIFE)
        words = rebirth.words_beyond(tx, common, child.unit, SECOND_LIFE)
        rebirth.say_anew(child.applier, tx, words)

    child.store.write(begin)
    child.incarnation = SECOND_LIFE
    pages: list[Echo] = []
    after = 0
    while not pages or pages[-1].more:
        with parent.store.read() as tx:
            page = recovery.read_echo(
                tx, child.unit, common=common, taken={}, after=after, bytes_max=400
            )
        _take(child, page, parent.unit)
        pages.append(page)
        after = page.upto
    return pages


def _take(child: Site, page: Echo, parent: int) -> None:
    child.store.write(lambda tx: child.applier.echo(tx, page.entries, peer=parent))


def two_lives(open_site: OpenSite, *, since: int) -> tuple[Site, Site, Site]:
    """Return a restored community, its street, and the community as it was before the loss.

    Both lives begin with two entries; the first goes on with five, the second with `since`.
    """
    first, second, street = open_site(GARDEN), open_site(GARDEN), open_site(STREET)
    for life in (first, second):
        life.commit(life.create(1, name="a", most=1))
        life.commit(life.update(1, name="b"))
    for number in range(10, 14):
        first.commit(first.create(number, name="lost"))
    first.commit(first.update(1, name="lost"))
    first.send(street)
    for number in range(since):
        second.now_ms += 1
        edit = second.update(1, most=9) if number == 1 else second.create(20 + number, name="new")
        second.commit(edit)
    return second, street, first


def learned(site: Site) -> None:
    """Let a made-up store know its own incarnation, as setting it up does."""
    unit, level = site.unit, site.applier.identity.level
    site.store.write(lambda tx: log.learn_incarnation(tx, [(site.incarnation, unit, level)]))


def test_both_sides_find_the_newest_common_entry_in_few_rounds(open_site: OpenSite) -> None:
    for since, expected in ((0, 2), (3, 2), (9, 2)):
        restored, street, _ = two_lives(open_site, since=since)
        learned(restored)
        common, rounds = common_of(restored, street)
        assert [head.seq for head in common.values()] == [expected]
        assert rounds <= 5


def test_what_was_lost_comes_back_and_what_was_written_since_arrives(open_site: OpenSite) -> None:
    restored, street, _ = two_lives(open_site, since=4)
    learned(restored)
    pages = recover(restored, street)
    assert len(pages) > 1
    street.held.clear()  # without a greeting the log is sent from its start
    restored.send(street)
    assert restored.records() == street.records()
    assert {r for _, r in restored.states()} == {r for _, r in street.states()}
    assert restored.value(1, "most") == street.value(1, "most", GARDEN) == 9
    assert restored.value(1, "name") == "lost"
    assert len(restored.states()) == 1 + 4 + 3
    assert restored.digests() == restored.recomputed_digests()
    assert street.digests() == street.recomputed_digests()


def test_no_number_is_given_twice_and_every_chain_is_whole(open_site: OpenSite) -> None:
    restored, street, first = two_lives(open_site, since=3)
    learned(restored)
    recover(restored, street)
    street.held.clear()  # without a greeting the log is sent from its start
    restored.send(street)
    lived = StreamKey(first.incarnation, "up:city", Lane.BULK)
    reborn = StreamKey(SECOND_LIFE, "up:city", Lane.BULK)
    for site in (restored, street):
        with site.store.read() as tx:
            heads = log.heads_of(tx, [lived, reborn])
            numbers = run(tx, "SELECT incarnation, seq FROM entry").fetchall()
        assert heads[lived].seq == 7
        assert heads[reborn].seq == 3
        assert len(numbers) == len(set(numbers)) == 10
    with first.store.read() as tx:
        assert heads[lived] == log.heads_of(tx, [lived])[lived]


def test_a_store_with_nothing_takes_everything_back(open_site: OpenSite) -> None:
    _, street, first = two_lives(open_site, since=0)
    new = open_site(GARDEN, incarnation=8_004)
    recover(new, street)
    assert new.records() == first.records()
    assert new.digests() == new.recomputed_digests()


def test_a_recovery_that_broke_off_starts_over_and_asks_for_less(open_site: OpenSite) -> None:
    restored, street, first = two_lives(open_site, since=0)
    learned(restored)
    whole = sum(len(p.entries) for p in recover(restored, street))
    restored.reopen()
    again = recover(restored, street)
    assert whole == 5
    assert sum(len(p.entries) for p in again) == 0
    assert restored.records() == first.records()


def test_an_entry_that_the_parent_never_had_is_not_recognised(open_site: OpenSite) -> None:
    restored, street, _ = two_lives(open_site, since=1)
    key = StreamKey(restored.incarnation, "up:city", Lane.BULK)
    with street.store.read() as tx:
        head = log.heads_of(tx, [key])[key]
        probes = [
            (key, head), (key, StreamHead(head.seq, bytes(32))), (key, StreamHead(99, head.hash)),
        ]  # fmt: skip
        assert recovery.recognised(tx, GARDEN, probes) == [True, False, False]


@pytest.mark.parametrize("first", ["up", "down", "both, before the record"])
def test_a_word_that_comes_back_by_two_ways_is_joined_once(open_site: OpenSite, first: str) -> None:
    """A street says an edit of a community's record up and down; its lost disk hears both."""
    garden, street, district = open_site(GARDEN), open_site(STREET), open_site(DISTRICT)
    garden.commit(garden.create(1, name="a"))
    garden.send(street)
    for name in ("b", "c"):  # the second stands on the first, and overwrote it knowingly
        street.now_ms += 1
        street.commit(street.update(1, GARDEN, name=name))
    street.send(district)
    street.send(garden)
    with district.store.read() as tx:
        echoed = recovery.read_echo(tx, STREET, common={}, taken={}, after=0, bytes_max=1 << 20)
    with garden.store.read() as tx:
        returned = recovery.words_of(tx, STREET, 0).entries
    mine = [w for w in echoed.entries if codec.entry_from_wire(w).unit == STREET]
    assert (len(echoed.entries), len(mine), len(returned)) == (3, 2, 2)
    new = open_site(STREET, incarnation=8_003)
    parts = {
        "up": [echoed.entries, returned],
        "down": [returned, echoed.entries],
        "both, before the record": [mine, returned, echoed.entries],
    }[first]
    for wires in parts:
        new.store.write(lambda tx, wires=wires: new.applier.echo(tx, wires, peer=DISTRICT))
    new.store.write(lambda tx: new.applier.heal(tx, "1=1"))
    assert {state for _, state in new.holes()} <= {"healed"}
    assert new.states() == street.states() == garden.states()
    assert new.value(1, "name", GARDEN) == "c"
    assert new.digests() == new.recomputed_digests()


def test_what_goes_beyond_the_position_that_the_parent_counts_keeps_its_order(
    open_site: OpenSite,
) -> None:
    """Another store under our name had gone further than this one: some of our words stand where
    the parent's cursor is, others behind it."""
    garden, street = open_site(GARDEN), open_site(STREET)
    for number in range(5):
        garden.commit(garden.create(number, name="a"))
    key = StreamKey(garden.incarnation, "up:city", Lane.BULK)
    street.take(garden.batch_up(bytes_max=1), GARDEN)
    with street.store.read() as tx:
        common = log.heads_of(tx, [key])
    assert common[key].seq == 1
    garden.store.write(lambda tx: recovering._move_beyond(tx, common, 3, log.lock(tx)))
    with garden.store.read() as tx:
        rows = run(tx, "SELECT arrival, seq FROM entry ORDER BY arrival").fetchall()
    assert [seq for _, seq in rows] == [1, 2, 3, 4, 5]
    assert rows[1][0] > 3
    street.take(garden.batch_up(after=1), GARDEN)
    assert street.records() == garden.records()
