"""What a commit keeps at hand for the way up is what the log would be read for, or nothing."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import pytest
from sqlalchemy import Connection

from sync import log
from sync.change import Batch, Edit, Operation
from sync.effects import Effect
from sync.limits import BATCH_BYTES_MAX
from sync.schema import Lane
from sync.signing import Signer
from sync.tail import TAIL_BYTES_MAX, Tail
from tests.support.sites import GARDEN, ORCHID, STREET, Site, key

KEYS = [Signer(random.Random(n).randbytes(32)) for n in range(3)]


class Follows:
    """A fold: each new person is followed by one of this office's own, said up and down."""

    def __init__(self, unit: int) -> None:
        self._unit = unit

    def wants(self, register: str, unit: int) -> frozenset[str] | None:
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


def at_hand(site: Site, tail: Tail, after: int, lane: Lane = Lane.BULK) -> Batch | None:
    return tail.batch(
        lane, after, BATCH_BYTES_MAX,
        unit=site.unit, incarnation=site.incarnation, signer=site.signer,
    )  # fmt: skip


@pytest.fixture
def garden(open_site):
    return open_site(GARDEN, signer=KEYS[0])


@pytest.fixture
def street(open_site):
    return open_site(STREET, signer=KEYS[1], folds=[Follows(STREET)])


def test_what_an_office_has_just_written_is_at_hand_as_the_log_reads_it(garden):
    after = 0
    for number in range(3):
        tail = garden.commit(garden.create(number, name="a")).wake.tail
        batch = at_hand(garden, tail, after)
        assert batch == garden.batch_up(after=after)
        assert batch is not None
        assert len(batch.entries) == len(batch.signatures) == 1
        after = batch.upto


def test_what_a_child_handed_up_is_at_hand_with_its_signature_and_what_followed(garden, street):
    after = 0
    for number in range(3):
        garden.commit(garden.create(number, name="a"))
        tail = street.take(garden.batch_up(after=number), GARDEN).wake.tail
        batch = at_hand(street, tail, after)
        assert batch == street.batch_up(after=after)
        assert batch is not None
        assert len(batch.entries) == len(batch.signatures) == 2
        after = batch.upto


def test_without_a_newer_signature_none_is_at_hand(garden, street):
    garden.signer = garden.applier.signer = None
    garden.commit(garden.create(1, name="a"))
    tail = street.take(garden.batch_up(), GARDEN).wake.tail
    assert at_hand(street, tail, 0) == street.batch_up()


def test_a_parent_that_lacks_something_before_it_is_read_the_log(garden):
    garden.commit(garden.create(1, name="a"))
    tail = garden.commit(garden.create(2, name="a")).wake.tail
    assert at_hand(garden, tail, 0) is None
    assert at_hand(garden, tail, 1) == garden.batch_up(after=1)


def test_a_parent_that_has_it_is_not_sent_it_again(garden):
    tail = garden.commit(garden.create(1, name="a")).wake.tail
    assert at_hand(garden, tail, tail.upto) is None


def test_of_another_lane_nothing_is_at_hand(garden):
    tail = garden.commit(garden.create(1, name="a")).wake.tail
    assert at_hand(garden, tail, 0, Lane.CONTROL) is None


def test_a_number_that_something_else_took_in_between_is_not_stepped_over(garden):
    def write(tx: Connection) -> Tail:
        tail = garden.applier.local(tx, [garden.create(1, name="a")]).wake.tail
        log.take(tx, 1, garden.applier.clock.last)  # as copies from below take one
        tail.join(garden.applier.local(tx, [garden.create(2, name="a")]).wake.tail)
        return tail

    assert at_hand(garden, garden.store.write(write), 0) is None


def test_two_transactions_in_a_row_are_at_hand_together(garden):
    tail = garden.commit(garden.create(1, name="a")).wake.tail
    tail.join(garden.commit(garden.create(2, name="a")).wake.tail)
    assert at_hand(garden, tail, 0) == garden.batch_up()


def test_words_of_a_former_life_are_read_from_the_log(garden):
    tail = garden.commit(garden.create(1, name="a")).wake.tail
    other = tail.batch(
        Lane.BULK, 0, BATCH_BYTES_MAX, unit=GARDEN, incarnation=77, signer=garden.signer
    )
    assert other is None


def test_what_is_large_is_read_from_the_log(garden):
    text = random.Random(1).randbytes(TAIL_BYTES_MAX).hex()
    tail = garden.commit(garden.create(1, tags=text)).wake.tail
    assert at_hand(garden, tail, 0) is None


def test_what_goes_only_down_is_not_at_hand_for_the_way_up(open_site):
    street = open_site(STREET, signer=KEYS[1])
    tail = street.commit(
        Edit(
            key=key(1, ORCHID), operation=Operation.CREATE, values={"name": "a"},
            audiences=("down:all",),
        )
    ).wake.tail  # fmt: skip
    assert at_hand(street, tail, 0) is None


def test_after_copies_or_new_numbers_the_log_is_read_whatever_follows(garden):
    tail = garden.commit(garden.create(1, name="a")).wake.tail
    tail.forget()
    assert at_hand(garden, tail, 0) is None
    tail.join(garden.commit(garden.create(2, name="a")).wake.tail)
    assert at_hand(garden, tail, 0) is None


def test_entries_whose_numbers_were_not_told_are_read_from_the_log(garden):
    done = garden.commit(garden.create(1, name="a")).wake.tail
    assert at_hand(garden, Tail(entries=done.entries), 0) is None
