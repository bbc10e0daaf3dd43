"""Recovery on both stores: what was lost comes back, what was said twice bears one number each."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from sync.apply import applier
from sync.codec import entry as codec
from sync.log import entries as log
from sync.model.authority import Message
from sync.model.change import StreamHead
from sync.model.schema import Lane
from sync.model.stream import Heads, StreamKey
from sync.recovery import child as recovery_child
from sync.recovery import heads as recovery_heads
from sync.recovery import parent as recovery_parent
from sync.recovery import reissue
from sync.recovery.bisect import Probing
from sync.recovery.heads import ReplayPage
from sync.store.sql import execute
from tests.storage.conftest import OpenSite
from tests.support.sites import DISTRICT, GARDEN, STREET, Site

SECOND_INCARNATION = 7_004


def common_of(child: Site, parent: Site) -> tuple[Heads, int]:
    """Find what both have in common, as a child and its parent do; return it and the rounds."""
    with child.store.read() as tx:
        heads = recovery_heads.upward_heads(tx, lambda unit: unit == child.unit)
        probing = Probing.over(heads, recovery_heads.oldest_kept(tx, heads))
    rounds = 0
    while not probing.done:
        rounds += 1
        with child.store.read() as tx:
            asked = probing.ask(recovery_heads.hashes_of(tx, probing.wanted()))
        with parent.store.read() as tx:
            known = recovery_parent.known_entries(tx, child.unit, asked)
            theirs = recovery_heads.upward_heads(tx, lambda unit: unit == child.unit)
        probing.answered(asked, known, theirs)
    return probing.common, rounds


def recover(child: Site, parent: Site) -> list[ReplayPage]:
    """Recover a child's store from its parent's, page by page; return the pages."""
    common, _ = common_of(child, parent)

    def begin(tx: Connection) -> None:
        child.replica.clock.resume(log.lock(tx))
        me = child.replica.identity
        reissue.rotate_incarnation(tx, me.unit, me.level, SECOND_INCARNATION, child.signer)
        child.replica.switch_incarnation(SECOND_INCARNATION)
        own_entries = reissue.own_entries_after(tx, common, child.unit, SECOND_INCARNATION)
        reissue.reissue(child.replica, tx, own_entries)

    child.store.write(begin)
    child.incarnation = SECOND_INCARNATION
    pages: list[ReplayPage] = []
    after = 0
    while not pages or pages[-1].more:
        with parent.store.read() as tx:
            page = recovery_parent.read_replay(
                tx, child.unit, common=common, acked={}, after=after, bytes_max=400
            )
        _apply_replay(child, page, parent.unit)
        pages.append(page)
        after = page.upto
    return pages


def _apply_replay(child: Site, page: ReplayPage, parent: int) -> None:
    child.store.write(
        lambda tx: applier.replay(
            child.replica,
            tx,
            page.entries,
            peer=parent,
            signatures=page.signatures,
            own_keys=frozenset({child.signer.public_key}),
        )
    )


def two_incarnations(open_site: OpenSite, *, since: int) -> tuple[Site, Site, Site]:
    """Return a restored community, its street, and the community as it was before the loss.

    Both lives begin with two entries; the first goes on with five, the second with `since`.
    """
    first, second, street = open_site(GARDEN), open_site(GARDEN), open_site(STREET)
    for causal_length in (first, second):
        causal_length.commit(causal_length.create(1, name="a", most=1))
        causal_length.commit(causal_length.update(1, name="b"))
    for number in range(10, 14):
        first.commit(first.create(number, name="lost"))
    first.send(street)
    first.commit(first.update(1, name="lost"))
    first.send(street)
    for number in range(since):
        second.now_ms += 1
        edit = second.update(1, most=9) if number == 1 else second.create(20 + number, name="new")
        second.commit(edit)
    return second, street, first


def register_own_incarnation(site: Site) -> None:
    """Let a made-up store know its own incarnation, as setting it up does."""
    unit, level = site.unit, site.replica.identity.level
    site.store.write(lambda tx: log.register_incarnations(tx, [(site.incarnation, unit, level)]))


def test_both_sides_find_the_newest_common_entry_in_few_rounds(open_site: OpenSite) -> None:
    for since, expected in ((0, 2), (3, 2), (9, 2)):
        restored, street, _ = two_incarnations(open_site, since=since)
        register_own_incarnation(restored)
        common, rounds = common_of(restored, street)
        assert [head.seq for head in common.values()] == [expected]
        assert rounds <= 5


def test_lost_entries_are_recovered_and_entries_written_since_arrive(open_site: OpenSite) -> None:
    restored, street, _ = two_incarnations(open_site, since=4)
    register_own_incarnation(restored)
    pages = recover(restored, street)
    assert len(pages) > 1
    street.received_up_to.clear()  # without a handshake the log is sent from its start
    restored.send(street)
    assert restored.records() == street.records()
    assert {r for _, r in restored.states()} == {r for _, r in street.states()}
    assert restored.value(1, "most") == street.value(1, "most", GARDEN) == 9
    assert restored.value(1, "name") == "lost"
    assert len(restored.states()) == 1 + 4 + 3
    assert restored.digests() == restored.recomputed_digests()
    assert street.digests() == street.recomputed_digests()


def test_no_sequence_number_is_used_twice_and_every_chain_is_complete(open_site: OpenSite) -> None:
    restored, street, first = two_incarnations(open_site, since=3)
    register_own_incarnation(restored)
    recover(restored, street)
    street.received_up_to.clear()  # without a handshake the log is sent from its start
    restored.send(street)
    former = StreamKey(first.incarnation, "up:city", Lane.BULK)
    reissued = StreamKey(SECOND_INCARNATION, "up:city", Lane.BULK)
    for site in (restored, street):
        with site.store.read() as tx:
            heads = log.heads_of(tx, [former, reissued])
            numbers = execute(tx, "SELECT incarnation, seq FROM entry").fetchall()
        assert heads[former].seq == 7
        assert heads[reissued].seq == 3
        assert len(numbers) == len(set(numbers)) == 10
    with first.store.read() as tx:
        assert heads[former] == log.heads_of(tx, [former])[former]


def test_an_empty_store_recovers_everything(open_site: OpenSite) -> None:
    _, street, first = two_incarnations(open_site, since=0)
    new = open_site(GARDEN, incarnation=8_004)
    recover(new, street)
    assert new.records() == first.records()
    assert new.digests() == new.recomputed_digests()


def test_an_interrupted_recovery_restarts_and_asks_for_less(open_site: OpenSite) -> None:
    restored, street, first = two_incarnations(open_site, since=0)
    register_own_incarnation(restored)
    whole = sum(len(p.entries) for p in recover(restored, street))
    restored.reopen()
    again = recover(restored, street)
    assert whole == 5
    assert sum(len(p.entries) for p in again) == 0
    assert restored.records() == first.records()


def test_a_probe_of_an_entry_that_the_parent_never_had_is_unknown(open_site: OpenSite) -> None:
    restored, street, _ = two_incarnations(open_site, since=1)
    key = StreamKey(restored.incarnation, "up:city", Lane.BULK)
    with street.store.read() as tx:
        head = log.heads_of(tx, [key])[key]
        probes = [
            (key, head), (key, StreamHead(head.seq, bytes(32))), (key, StreamHead(99, head.hash)),
        ]  # fmt: skip
        assert recovery_parent.known_entries(tx, GARDEN, probes) == [True, False, False]


@pytest.mark.parametrize("first", ["up", "down", "both, before the record"])
def test_an_entry_recovered_from_two_neighbours_is_joined_once(
    open_site: OpenSite, first: str
) -> None:
    """A street edits a community's record, up and down; its lost disk had received both."""
    garden, street, district = open_site(GARDEN), open_site(STREET), open_site(DISTRICT)
    garden.commit(garden.create(1, name="a"))
    garden.send(street)
    for name in ("b", "c"):  # the second stands on the first, and overwrote it knowingly
        street.now_ms += 1
        street.commit(street.update(1, GARDEN, name=name))
    street.send(district)
    street.send(garden)
    with district.store.read() as tx:
        replayed = recovery_parent.read_replay(
            tx, STREET, common={}, acked={}, after=0, bytes_max=1 << 20
        )
    with garden.store.read() as tx:
        given_back = recovery_heads.own_entries_of(tx, STREET, 0)
    returned = given_back.entries
    mine = [w for w in replayed.entries if codec.entry_from_wire(w).unit == STREET]
    assert (len(replayed.entries), len(mine), len(returned)) == (3, 2, 2)
    new = open_site(STREET, incarnation=8_003)
    above, below = (Message.REPLAY, DISTRICT), (Message.RESTORE_PARENT, GARDEN)
    parts = {
        "up": [(above, replayed.entries), (below, returned)],
        "down": [(below, returned), (above, replayed.entries)],
        "both, before the record": [(above, mine), (below, returned), (above, replayed.entries)],
    }[first]
    for (message, peer), wires in parts:
        new.store.write(
            lambda tx, wires=wires, peer=peer, message=message: applier.replay(
                new.replica,
                tx,
                wires,
                peer=peer,
                message=message,
                own_keys=None,
                signatures=(*replayed.signatures, *given_back.signatures),
            )
        )
    new.store.write(lambda tx: applier.retry_quarantined(new.replica, tx, "1=1"))
    assert {state for _, state in new.quarantined()} <= {"applied"}
    assert new.states() == street.states() == garden.states()
    assert new.value(1, "name", GARDEN) == "c"
    assert new.digests() == new.recomputed_digests()


def test_entries_moved_beyond_the_parents_cursor_keep_their_order(
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
    garden.store.write(lambda tx: recovery_child._renumber_after(tx, common, 3, log.lock(tx)))
    with garden.store.read() as tx:
        rows = execute(tx, "SELECT arrival, seq FROM entry ORDER BY arrival").fetchall()
    assert [seq for _, seq in rows] == [1, 2, 3, 4, 5]
    assert rows[1][0] > 3
    street.take(garden.batch_up(after=1), GARDEN)
    assert street.records() == garden.records()


def test_an_edit_that_was_overwritten_is_no_head_when_it_comes_back_after_the_one_that_overwrote_it(
    open_site: OpenSite,
) -> None:
    """A restored street takes back its own edits before its child sends those they are based on."""
    garden, street = open_site(GARDEN), open_site(STREET)
    restored = open_site(STREET, incarnation=8_003)
    garden.commit(garden.create(1, name="a"))
    for each in (street, restored):
        garden.send(each)
    garden.commit(garden.update(1, name="b"))
    garden.send(street)
    street.now_ms += 1
    street.commit(street.update(1, GARDEN, name="c"))
    street.send(garden)
    with garden.store.read() as tx:
        returned = recovery_heads.own_entries_of(tx, STREET, 0)
    restored.store.write(
        lambda tx: applier.replay(
            restored.replica, tx, returned.entries, peer=GARDEN, own_keys=None,
            message=Message.RESTORE_PARENT, signatures=returned.signatures,
        )
    )  # fmt: skip
    garden.send(restored)
    assert restored.value(1, "name", GARDEN) == "c"
    assert restored.states() == street.states() == garden.states()
    assert restored.digests() == restored.recomputed_digests()
