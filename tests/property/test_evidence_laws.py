"""Joining two copies: both ways the same, nothing lost, what the log explains is no conflict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from sync.merge.evidence import (
    Evidence,
    LoggedEdit,
    causal_length_of,
    evidence_for,
    join,
    lost,
    versions_in_dispute,
    with_evidence,
)
from sync.merge.record import Head, Heads, RecordState
from sync.model.change import Operation
from sync.model.version import Version, version_of
from tests.support.replicas import FIELDS, LEVELS, Known, Replica, expected_state

WRITERS = {number + 1: level for number, level in enumerate(LEVELS)}
VALUES = {"most": 3, "least": 4}


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Known], list[Known]]:
    """Return what two replicas of one record know: each knows the causes of what it knows."""
    replicas = [Replica(0), Replica(1)]
    first = replicas[0].create({"name": "a", "tags": "x"})
    replicas[1].receive(first)
    for n in range(draw(st.integers(0, 8))):
        replica = replicas[draw(st.integers(0, 1))]
        what = draw(st.sampled_from(["name", "owner", "most", "tags", "end", "hear"]))
        if what == "hear":
            other = replicas[1 - replica.number]
            replica.receive_all(sorted(other.known.values(), key=lambda e: e.version))
        elif what == "end":
            replica.delete()
        else:
            value = n if what == "most" else draw(st.sampled_from(["a", "b", "x,y"]))
            replica.update({what: value})
    return list(replicas[0].known.values()), list(replicas[1].known.values())


def logged_as(edits: Iterable[Known]) -> dict[Version, LoggedEdit]:
    """Return what a log that holds these edits says."""
    found: dict[Version, LoggedEdit] = {}
    for edit in edits:
        change = edit.change
        history = found.setdefault(
            edit.version, LoggedEdit(causal_length_of(change.operation, change.causal_length))
        )
        if change.operation is Operation.DELETE:
            continue
        history.values.update(change.values)
        for name, base in change.bases.items():
            history.overwritten.setdefault(name, set()).add(base)
        for name, versions in change.resolved.items():
            history.overwritten.setdefault(name, set()).update(versions)
    return found


def state(edits: list[Known]) -> RecordState:
    found = expected_state(edits, FIELDS)
    assert found is not None
    return found


def corrupted(copy: RecordState, name: str) -> tuple[RecordState, Head]:
    """Return a copy in which a value is another under its version, and the head with it."""
    heads = copy.fields[name]
    wrong = heads.shown._replace(value="坏" if name == "name" else -5)
    return replace(copy, fields={**copy.fields, name: Heads(wrong, heads.losers)}), wrong


@given(histories())
def test_joining_is_commutative_and_idempotent(
    known: tuple[list[Known], list[Known]],
) -> None:
    a, b = map(state, known)
    logged = logged_as([*known[0], *known[1]])
    one = join(a, b, FIELDS, logged, WRITERS, level=2).copy
    assert one == join(b, a, FIELDS, logged, WRITERS, level=2).copy
    assert one == join(one, b, FIELDS, logged, WRITERS, level=2).copy
    ours = logged_as(known[0])  # of what is in neither copy nobody is asked
    assert join(a, a, FIELDS, ours, WRITERS, level=2).copy == a
    assert join(a, None, FIELDS, ours, WRITERS, level=2).copy == a


@given(histories())
def test_with_the_log_two_copies_join_to_what_merging_all_edits_gives(
    known: tuple[list[Known], list[Known]],
) -> None:
    a, b = map(state, known)
    every = {e.version: e for e in (*known[0], *known[1])}
    joined = join(a, b, FIELDS, logged_as(every.values()), WRITERS, level=2).copy
    whole = state(list(every.values()))
    assert joined is not None
    assert joined.fields == whole.fields
    assert joined.causal_length == whole.causal_length
    assert joined.created == whole.created


@given(histories())
def test_evidence_from_both_logs_is_as_good_as_one_log(
    known: tuple[list[Known], list[Known]],
) -> None:
    a, b = map(state, known)
    ours, theirs = map(logged_as, known)
    edits = [edit for side in known for edit in side]
    assume(all(e.version > base for e in edits for base in e.change.bases.values()))  # as clocks do
    history = with_evidence(ours, b, evidence_for(b, theirs))
    joined = join(a, b, FIELDS, history, WRITERS, level=2).copy
    whole = state(list({e.version: e for e in (*known[0], *known[1])}.values()))
    assert joined is not None
    assert joined.fields == whole.fields
    assert joined.causal_length == whole.causal_length


@given(histories(), st.sampled_from(sorted(FIELDS)))
def test_a_peer_without_a_later_value_overwrites_nothing(
    known: tuple[list[Known], list[Known]], name: str
) -> None:
    a, b = map(state, known)
    latest = max(h.version for h in a.fields[name].all)
    history = with_evidence({}, b, Evidence(overwritten={name: {latest}}))
    joined = join(a, b, FIELDS, history, WRITERS, level=2).copy
    assert joined is not None
    if latest >= max(h.version for h in b.fields[name].all):
        assert latest in {h.version for h in joined.fields[name].all}


@given(histories())
def test_without_a_log_no_value_of_either_copy_is_lost(
    known: tuple[list[Known], list[Known]],
) -> None:
    a, b = map(state, known)
    joined = join(a, b, FIELDS, {}, WRITERS, level=2)
    assert joined.copy is not None
    assert joined.dropped == ()
    for copy in (a, b):
        assert lost(copy, joined.copy, {}, WRITERS) == []


@given(histories(), st.sampled_from(sorted(FIELDS)))
def test_a_version_that_nobody_wrote_is_dropped_and_recorded(
    known: tuple[list[Known], list[Known]], name: str
) -> None:
    a = state(known[0])
    bad = version_of(77 << 16, 999_999)
    corrupt_head = a.fields[name].shown._replace(version=bad)
    corrupt = RecordState(
        a.created,
        a.causal_length,
        a.causal_length_version,
        {**a.fields, name: Heads(corrupt_head)},
        a.survived_delete,
    )
    joined = join(corrupt, a, FIELDS, logged_as(known[0]), WRITERS, level=2)
    assert joined.copy == a
    assert (name, bad) in {(d.field, d.version) for d in joined.dropped}


@given(histories(), st.sampled_from(["name", "most"]))
def test_of_two_values_under_one_version_the_logged_one_is_kept(
    known: tuple[list[Known], list[Known]], name: str
) -> None:
    a = state(known[0])
    corrupt, wrong = corrupted(a, name)
    shown = a.fields[name].shown
    assert versions_in_dispute(a, corrupt) == {shown.version}
    for pair in ((a, corrupt), (corrupt, a)):
        joined = join(*pair, FIELDS, logged_as(known[0]), WRITERS, level=2)
        assert joined.copy == a
        assert [(d.field, d.value) for d in joined.dropped] == [(name, wrong.value)]


@given(histories(), st.sampled_from(["name", "most"]), st.booleans())
def test_of_two_values_under_one_version_the_one_in_the_peers_log_is_kept(
    known: tuple[list[Known], list[Known]], name: str, above: bool
) -> None:
    a = state(known[0])
    corrupt, _ = corrupted(a, name)
    evidence = evidence_for(a, logged_as(known[0]))
    for pair in ((a, corrupt), (corrupt, a)):
        history = with_evidence({}, pair[1], evidence)
        assert join(*pair, FIELDS, history, WRITERS, level=0 if above else 3).copy == a


def test_a_logged_causal_length_wins_over_one_that_was_not_logged() -> None:
    replica = Replica(0)
    replica.create({"name": "a"})
    assert replica.state is not None
    a = replica.state
    corrupt = RecordState(a.created, 4, a.causal_length_version, a.fields)
    assert join(a, corrupt, FIELDS, logged_as(replica.known.values()), WRITERS, level=2).copy == a
