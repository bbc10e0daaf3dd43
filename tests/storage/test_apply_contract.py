"""What `Applier` promises on every store: all or nothing, once, in order, and the same bytes."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from sqlalchemy import Connection

from node.store.engine import StoreUnavailable
from sync.apply import applier
from sync.apply.applier import CursorGap
from sync.apply.blocks import RecordExists
from sync.apply.compose import NotWritable
from sync.codec import entry as codec
from sync.log.outcome import Received
from sync.model.access import Unauthorised
from sync.model.change import Batch, Block, Edit, Operation
from sync.model.effect import Effect
from sync.model.errors import RecordMissing
from sync.model.schema import FieldSchema, Kind, Lane, RegisterSchema, Schema
from sync.model.stream import StreamForked, StreamGap
from sync.model.version import version_of
from tests.support.sites import (
    CITY,
    DISTRICT,
    FAR,
    GARDEN,
    LEVEL,
    NOTICE,
    ORCHID,
    PERSON,
    START_MS,
    STREET,
    Crash,
    Site,
    heads_of_incarnation,
    key,
    record_id,
    signed,
)

STATEMENTS_MAX = 80


class CountingFold:
    """Counts what it receives, in the store; dies on the word "crash"."""

    def fields_read(self, register: str, unit: int) -> frozenset[str] | None:
        return frozenset({"name"}) if register == "person" else None

    def fold(self, tx: Connection, effects: Sequence[Effect]) -> Iterable[Edit]:
        for effect in effects:
            for _, before, after in effect.changes():
                if after and after.get("name") == "crash":
                    raise Crash
                if before is not None and after is not None:
                    assert before["name"] is not None
        return ()


def pair(open_site, **options):
    return open_site(GARDEN), open_site(STREET, **options)


def raw_batch(
    site: Site, *blocks: Block, seq: int = 1, prev: bytes = b"", after: int = 0,
    audience: str = "up:city",
) -> Batch:  # fmt: skip
    """Return a batch with one entry of blocks that no honest office would write."""
    entry = codec.entry_to_wire(
        blocks, incarnation=site.incarnation, unit=site.unit,
        level=LEVEL[site.unit], audience=audience, lane=Lane.BULK,
        seq=seq, prev_hash=prev, hlc=(START_MS << 16) + seq,
    )  # fmt: skip
    return signed(Batch(Lane.BULK, site.incarnation, after, after + 1, (entry.wire,), (after + 1,)))


def block_of(unit: int, *numbers: int, fields: Sequence[str] = ("name",), value: object = "x",
             operation: Operation = Operation.CREATE, base: bytes = b"", causal_length: int = 0,
             register: str = "person") -> Block:  # fmt: skip
    count = len(numbers)
    bases = [[base] * count for _ in fields] if operation is not Operation.CREATE else []
    columns = [[value] * count for _ in fields] if operation is not Operation.DELETE else []
    return Block(
        register, unit, operation, [record_id(n) for n in numbers], tuple(fields), columns, bases,
        causal_length,
    )  # fmt: skip


# -- all or nothing --------------------------------------------------------------------------------


def test_a_local_transaction_that_crashes_anywhere_leaves_nothing(open_site):
    garden = open_site(GARDEN)
    garden.commit(garden.create(1, name="a"), garden.create(2, name="b"))
    before = garden.dump()
    for statement in range(1, STATEMENTS_MAX):
        try:
            with garden.crash_before(statement):
                garden.commit(
                    garden.update(1, name="c"), garden.create(3, name="d"), garden.delete(2)
                )
        except Crash:
            assert garden.dump() == before
            continue
        assert statement > 8
        assert garden.value(3, "name") == "d"
        return
    pytest.fail("the transaction has no end")


def test_a_batch_of_an_office_that_claims_a_higher_level_is_refused_entirely(open_site):
    garden, street = pair(open_site)
    batch = raw_batch(garden, block_of(GARDEN, 1))
    entry = codec.entry_from_wire(batch.entries[0])
    forged = codec.entry_to_wire(
        [], incarnation=entry.incarnation, unit=entry.unit, level=0, audience=entry.audience,
        lane=entry.lane, seq=1, prev_hash=b"", hlc=entry.hlc, payload=entry.payload,
    )  # fmt: skip
    before = street.dump()
    with pytest.raises(Unauthorised):
        street.take(replace(batch, entries=(forged.wire,)), GARDEN)
    assert street.dump() == before


def test_a_batch_that_crashes_anywhere_leaves_nothing_and_does_not_move_the_cursor(open_site):
    garden, street = pair(open_site)
    garden.commit(garden.create(1, name="a", tags="x"))
    garden.send(street)
    garden.commit(garden.update(1, tags="x,y"), garden.create(2, name="b"))
    street.commit(street.update(1, GARDEN, tags="x,z"))  # makes the batch go row by row
    batch, before = garden.batch_up(after=street.received_up_to[GARDEN, Lane.BULK]), street.dump()
    for statement in range(1, STATEMENTS_MAX):
        try:
            with street.crash_before(statement):
                street.take(batch, GARDEN)
        except Crash:
            assert street.dump() == before
            continue
        assert statement > 12
        assert street.value(1, "tags", GARDEN) == "x,y,z"
        assert street.dump("cursor")["cursor"][0][4] == batch.upto
        return
    pytest.fail("the transaction has no end")


def test_a_failing_fold_rolls_back_the_entire_transaction(open_site):
    garden, street = pair(open_site, folds=(CountingFold(),))
    garden.commit(garden.create(1, name="a"))
    garden.commit(garden.create(2, name="crash"))
    before = street.dump()
    with pytest.raises(Crash):
        street.take(garden.batch_up(), GARDEN)
    assert street.dump() == before


# -- once, in order --------------------------------------------------------------------------------


def test_a_replayed_batch_changes_nothing(open_site):
    garden, street = pair(open_site)
    garden.commit(garden.create(1, name="a"))
    garden.commit(garden.update(1, name="b"), garden.create(2, name="c"))
    garden.commit(garden.delete(2))
    batch = garden.batch_up()
    first = street.take(batch, GARDEN)
    before = street.dump()
    street.now_ms += 1_000
    again = street.take(batch, GARDEN)
    assert street.dump() == before
    assert (again.position, again.entries, again.changes) == (first.position, 0, 0)


def test_a_batch_beyond_the_cursor_is_refused(open_site):
    garden, street = pair(open_site)
    for n in range(3):
        garden.commit(garden.create(n, name="a"))
    before = street.dump()
    with pytest.raises(CursorGap) as gap:
        street.take(garden.batch_up(after=1), GARDEN)
    assert gap.value.expected == 0
    assert street.dump() == before


def test_an_entry_missing_from_a_stream_is_refused(open_site):
    garden, street = pair(open_site)
    for n in range(3):
        garden.commit(garden.create(n, name="a"))
    batch = garden.batch_up()
    gapped = replace(batch, entries=batch.entries[::2], positions=batch.positions[::2])
    before = street.dump()
    with pytest.raises(StreamGap) as gap:
        street.take(gapped, GARDEN)
    assert gap.value.expected_seq == 2
    assert street.dump() == before


@pytest.mark.parametrize("seq", [1, 2])
def test_a_forked_chain_is_refused(open_site, seq):
    """A copy of the office's store went on by itself under the same incarnation."""
    garden, street, clone = open_site(GARDEN), open_site(STREET), open_site(GARDEN)
    garden.commit(garden.create(1, name="a"))
    garden.send(street)
    for n in range(seq):
        clone.commit(clone.create(5 + n, name="other"))
    before = street.dump()
    batch = clone.batch_up()
    keep = slice(seq - 1, seq)
    with pytest.raises(StreamForked):
        street.take(
            replace(batch, entries=batch.entries[keep], positions=batch.positions[keep]), GARDEN
        )
    assert street.dump() == before


def test_an_entry_in_the_wrong_lane_is_refused(open_site):
    garden, street = pair(open_site)
    garden.commit(garden.create(1, name="a"))
    with pytest.raises(Unauthorised):
        street.take(replace(garden.batch_up(), lane=Lane.CONTROL), GARDEN)


def test_a_child_writes_for_itself_and_its_subtree_only(open_site):
    far, street = open_site(FAR), open_site(STREET)
    far.commit(far.create(1, name="a"))
    with pytest.raises(Unauthorised):
        street.take(far.batch_up(), GARDEN)


def test_a_child_may_not_address_entries_downward(open_site):
    garden, street = pair(open_site)
    for audience in ("down:all", f"down:{ORCHID}"):
        with pytest.raises(Unauthorised):
            street.take(raw_batch(garden, block_of(GARDEN, 1), audience=audience), GARDEN)


# -- the same bytes either way ---------------------------------------------------------------------


def random_history(rng: random.Random, garden: Site, street: Site) -> None:
    """Write and exchange at random, as two offices that often are apart."""
    for _ in range(30):
        site = rng.choice([garden, street])
        number = rng.randrange(6)
        alive = {i: s.alive for (_, i), s in site.states().items()}
        known = record_id(number) in alive
        values = {
            "name": rng.choice(["a", "b", "c"]), "rank": rng.choice(["p", "q", None]),
            "most": rng.randrange(9), "tags": rng.choice(["x", "y", "x,y", None]),
        }  # fmt: skip
        some = dict(rng.sample(sorted(values.items()), rng.randint(1, 4)))
        if not known:
            site.commit(site.create(number, GARDEN, **values))
        elif rng.random() < 0.2 and site is garden:
            site.commit(site.delete(number))
        else:
            site.commit(site.update(number, GARDEN, **some))
        site.now_ms += rng.choice([0, 0, 5, -5])
        if rng.random() < 0.5:
            a, b = rng.sample([garden, street], 2)
            a.send(b)
    for a, b in ((garden, street), (street, garden), (garden, street)):
        a.send(b)


@pytest.mark.parametrize("seed", range(6))
def test_offices_that_received_the_same_entries_store_the_same_bytes(open_site, seed):
    garden, street, district = open_site(GARDEN), open_site(STREET), open_site(DISTRICT)
    by_row = open_site(DISTRICT)
    by_row.reopen(by_row=True)
    random_history(random.Random(seed), garden, street)
    street.send(district)
    street.send(by_row)
    assert garden.records() == street.records() == district.records() == by_row.records()
    for site in (garden, street, district, by_row):
        assert site.digests() == site.recomputed_digests()
        assert site.quarantined() == []


def test_by_column_and_row_by_row_give_the_same_rows(open_site):
    garden = open_site(GARDEN)
    plain, by_row = open_site(STREET), open_site(STREET)
    by_row.reopen(by_row=True)
    garden.commit(*(garden.create(n, name=f"n{n}", most=n) for n in range(40)))
    garden.commit(*(garden.update(n, name="new", tags="x") for n in range(0, 40, 3)))
    garden.commit(*(garden.update(n, name="newer") for n in range(0, 40, 2)))
    for street in (plain, by_row):
        garden.send(street)
    assert plain.dump() == by_row.dump()


def test_changes_that_do_not_fit_by_column_are_retried_row_by_row_and_count_once(open_site):
    """The first block of the batch fits, the second meets a value that it had not received."""
    garden, street = pair(open_site, folds=(CountingFold(),))
    garden.commit(*(garden.create(n, name=f"n{n}", most=n) for n in range(6)))
    garden.send(street)
    street.commit(*(street.update(n, GARDEN, tags="s") for n in (4, 5)))
    garden.commit(
        *(garden.update(n, name="new") for n in (0, 1)),
        *(garden.update(n, tags="g") for n in (2, 3, 4, 5)),
    )
    tries = []

    def taken(tx: Connection) -> Received:
        tries.append(1)
        return applier.apply_batch(street.replica, tx, batch, peer=GARDEN, upward=True)

    batch = garden.batch_up(after=street.received_up_to[GARDEN, Lane.BULK])
    received = street.store.write(taken)
    assert len(tries) == 2
    assert (received.entries, received.changes, received.quarantined) == (1, 6, 0)
    assert [street.value(n, "tags", GARDEN) for n in range(6)] == [
        None, None, "g", "g", "g,s", "g,s",
    ]  # fmt: skip
    assert street.value(1, "name", GARDEN) == "new"
    assert street.digests() == street.recomputed_digests()
    garden.commit(garden.update(4, tags="g,h"))  # the next ones take care from the beginning
    garden.send(street)
    assert street.value(4, "tags", GARDEN) == "g,h,s"
    assert street.digests() == street.recomputed_digests()


def test_a_single_edit_that_fails_is_not_retried(open_site):
    garden, street = pair(open_site)
    garden.commit(garden.create(1, name="a", tags="x"))
    garden.send(street)
    street.commit(street.update(1, GARDEN, tags="x,s"))
    garden.commit(garden.update(1, tags="x,g"))
    batch = garden.batch_up(after=street.received_up_to[GARDEN, Lane.BULK])
    tries = []

    def taken(tx: Connection) -> Received:
        tries.append(1)
        return applier.apply_batch(street.replica, tx, batch, peer=GARDEN, upward=True)

    street.store.write(taken)
    assert len(tries) == 1
    assert street.value(1, "tags", GARDEN) == "g,s,x"


def test_an_update_by_column_does_not_hide_a_concurrent_value(open_site):
    """The shown value is overwritten by someone who had not received its loser."""
    garden, street, district = open_site(GARDEN), open_site(STREET), open_site(DISTRICT)
    garden.commit(garden.create(1, tags="x"))
    garden.send(street)
    garden.commit(garden.update(1, tags="x,a"))
    street.now_ms += 1
    street.commit(street.update(1, GARDEN, tags="x,b"))
    street.commit(street.update(1, GARDEN, tags="x,c"))
    garden.send(street)
    street.send(garden)
    street.send(district)
    assert garden.value(1, "tags") == street.value(1, "tags", GARDEN) == "a,c,x"
    assert garden.records() == street.records() == district.records()


def test_a_union_keeps_each_element_by_itself(open_site):
    """Who overwrites one part does not bring the other office's part back as their own."""
    garden, street = pair(open_site)
    garden.commit(garden.create(1, tags="x"))
    garden.send(street)
    garden.commit(garden.update(1, tags="x,a"))
    street.now_ms += 5
    street.commit(street.update(1, GARDEN, tags="x,b"))
    street.send(garden)  # here the shown value is the street's, the garden's own is its loser
    street.commit(street.update(1, GARDEN, tags=None))
    street.send(garden)
    garden.send(street)
    assert garden.value(1, "tags") == street.value(1, "tags", GARDEN) == "a,x"
    assert garden.records() == street.records()


# -- local -----------------------------------------------------------------------------------------


def test_a_forbidden_local_edit_is_refused_and_leaves_nothing(open_site):
    garden = open_site(GARDEN)
    garden.commit(garden.create(1, name="a"))
    before = garden.dump()
    for error, edit in (
        (RecordExists, garden.create(1, name="again")),
        (RecordMissing, garden.update(2, name="nobody")),
        (NotWritable, garden.update(1, grade="A")),
        (NotWritable, garden.create(3, ORCHID, name="not ours")),
    ):
        with pytest.raises(error):
            garden.commit(garden.create(9, name="good"), edit)
        assert garden.dump() == before


def test_deleting_a_record_twice_does_not_restore_it(open_site):
    garden = open_site(GARDEN)
    garden.commit(garden.create(1, name="a"))
    garden.commit(garden.delete(1))
    garden.commit(garden.delete(1))
    ((_, state),) = garden.states().items()
    assert not state.alive
    garden.commit(garden.update(1, name="back"))
    assert garden.value(1, "name") == "back"


def test_stamps_never_go_back_although_the_clock_does(open_site):
    """A clock a day ahead is set right, and the office restarts (INV-27)."""
    garden = open_site(GARDEN)
    garden.now_ms += 86_400_000
    first = garden.commit(garden.create(1, name="a")).version
    garden.now_ms -= 86_400_000
    garden.reopen()
    second = garden.commit(garden.update(1, name="b")).version
    assert second > first


def test_an_edit_is_stamped_after_everything_received_even_after_a_restart(open_site):
    garden, street = pair(open_site)
    garden.now_ms += 60_000
    received = garden.commit(garden.create(1, name="a")).version
    garden.send(street)
    street.reopen()
    assert street.commit(street.update(1, GARDEN, name="b")).version > received


def test_a_clock_far_ahead_is_not_followed(open_site):
    garden, street = pair(open_site)
    garden.now_ms += 365 * 86_400_000
    ahead = garden.commit(garden.create(1, name="from the future")).version
    garden.send(street)
    healthy = street.commit(street.update(1, GARDEN, name="today")).version
    street.send(garden)
    assert healthy < ahead
    assert garden.value(1, "name") == street.value(1, "name", GARDEN) == "today"
    assert garden.records()["open"] == []


# -- quarantine ------------------------------------------------------------------------------------

NEWER = Schema.of([
    RegisterSchema("person", Lane.BULK, (*PERSON.fields, FieldSchema("hobby"))),
    RegisterSchema("pet", Lane.BULK, (FieldSchema("name"),)),
    NOTICE,
])  # fmt: skip


def test_changes_of_a_newer_program_are_deferred_until_the_upgrade_and_block_nothing(open_site):
    garden, street, district = open_site(GARDEN, schema=NEWER), open_site(STREET), None
    district = open_site(DISTRICT, schema=NEWER)
    pet = Edit(
        key=key(7, GARDEN, "pet"), operation=Operation.CREATE, values={"name": "cat"},
        audiences=("up:city",),
    )  # fmt: skip
    garden.commit(garden.create(1, name="a", hobby="chess"), pet)
    garden.commit(garden.update(1, name="b"), garden.update(1, hobby="go"))
    garden.send(street)
    assert street.value(1, "name", GARDEN) == "b"
    assert {state for _, state in street.quarantined()} == {"deferred"}
    assert {why for why, _ in street.quarantined()} == {"unknown_field", "unknown_register"}
    street.send(district)  # what the relay does not know passes through it whole
    assert district.quarantined() == []
    assert district.records() == garden.records()


HOSTILE = [
    ("wrong_kind", lambda: block_of(GARDEN, 1, fields=("most",), value="many")),
    ("wrong_kind", lambda: block_of(GARDEN, 1, fields=("name",), value=5)),
    ("foreign_unit", lambda: block_of(ORCHID, 1)),
    ("foreign_unit", lambda: block_of(CITY, 1)),
    ("not_owner", lambda: block_of(GARDEN, 1, fields=("grade",))),
    ("not_owner", lambda: block_of(STREET, 1, operation=Operation.DELETE, base=version_of(1, 1),
                                   causal_length=1)),
    ("missing_record", lambda: block_of(GARDEN, 1, operation=Operation.UPDATE,
                                        base=version_of(1, 1), causal_length=1)),
    ("unknown_register", lambda: block_of(GARDEN, 1, register="nul\0here")),
    ("unknown_field", lambda: block_of(GARDEN, 1, fields=("nul\0here",))),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "block"), HOSTILE)
def test_a_bad_block_is_quarantined_and_the_rest_of_its_entry_is_applied(open_site, reason, block):
    bad = block()
    if bad.operation is Operation.DELETE:  # by a street: only a record's own office ends it
        peer, site, other = STREET, open_site(DISTRICT), open_site(STREET)
        bad.unit = GARDEN
    else:
        peer, site, other = GARDEN, open_site(STREET), open_site(GARDEN)
    batch = raw_batch(other, bad, block_of(GARDEN, 8))
    received = site.take(batch, peer)
    assert [why for why, _ in site.quarantined()] == [reason]
    assert received.quarantined == 1
    assert site.value(8, "name", GARDEN) == "x"
    again = site.dump()
    site.take(batch, peer)
    assert site.dump() == again


def test_an_entry_that_cannot_be_unpacked_is_quarantined_and_the_next_is_applied(open_site):
    garden, street = pair(open_site)
    bad = codec.entry_to_wire(
        [], incarnation=garden.incarnation, unit=GARDEN, level=3, audience="up:city",
        lane=Lane.BULK, seq=1, prev_hash=b"", hlc=START_MS << 16, payload=b"not zstd",
    )  # fmt: skip
    good = raw_batch(garden, block_of(GARDEN, 1), seq=2, prev=bad.hash, after=1)
    batch = signed(Batch(Lane.BULK, garden.incarnation, 0, 2, (bad.wire, *good.entries), (1, 2)))
    street.take(batch, GARDEN)
    assert street.quarantined() == [("malformed", "open")]
    assert street.value(1, "name", GARDEN) == "x"
    assert street.batch_up().entries == batch.entries  # and both are handed on as they came


def test_only_changes_that_depend_on_a_quarantined_change_wait(open_site):
    garden, street = pair(open_site)
    bad = block_of(GARDEN, 1, fields=("most",), value="many")
    first = raw_batch(garden, bad)
    street.take(first, GARDEN)
    prev = codec.hash_of(first.entries[0])
    follow = raw_batch(
        garden, block_of(GARDEN, 1), block_of(GARDEN, 2), seq=2, prev=prev, after=1
    )  # fmt: skip
    street.take(follow, GARDEN)
    assert street.value(1, "name", GARDEN) is None
    assert street.value(2, "name", GARDEN) == "x"
    assert [why for why, _ in street.quarantined()] == ["blocked", "wrong_kind"]


def test_a_change_without_permission_blocks_no_other_writer(open_site):
    """A street writes a field that it does not own; the community's own edits still pass."""
    owned = FieldSchema("name", owners=(3,))
    schema = Schema.of([RegisterSchema("person", Lane.BULK, (owned,)), NOTICE])
    garden, district = open_site(GARDEN, schema=schema), open_site(DISTRICT, schema=schema)
    street = open_site(STREET, schema=schema)
    garden.commit(garden.create(1, name="a"))
    garden.send(street)
    street.send(district)
    with street.store.read() as tx:
        head = heads_of_incarnation(tx, street.incarnation)
    assert head == {}
    (base,) = {s.created for s in street.states().values()}
    bad = block_of(
        GARDEN, 1, operation=Operation.UPDATE, base=base, causal_length=1, value="meddled"
    )
    first, second, third = (street.position(number) for number in (1, 2, 3))
    district.take(raw_batch(street, bad, after=first), STREET)
    garden.commit(garden.update(1, name="b"))
    garden.send(street)
    batch = street.batch_up(after=first)
    moved = replace(batch, after=second, upto=third, positions=(third,))
    district.take(moved, STREET)
    assert district.value(1, "name", GARDEN) == "b"
    assert [why for why, _ in district.quarantined()] == ["not_owner"]


def test_no_office_writes_an_event_in_the_name_of_an_office_below(open_site):
    """In a register of what offices said, an office above has no right to a community's records."""
    own_register = RegisterSchema("person", Lane.BULK, PERSON.fields, own=True)
    schema = Schema.of([own_register, NOTICE])
    street, district = open_site(STREET, schema=schema), open_site(DISTRICT, schema=schema)
    with pytest.raises(NotWritable):
        street.commit(street.create(1, GARDEN, name="forged"))
    street.commit(street.create(2, name="own"))
    street.send(district)
    assert district.value(2, "name", STREET) == "own"
    other = open_site(STREET, schema=schema)  # a program that lies
    district = open_site(DISTRICT, schema=schema)
    batch = raw_batch(other, block_of(GARDEN, 1, value="forged"), block_of(STREET, 3))
    assert district.take(batch, STREET).quarantined == 1
    assert district.value(1, "name", GARDEN) is None
    assert district.value(3, "name", STREET) == "x"
    assert [why for why, _ in district.quarantined()] == ["foreign_unit"]


def test_a_text_that_one_store_cannot_store_is_quarantined_there_and_blocks_nothing(open_site):
    garden, street = pair(open_site)
    street.take(raw_batch(garden, block_of(GARDEN, 1, value="a\0b"), block_of(GARDEN, 2)), GARDEN)
    assert street.value(2, "name", GARDEN) == "x"
    if street.store.is_sqlite:
        assert street.value(1, "name", GARDEN) == "a\0b"
    else:
        assert [why for why, _ in street.quarantined()] == ["constraint_violation"]


def test_a_full_disk_rejects_no_entry_permanently(open_site):
    garden, street = pair(open_site)
    if not street.store.is_sqlite:
        return
    batch = raw_batch(garden, block_of(GARDEN, 1, value="x" * 60_000), block_of(GARDEN, 2))

    def pages(most):
        connection = street.store._writer.raw_connection()
        connection.cursor().execute(f"PRAGMA max_page_count={most}")
        connection.close()

    pages(1)
    with pytest.raises(StoreUnavailable):
        street.take(batch, GARDEN)
    pages(1 << 30)
    assert street.quarantined() == []
    street.take(batch, GARDEN)
    assert street.value(2, "name", GARDEN) == "x"
    assert street.quarantined() == []


def test_an_integer_field_stores_every_number_of_the_wire(open_site):
    garden, street = pair(open_site)
    for n, value in enumerate((0, -1, 2**63 - 1, -(2**63))):
        garden.commit(garden.create(n, most=value))
    garden.send(street)
    for n, value in enumerate((0, -1, 2**63 - 1, -(2**63))):
        assert street.value(n, "most", GARDEN) == value
    assert PERSON.by_name["most"].kind is Kind.INT
