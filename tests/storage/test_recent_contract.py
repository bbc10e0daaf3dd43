"""What a commit keeps at hand for the way up is what the log would be read for, or nothing."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import pytest
from sqlalchemy import Connection

from sync.apply import applier
from sync.log import entries as log
from sync.log.recent import RECENT_BYTES_MAX, RecentCommit
from sync.model.change import Batch, Edit, Operation
from sync.model.effect import Effect
from sync.model.limits import BATCH_BYTES_MAX
from sync.model.schema import Lane
from tests.support.sites import GARDEN, ORCHID, STREET, Site, key


class Follows:
    """A fold: each new person is followed by one of this office's own, said up and down."""

    def __init__(self, unit: int) -> None:
        self._unit = unit

    def fields_read(self, register: str, unit: int) -> frozenset[str] | None:
        return frozenset({"name"}) if register == "person" and unit != self._unit else None

    def fold(self, tx: Connection, effects: Sequence[Effect]) -> Iterable[Edit]:
        return [
            Edit(
                key=key(int.from_bytes(record, "big") + 1_000, self._unit),
                operation=Operation.CREATE, values={"name": "b"}, audiences=("up:city", "down:all"),
            )
            for effect in effects if effect.unit != self._unit
            for record, before, _ in effect.changes() if before is None
        ]  # fmt: skip


def recent_batch(
    site: Site, recent_commit: RecentCommit, after: int, lane: Lane = Lane.BULK
) -> Batch | None:
    return recent_commit.batch(lane, after, BATCH_BYTES_MAX, incarnation=site.incarnation)


@pytest.fixture
def garden(open_site):
    return open_site(GARDEN)


@pytest.fixture
def street(open_site):
    return open_site(STREET, folds=[Follows(STREET)])


def begun(site):
    """Begin the stream of a site; return the position after it."""
    site.commit(site.create(90, name="a"))
    return site.batch_up().upto


def test_a_fresh_commit_gives_the_same_batch_as_reading_the_log(garden):
    after = begun(garden)
    for number in range(3):
        recent_commit = garden.commit(garden.create(number, name="a")).waiters.recent_commit
        batch = recent_batch(garden, recent_commit, after)
        assert batch == garden.batch_up(after=after)
        assert batch is not None
        assert len(batch.entries) == len(batch.signatures) == 1
        after = batch.upto


def test_a_fresh_push_of_a_child_gives_its_batch_with_signature_and_derived_entries(garden, street):
    sent = begun(garden)
    street.take(garden.batch_up(), GARDEN)
    after = street.batch_up().upto
    for number in range(3):
        garden.commit(garden.create(number, name="a"))
        batch = garden.batch_up(after=sent)
        sent = batch.upto
        recent_commit = street.take(batch, GARDEN).waiters.recent_commit
        batch = recent_batch(street, recent_commit, after)
        assert batch == street.batch_up(after=after)
        assert batch is not None
        assert len(batch.entries) == len(batch.signatures) == 2
        after = batch.upto


def test_a_commit_that_is_not_signed_where_it_ends_is_read_from_the_log(garden):
    recent_commit = garden.commit(garden.create(1, name="a")).waiters.recent_commit
    recent_commit.entries = [(at, entry, None) for at, entry, _ in recent_commit.entries]
    assert recent_batch(garden, recent_commit, 0) is None


def test_a_parent_that_lacks_an_earlier_entry_is_sent_from_the_log(garden):
    garden.commit(garden.create(1, name="a"))
    recent_commit = garden.commit(garden.create(2, name="a")).waiters.recent_commit
    assert recent_batch(garden, recent_commit, 0) is None
    after = garden.position(1)
    assert recent_batch(garden, recent_commit, after) == garden.batch_up(after=after)


def test_a_parent_that_has_the_recent_commit_is_not_sent_it_again(garden):
    recent_commit = garden.commit(garden.create(1, name="a")).waiters.recent_commit
    assert recent_batch(garden, recent_commit, recent_commit.upto) is None


def test_a_recent_commit_gives_no_batch_for_another_lane(garden):
    recent_commit = garden.commit(garden.create(1, name="a")).waiters.recent_commit
    assert recent_batch(garden, recent_commit, 0, Lane.CONTROL) is None


def test_a_recent_commit_does_not_skip_a_position_taken_in_between(garden):
    def write(tx: Connection) -> RecentCommit:
        recent_commit = applier.apply_local(
            garden.replica, tx, [garden.create(1, name="a")]
        ).waiters.recent_commit
        log.allocate(tx, 1, garden.replica.clock.last)  # as copies from below take one
        recent_commit.join(
            applier.apply_local(
                garden.replica, tx, [garden.create(2, name="a")]
            ).waiters.recent_commit
        )
        return recent_commit

    assert recent_batch(garden, garden.store.write(write), 0) is None


def test_two_consecutive_transactions_make_one_recent_batch(garden):
    after = begun(garden)
    recent_commit = garden.commit(garden.create(1, name="a")).waiters.recent_commit
    recent_commit.join(garden.commit(garden.create(2, name="a")).waiters.recent_commit)
    assert recent_batch(garden, recent_commit, after) == garden.batch_up(after=after)


def test_where_a_stream_begins_the_log_is_read_for_it_adds_the_certificates(garden):
    recent_commit = garden.commit(garden.create(1, name="a")).waiters.recent_commit
    assert recent_batch(garden, recent_commit, 0) is None


def test_a_large_commit_is_read_from_the_log(garden):
    text = random.Random(1).randbytes(RECENT_BYTES_MAX).hex()
    recent_commit = garden.commit(garden.create(1, tags=text)).waiters.recent_commit
    assert recent_batch(garden, recent_commit, 0) is None


def test_a_commit_addressed_only_downward_gives_no_batch_for_the_parent(open_site):
    street = open_site(STREET)
    recent_commit = street.commit(
        Edit(
            key=key(1, ORCHID), operation=Operation.CREATE, values={"name": "a"},
            audiences=("down:all",),
        )
    ).waiters.recent_commit  # fmt: skip
    assert recent_batch(street, recent_commit, 0) is None


def test_after_a_snapshot_or_renumbering_the_log_is_read(garden):
    recent_commit = garden.commit(garden.create(1, name="a")).waiters.recent_commit
    recent_commit.forget()
    assert recent_batch(garden, recent_commit, 0) is None
    recent_commit.join(garden.commit(garden.create(2, name="a")).waiters.recent_commit)
    assert recent_batch(garden, recent_commit, 0) is None


def test_entries_without_known_positions_are_read_from_the_log(garden):
    done = garden.commit(garden.create(1, name="a")).waiters.recent_commit
    assert recent_batch(garden, RecentCommit(entries=done.entries), 0) is None
