"""Deadlines: which work is late as far as this office can know, and what happens when time passes.

Every office above a late assignment flags it for itself; nothing is sent for that, because all of
them have the same events and receive the same peer status.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from node.china import DAY_MS
from node.domain.assignment import EventKind, State, escalation, overdue
from node.domain.assignment_rules import BACK_WITH_ISSUER, WITH_ASSIGNEE
from node.domain.deadlines import Lateness
from node.domain.units import Tree
from node.folds.event_writer import EventWriter
from node.store.assignments import Assignment, Row, load, save, select_rows
from sync.model.limits import TRANSACTION_CHANGES_MAX
from sync.model.report import NodeStatus
from sync.store.sql import execute

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from node.office import Office
    from sync.model.change import Edit

ESCALATE_AFTER_MS = 3 * DAY_MS  # one more level above sees late work each time this passes
CONSENT_MS = 15 * DAY_MS  # a community that does not answer has not consented
APPRAISE_MS = 30 * DAY_MS  # verified work that nobody appraises is closed
_STEPS_MAX = TRANSACTION_CHANGES_MAX // 4  # each step may change cells, too
_DUE = sorted(state.value for state in WITH_ASSIGNEE)
_OPEN = sorted(state.value for state in WITH_ASSIGNEE | BACK_WITH_ISSUER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flagged:
    """One assignment whose flag changed. `reached`: it now concerns this office too."""

    id: bytes
    was: str
    now: str
    escalated: int  # levels above the issuer that should see it
    reached: bool


def escalate(
    office: Office, now_ms: int, *, escalate_after_ms: int = ESCALATE_AFTER_MS
) -> tuple[Flagged, ...]:
    """Flag what is late at `now_ms` among the open work seen here, and unflag what is not.

    Work is "overdue" only when everything that its assignee wrote up to the deadline is here;
    else "overdue_unconfirmed", which counts as unsynced. One transaction; repeated, it changes
    nothing and takes no lock.
    """
    known = office.peer_status.known()
    tree, me = office.tree, office.identity.unit

    def changed_rows(tx: Connection) -> list[tuple[Row, Row]]:
        rows = select_rows(
            tx,
            f"state IN ({_marks(_OPEN)}) AND (due_ms<? OR flag<>'') ORDER BY id",
            (*_OPEN, now_ms),
        )
        changed = []
        for row in rows:
            known_until_ms = watermark(tree, me, row.assignee, known, now_ms)
            late = overdue(row.summary, now_ms, known_until_ms)
            steps = escalation(
                row.summary, now_ms, known_until_ms,
                escalate_after_ms=escalate_after_ms, levels_above=_levels_above(tree, row.issuer),
            )  # fmt: skip
            flag = "" if late is Lateness.ON_TIME else late.value
            if (flag, steps) != (row.flag, row.escalated):
                changed.append((row, replace(row, flag=flag, escalated=steps)))
        return changed

    def work(tx: Connection) -> tuple[Flagged, ...]:
        changed = changed_rows(tx)
        save(tx, [after for _, after in changed])
        return tuple(_flagged(tree, me, before, after) for before, after in changed)

    with office.store.read() as tx:
        if not changed_rows(tx):
            return ()
    return office.store.write(work)


def late_work(office: Office, tx: Connection, now_ms: int) -> tuple[int, int]:
    """Return how many tasks of this office are late, and how many of others it should look into.

    Of others: those that it issued, and those whose lateness has come up to it (`escalate`).
    """
    me, tree = office.identity.unit, office.tree
    own = execute(
        tx,
        "SELECT count(*) FROM assignment "  # noqa: S608
        f"WHERE assignee=? AND state IN ({_marks(_DUE)}) AND due_ms<?",
        (me, *_DUE, now_ms),
    ).fetchone()[0]
    rows = execute(
        tx,
        "SELECT issuer, escalated, count(*) FROM assignment "  # noqa: S608
        f"WHERE flag=? AND assignee<>? AND state IN ({_marks(_OPEN)}) GROUP BY issuer, escalated",
        (Lateness.OVERDUE.value, me, *_OPEN),
    ).fetchall()
    reached = 0
    for issuer, levels, count in rows:
        above = (issuer, *tree.ancestors(issuer)) if issuer in tree else ()
        reached += count if me in above[: levels + 1] else 0
    return int(own), int(reached)


def _marks(values: Sequence[str]) -> str:
    return ",".join("?" * len(values))


def watermark(
    tree: Tree, me: int, unit: int, known: Mapping[int, NodeStatus], now_ms: int
) -> int | None:
    """Return up to when everything that `unit` wrote is here; None when that is not known.

    An office's own status states how old the oldest of what its parent lacks is; more may be
    written in the millisecond in which it is made. For a unit further down, every office between
    must have sent on what it had when that status was made.
    """
    if unit == me:
        return now_ms
    if unit not in tree or not tree.within(unit, me):
        return None
    above = tree.ancestors(unit)
    exact: int | None = None
    made = 0
    for office in (unit, *above[: above.index(me)]):
        peer_status = known.get(office)
        if peer_status is None:
            return None
        safe_ms = (
            peer_status.at_ms - peer_status.waiting_age_ms - (1 if peer_status.waiting_up else 0)
        )
        if exact is None:
            exact = peer_status.at_ms - peer_status.waiting_age_ms - 1
        elif safe_ms < made:
            return None
        made = peer_status.at_ms
    return exact


def run_timers(
    office: Office, now_ms: int, *, consent_ms: int = CONSENT_MS, appraise_ms: int = APPRAISE_MS
) -> tuple[bytes, ...]:
    """Take the steps of this office as issuer that are due only because time has passed.

    A community that did not answer a request for consent sends the work back; verified work is
    closed when its time for appraisal is over.
    Returns: the assignments that moved; at most one transaction's worth, the job runs again.
    """
    moved: list[bytes] = []

    waits = {
        State.DELIVERED: (EventKind.EXPIRE_CONSENT, State.DELIVERED, consent_ms),
        State.VERIFIED: (EventKind.CLOSE, State.VERIFIED, appraise_ms),
        State.APPRAISED: (EventKind.CLOSE, State.VERIFIED, appraise_ms),
    }

    def waiting(tx: Connection) -> list[bytes]:
        rows = select_rows(
            tx, "issuer=? AND state IN (?,?,?) AND dispatched_ms<? ORDER BY dispatched_ms, id",
            (office.identity.unit, *(s.value for s in waits),
             now_ms - min(consent_ms, appraise_ms)),
        )  # fmt: skip
        return [r.id for r in rows if r.state != State.DELIVERED or r.summary.needs_consent]

    def over(current: Assignment) -> EventKind | None:
        """Return the step that is due; None: it still has time."""
        kind, since, wait_ms = waits[current.state.state]
        return kind if now_ms - current.state.milestones[since] > wait_ms else None

    def work(tx: Connection) -> list[Edit]:
        moved.clear()
        writer = EventWriter(office.identity.unit, office.identity.level, office.tree, now_ms)
        for assignment, current in sorted(load(tx, waiting(tx)).items()):
            kind = over(current)
            if kind is not None and len(writer.edits) < _STEPS_MAX:
                writer.write_event(current, kind, "issuer")
                moved.append(assignment)
        return writer.edits

    with office.store.read() as tx:
        if all(over(current) is None for current in load(tx, waiting(tx)).values()):
            return ()
    office.commit(work)
    return tuple(moved)


def _levels_above(tree: Tree, issuer: int) -> int:
    return len(tree.ancestors(issuer)) if issuer in tree else 0


def _flagged(tree: Tree, me: int, before: Row, after: Row) -> Flagged:
    issuer = before.issuer
    above = (issuer, *tree.ancestors(issuer)) if issuer in tree else ()
    reached = me in above[: after.escalated + 1] or me == before.assignee
    return Flagged(
        id=before.id,
        was=before.flag,
        now=after.flag,
        escalated=after.escalated,
        reached=bool(after.flag) and reached,
    )
