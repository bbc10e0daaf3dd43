"""What `sync.apply.copies` promises on every store: joining copies equals joining their edits."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import Connection

from sync.apply import applier, read_copies
from sync.codec import entry as codec
from sync.codec.chunk import pack, unpack
from sync.log import entries as log
from sync.log.outcome import Received
from sync.merge.copies import EMPTY, Chunk
from sync.model.change import Batch, Operation
from sync.model.errors import Malformed
from sync.model.schema import FieldSchema, Lane, Schema
from sync.model.stream import StreamKey
from sync.model.version import hlc_of
from sync.store import quarantined_copies
from sync.store.sql import execute
from tests.storage.conftest import OpenSite
from tests.storage.test_apply_contract import CountingFold, block_of
from tests.support.sites import (
    DISTRICT,
    GARDEN,
    LEVEL,
    NOTICE,
    PERSON,
    START_MS,
    STREET,
    Crash,
    Site,
    chain,
    record_id,
    signed,
)

STATEMENTS_MAX = 80


def chunk_from(site: Site, unit: int, ids: Sequence[bytes] | None = None) -> Chunk:
    """Return a unit's records as one office sends them to another, over the wire."""
    table = site.tables["person"]
    with site.store.read() as tx:
        wanted = read_copies.ids_after(tx, table, unit, b"", 100) if ids is None else ids
        part = read_copies.read_rows(tx, site.replica.merger, table, unit, wanted)
        chunk = read_copies.chunk_of(
            tx, [part], me=site.replica.identity,
            concerns=lambda writer: writer in chain(GARDEN),
        )  # fmt: skip
    return unpack(pack(chunk))


def join(site: Site, chunk: Chunk, **how: object) -> Received:
    return site.store.write(lambda tx: applier.join_copies(site.replica, tx, chunk, **how))


def test_rows_round_trip_over_the_wire(open_site):
    garden, street = open_site(GARDEN), open_site(STREET)
    garden.commit(garden.create(1, name="a", tags="x", most=3), garden.create(2, name=None))
    garden.send(street)
    garden.commit(garden.update(1, name="b", tags="x,y"))
    street.commit(street.update(1, GARDEN, name="c", tags="x,z"), street.update(2, GARDEN, most=-1))
    garden.send(street)
    garden.commit(garden.delete(2))
    garden.send(street)
    chunk = chunk_from(street, GARDEN)
    states = street.states()
    assert chunk.rows[0].states == {record: states[GARDEN, record] for _, record in states}
    assert any(s.survived_delete for s in chunk.rows[0].states.values())
    assert any(h.losers for s in chunk.rows[0].states.values() for h in s.fields.values())


def play(seed: int, street: Site, gardens: Sequence[Site]) -> None:
    """Let both offices edit the same records, hearing each other now and then; every garden does
    alike, so they are one office in as many stores.
    """
    rng = random.Random(seed)
    leader = gardens[0]

    def both(edit) -> None:
        for garden in gardens:
            garden.commit(edit(garden))

    for n in range(3):
        both(lambda g, n=n: g.create(n, name="a", tags="x", most=n))
    for _ in range(rng.randint(4, 16)):
        n, value = rng.randrange(3), rng.choice("abc")
        match rng.randrange(6):
            case 0 | 1:
                both(lambda g, n=n, value=value: g.update(n, name=value, tags=f"{value},x"))
            case 2 if record_id(n) in {r for _, r in street.states()}:
                street.commit(street.update(n, GARDEN, name=value, rank=value, tags=f"{value},y"))
            case 3:
                both(lambda g, n=n: g.delete(n))
            case 4:
                leader.send(street)
            case 5:
                for garden in gardens:
                    street.send(garden)
    if rng.random() < 0.5:
        leader.send(street)


@pytest.mark.parametrize("seed", range(12))
def test_rows_give_the_same_records_as_the_log(open_site, seed):
    street, by_log, by_rows = open_site(STREET), open_site(GARDEN), open_site(GARDEN)
    play(seed, street, [by_log, by_rows])
    assert by_log.records() == by_rows.records()
    street.send(by_log)
    chunk = chunk_from(street, GARDEN)
    join(by_rows, chunk)
    assert by_rows.records() == by_log.records()
    assert by_rows.digests() == by_rows.recomputed_digests()
    assert join(by_rows, chunk).changes == 0


def test_a_value_that_only_we_have_is_kept_and_one_overwritten_above_is_replaced(open_site):
    garden, street = open_site(GARDEN), open_site(STREET)
    garden.commit(garden.create(1, name="old"), garden.create(2, name="old"))
    garden.send(street)
    street.commit(street.update(1, GARDEN, name="above"))
    garden.commit(garden.update(2, name="mine"))
    garden.commit(garden.create(3, name="unsent"))
    join(garden, chunk_from(street, GARDEN))
    assert [garden.value(n, "name") for n in (1, 2, 3)] == ["above", "mine", "unsent"]
    assert garden.dump("conflict")["conflict"] == []


def test_a_value_overwritten_after_an_earlier_copy_does_not_return_with_the_next(open_site):
    """A clerk goes on with a record of a snapshot under way: its entries have not come."""
    garden, street = open_site(GARDEN), open_site(STREET)
    garden.commit(garden.create(1, name="a"))
    garden.send(street)
    street.commit(street.update(1, GARDEN, name="above"))
    join(garden, chunk_from(street, GARDEN))
    garden.commit(garden.update(1, name="mine"))
    garden.commit(garden.update(1, name="mine, better"))
    street.commit(street.update(1, GARDEN, tags="x"))
    join(garden, chunk_from(street, GARDEN))
    assert garden.value(1, "name") == "mine, better"
    assert garden.value(1, "tags") == "x"
    assert garden.dump("conflict")["conflict"] == []


def test_a_record_deleted_above_is_deleted_here_and_not_restored(open_site):
    street, garden = open_site(STREET), open_site(GARDEN)
    for n in (1, 2):
        street.commit(street.create(n, name="a"))
    copy = chunk_from(street, STREET)
    join(garden, copy)
    street.commit(street.delete(1))
    join(garden, chunk_from(street, STREET))
    assert garden.value(1, "name", STREET) is None
    assert garden.value(2, "name", STREET) == "a"
    join(garden, copy)
    assert garden.value(1, "name", STREET) is None


def test_a_join_that_crashes_anywhere_leaves_nothing(open_site):
    street, garden = open_site(STREET), open_site(GARDEN)
    play(3, street, [garden])
    garden.commit(garden.update(1, name="mine"))
    street.commit(street.update(1, GARDEN, name="theirs", tags="q"))
    chunk, before = chunk_from(street, GARDEN), garden.dump()
    for statement in range(1, STATEMENTS_MAX):
        try:
            with garden.crash_before(statement):
                join(garden, chunk)
        except Crash:
            assert garden.dump() == before
            continue
        assert statement > 8
        assert "theirs" in {
            h.value for h in garden.states()[GARDEN, record_id(1)].fields["name"].all
        }
        return
    pytest.fail("the transaction has no end")


def test_folds_run_for_joined_rows(open_site):
    street, garden = open_site(STREET), open_site(GARDEN, folds=(CountingFold(),))
    street.commit(street.create(1, name="crash"))
    before = garden.dump()
    with pytest.raises(Crash):
        join(garden, chunk_from(street, STREET))
    assert garden.dump() == before


def test_an_edit_quarantined_at_the_sender_does_not_count_as_overwritten(open_site):
    """The street received the garden's edit, based on a record that it did not have then."""
    garden, street = open_site(GARDEN), open_site(STREET)
    garden.commit(garden.create(1, name="a"))
    garden.commit(garden.update(1, name="x"))
    street.take(replace(orphan(writer=garden.incarnation), incarnation=garden.incarnation), GARDEN)
    state = garden.states()[GARDEN, record_id(1)]
    older = replace(
        state,
        fields={n: h._replace(shown=h.shown._replace(version=state.created)) for n, h in
                state.fields.items()},
    )  # fmt: skip
    table = street.tables["person"]
    street.store.write(
        lambda tx: execute(tx, table.save, table.row_of(GARDEN, record_id(1), older))
    )
    chunk = chunk_from(street, GARDEN)
    assert len(chunk.rows[0].quarantined[record_id(1)]) == 1
    before = garden.records()
    join(garden, chunk)
    assert garden.records() == before


def orphan(writer: int) -> Batch:
    """Return an update of a record that its receiver does not have: stamp START + 1."""
    update = block_of(GARDEN, 1, operation=Operation.UPDATE, base=bytes(16), causal_length=1)
    entry = codec.entry_to_wire(
        [update], incarnation=writer, unit=GARDEN, level=LEVEL[GARDEN], audience="up:city",
        lane=Lane.BULK, seq=1, prev_hash=b"", hlc=(START_MS << 16) + 1,
    )  # fmt: skip
    return signed(Batch(Lane.BULK, 1000 + STREET, 0, 1, (entry.wire,), (1,)))


def test_a_change_that_waits_for_a_record_is_applied_when_rows_bring_the_record(open_site):
    garden, street, district = open_site(GARDEN), open_site(STREET), open_site(DISTRICT)
    garden.commit(garden.create(1, name="a"))
    garden.send(street)
    district.take(orphan(writer=2004), STREET)
    assert district.quarantined() == [("missing_record", "open")]
    join(district, chunk_from(street, GARDEN))
    assert district.quarantined() == [("missing_record", "applied")]
    heads = district.states()[GARDEN, record_id(1)].fields["name"].all
    assert {h.value for h in heads} == {"a", "x"}


def test_a_waiting_change_that_was_overwritten_since_is_released_and_does_not_return(open_site):
    garden, street, district = open_site(GARDEN), open_site(STREET), open_site(DISTRICT)
    garden.commit(garden.create(1, name="a"))
    garden.commit(garden.update(1, name="x"))
    garden.commit(garden.update(1, name="newest"))
    garden.send(street)
    district.take(orphan(writer=garden.incarnation), STREET)
    assert district.quarantined() == [("missing_record", "open")]
    join(district, chunk_from(street, GARDEN))
    assert district.quarantined() == [("missing_record", "applied")]
    assert district.records()["r_person"] == street.records()["r_person"]
    assert district.records()["digest"] == street.records()["digest"]


def test_values_that_their_writer_may_not_write_are_skipped(open_site):
    garden, street = open_site(GARDEN), open_site(STREET)
    street.commit(street.create(1, name="a"), street.create(2, name="b"))
    chunk = chunk_from(street, STREET)
    part = chunk.rows[0]
    wrong = part.states[record_id(1)]
    head = wrong.fields["most"].shown._replace(value="text")
    forged = replace(
        wrong, fields={**wrong.fields, "most": wrong.fields["most"]._replace(shown=head)}
    )
    states = {**part.states, record_id(1): forged}
    received = join(garden, replace(chunk, rows=[replace(part, states=states)]))
    assert (received.changes, received.quarantined) == (1, 1)
    assert garden.value(1, "name", STREET) is None
    assert garden.value(2, "name", STREET) == "b"


def test_an_own_register_accepts_rows_from_its_own_office_only(open_site):
    own = Schema.of([replace(PERSON, own=True), NOTICE])
    garden, street = open_site(GARDEN, schema=own), open_site(STREET)
    street.commit(street.create(1, GARDEN, name="forged"), street.create(2, name="its own"))
    assert join(garden, chunk_from(street, GARDEN)).quarantined == 1
    assert join(garden, chunk_from(street, STREET)).changes == 1
    assert [unit for unit, _ in garden.states()] == [STREET]


def test_rows_whose_writer_is_elsewhere_in_the_tree_are_refused_entirely(open_site):
    garden, street = open_site(GARDEN), open_site(STREET)
    street.commit(street.create(1, name="a"))
    chunk = chunk_from(street, STREET)
    before = garden.dump()
    for writer in ((STREET, 0), (DISTRICT, LEVEL[STREET])):
        forged = replace(chunk, writers={street.incarnation: writer})
        with pytest.raises(Malformed):
            join(garden, forged)
    assert garden.dump() == before


def test_damaged_rows_are_repaired_and_what_was_not_sent_is_kept(open_site):
    garden, street = open_site(GARDEN), open_site(STREET)
    garden.commit(garden.create(1, name="right"), garden.create(2, name="right"))
    garden.send(street)
    garden.commit(garden.update(2, name="unsent"))
    garden.store.write(
        lambda tx: tx.exec_driver_sql(
            "DELETE FROM r_person WHERE id = (SELECT min(id) FROM r_person)"
        )
    )
    table = garden.tables["person"]
    street.commit(street.update(2, GARDEN, most=7))
    street.send(garden)
    garden.store.write(  # behind the program's back: an older value under an older version
        lambda tx: execute(tx, f"UPDATE {table.table.name} SET f_most=NULL, v_most=NULL")
    )
    join(garden, chunk_from(street, GARDEN), received_here=EMPTY)
    assert garden.value(1, "name") == "right"
    assert garden.states()[GARDEN, record_id(2)].fields["most"].losers == ()
    assert garden.value(2, "most") == 7
    assert garden.value(2, "name") == "unsent"


def with_a_quarantined_newer_copy(open_site: OpenSite) -> tuple[Site, Site, Chunk, Chunk]:
    """Return a community that has received its street's edit and has the copy with it."""
    garden, street = open_site(GARDEN), open_site(STREET)
    street.commit(street.create(1, name="a"))
    older = chunk_from(street, STREET)
    street.now_ms += 1
    street.commit(street.update(1, name="b"))
    newer = chunk_from(street, STREET)
    (part,) = newer.rows
    (state,) = part.states.values()
    edit = hlc_of(state.fields["name"].shown.version)

    def quarantine_copy(tx: Connection) -> None:
        quarantined_copies.quarantine_copy(
            tx, newer, part, part.states, "constraint_violation", now_ms=1
        )
        log.adopt(
            tx, StreamKey(street.incarnation, "down:all", Lane.BULK), 2, b"h" * 32, edit, b"s"
        )

    garden.store.write(quarantine_copy)
    return garden, street, older, newer


def test_an_older_copy_does_not_replace_a_quarantined_one(open_site):
    garden, _, older, newer = with_a_quarantined_newer_copy(open_site)
    assert join(garden, older).changes == 1
    assert garden.quarantined() == [("constraint_violation", "open")]
    join(garden, newer)
    assert garden.value(1, "name", STREET) == "b"
    assert garden.quarantined() == [("constraint_violation", "applied")]


def test_a_value_in_a_quarantined_copy_is_not_overwritten_by_the_office_that_lacks_it(open_site):
    garden, street, older, _ = with_a_quarantined_newer_copy(open_site)
    join(garden, older)
    assert join(street, chunk_from(garden, STREET)).changes == 0
    assert street.value(1, "name") == "b"


def test_a_program_without_a_field_joins_the_other_fields_and_never_removes_it_elsewhere(open_site):
    less = Schema.of([
        replace(PERSON, fields=tuple(f for f in PERSON.fields if f.name != "rank")), NOTICE,
    ])  # fmt: skip
    old, street = open_site(GARDEN, schema=less), open_site(STREET)
    street.commit(street.create(1, name="a", rank="r"))
    join(old, chunk_from(street, STREET))
    assert old.value(1, "name", STREET) == "a"
    assert old.digests() == old.recomputed_digests()
    before = street.records()
    assert join(street, chunk_from(old, STREET)).changes == 0
    assert street.records() == before
    more = Schema.of([replace(PERSON, fields=(*PERSON.fields, FieldSchema("new"))), NOTICE])
    newer = open_site(GARDEN, schema=more)
    join(newer, chunk_from(street, STREET))
    assert newer.value(1, "new", STREET) is None
    assert newer.digests() == newer.recomputed_digests()
