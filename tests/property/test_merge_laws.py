"""Merge is a join: the copy depends on which edits are known, not on when or how they came."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.merge.record import RecordChange, RecordState, conflicts_of, merge, shown_value
from sync.model.change import Operation
from sync.model.schema import FieldSchema, Policy
from sync.model.version import version_of
from tests.support.replicas import (
    FIELDS,
    LEVELS,
    YEAR_MS,
    Known,
    Replica,
    assert_listed,
    assert_nothing_lost,
    expected_state,
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
                missing = [e for v, e in offices[what].known.items() if v not in office.known]
                for other in missing[:extra]:
                    office.receive(other)
            case "clock":
                office.see_clocks()
        if edit is not None:
            made[edit.version] = edit
    return offices, made


@settings(max_examples=400)
@given(st.lists(steps, min_size=2, max_size=22), st.randoms(use_true_random=False))
def test_copies_with_the_same_edits_are_equal(script, rng):
    offices, made = play(script)
    for office in offices:
        assert office.state == expected_state(office.known.values(), FIELDS)
    edits = list(made.values())
    for office in offices:
        rng.shuffle(edits)
        office.receive_all(edits)
    first = offices[0].state
    for office in offices:
        assert office.state == first == expected_state(edits, FIELDS)
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
RECEIVES = [("hear", who, other) for who, other in itertools.permutations(range(3), 2)]


def programs(length: int) -> Iterator[tuple[tuple[object, ...], ...]]:
    """Yield every script of `length` steps over three replicas that can differ from a shorter one:
    it ends with an edit, and nobody receives from the same peer twice in a row.
    """
    for script in itertools.product([*WRITES, *RECEIVES], repeat=length):
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
            other.receive(edits[0])
    for n, (verb, who, *rest) in enumerate(script):
        office = offices[who]
        fresh = {"name": f"{n}", "rank": f"{n}", "most": 5 - n, "tags": f"{n},x"}
        match verb:
            case "write":
                edits.append(office.update(fresh))
            case "end":
                edits.append(office.delete())
            case "settle":
                edits.append(office.update({"name": "z", "tags": None}, resolves=office.losers()))
            case "hear":
                office.receive_all(offices[rest[0]].known.values())
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
            known_edits = [e for i, e in enumerate(edits) if known >> i & 1]
            assert copies[known] == expected_state(known_edits, SMALL)
    assert (1 << len(edits)) - 1 in copies
    return joins


def test_every_order_of_every_three_steps_of_three_offices_agrees():
    cases = joins = 0
    for script in programs(3):
        joins += assert_every_order_agrees(edits_of(script, apart=False))
        cases += 1
    assert cases >= 1_800
    assert joins >= 10_000


def test_every_order_of_three_steps_after_three_concurrent_creations_agrees():
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
    two.receive(one.create(first or {"name": "old"}))
    return one, two


@pytest.mark.parametrize("policy", list(Policy))
@pytest.mark.parametrize("end_first", [True, False])
def test_a_delete_concurrent_with_an_edit_is_a_conflict_in_both_orders(policy, end_first):
    schema = {"name": FieldSchema("name", policy=policy)}
    one, two = two_offices(schema)
    end, edit = one.delete(), two.update({"name": "new"})
    third = Replica(2, schema)
    third.receive_all(one.known.values() if end_first else two.known.values())
    third.receive_all([end, edit])
    assert third.state is not None
    assert not third.state.alive
    found = conflicts_of(third.state, schema)
    assert {(c.loser.value, c.deleted) for c in found.values()} == {("new", True)}


def test_an_equal_value_concurrent_with_a_delete_is_a_conflict_too():
    one, two = two_offices()
    end, edit = one.delete(), two.update({"name": "old"})
    one.receive(edit)
    two.receive(end)
    assert one.state == two.state
    assert len(conflicts_of(one.state, ONE)) == 1


def test_a_concurrent_creation_against_a_delete_is_a_conflict_in_both_orders():
    one, two, third = Replica(0, ONE), Replica(1, ONE), Replica(2, ONE)
    made, again = one.create({"name": "a"}), two.create({"name": "b"})
    end = one.delete()
    one.receive(again)
    third.receive_all([again, made, end])
    assert one.state == third.state
    assert [c.loser.value for c in conflicts_of(one.state, ONE).values()] == ["b"]


def test_deleting_a_deleted_record_again_confirms_the_delete_and_does_not_restore_it():
    one, two = two_offices()
    one.delete()
    one.receive(two.update({"name": "new"}))
    assert len(conflicts_of(one.state, ONE)) == 1
    one.delete()
    assert not one.state.alive
    assert conflicts_of(one.state, ONE) == {}


def test_a_delete_loses_no_element_of_a_union():
    schema = {"tags": FieldSchema("tags", policy=Policy.UNION)}
    one, two = two_offices(schema, tags="a")
    first, second = one.update({"tags": "a,b"}), two.update({"tags": "a,c"})
    one.receive(second)
    two.receive(first)
    one.delete()
    assert conflicts_of(one.state, schema) == {}
    assert shown_value(schema["tags"], one.state.fields["tags"]) == "a,b,c"


def test_an_edit_concurrent_with_a_later_delete_stays_listed_when_two_offices_restored_the_record():
    """One re-creates and ends again; another re-created meanwhile: its value stands against it."""
    one, two = two_offices()
    two.receive(one.delete())
    one.update({"name": "mine"})
    again = two.update({"name": "theirs"})
    one.delete()
    one.receive(again)
    two.receive_all(one.known.values())
    assert one.state == two.state
    assert [c.loser.value for c in conflicts_of(one.state, ONE).values()] == ["theirs"]


def test_a_clock_a_year_ahead_does_not_win_against_an_edit_made_after_it():
    one, two = two_offices()
    ahead = one.update({"name": "from the future"}, at=YEAR_MS << 16)
    two.receive(ahead)
    healthy = two.update({"name": "today"})
    assert healthy.version < ahead.version
    one.receive(healthy)
    assert one.state == two.state
    assert one.state.fields["name"].shown.value == "today"
    assert conflicts_of(one.state, ONE) == {}


def test_resolving_a_conflict_closes_it_wherever_the_resolution_is_received():
    one, two = two_offices()
    mine, theirs = one.update({"name": "mine"}), two.update({"name": "theirs"})
    one.receive(theirs)
    two.receive(mine)
    assert len(conflicts_of(one.state, ONE)) == 1
    decided = one.update({"name": "both"}, resolves=one.losers())
    two.receive(decided)
    assert one.state == two.state
    assert conflicts_of(two.state, ONE) == {}


def test_a_value_written_concurrently_with_a_resolution_is_not_resolved():
    one, two = two_offices()
    mine, theirs = one.update({"name": "mine"}), two.update({"name": "theirs"})
    one.receive(theirs)
    two.receive(mine)
    decided = one.update({"name": "decided"}, resolves=one.losers())
    later = two.update({"name": "later"})
    one.receive(later)
    two.receive(decided)
    assert one.state == two.state
    assert len(conflicts_of(one.state, ONE)) == 1


def test_a_value_that_came_as_a_copy_overwrites_its_base_when_both_edits_are_returned():
    """A restored office gets its newest value as a copy first, and then both edits of it."""
    (one, _) = two_offices()
    older, newer = one.update({"name": "older"}), one.update({"name": "newer"})
    state = one.state
    for edit in (older, newer):
        joined = merge(state, edit.change, ONE)
        assert joined is not None
        state = joined
    assert state == one.state
    assert merge(state, newer.change, ONE) == state


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


def test_an_edit_that_comes_before_what_began_its_life_does_not_begin_it():
    """An office that takes back what it lost may get them in any order."""
    one, two = two_offices()
    (made,) = one.known.values()
    ended = one.delete()
    begun = one.update({"name": "again"})
    two.receive_all([ended, begun])
    edited = two.update({"name": "edited"})
    one.receive(edited)
    for edits in itertools.permutations([ended, begun, edited]):
        state = merge(None, made.change, ONE)
        for edit in edits:
            state = merge(state, edit.change, ONE)
        assert (state.causal_length, state.causal_length_version) == (3, begun.version)


@pytest.mark.parametrize("operation", [Operation.UPDATE, Operation.DELETE])
def test_a_change_without_its_records_creation_is_not_merged(operation):
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
def test_each_policy_shows_the_value_that_it_defines(policy, mine, theirs, shown):
    """Mine is a community's (the owner's), theirs a street's (higher) and later."""
    schema = {"name": FieldSchema("name", policy=policy, owners=(3, 2))}
    one, two = two_offices(schema)
    one.update({"name": mine}, at=10)
    one.receive(two.update({"name": theirs}, at=20))
    assert shown_value(schema["name"], one.state.fields["name"]) == shown
