"""A snapshot on every store: chunk by chunk, with edits at both sides, dying and going on."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection

from sync.apply import applier
from sync.codec.chunk import Chunk, unpack
from sync.log import entries as log
from sync.log import truncation
from sync.model.schema import Lane, Schema
from sync.model.stream import StreamForked
from sync.snapshot import progress, sender
from sync.snapshot.plan import Place
from sync.snapshot.progress import Progress
from sync.snapshot.receiver import join_chunk, join_from_below
from sync.snapshot.sender import Receiver
from sync.snapshot.upload import SnapshotUpload
from sync.wire.link.v1 import link_pb2 as pb
from tests.storage.conftest import OpenSite
from tests.storage.test_copy_contract import play
from tests.support.sites import (
    DISTRICT,
    GARDEN,
    LEVEL,
    NOTICE,
    ORCHID,
    PERSON,
    STREET,
    Crash,
    Site,
    TreeOf,
    chain,
    heads_of_incarnation,
    record_id,
)

CHUNKS_MAX = 200
STATEMENTS_MAX = 120


def to_garden(street: Site) -> Receiver:
    routes = TreeOf(STREET)
    return Receiver(
        peer=GARDEN,
        scope={"person": [GARDEN]},
        entry_filter=log.addressed_to(GARDEN),
        concerns=lambda writer: writer in chain(GARDEN),
        receives_stream=lambda audience, writer: (
            routes.hop(writer) == GARDEN if audience.startswith("up:") else audience.endswith("4")
        ),
    )


def ask(street: Site, after: bytes, rows_max: int) -> sender.Sent:
    with street.store.read() as tx:
        place = Place.from_bytes(after)
        if place is None:
            place = sender.begin(tx, street.replica, {"person": [GARDEN]})
        return sender.next_chunk(tx, street.replica, to_garden(street), place, rows_max)


def step(garden: Site, street: Site, rows_max: int = 2, *, restored: bool = True) -> bool:
    """Take the next chunk, as far as the store says that it has come; say whether more follow."""
    with garden.store.read() as tx:
        at = progress.under_way(tx, STREET) or Progress()
    sent = ask(street, at.next, rows_max)
    after = Progress(
        next=sent.next.to_bytes() if sent.next else b"", done=sent.place.done,
        total=sent.place.total, restored=restored,
    )  # fmt: skip
    chunk = unpack(sent.payload)
    garden.store.write(lambda tx: join_chunk(tx, garden.replica, chunk, peer=STREET, at=after))
    return sent.next is not None


def finish(garden: Site, street: Site, **how: object) -> int:
    for n in range(CHUNKS_MAX):
        if not step(garden, street, **how):  # type: ignore[arg-type]
            with garden.store.read() as tx:
                garden.received_up_to[STREET, Lane.BULK] = log.cursor_of(
                    tx, STREET, "in", Lane.BULK
                )[1]
            return n + 1
    pytest.fail("the snapshot does not end")


def exchange(garden: Site, street: Site) -> None:
    for _ in range(2):
        garden.send(street)
        street.send(garden)


def assert_equal(garden: Site, street: Site) -> None:
    assert garden.records() == street.records()
    for site in (garden, street):
        assert site.digests() == site.recomputed_digests()


@pytest.mark.parametrize("seed", range(10))
def test_with_edits_at_both_sides_between_chunks_both_store_the_same_bytes(
    open_site: OpenSite, seed: int
) -> None:
    rng = random.Random(seed)
    garden, street = open_site(GARDEN), open_site(STREET)
    play(seed, street, [garden])
    for n in range(3, 8):
        garden.commit(garden.create(n, name="n", most=n))
    garden.send(street)

    def somebody_edits() -> None:
        n, value = rng.randrange(8), rng.choice("uvw")
        there = {r for _, r in street.states()}
        match rng.randrange(5):
            case 0:
                garden.commit(garden.update(n, name=value, tags=value))
            case 1 if record_id(n) in there:
                street.commit(street.update(n, GARDEN, name=value, rank=value, tags=f"{value},z"))
            case 2:
                garden.commit(garden.delete(n))
            case 3:
                garden.send(street)
            case 4:
                garden.reopen()

    more = True
    while more:
        for _ in range(rng.randrange(4)):
            somebody_edits()
        more = step(garden, street, restored=False)
    with garden.store.read() as tx:
        garden.received_up_to[STREET, Lane.BULK] = log.cursor_of(tx, STREET, "in", Lane.BULK)[1]
    exchange(garden, street)
    assert_equal(garden, street)


def test_an_empty_store_has_everything_after_a_snapshot_and_the_streams_continue(
    open_site: OpenSite,
) -> None:
    first, street, garden = open_site(GARDEN), open_site(STREET), open_site(GARDEN, incarnation=9)
    for n in range(7):
        first.commit(first.create(n, name="a"))
    first.send(street)
    street.commit(street.update(1, GARDEN, name="b"))
    assert finish(garden, street) > 3
    assert_equal(garden, street)
    assert log_entries(garden) == 0
    street.commit(street.update(2, GARDEN, name="c"))
    street.send(garden)
    assert garden.value(2, "name") == "c"
    garden.commit(garden.update(2, name="d"))
    street.received_up_to.clear()  # it counted the log of the store that was lost
    exchange(garden, street)
    assert_equal(garden, street)
    with garden.store.read() as tx:
        heads = heads_of_incarnation(tx, first.incarnation)
        assert truncation.low_water_down(tx, Lane.BULK) > 0
        assert truncation.low_water_down(tx, Lane.CONTROL) == 0
    with street.store.read() as tx:
        assert heads == heads_of_incarnation(tx, first.incarnation)


def log_entries(site: Site) -> int:
    with site.store.read() as tx:
        return int(tx.exec_driver_sql("SELECT count(*) FROM entry").scalar_one())


def test_a_snapshot_that_crashes_at_any_statement_resumes_after_the_last_chunk(
    open_site: OpenSite,
) -> None:
    first, street, garden = open_site(GARDEN), open_site(STREET), open_site(GARDEN, incarnation=9)
    for n in range(3):
        first.commit(first.create(n, name="a"))
    first.send(street)
    deaths, statement, more = 0, 1, True
    while more:
        before = garden.dump()
        try:
            with garden.crash_before(statement):
                more = step(garden, street, 1)
            statement = 1
        except Crash:
            deaths, statement = deaths + 1, statement + 1
            assert statement < STATEMENTS_MAX, "the transaction has no end"
            assert garden.dump() == before
            garden.reopen()
    assert deaths > 40
    assert_equal(garden, street)


def test_records_changed_after_their_range_was_sent_come_in_a_later_round(
    open_site: OpenSite,
) -> None:
    """And what was overwritten before the end does not come back by the log as a conflict."""
    first, street, garden = open_site(GARDEN), open_site(STREET), open_site(GARDEN, incarnation=9)
    for n in range(4):
        first.commit(first.create(n, name="a"))
    first.send(street)
    assert step(garden, street, 2)
    street.commit(street.update(0, GARDEN, name="b"))
    street.commit(street.update(3, GARDEN, name="b"))
    street.commit(street.update(3, GARDEN, name="c"))
    finish(garden, street)
    street.send(garden)
    assert [garden.value(n, "name") for n in range(4)] == ["b", "a", "a", "c"]
    assert garden.dump("conflict")["conflict"] == []
    assert_equal(garden, street)


def test_a_snapshot_contains_only_what_is_addressed_to_the_receiver(open_site: OpenSite) -> None:
    garden, orchid, street = open_site(GARDEN), open_site(ORCHID), open_site(STREET)
    for site in (garden, orchid):
        site.commit(site.create(1, name="a"))
        site.send(street)
    street.commit(street.update(1, ORCHID, name="b"))
    sent = ask(street, b"", 50)
    while sent.next is not None:
        chunk = unpack(sent.payload)
        assert {rows.unit for rows in chunk.rows} <= {GARDEN}
        sent = ask(street, sent.next.to_bytes(), 50)
    last = unpack(sent.payload)
    named = {unit for unit, _ in last.writers.values()}
    assert named == {GARDEN, STREET}
    assert {key.audience for key in last.heads} == {"up:city"}
    assert last.writers[street.incarnation] == (STREET, LEVEL[STREET])


def test_a_stream_forked_at_the_receiver_refuses_the_last_chunk(open_site: OpenSite) -> None:
    garden, other, street = open_site(GARDEN), open_site(GARDEN), open_site(STREET)
    garden.commit(garden.create(1, name="a"))
    other.commit(other.create(2, name="b"))
    other.send(street)
    with pytest.raises(StreamForked):
        finish(garden, street)


def test_a_resume_token_of_another_sender_or_garbage_is_refused() -> None:
    place = Place(7, 12, 100, 30, True, "person", 4, b"\x01" * 16)
    assert Place.from_bytes(place.to_bytes()) == place
    for nonsense in (b"", b"[]", b"[1,2]", b"x", b'[-1,0,0,0,0,"a",1,"00"]', b"\xff\xfe"):
        assert Place.from_bytes(nonsense) is None


def refuse(site: Site, *, on: bool) -> None:
    """Let a store refuse every record that is called "bad", or no more."""

    def write(tx: Connection) -> None:
        if tx.dialect.name == "sqlite":
            statement = (
                "CREATE TRIGGER refuses BEFORE INSERT ON r_person WHEN NEW.f_name='bad' "
                "BEGIN SELECT RAISE(ABORT, 'not here'); END"
                if on
                else "DROP TRIGGER refuses"
            )
        else:
            added = "ADD CONSTRAINT refuses CHECK (f_name<>'bad')"
            statement = f"ALTER TABLE r_person {added if on else 'DROP CONSTRAINT refuses'}"
        tx.exec_driver_sql(statement)

    site.store.write(write)


def test_a_record_that_this_store_rejects_blocks_no_other_and_is_joined_on_retry(
    open_site: OpenSite,
) -> None:
    first, street, garden = open_site(GARDEN), open_site(STREET), open_site(GARDEN, incarnation=9)
    for n, name in enumerate(("a", "bad", "c")):
        first.commit(first.create(n, name=name))
    first.send(street)
    refuse(garden, on=True)
    finish(garden, street)
    assert [garden.value(n, "name") for n in range(3)] == ["a", None, "c"]
    assert garden.quarantined() == [("constraint_violation", "open")]
    street.commit(street.update(1, GARDEN, tags="later"))
    street.send(garden)
    assert garden.quarantined() == [("blocked", "open"), ("constraint_violation", "open")]
    garden.store.write(lambda tx: applier.retry_quarantined(garden.replica, tx, "1=1"))
    assert ("constraint_violation", "open") in garden.quarantined(), "it refuses still"
    refuse(garden, on=False)
    garden.store.write(lambda tx: applier.retry_quarantined(garden.replica, tx, "1=1"))
    assert {state for _, state in garden.quarantined()} == {"applied"}
    assert_equal(garden, street)
    assert not [row for row in garden.dump("meta")["meta"] if str(row[0]).startswith("held:")]


def test_fields_unknown_to_an_older_program_are_joined_after_its_upgrade(
    open_site: OpenSite,
) -> None:
    fields = tuple(f for f in PERSON.fields if f.name != "rank")
    less = Schema.of([replace(PERSON, fields=fields), NOTICE])
    first, street = open_site(GARDEN), open_site(STREET)
    old = open_site(GARDEN, incarnation=9, schema=less)
    first.commit(first.create(1, name="a", rank="r", tags="x"))
    first.send(street)
    street.commit(street.update(1, GARDEN, rank="s"))
    finish(old, street)
    assert old.quarantined() == [("unknown_field", "deferred")]
    old.commit(old.update(1, name="b"))
    newer = Site(GARDEN, old.store, incarnation=9)
    newer.store.write(
        lambda tx: applier.retry_quarantined(newer.replica, tx, "reason='unknown_field'")
    )
    assert newer.quarantined() == [("unknown_field", "applied")]
    street.received_up_to.clear()
    newer.send(street)
    assert newer.states() == street.states()
    assert newer.value(1, "name") == "b"


def uploads(site: Site, parent: int) -> Iterator[Chunk]:
    """Yield what a site uploads, a record at a time, as if each chunk were joined above."""
    host: Any = SimpleNamespace(
        replica=site.replica, store=site.store, shared=lambda _: {"person": [GARDEN]}
    )
    for _ in range(CHUNKS_MAX):
        upload = SnapshotUpload(host, parent, 1, 1)
        yield unpack(upload.request().payload)
        if not upload.on_reply(pb.UploadSnapshotResponse()):
            return
    pytest.fail("the upload does not end")


def test_what_comes_from_below_during_an_upload_goes_up_with_it(open_site: OpenSite) -> None:
    """It comes as copies, which are in no entry: the upload starts over."""
    garden, street, district = open_site(GARDEN), open_site(STREET), open_site(DISTRICT)
    for n in range(3):
        garden.commit(garden.create(n, name="a"))
    garden.send(street)
    above = uploads(street, DISTRICT)

    def join_above() -> bool:
        chunk = next(above, None)
        if chunk is not None:
            district.store.write(
                lambda tx: join_from_below(tx, district.replica, chunk, child=STREET)
            )
        return chunk is not None

    assert join_above()
    garden.commit(*(garden.update(n, name="b") for n in range(3)))
    for chunk in uploads(garden, STREET):
        join = partial(join_from_below, replica=street.replica, chunk=chunk, child=GARDEN)
        street.store.write(join)
    while join_above():
        pass
    assert [street.value(n, "name", GARDEN) for n in range(3)] == ["b", "b", "b"]
    assert district.records() == street.records()
