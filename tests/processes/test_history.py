"""The checker finds each anomaly that is put into a history, and none in an honest one."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.processes.history import Txn, check, lost

Lists = Mapping[str, Sequence[int]]


def wrote(session: str, outcome: str = "ok", reads: Lists | None = None, **appends) -> Txn:
    return Txn(session=session, appends=appends, reads=reads or {}, outcome=outcome)  # type: ignore[arg-type]


def read(session: str, **reads: list[int]) -> Txn:
    return Txn(session=session, reads=reads)


def names(history: list[Txn]) -> set[str]:
    return {anomaly.name for anomaly in check(history)}


SEEDED = {
    # Two edits interleave inside one pair of records: x says one order, y the other.
    "G0": [wrote("a", x=[1], y=[1]), wrote("b", x=[2], y=[2]), read("r", x=[1, 2], y=[2, 1])],
    # A figure counts an import that was rolled back.
    "G1a": [wrote("a", "fail", x=[1]), read("r", x=[1])],
    # A district sees the first half of what one transaction did to one record.
    "G1b": [wrote("a", x=[1, 2]), read("r", x=[1]), read("s", x=[1, 2])],
    # Each saw the other's: task A is reported before B, and B before A.
    "G1c": [wrote("a", x=[1], reads={"y": [1]}), wrote("b", y=[1], reads={"x": [1]}),
            read("r", x=[1], y=[1])],
    # Half of a transaction: its first record is seen and its second is not.
    "G-single": [wrote("a", x=[1], y=[1]), read("r", x=[1], y=[]), read("s", x=[1], y=[1])],
    # Two correct the same value without seeing each other.
    "lost update": [wrote("a", reads={"x": []}, x=[1]), wrote("b", reads={"x": []}, x=[2]),
                    read("r", x=[1, 2])],
    # A session reads its own write no more.
    "stale session": [wrote("a", x=[1]), read("a", x=[]), read("r", x=[1])],
    # Two sessions that each saw the other's future.
    "session": [read("a", x=[1]), wrote("a", y=[1]), read("b", y=[1]), wrote("b", x=[1])],
    "duplicate": [wrote("a", x=[1]), read("r", x=[1, 1])],
    "incompatible-order": [wrote("a", x=[1]), wrote("b", x=[2]), read("r", x=[1, 2]),
                           read("s", x=[2])],
    "made up": [read("r", x=[9])],
}  # fmt: skip


@pytest.mark.parametrize("name", SEEDED)
def test_a_planted_anomaly_is_found(name: str) -> None:
    assert name in names(SEEDED[name])


def test_reads_that_go_back_in_time_are_found() -> None:
    history = [wrote("a", x=[1]), wrote("a", x=[2]), read("r", x=[1, 2]), read("r", x=[1])]
    assert names(history) == {"stale session"}


def test_an_effect_seen_without_its_cause_is_found() -> None:
    """The street answered what it had seen; the city sees the answer and not the question."""
    history = [
        wrote("community", x=[1]), read("street", x=[1]), wrote("street", y=[1]),
        read("city", x=[], y=[1]), read("later", x=[1], y=[1]),
    ]  # fmt: skip
    assert names(history) == {"stale session"}


def test_two_readers_may_see_concurrent_events_in_different_orders() -> None:
    """Long fork: allowed between offices, as neither event is a cause of the other."""
    history = [
        wrote("a", x=[1]), wrote("b", y=[1]), read("r", x=[1], y=[]), read("s", x=[], y=[1]),
        read("t", x=[1], y=[1]),
    ]  # fmt: skip
    assert names(history) == set()


def test_an_unacknowledged_write_may_have_happened_or_not() -> None:
    history = [wrote("a", "unknown", x=[1]), wrote("a", "unknown", x=[2]), wrote("a", x=[3])]
    assert names([*history, read("r", x=[1, 3])]) == set()
    assert lost(history, {"x": [1, 3]}) == []
    assert [each.name for each in lost(history, {"x": [1]})] == ["lost"]


def test_an_acknowledged_write_that_is_in_no_list_counts_as_lost() -> None:
    assert len(lost([wrote("a", x=[1], y=[1])], {"x": [1]})) == 1


steps = st.lists(
    st.tuples(st.sampled_from(["write", "read", "hear"]), st.integers(0, 2), st.integers(0, 9)),
    min_size=5, max_size=60,
)  # fmt: skip


def played(script: list[tuple[str, int, int]]) -> list[Txn]:
    """Return the history of three writers, each received by two copies, first things first."""
    rng = random.Random(0)
    log: list[dict[str, int]] = []  # of all three: what each transaction appended
    received = {"copy-0": 0, "copy-1": 0, "copy-2": 0}
    history = []
    for n, (verb, who, _) in enumerate(script):
        copy = f"copy-{who}"
        if verb == "write":
            keys = rng.sample([f"{who}a", f"{who}b", f"{who}c"], 2)
            log.append(dict.fromkeys(keys, n))
            history.append(
                Txn(session=f"writer-{who}", appends={key: [n] for key in keys}, reads={})
            )
        elif verb == "hear":
            received[copy] = min(len(log), received[copy] + 2)
        else:
            history.append(Txn(session=copy, reads=lists(log[: received[copy]])))
    history.append(Txn(session="end", reads=lists(log)))
    return history


def lists(log: list[dict[str, int]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {f"{who}{key}": [] for who in range(3) for key in "abc"}
    for appended in log:
        for key, element in appended.items():
            found[key].append(element)
    return found


@given(steps)
def test_a_correct_history_shows_no_anomaly(script: list[tuple[str, int, int]]) -> None:
    history = played(script)
    assert check(history) == []
    assert lost(history, history[-1].reads) == []


@given(steps, st.integers(0, 10_000))
def test_a_correct_history_with_one_torn_read_is_rejected(
    script: list[tuple[str, int, int]], pick: int
) -> None:
    """Take the last element of one list out of a read that saw both records of its transaction."""
    history = played([*script, ("write", 0, 0), ("hear", 1, 0), ("read", 1, 0)])
    fit = [
        (number, key)
        for number, txn in enumerate(history[:-1]) if not txn.appends
        for key, elements in txn.reads.items()
        if elements and any(
            other.appends.get(key) == [elements[-1]]
            and all(txn.reads[also][-1:] == e for also, e in other.appends.items())
            for other in history
        )
    ]  # fmt: skip
    assume(fit)
    number, key = fit[pick % len(fit)]
    torn = dict(history[number].reads)
    torn[key] = torn[key][:-1]
    history[number] = Txn(session=history[number].session, reads=torn)
    assert check(history) != []
