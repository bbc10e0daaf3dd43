"""Orders over all their hops and targets: who has done it, who is late, who has not answered."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection

from node.domain.assignment_rules import DONE, TERMINAL
from node.folds import targets as final
from node.services.common.pages import page_size, page_token, parse_page_token
from node.services.work.errors import UnknownAssignment
from node.store.assignments import Row, load, select_rows
from sync.store.sql import execute, pieces

if TYPE_CHECKING:
    from node.office import Office

_DONE = frozenset(state.value for state in DONE)
_TERMINAL = frozenset(state.value for state in TERMINAL)
_ENDED = _TERMINAL - _DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One office that is to do the work in the end.

    `row`: its own hop, or the last one on the way to it. `received`: whether anything was ever
    received from it; None: it is not below this office.
    """

    unit: int
    row: Row
    late: bool
    received: bool | None

    @property
    def arrived(self) -> bool:
        """Whether the order has come to the office itself."""
        return self.row.assignee == self.unit

    @property
    def done(self) -> bool:
        return self.arrived and self.row.state in _DONE

    @property
    def ended(self) -> bool:
        """Whether it will not be done: refused, declined or recalled, here or on the way."""
        return self.row.state in _ENDED


class Hop(NamedTuple):
    """One assignment of an order. `depth`: 0 where this office does not see its parent."""

    row: Row
    depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order as far as this office sees it; targets by their code."""

    id: bytes
    title: str
    issuer: int
    due_ms: int | None
    updated_ms: int
    targets: tuple[Target, ...]
    hops: tuple[Hop, ...]  # those that this office sees, each followed by its parts

    @property
    def counts(self) -> dict[int, dict[str, int]]:
        """Level -> state -> how many hops."""
        found: dict[int, Counter[str]] = defaultdict(Counter)
        for hop in self.hops:
            found[hop.row.level][hop.row.state] += 1
        return {level: dict(states) for level, states in sorted(found.items())}

    @property
    def closed(self) -> bool:
        """Whether every hop has ended."""
        return all(hop.row.state in _TERMINAL for hop in self.hops)

    @property
    def done(self) -> int:
        return sum(target.done for target in self.targets)

    @property
    def ended(self) -> int:
        return sum(target.ended for target in self.targets)

    @property
    def late(self) -> int:
        return sum(target.late for target in self.targets)

    @property
    def never_received(self) -> int:
        return sum(target.received is False for target in self.targets)


@dataclass(frozen=True, slots=True)
class OrderPage:
    """Orders, the latest change first; `total` counts all that match."""

    orders: tuple[Order, ...]
    total: int
    next: str


def list_orders(
    office: Office, *, text: str = "", open_only: bool = False, limit: int = 50, after: str = ""
) -> OrderPage:
    """Return a page of orders. `text`: part of a title; `after`: the last page's `next`.

    Raises: BadToken.
    """
    limit = page_size(limit)
    with office.store.read() as tx:
        listed = _newest_first(tx, text, open_only=open_only)
        start = 0
        if after:
            at_ms, number = parse_page_token(after)
            start = sum(place <= (-at_ms, number) for place in listed)
        page = listed[start : start + limit]
        orders = _orders(office, tx, [number for _, number in page])
    more = len(listed) > start + limit
    token = page_token(-page[-1][0], page[-1][1]) if more else ""
    return OrderPage(tuple(orders), len(listed), token)


def show_order(office: Office, order: bytes) -> Order:
    """Return one order. Raises: UnknownAssignment."""
    with office.store.read() as tx:
        found = _orders(office, tx, [order])
    if not found:
        raise UnknownAssignment(order)
    return found[0]


def _newest_first(tx: Connection, text: str, *, open_only: bool) -> list[tuple[int, bytes]]:
    """Return the place of every order: minus the moment of its last change, and its number."""
    rows = execute(tx, "SELECT work_order, title, state, updated_ms FROM assignment", ()).fetchall()
    newest: dict[bytes, int] = {}
    fits: set[bytes] = set()
    for number, title, state, updated_ms in rows:
        order = bytes(number)
        newest[order] = max(newest.get(order, 0), int(updated_ms))
        if text.casefold() in title.casefold() and not (open_only and state in _DONE | _ENDED):
            fits.add(order)
    return sorted((-newest[order], order) for order in fits)


def _orders(office: Office, tx: Connection, numbers: Sequence[bytes]) -> list[Order]:
    """Return these orders in this order; what is unknown is left out."""
    rows: dict[bytes, list[Row]] = defaultdict(list)
    for part in pieces(numbers):
        marks = ",".join("?" * len(part))
        for row in select_rows(tx, f"work_order IN ({marks})", tuple(part)):
            rows[row.work_order].append(row)
    return [_order(office, tx, rows[number]) for number in numbers if rows[number]]


def _order(office: Office, tx: Connection, rows: Sequence[Row]) -> Order:
    seen = {row.id for row in rows}
    parts: dict[bytes | None, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row.level, row.assignee, row.id)):
        parts[row.parent if row.parent in seen else None].append(row)
    roots = parts[None]
    routes = _routes(office, tx, rows, roots)
    now_ms, known, me = office.clock.now_ms(), office.peer_status.known(), office.identity.unit
    tree = office.tree
    targets = []
    for unit, row in routes.items():
        below = unit in tree and unit != me and tree.within(unit, me)
        over = row.state in _ENDED or (row.assignee == unit and row.state in _DONE)
        targets.append(
            Target(
                unit=unit, row=row,
                late=not over and row.due_ms is not None and row.due_ms < now_ms,
                received=unit in known if below else None,
            )
        )  # fmt: skip
    first = min(roots, key=lambda row: (row.level, row.updated_ms, row.id))
    return Order(
        id=first.work_order,
        title=first.title,
        issuer=first.issuer,
        due_ms=max((row.due_ms for row in roots if row.due_ms is not None), default=None),
        updated_ms=max(row.updated_ms for row in rows),
        targets=tuple(sorted(targets, key=lambda target: _code(office, target.unit))),
        hops=tuple(_hops(parts)),
    )


def _hops(
    parts: Mapping[bytes | None, Sequence[Row]], parent: bytes | None = None, depth: int = 0
) -> Iterator[Hop]:
    """Yield the hops below one, each followed by its parts."""
    for row in parts.get(parent, ()):
        yield Hop(row, depth)
        yield from _hops(parts, row.id, depth + 1)


def _routes(
    office: Office, tx: Connection, rows: Iterable[Row], roots: Sequence[Row]
) -> dict[int, Row]:
    """Return each final target with its own hop, or with the last hop on the way to it.

    A target outside the tree of today, or whose list cannot be read, is its hop's assignee.
    """
    by_assignee: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_assignee[row.assignee].append(row)
    parted = {row.parent for row in rows}
    found: dict[int, Row] = {}
    loaded = load(tx, [row.id for row in roots])
    for root in roots:
        current = loaded.get(root.id)
        try:
            named = final.read(office.tree, root.assignee, current.work.targets if current else "")
        except final.OutOfLine:
            named = {root.assignee}
        for unit in named:
            found[unit] = _route(office, unit, by_assignee, root)
    # An office on the way may have chosen others than the order named.
    for row in rows:
        leaf = row.id not in parted and row.state not in _ENDED
        if leaf and row.assignee not in found and row.id not in {w.id for w in found.values()}:
            found[row.assignee] = row
    return found


def _route(office: Office, unit: int, by_assignee: dict[int, list[Row]], root: Row) -> Row:
    tree = office.tree
    for at in (unit, *(tree.ancestors(unit) if unit in tree else ())):
        if at in by_assignee:
            # Sent out again after a return, a hop has a later round: that one counts.
            return max(by_assignee[at], key=lambda row: (row.state not in _ENDED, row.round,
                                                         row.dispatched_ms, row.id))  # fmt: skip
    return root


def _code(office: Office, unit: int) -> tuple[str, int]:
    return (office.tree.get(unit).code if unit in office.tree else "~", unit)
