"""A checker of list-append histories: which anomalies a set of transactions shows. Pure.

Each list is appended to and read whole, so a read tells the order of all writes before it. From
reads follow the edges between transactions: ww (appended after), wr (read what was appended), rw
(did not see what was appended next), and `session` (came after, in one session). A cycle is an
anomaly; which one, its edges say (Adya 1999; the idea of reading it off lists is Elle's, Kingsbury
and Alvaro, VLDB 2020). Cycles with two rw edges or more are allowed: offices without contact to
each other may see two events in different orders, as long as neither is a cause of the other.
"""

from __future__ import annotations

import itertools
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Kind = Literal["ww", "wr", "rw", "session"]
Outcome = Literal["ok", "fail", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Txn:
    """One transaction: what it appended, key -> elements in order, and the lists that it read.

    `session`: transactions of one session came one after another, in the order of the history;
    `site`: where it ran. A reader of one site that goes to another opens a new session.
    `outcome`: unknown when there was no answer; then it may have happened, or not.
    """

    session: str
    site: str = ""
    appends: Mapping[str, Sequence[int]] = field(default_factory=dict)
    reads: Mapping[str, Sequence[int]] = field(default_factory=dict)
    outcome: Outcome = "ok"


@dataclass(frozen=True, slots=True)
class Anomaly:
    """What was found: its name, and in words where."""

    name: str
    what: str


class Edge(NamedTuple):
    """From a transaction to one that must come after it; both by number."""

    kind: Kind
    to: int


Graph = dict[int, set[Edge]]


def check(history: Sequence[Txn]) -> list[Anomaly]:
    """Return every anomaly of a history; none means that it is as offices promise it."""
    order, found = _orders(history)
    found += _reads(history)
    found += _cycles(history, _graph(history, order))
    return found


def lost(history: Sequence[Txn], finals: Mapping[str, Sequence[int]]) -> list[Anomaly]:
    """Return what was acknowledged and is not in the lists as they stand in the end."""
    found = []
    for number, txn in enumerate(history):
        for key, elements in txn.appends.items():
            gone = set(elements) - set(finals.get(key, ()))
            if gone and txn.outcome == "ok":
                found.append(Anomaly("lost", f"{_name(history, number)}: {key} {sorted(gone)}"))
    return found


# -- what single reads show ------------------------------------------------------------------------


def _orders(history: Sequence[Txn]) -> tuple[dict[str, list[int]], list[Anomaly]]:
    """Return the order of each list, from its longest read; and reads that do not fit in."""
    found: list[Anomaly] = []
    longest: dict[str, list[int]] = {}
    for txn in history:
        for key, elements in txn.reads.items():
            if len(elements) >= len(longest.get(key, ())):
                longest[key] = list(elements)
    for number, txn in enumerate(history):
        for key, elements in txn.reads.items():
            if len(set(elements)) < len(elements):
                found.append(Anomaly("duplicate", f"{_name(history, number)}: {key}"))
            if list(elements) != longest[key][: len(elements)]:
                found.append(Anomaly("incompatible-order", f"{_name(history, number)}: {key}"))
    return longest, found


def _writers(history: Sequence[Txn]) -> dict[tuple[str, int], int]:
    return {
        (key, element): number
        for number, txn in enumerate(history)
        for key, elements in txn.appends.items()
        for element in elements
    }


def _reads(history: Sequence[Txn]) -> list[Anomaly]:
    """Find reads of what was never written, was rolled back, or is half of a transaction."""
    writers = _writers(history)
    found = []
    for number, txn in enumerate(history):
        for key, elements in txn.reads.items():
            for element in elements:
                writer = writers.get((key, element))
                if writer is None:
                    found.append(Anomaly("made up", f"{_name(history, number)}: {key} {element}"))
                elif history[writer].outcome == "fail":
                    found.append(Anomaly("G1a", f"{_name(history, number)}: {key} {element}"))
            if elements and (writer := writers.get((key, elements[-1]))) not in (None, number):
                assert writer is not None
                if elements[-1] != history[writer].appends[key][-1]:
                    found.append(Anomaly("G1b", f"{_name(history, number)}: {key}"))
    return found


# -- cycles ----------------------------------------------------------------------------------------


def _graph(history: Sequence[Txn], order: Mapping[str, list[int]]) -> Graph:
    writers = _writers(history)
    graph: Graph = defaultdict(set)

    def edge(frm: int | None, kind: Kind, to: int | None) -> None:
        if frm is not None and to is not None and frm != to:
            graph[frm].add(Edge(kind, to))

    for key, elements in order.items():
        for one, next_one in itertools.pairwise(elements):
            edge(writers.get((key, one)), "ww", writers.get((key, next_one)))
    for number, txn in enumerate(history):
        for key, elements in txn.reads.items():
            whole = order[key]
            if elements:
                edge(writers.get((key, elements[-1])), "wr", number)
            if len(elements) < len(whole):
                edge(number, "rw", writers.get((key, whole[len(elements)])))
    last: dict[str, int] = {}
    for number, txn in enumerate(history):
        if txn.outcome == "ok":
            edge(last.get(txn.session), "session", number)
            last[txn.session] = number
    return graph


def _cycles(history: Sequence[Txn], graph: Graph) -> list[Anomaly]:
    """Name each knot of the graph by the plainest cycle in it."""
    found = [
        _anomaly_of(history, name, cycle)
        for name, kinds in (
            ("G0", {"ww"}), ("G1c", {"ww", "wr"}), ("session", {"ww", "wr", "session"}),
        )
        for cycle in _cycles_of(graph, kinds)
    ]  # fmt: skip
    if found:
        return found
    seen: set[frozenset[int]] = set()
    after = [
        (name, kinds, _after(graph, len(history), kinds))
        for name, kinds in (
            ("G-single", {"ww", "wr"}), ("stale session", {"ww", "wr", "session"}),
        )
    ]  # fmt: skip
    for frm, edges in sorted(graph.items()):
        for kind, to in sorted(edges):
            if kind != "rw":
                continue
            for name, kinds, reach in after:
                if not reach[to] >> frm & 1:
                    continue
                path = _path(graph, to, frm, kinds)
                assert path is not None
                if frozenset(path) not in seen:
                    seen.add(frozenset(path))
                    if name == "G-single" and _overwrote(history, frm, to):
                        name = "lost update"
                    found.append(_anomaly_of(history, name, path))
                break
    return found


def _overwrote(history: Sequence[Txn], one: int, other: int) -> bool:
    """Whether both read the same list as it stood, and both appended to it."""
    mine, theirs = history[one], history[other]
    return any(
        key in theirs.reads and key in mine.appends and key in theirs.appends
        and list(theirs.reads[key]) == list(mine.reads[key])
        for key in mine.reads
    )  # fmt: skip


def _cycles_of(graph: Graph, kinds: Iterable[str]) -> list[list[int]]:
    """Return one cycle for each knot (strongly connected part) over edges of these kinds."""
    cycles = []
    for component in _components(graph, kinds):
        start = min(component)
        firsts = sorted(to for kind, to in graph[start] if kind in kinds and to in component)
        paths = [path for to in firsts if (path := _path(graph, to, start, kinds)) is not None]
        cycles.append(min(paths, key=len))
    return cycles


def _components(graph: Graph, kinds: Iterable[str]) -> list[set[int]]:
    """Return the strongly connected parts of two transactions or more (Tarjan 1972)."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    found = []
    for root in sorted(graph):
        if root in index:
            continue
        work = [(root, iter(_next(graph, root, kinds)))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, rest = work[-1]
            for to in rest:
                if to not in index:
                    index[to] = low[to] = len(index)
                    stack.append(to)
                    on_stack.add(to)
                    work.append((to, iter(_next(graph, to, kinds))))
                    break
                if to in on_stack:
                    low[node] = min(low[node], index[to])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    component = set()
                    while node not in component:
                        component.add(stack.pop())
                    on_stack -= component
                    if len(component) > 1:
                        found.append(component)
    return found


def _next(graph: Graph, node: int, kinds: Iterable[str]) -> list[int]:
    return sorted({to for kind, to in graph.get(node, ()) if kind in kinds})


def _after(graph: Graph, count: int, kinds: Iterable[str]) -> list[int]:
    """Return for each transaction which ones follow from it, as bits; there are no cycles here."""
    nexts = [_next(graph, node, kinds) for node in range(count)]
    before = [0] * count
    for following in nexts:
        for node in following:
            before[node] += 1
    ready = [node for node in range(count) if not before[node]]
    order = []
    while ready:
        order.append(node := ready.pop())
        for following in nexts[node]:
            before[following] -= 1
            if not before[following]:
                ready.append(following)
    assert len(order) == count
    reach = [0] * count
    for node in reversed(order):
        for following in nexts[node]:
            reach[node] |= reach[following] | 1 << following
    return reach


def _path(graph: Graph, frm: int, to: int, kinds: Iterable[str]) -> list[int] | None:
    """Return a shortest way over edges of these kinds, both ends included; None: there is none."""
    came: dict[int, int | None] = {frm: None}
    queue = deque([frm])
    while queue:
        node = queue.popleft()
        if node == to:
            path = [node]
            while (before := came[path[-1]]) is not None:
                path.append(before)
            return path[::-1]
        for following in _next(graph, node, kinds):
            if following not in came:
                came[following] = node
                queue.append(following)
    return None


def _anomaly_of(history: Sequence[Txn], name: str, cycle: Sequence[int]) -> Anomaly:
    return Anomaly(name, " -> ".join(_name(history, number) for number in cycle))


def _name(history: Sequence[Txn], number: int) -> str:
    txn = history[number]
    wrote = ", ".join(f"{key}+{list(elements)}" for key, elements in txn.appends.items())
    read = ", ".join(f"{key}[{len(elements)}]" for key, elements in txn.reads.items())
    return f"#{number} {txn.session} at {txn.site or '-'} ({wrote or read})"
