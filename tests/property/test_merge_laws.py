"""Merge is a join: the copy depends on which edits are known, not on when or how they came."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.change import Operation
from sync.merge import RecordChange, RecordState, conflicts_of, merge, shown_value
from sync.schema import FieldSchema, Policy
from sync.version import version_of
from tests.support.replicas import (
    FIELDS,
    LEVELS,
    YEAR_MS,
    Known,
    Replica,
    assert_listed,
    assert_nothing_lost,
    twin_of,
)

EVERY = {n: "x" if FIELDS[n].kind.value == "text" else 1 for n in FIELDS}

texts = st.sampled_from(["a", "b", "c", "a,b", "b,c", None])
numbers = st.sampled_from([1, 2, 3, -1, None])
values = st.fixed_dictionaries(
    {}, optional={n: texts if f.kind.value == "text" else numbers for n, f in FIELDS.items()}
).filter(bool)
stamps = st.one_of(st.none(), st.integers(0, 40), st.just(YEAR_MS << 16))
steps = st.one_of(
    st.tuples(st.just("write"), st.integers(0, 3), values, stamps),
    st.tuples(st.just("delete"), st.integers(0, 3), st.booleans(), stamps),
    st.tuples(st.just("settle"), st.integers(0, 3), values, stamps),
    st.tuples(st.just("hear"), st.integers(0, 3), st.integers(0, 3), st.integers(1, 4)),
    st.tuples(st.just("clock"), st.integers(0, 3), st.none(), st.none()),
)


def play(script: Sequence[tuple[object, ...]]) -> tuple[list[Replica], dict[bytes, Known]]:
    """Carry out a script on four replicas; return them with every edit made."""
    offices = [Replica(n) for n in range(len(LEVELS))]
    made: dict[bytes, Known] = {}
    for verb, who, what, extra in script:
        office = offices[who]
        edit: Known | None = None
        match verb:
            case "write":
                edit = office.update(what, extra) if office.state else office.create(what, extra)
            case "delete" if office.state:
                edit = office.delete(extra, office.losers() if what else None)
            case "settle" if office.state:
                losers = office.losers()
                edit = office.update({**what, **dict.fromkeys(losers)}, extra, losers)
            case "hear":
                heard = [e for v, e in offices[what].known.items() if v not in office.known]
                for other in heard[:extra]:
                    office.take(other)
            case "clock":
                office.see_clocks()
        if edit is not None:
            made[edit.version] = edit
    return offices, made


@settings(max_examples=400)
@given(st.lists(steps, min_size=2, max_size=22), st.randoms(use_true_random=False))
def test_copies_that_know_the_same_edits_are_the_same(script, rng):
    offices, made = play(script)
    for office in offices:
        assert office.state == twin_of(office.known.values(), FIELDS)
    edits = list(made.values())
    for office in offices:
        rng.shuffle(edits)
        office.take_all(edits)
    first = offices[0].state
    for office in offices:
        assert office.state == first == twin_of(edits, FIELDS)
        if first is not None and office.state is not None:
            assert conflicts_of(office.state, FIELDS) == conflicts_of(first, FIELDS)


@settings(max_examples=200)
@given(st.lists(steps, min_size=2, max_size=22))
def test_every_value_written_is_shown_or_kept_or_was_overwritten_knowingly(script):
    offices, _ = play(script)
    for office in offices:
        if office.state is not None:
            assert_nothing_lost(office.state, office.known.values())
            assert_listed(office.state, FIELDS)


# -- every small case ---------------------------------------------------------------------------

SMALL = {n: FIELDS[n] for n in ("name", "rank", "most", "tags")}
WRITES = [(verb, who) for who in range(3) for verb in ("write", "end", "settle")]
HEARS = [("hear", who, other) for who, other in itertools.permutations(range(3), 2)]


def programs(length: int) -> Iterator[tuple[tuple[object, ...], ...]]:
    """Yield every script of `length` steps over three replicas that can differ from a shorter one:
    it ends with an edit, and nobody hears the same peer twice on end.
    """
    for script in itertools.product([*WRITES, *HEARS], repeat=length):
        repeats = any(a == b and a[0] == "hear" for a, b in itertools.pairwise(script))
        if script[-1][0] != "hear" and not repeats:
            yield script


def edits_of(script: Sequence[tuple[object, ...]], *, apart: bool) -> list[Known]:
    """Return the edits of a script: on a record that all know, or (`apart`) each makes its own.

    No clock follows another's, so versions tie and run behind their causes as often as not.
    """
    offices = [Replica(n, SMALL) for n in range(3)]
    edits: list[Known] = []
    if apart:
        edits += [o.create({"name": "x", "most": o.number, "tags": "x"}) for o in offices]
    else:
        edits.append(offices[0].create({"name": "x", "rank": "x", "most": 1, "tags": "x"}))
        for other in offices[1:]:
            other.take(edits[0])
    for n, (verb, who, *rest) in enumerate(script):
        office = offices[who]
        fresh = {"name": f"{n}", "rank": f"{n}", "most": 5 - n, "tags": f"{n},x"}
        match verb:
            case "write":
                edits.append(office.update(fresh))
            case "end":
                edits.append(office.delete())
            case "settle":
                edits.append(office.update({"name": "z", "tags": None}, settles=office.losers()))
            case "hear":
                office.take_all(offices[rest[0]].known.values())
    return edits


def assert_every_order_agrees(edits: list[Known]) -> int:
    """Join the edits in every order that cause allows; return how many joins that took.

    Orders share their beginnings: each set of known edits must give one copy, whatever came last.
    """
    index = {e.version: i for i, e in enumerate(edits)}
    causes = [sum(1 << index[v] for v in e.causes) for e in edits]
    copies: dict[int, RecordState | None] = {0: None}
    joins = 0
    for known in range(1, 1 << len(edits)):
        for i, edit in enumerate(edits):
            before = known & ~(1 << i)
            if before == known or before not in copies or causes[i] & ~before:
                continue
            copy = merge(copies[before], edit.change, SMALL)
            joins += 1
            if known not in copies:
                copies[known] = copy
            assert copies[known] == copy
        if known in copies and copies[known] is not None:
            held = [e for i, e in enumerate(edits) if known >> i & 1]
            assert copies[known] == twin_of(held, SMALL)
    assert (1 << len(edits)) - 1 in copies
    return joins


def test_every_order_of_every_three_steps_of_three_offices_agrees():
    cases = joins = 0
    for script in programs(3):
        joins += assert_every_order_agrees(edits_of(script, apart=False))
        cases += 1
    assert cases >= 1_800
    assert joins >= 10_000


def test_every_order_of_three_steps_after_three_creations_apart_agrees():
    cases = 0
    for script in programs(3):
        if any(step[0] == "hear" for step in script):
            assert_every_order_agrees(edits_of(script, apart=True))
            cases += 1
    assert cases >= 1_000


@pytest.mark.parametrize("first", WRITES[:3])
def test_every_order_of_four_steps_agrees(first):
    """The first step is replica 0's, others alike but for their names; the rest is every script."""
    cases = 0
    for script in programs(3):
        assert_every_order_agrees(edits_of((first, *script), apart=False))
        cases += 1
    assert cases >= 1_800


# -- what a person must be able to rely on ---------------------------------------------------------

ONE = {"name": FieldSchema("name")}


def two_offices(schema=ONE, **first):
    one, two = Replica(0, schema), Replica(1, schema)
    two.take(one.create(first or {"name": "old"}))
    return one, two


@pytest.mark.parametrize("policy", list(Policy))
@pytest.mark.parametrize("end_first", [True, False])
def test_an_end_against_an_edit_is_a_conflict_in_both_orders(policy, end_first):
    schema = {"name": FieldSchema("name", policy=policy)}
    one, two = two_offices(schema)
    end, edit = one.delete(), two.update({"name": "new"})
    third = Replica(2, schema)
    third.take_all(one.known.values() if end_first else two.known.values())
    third.take_all([end, edit])
    assert third.state is not None
    assert not third.state.alive
    found = conflicts_of(third.state, schema)
    assert {(c.loser.value, c.deleted) for c in found.values()} == {("new", True)}


def test_an_equal_value_written_against_an_end_is_a_conflict_too():
    one, two = two_offices()
    end, edit = one.delete(), two.update({"name": "old"})
    one.take(edit)
    two.take(end)
    assert one.state == two.state
    assert len(conflicts_of(one.state, ONE)) == 1


def test_a_creation_apart_against_an_end_is_a_conflict_in_both_orders():
    one, two, third = Replica(0, ONE), Replica(1, ONE), Replica(2, ONE)
    made, again = one.create({"name": "a"}), two.create({"name": "b"})
    end = one.delete()
    one.take(again)
    third.take_all([again, made, end])
    assert one.state == third.state
    assert [c.loser.value for c in conflicts_of(one.state, ONE).values()] == ["b"]


def test_ending_an_ended_record_again_confirms_the_end_and_does_not_bring_it_back():
    one, two = two_offices()
    one.delete()
    one.take(two.update({"name": "new"}))
    assert len(conflicts_of(one.state, ONE)) == 1
    one.delete()
    assert not one.state.alive
    assert conflicts_of(one.state, ONE) == {}


def test_an_end_loses_no_part_of_a_union():
    schema = {"tags": FieldSchema("tags", policy=Policy.UNION)}
    one, two = two_offices(schema, tags="a")
    first, second = one.update({"tags": "a,b"}), two.update({"tags": "a,c"})
    one.take(second)
    two.take(first)
    one.delete()
    assert conflicts_of(one.state, schema) == {}
    assert shown_value(schema["tags"], one.state.fields["tags"]) == "a,b,c"


def test_an_edit_apart_from_a_later_end_stays_listed_when_two_brought_the_record_back():
    """One re-creates and ends again; another re-created meanwhile: its value stands against it."""
    one, two = two_offices()
    two.take(one.delete())
    one.update({"name": "mine"})
    again = two.update({"name": "theirs"})
    one.delete()
    one.take(again)
    two.take_all(one.known.values())
    assert one.state == two.state
    assert [c.loser.value for c in conflicts_of(one.state, ONE).values()] == ["theirs"]


def test_a_clock_a_year_ahead_does_not_win_against_an_edit_that_knew_it():
    one, two = two_offices()
    ahead = one.update({"name": "from the future"}, at=YEAR_MS << 16)
    two.take(ahead)
    healthy = two.update({"name": "today"})
    assert healthy.version < ahead.version
    one.take(healthy)
    assert one.state == two.state
    assert one.state.fields["name"].shown.value == "today"
    assert conflicts_of(one.state, ONE) == {}


def test_settling_a_conflict_ends_it_wherever_it_is_heard():
    one, two = two_offices()
    mine, theirs = one.update({"name": "mine"}), two.update({"name": "theirs"})
    one.take(theirs)
    two.take(mine)
    assert len(conflicts_of(one.state, ONE)) == 1
    decided = one.update({"name": "both"}, settles=one.losers())
    two.take(decided)
    assert one.state == two.state
    assert conflicts_of(two.state, ONE) == {}


def test_what_was_written_while_somebody_settled_is_not_settled():
    one, two = two_offices()
    mine, theirs = one.update({"name": "mine"}), two.update({"name": "theirs"})
    one.take(theirs)
    two.take(mine)
    decided = one.update({"name": "decided"}, settles=one.losers())
    later = two.update({"name": "later"})
    one.take(later)
    two.take(decided)
    assert one.state == two.state
    assert len(conflicts_of(one.state, ONE)) == 1


def test_a_second_round_of_one_transaction_replaces_its_first():
    version = version_of(5, 1)
    made = RecordChange(operation=Operation.CREATE, version=version, level=3, values={"name": "1"})
    round_two = RecordChange(
        operation=Operation.UPDATE, version=version, level=3, values={"name": "2"},
        bases={"name": version},
    )  # fmt: skip
    state = merge(merge(None, made, ONE), round_two, ONE)
    assert state.fields["name"].shown.value == "2"
    assert state.fields["name"].losers == ()


@pytest.mark.parametrize("operation", [Operation.UPDATE, Operation.DELETE])
def test_a_change_before_its_records_creation_is_not_joined(operation):
    change = RecordChange(operation=operation, version=version_of(1, 1), level=3)
    assert merge(None, change, ONE) is None


@pytest.mark.parametrize(
    ("policy", "mine", "theirs", "shown"),
    [
        (Policy.LATEST, "a", "b", "b"),
        (Policy.MANUAL, "a", "b", "b"),
        (Policy.HIGHER, "a", "b", "b"),
        (Policy.OWNER, "a", "b", "a"),
        (Policy.MAX, "b", "a", "b"),
        (Policy.MAX, "b", None, "b"),
        (Policy.MIN, "b", "a", "a"),
        (Policy.MIN, "b", None, "b"),
        (Policy.UNION, "a", "b", "a,b"),
        (Policy.UNION, "a", None, "a"),
    ],
)
def test_each_policy_shows_what_it_says(policy, mine, theirs, shown):
    """Mine is a community's (the owner's), theirs a street's (higher) and later."""
    schema = {"name": FieldSchema("name", policy=policy, owners=(3, 2))}
    one, two = two_offices(schema)
    one.update({"name": mine}, at=10)
    one.take(two.update({"name": theirs}, at=20))
    assert shown_value(schema["name"], one.state.fields["name"]) == shown
