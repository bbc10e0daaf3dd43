"""Fold equal index entries that meet at this office into duplicate cases for people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from node.domain.cases import CLOSED, OPEN, SETTLED, CaseVerdict, decide, units_of, units_text
from node.folds.blind_index import MARK
from node.folds.context import FoldContext
from node.ids import natural_id
from sync.model import audience
from sync.model.change import ID_BYTES, Edit, Operation, RecordKey, Value
from sync.model.effect import Effect
from sync.store.sql import execute, pieces

CASE = "case"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a case, from the office of `unit` to the office of `addressed`."""

    id: bytes
    unit: int
    mark: str
    addressed: int
    kind: str
    units: str
    state: str
    closed: str
    reason: str
    actor: str


def parse_mark(value: Value) -> bytes | None:
    """Return the index entry's id in a line; None if it is invalid (from a faulty peer)."""
    try:
        mark = bytes.fromhex(str(value))
    except ValueError:
        return None
    return mark if len(mark) == ID_BYTES and mark.hex() == value else None


def line_id(mark: bytes, addressed: int) -> bytes:
    return natural_id(CASE, mark.hex(), str(addressed))


def lines(tx: Connection, where: str, parameters: Sequence[object]) -> list[Line]:
    """Return the active lines of cases of an index value, with their addressees."""
    statement = (
        "SELECT id, unit, f_mark, f_told, f_kind, f_units, f_state, f_closed, f_reason, f_actor "  # noqa: S608
        f"FROM r_case WHERE (causal_length & 1) = 1 AND {where} ORDER BY f_mark, unit, f_told"
    )
    return [
        Line(bytes(r[0]), r[1], r[2], r[3], *(v or "" for v in r[4:]))
        for r in execute(tx, statement, tuple(parameters)).fetchall()
        if parse_mark(r[2]) is not None and isinstance(r[3], int)
    ]


def shared_marks(tx: Connection) -> set[bytes]:
    """Return the index entries that more than one record has, and those of every case kept here."""
    rows = execute(
        tx, "SELECT id FROM r_mark WHERE f_n > 0 GROUP BY id HAVING count(*) > 1 OR max(f_n) > 1"
    )
    found = {bytes(row[0]) for row in rows.fetchall()}
    cases = execute(tx, "SELECT DISTINCT f_mark FROM r_case")
    named = (parse_mark(row[0]) for row in cases.fetchall())
    return found | {mark for mark in named if mark is not None}


class CaseFold:
    """Updates this office's own cases: open where it is the lowest office above all concerned."""

    def __init__(self, context: FoldContext) -> None:
        self._me = context

    def fields_read(self, register: str, unit: int) -> frozenset[str] | None:
        if register == MARK:
            return frozenset({"n"})
        above = register == CASE and unit != self._me.unit
        return frozenset({"mark", "units", "state"}) if above else None

    def fold(self, tx: Connection, effects: Sequence[Effect]) -> Iterable[Edit]:
        """Return the edits of cases that these index entries, and cases above, change."""
        touched: set[bytes] = set()
        for effect in effects:
            if effect.register == MARK:
                touched.update(effect.ids)
            elif self.fields_read(effect.register, effect.unit) is not None:
                for _, before, after in effect.changes():
                    mark = parse_mark((after or before or {})["mark"])
                    if mark is not None:
                        touched.add(mark)
        return self.review(tx, touched)

    def review(self, tx: Connection, marks: Iterable[bytes]) -> list[Edit]:
        """Return the edits that update the cases of these index values to the active entries."""
        edits: list[Edit] = []
        for part in pieces(sorted(marks)):
            live: dict[bytes, dict[int, int]] = defaultdict(dict)
            kinds: dict[bytes, str] = {}
            signs = ",".join("?" * len(part))
            rows = execute(
                tx,
                f"SELECT id, unit, f_n, f_kind FROM r_mark WHERE id IN ({signs}) "  # noqa: S608
                "AND f_n > 0 AND (causal_length & 1) = 1",
                tuple(part),
            )
            for mark, unit, n, kind in rows.fetchall():
                live[bytes(mark)][unit] = n
                kinds[bytes(mark)] = kind or ""
            addressed: dict[bytes, list[Line]] = defaultdict(list)
            hexes = [mark.hex() for mark in part]
            for line in lines(tx, f"f_mark IN ({signs})", hexes):
                addressed[bytes.fromhex(line.mark)].append(line)
            for mark in part:
                if mark in addressed or sum(live[mark].values()) > 1:
                    edits += self._review(mark, kinds.get(mark, ""), live[mark], addressed[mark])
        return edits

    def are_concerned(self, tx: Connection) -> bool:
        """Return whether there is anything for `review_all` to check."""
        return bool(shared_marks(tx))

    def review_all(self, tx: Connection) -> list[Edit]:
        """Return the edits that update every case and every index entry of several records."""
        return self.review(tx, shared_marks(tx))

    def close(self, mark: bytes, case_lines: list[Line], reason: str, actor: str) -> list[Edit]:
        """Return the edits by which a person closes this office's open case."""
        own = next(line for line in case_lines if line.addressed == self._me.unit)
        return self._edits(
            mark, own.kind, CaseVerdict(CLOSED, units_of(own.units)),
            {line.addressed: line for line in case_lines},
            closed=own.units, reason=reason, actor=actor,
        )  # fmt: skip

    def _review(
        self, mark: bytes, kind: str, live: dict[int, int], case_lines: list[Line]
    ) -> Iterable[Edit]:
        me, tree = self._me.unit, self._me.tree
        own = {line.addressed: line for line in case_lines if line.unit == me}
        head = own.get(me)
        over = tree.ancestors(me) if me in tree else ()
        above: dict[int, int] = {}
        for line in case_lines:
            if line.unit in over and line.state in (OPEN, CLOSED):
                above |= units_of(line.units)
        found = decide(
            me, live, closed=units_of(head.closed if head else ""), above=above,
            hop=lambda unit: tree.next_hop(me, unit) if unit in tree and me in tree else None,
        )  # fmt: skip
        if not own and found.state == SETTLED:
            return ()
        return self._edits(
            mark, head.kind if head else kind, found, own,
            closed=head.closed if head else "",
            reason=head.reason if head else "", actor=head.actor if head else "",
        )  # fmt: skip

    def _edits(
        self, mark: bytes, kind: str, found: CaseVerdict, own: dict[int, Line],
        *, closed: str, reason: str, actor: str,
    ) -> list[Edit]:  # fmt: skip
        """Return the edits that inform every concerned unit, also those informed before.

        Each learns of its own records, and not where the others are: who enters a number to ask
        whose it is learns no place (ADR 0045). A unit that no longer has a record of it is only
        informed that the case is resolved.
        """
        me = self._me.unit
        edits = []
        for addressed in sorted({me, *found.units, *own}):
            line = own.get(addressed)
            if addressed == me or addressed in found.units:
                own_units = {addressed: found.units.get(addressed, 0)}
                values: dict[str, Value] = {
                    "kind": kind, "state": found.state,
                    "units": units_text(found.units if addressed == me else own_units),
                    "closed": closed if addressed == me else "",
                    # A unit that joins later does not get the reason given for the others.
                    "reason": reason if addressed == me or found.state == CLOSED else "",
                    "actor": actor if addressed == me or found.state == CLOSED else "",
                }  # fmt: skip
            else:
                values = {"kind": kind, "units": line.units if line else "", "state": SETTLED,
                          "closed": "", "reason": "", "actor": ""}  # fmt: skip
            if line is not None:
                values = {n: v for n, v in values.items() if v != getattr(line, n)}
                if not values:
                    continue
            else:
                values |= {"mark": mark.hex(), "told": addressed}
            edits.append(
                Edit(
                    key=RecordKey(CASE, me, line_id(mark, addressed)),
                    operation=Operation.CREATE if line is None else Operation.UPDATE,
                    values=values,
                    audiences=() if addressed == me else (audience.down(addressed),),
                )
            )
        return edits
