"""Today: what waits for this office by deadline: work, money, corrections, conflicts, problems."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.china import end_of_day_ms
from node.domain.assignment_rules import TERMINAL, EventKind, State
from node.domain.deadlines import Lateness
from node.domain.english import counted
from node.domain.funds import FUNDS
from node.domain.numbers import yuan
from node.services.common.pages import PAGE_MAX
from node.services.conflicts.views import list_open
from node.services.corrections.views import list_corrections
from node.services.duplicates.cases import list_cases
from node.services.health.problems import Severity
from node.services.health.status import LinkState, status
from node.services.money.views import waiting
from node.services.upkeep.quarantine import page_of
from node.services.work.checks import next_steps
from node.store.assignments import Row, load, select_rows

if TYPE_CHECKING:
    from node.office import Office


class Source(StrEnum):
    """Where a task comes from; also the order among tasks that are due on the same day."""

    WORK = "work"
    MONEY = "money"
    CORRECTION = "correction"
    CONFLICT = "conflict"
    CASE = "case"
    QUARANTINED = "quarantined_change"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One thing that this office is to do. `command`: what does it, or shows what to decide."""

    source: Source
    id: bytes  # b"": a problem has none
    code: str  # of a problem; of work the state; else ""
    zh: str
    en: str
    unit: int | None  # the other office concerned
    due_ms: int | None  # the last moment of the last day
    since_ms: int  # 0: not known
    late: bool
    command: tuple[str, ...]
    steps: tuple[str, ...] = ()  # of work: what this office may do now
    severity: Severity | None = None  # of a problem


# What precedes the id of a thing, or the code of a problem, in a command.
COMMANDS: dict[Source, tuple[str, ...]] = {
    Source.WORK: ("work", "show"),
    Source.MONEY: ("money", "receive"),
    Source.CORRECTION: ("correction", "show"),
    Source.CONFLICT: ("conflict", "show"),
    Source.CASE: ("duplicate", "show"),
    Source.QUARANTINED: ("quarantine", "show"),
    Source.PROBLEM: ("explain",),
}
# What `status` counts and this list names one by one.
NAMED = frozenset(
    {"quarantined", "conflicts", "cases", "corrections", "corrections_late", "money_waiting",
     "work_overdue", "work_escalated"}
)  # fmt: skip
# What an office may do at any time; work does not wait for it.
_ANY_TIME = frozenset(
    kind.value for kind in (EventKind.RECALL, EventKind.EXTEND, EventKind.HAND_BACK)
)
_DONE_HERE = frozenset({State.CLAIMED.value, State.VERIFIED.value, State.APPRAISED.value})


def today(office: Office, link_state: LinkState | None = None) -> tuple[Task, ...]:
    """Return everything that waits for this office: the earliest deadline first, then no deadline.

    Among those without one, alarms come first.
    """
    now_ms = office.clock.now_ms()
    with office.store.read() as tx:
        found = list(_work(office, tx, now_ms))
    found += _money(office)
    found += _corrections(office)
    found += _conflicts(office)
    found += _cases(office)
    found += _quarantined(office)
    found += _problems(office, link_state)
    return tuple(sorted(found, key=_place))


_SOURCES = tuple(Source)


def _place(task: Task) -> tuple[bool, int, int, int, int, bytes]:
    severity = 1 if task.severity is None else int(task.severity)
    return (
        task.due_ms is None, task.due_ms or 0, severity, _SOURCES.index(task.source),
        task.since_ms, task.id,
    )  # fmt: skip


def _work(office: Office, tx: Connection, now_ms: int) -> Iterator[Task]:
    """Yield the assignments on which others wait for this office, and late ones it looks after."""
    me = office.identity.unit
    ended = sorted(state.value for state in TERMINAL)
    marks = ",".join("?" * len(ended))
    rows = select_rows(
        tx,
        f"state NOT IN ({marks}) AND (assignee=? OR issuer=? OR state=? OR state=? OR flag=?)",
        (*ended, me, me, State.SCREENING.value, State.RETURNED.value, Lateness.OVERDUE.value),
    )
    parted = {row.parent for row in rows if row.parent and row.state not in _DONE_HERE}
    loaded = load(tx, [row.id for row in rows])
    for row in rows:
        current = loaded.get(row.id)
        if current is None:
            continue
        steps = next_steps(office, tx, current)
        late = row.due_ms is not None and row.due_ms < now_ms and row.state not in _DONE_HERE
        if not _waits(office, row, steps, late=late, has_open_parts=row.id in parted):
            continue
        yield Task(
            source=Source.WORK, id=row.id, code=row.state, zh=row.title, en=row.title,
            unit=row.issuer if row.assignee == me else row.assignee, due_ms=row.due_ms,
            since_ms=row.updated_ms, late=late,
            command=(*COMMANDS[Source.WORK], row.id.hex()), steps=steps,
        )  # fmt: skip


def _waits(
    office: Office, row: Row, steps: Iterable[str], *, late: bool, has_open_parts: bool
) -> bool:
    """Return whether work waits for this office, and not for another or for nothing at all."""
    me, tree = office.identity.unit, office.tree
    if row.assignee == me:
        return row.state not in _DONE_HERE and (late or not has_open_parts)
    if row.flag == Lateness.OVERDUE.value:
        above = (row.issuer, *tree.ancestors(row.issuer)) if row.issuer in tree else ()
        if me in above[: row.escalated + 1]:
            return True
    return bool(set(steps) - _ANY_TIME)


def _money(office: Office) -> Iterator[Task]:
    for one in waiting(office):
        fund = FUNDS.get(one.fund)
        zh, en = (fund.zh, fund.en) if fund else (one.fund, one.fund)
        amount = yuan(one.amount_fen)
        yield Task(
            source=Source.MONEY, id=one.transfer, code=one.state.value,
            zh=f"{one.fund} {zh} {amount} 元待确认到账",
            en=f"{amount} yuan of {one.fund} ({en}) to be confirmed",
            unit=one.from_unit, due_ms=None, since_ms=one.sent_ms, late=False,
            command=(*COMMANDS[Source.MONEY], one.transfer.hex()),
        )  # fmt: skip


def _corrections(office: Office) -> Iterator[Task]:
    after = ""
    while True:
        page = list_corrections(office, "to-answer", limit=PAGE_MAX, after=after)
        for one in page.corrections:
            register = office.catalogue.registers.get(one.register)
            zh, en = (register.zh, register.en) if register else (one.register, one.register)
            yield Task(
                source=Source.CORRECTION, id=one.id, code="",
                zh=f"{zh}：{one.reason}", en=f"{en}: {one.reason}",
                unit=one.applicant, due_ms=end_of_day_ms(one.due_on), since_ms=one.asked_ms,
                late=one.late, command=(*COMMANDS[Source.CORRECTION], one.id.hex()),
            )  # fmt: skip
        if not page.next:
            return
        after = page.next


def _conflicts(office: Office) -> Iterator[Task]:
    after = ""
    while True:
        page = list_open(office, limit=PAGE_MAX, after=after)
        for one in page.conflicts:
            if not one.may_resolve:
                continue
            register = office.catalogue.registers[one.register]
            known = register.fields.get(one.field)
            zh, en = (known.zh, known.en) if known else (one.field, one.field)
            if one.ended:
                title_zh, title = "已注销，另有修改", "ended, and changed elsewhere"
            else:
                title_zh, title = f"{zh}有两个值", f"{en} has two values"
            yield Task(
                source=Source.CONFLICT, id=one.id, code="",
                zh=f"{register.zh}：{title_zh}", en=f"{register.en}: {title}",
                unit=one.unit, due_ms=None, since_ms=one.opened_ms, late=False,
                command=(*COMMANDS[Source.CONFLICT], one.id.hex()),
            )  # fmt: skip
        if not page.next:
            return
        after = page.next


def _cases(office: Office) -> Iterator[Task]:
    """Yield the open cases that concern this office's records, or that it closes."""
    me = office.identity.unit
    for one in list_cases(office):
        if me != one.owner and me not in one.units:
            continue
        number = sum(one.units.values())
        yield Task(
            source=Source.CASE, id=one.id, code="",
            zh=f"同一号码登记了 {number} 条记录",
            en=f"{counted(number, 'record shares', 'records share')} one number",
            unit=one.owner, due_ms=None, since_ms=0, late=False,
            command=(*COMMANDS[Source.CASE], one.id.hex()),
        )  # fmt: skip


def _quarantined(office: Office) -> Iterator[Task]:
    after = ""
    while True:
        page = page_of(office, after=after, limit=PAGE_MAX)
        for one in page.lines:
            register = office.catalogue.registers.get(one.register)
            zh, en = (register.zh, register.en) if register else (one.register, one.register)
            yield Task(
                source=Source.QUARANTINED, id=one.id, code=one.reason,
                zh="：".join(filter(None, (zh, "变更未能入库"))),
                en=": ".join(filter(None, (en, "a change could not be applied"))),
                unit=one.writer or None, due_ms=None, since_ms=one.at_ms, late=False,
                command=(*COMMANDS[Source.QUARANTINED], one.id.hex()),
            )  # fmt: skip
        if not page.next:
            return
        after = page.next


def _problems(office: Office, link_state: LinkState | None) -> Iterator[Task]:
    for one in status(office, link_state).problems:
        if one.code in NAMED:
            continue
        yield Task(
            source=Source.PROBLEM, id=b"", code=one.code, zh=one.zh, en=one.en, unit=one.unit,
            due_ms=None, since_ms=0, late=False, command=(*COMMANDS[Source.PROBLEM], one.code),
            severity=one.severity,
        )  # fmt: skip
