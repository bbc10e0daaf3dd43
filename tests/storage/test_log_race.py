"""Writers race and readers follow their cursors: nobody skips a number. And: this test can tell."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence

import sqlalchemy as sa

from sync.apply import applier
from tests.support.sites import GARDEN, Site, site_at

WRITERS, READERS, EACH = 4, 3, 25
PATIENCE_S = 30.0

Read = Callable[[int], tuple[Sequence[int], int]]
"""Numbers after a cursor, and the cursor after them."""


def race(writers: Sequence[Callable[[int], None]], readers: Sequence[Read]) -> list[list[int]]:
    """Have every writer write `EACH` times while every reader reads on; return what each read.

    A reader ends when it has read nothing after the last writer was done.
    """
    failures: list[BaseException] = []
    begin = threading.Barrier(len(writers) + len(readers))
    done = threading.Event()
    seen: list[list[int]] = [[] for _ in readers]

    def guarded(work: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                begin.wait(PATIENCE_S)
                work()
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def writing(write: Callable[[int], None]) -> None:
        for n in range(EACH):
            write(n)

    def reading(read: Read, found: list[int]) -> None:
        cursor = 0
        while True:
            ended = done.is_set()
            numbers, upto = read(cursor)
            found += numbers
            assert upto >= cursor
            cursor = upto
            if ended and not numbers:
                return

    at_work = [guarded(lambda write=write: writing(write)) for write in writers]
    looking = [
        guarded(lambda read=read, found=found: reading(read, found))
        for read, found in zip(readers, seen, strict=True)
    ]
    for thread in at_work:
        thread.join(PATIENCE_S)
    done.set()
    for thread in looking:
        thread.join(PATIENCE_S)
    assert failures == []
    return seen


def read_of(site: Site) -> Read:
    def read(after: int) -> tuple[Sequence[int], int]:
        batch = site.batch_up(after=after)
        return batch.positions, batch.upto

    return read


@contextlib.contextmanager
def also(first: Site, count: int) -> Iterator[list[Site]]:
    """Open the same store so many times more, each with connections of its own."""
    sites = [site_at(GARDEN, first.store.url) for _ in range(count)]
    try:
        yield sites
    finally:
        for site in sites:
            site.store.close()


def test_no_reader_skips_a_position_while_four_write(open_site):
    with also(open_site(GARDEN), WRITERS + READERS) as sites:
        writers = [
            lambda n, site=site, number=number: site.commit(
                site.create(number * 1_000 + n, name="a")
            )
            for number, site in enumerate(sites[:WRITERS])
        ]
        seen = race(writers, [read_of(site) for site in sites[WRITERS:]])
        every = [sites[0].position(n) for n in range(1, WRITERS * EACH + 1)]
    assert seen == [every] * READERS


def test_an_uncommitted_position_blocks_the_next_writer(open_site):
    """So no number is ever seen before a lesser one, however long its writer takes."""
    with also(open_site(GARDEN), 3) as (slow, quick, reader):
        taken, go_on = threading.Event(), threading.Event()

        def hold(tx: sa.Connection) -> None:
            applier.apply_local(slow.replica, tx, [slow.create(1, name="a")])
            taken.set()
            assert go_on.wait(PATIENCE_S)

        first = threading.Thread(target=slow.store.write, args=(hold,))
        first.start()
        assert taken.wait(PATIENCE_S)
        second = threading.Thread(target=lambda: quick.commit(quick.create(2, name="b")))
        second.start()
        second.join(0.3)
        assert second.is_alive()
        assert read_of(reader)(0) == ((), 0)
        go_on.set()
        first.join(PATIENCE_S)
        second.join(PATIENCE_S)
        batch = reader.batch_up()
        assert batch.positions == (reader.position(1), reader.position(2))
        assert reader.states().keys() == {(GARDEN, (1).to_bytes(16, "big")),
                                          (GARDEN, (2).to_bytes(16, "big"))}  # fmt: skip


def test_with_positions_from_a_sequence_the_same_race_loses_entries(fresh_postgres_url):
    """The control: what the counter row is there for (ADR 0006), and that the race would tell.

    The first writer commits after a reader has gone past its number, as happens to any long
    transaction sooner or later.
    """
    engine = sa.create_engine(fresh_postgres_url, pool_size=WRITERS + READERS)
    with engine.begin() as tx:
        tx.exec_driver_sql("CREATE SEQUENCE taken")
        tx.exec_driver_sql("CREATE TABLE log (number bigint PRIMARY KEY)")
    passed = threading.Event()

    def write(_: int) -> None:
        with engine.begin() as tx:
            number = tx.exec_driver_sql("SELECT nextval('taken')").scalar_one()
            tx.exec_driver_sql(f"INSERT INTO log VALUES ({number})")
            if number == 1:
                assert passed.wait(PATIENCE_S)

    def read(after: int) -> tuple[list[int], int]:
        with engine.connect() as tx:
            found = tx.exec_driver_sql(f"SELECT number FROM log WHERE number > {after} ORDER BY 1")
            numbers = [row[0] for row in found]
        if numbers and numbers[-1] > 1:
            passed.set()
        return numbers, max([after, *numbers])

    seen = race([write] * WRITERS, [read] * READERS)
    with engine.connect() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM log").scalar_one() == WRITERS * EACH
    engine.dispose()
    assert any(1 not in numbers for numbers in seen)
