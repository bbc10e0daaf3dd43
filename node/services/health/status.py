"""Status of this office and those below it, and what somebody should look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import Connection, func, select

from node.china import DAY_MS
from node.domain.english import span
from node.domain.posting_judge import Fault
from node.domain.units import Level, Tree
from node.peers.status import Watermark
from node.services.corrections.views import Waiting, waiting
from node.services.duplicates.cases import open_cases
from node.services.health.machine import Machine, look, measure
from node.services.health.problems import Problem, problem, worst_first
from node.services.money.views import unanswered
from node.services.upkeep import sealed
from node.services.upkeep.log_retention import ENDING_MS, leases
from node.services.work.deadlines import late_work
from node.store import job_runs, uncounted
from node.store.job_runs import JobTotal
from node.store.tables import job_run
from sync.codec.signing import fingerprint
from sync.log import signatures
from sync.model.limits import CLOCK_AHEAD_MS_MAX
from sync.model.report import NodeStatus
from sync.snapshot import progress
from sync.store.tables import cursor

if TYPE_CHECKING:
    from node.office import Office

HOUR_MS = 3_600_000
SILENT_MS = 24 * HOUR_MS
WAITING_MS = 24 * HOUR_MS
REPAIRED_MS = 7 * 24 * HOUR_MS
NEW_KEY_SHOWN_MS = 30 * 24 * HOUR_MS


class LinkState(Protocol):
    """What status asks of this office's end of its link (`sync.link.dialer.Dialer`)."""

    @property
    def connected(self) -> bool: ...

    @property
    def reason(self) -> str:
        """Why the link is down; "" when it is not."""

    @property
    def reason_zh(self) -> str:
        """The same in Chinese."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeLine:
    """One office as known here. Moments are milliseconds since 1970 UTC; 0: never."""

    unit: int
    code: str
    name: str
    level: Level
    received: bool  # any status of it at all
    connected: bool | None  # its link upward; None: it has none, or a hub between does not report
    last_contact_ms: int
    exact_ms: int  # its figures are complete here up to then
    waiting_up: int  # entries
    waiting_age_ms: int  # of the oldest of them
    waiting_down: int  # entries
    conflicts: int
    quarantined: int
    program: str
    incarnation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusSums:
    """Over the offices listed. A conflict shows at several offices, so offices are counted."""

    offices: int
    received: int
    connected: int
    waiting_up: int
    waiting_down: int
    with_conflicts: int
    with_quarantined: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The status of an office. `offices`: this one, then those below, a hub before its children."""

    at_ms: int
    offices: tuple[OfficeLine, ...]
    sums: StatusSums
    problems: tuple[Problem, ...]
    machine: Machine
    jobs: tuple[JobTotal, ...]

    @property
    def own(self) -> OfficeLine:
        return self.offices[0]


def status(office: Office, link_state: LinkState | None = None, *, tree: bool = False) -> Status:
    """Return the status of this office and, with `tree`, of every office below, as far as known."""
    now_ms = office.clock.now_ms()
    own_status = office.peer_status.own_status()
    known = office.peer_status.known()
    with office.store.read() as tx:
        marks = office.peer_status.watermarks(tx) if tree else {}
        jobs = _failed_jobs(tx)
        cases = open_cases(tx)
        contact_ms = _parent_contact_ms(office, tx)
        asked = waiting(tx, office)
        repaired = office.comparisons.repaired_since(tx, now_ms - REPAIRED_MS)
        refused = office.comparisons.refused_since(tx, now_ms - REPAIRED_MS)
        copying = progress.under_way(tx, _parent_of(office))
        overdue, escalated = late_work(office, tx, now_ms)
        money = sum(1 for _ in unanswered(office, tx))
        uncounted_of = uncounted.named(tx)
        machine, totals = measure(office, tx), job_runs.totals(tx)
    own = _own_line(office, own_status, link_state, contact_ms, now_ms)
    lines = [own]
    if tree:
        lines += lines_below(office.tree, own.unit, own.unit, known, marks)
    problems = [*_own_problems(own, office, link_state, jobs), *_corrections(own, asked)]
    problems += _repair_problems(own, office, repaired, refused)
    counted = {"work_overdue": overdue, "work_escalated": escalated, "money_waiting": money}
    problems += [_of(own, code, n=n) for code, n in counted.items() if n]
    if copying is not None:
        problems.append(_of(own, "snapshot_running", why=f"{copying.done} / {copying.total}"))
    if copying is None:  # else what they answer may be still to come
        problems += _posting_problems(office, uncounted_of)
    if cases:
        problems.append(_of(own, "cases", n=cases))
    ahead = office.peer_status.clocks_ahead()
    for line in lines[1:]:
        problems += problems_below(line, now_ms, ahead.get(line.unit, 0), office.program)
    for unit in sorted(office.peer_status.clones()):
        at = office.tree.get(unit)
        problems.append(problem("clone", unit=unit, unit_code=at.code, name=at.name))
    problems += _signing_problems(own, office)
    problems += _lease_problems(office, now_ms)
    problems += _sealed_problems(own, office, now_ms)
    return Status(
        at_ms=now_ms, offices=tuple(lines), sums=_sums(lines), problems=worst_first(problems),
        machine=machine, jobs=tuple(totals),
    )  # fmt: skip


def child_lines(office: Office) -> tuple[OfficeLine, ...]:
    """Return a line for each office directly below this one, as `status --tree` has it."""
    me, tree = office.identity.unit, office.tree
    children = tree.children(me) if me in tree else ()
    with office.store.read() as tx:
        marks = office.peer_status.watermarks(tx, children)
    known = office.peer_status.known()
    return tuple(next(lines_below(tree, me, child, known, marks)) for child in children)


def _posting_problems(
    office: Office, uncounted_of: Mapping[int, Mapping[Fault, int]]
) -> Iterator[Problem]:
    """Name the offices whose postings do not count, for a fault of their own."""
    for unit, faults in sorted(uncounted_of.items()):
        known = office.tree.get(unit) if unit in office.tree else None
        code, name = (known.code, known.name) if known else ("", f"#{unit}")
        others = sum(faults.values()) - faults.get(Fault.OVERDRAWN, 0)
        for problem_code, n in (
            ("overdrawn", faults.get(Fault.OVERDRAWN, 0)), ("postings_refused", others)
        ):  # fmt: skip
            if n:
                yield problem(problem_code, unit=unit, unit_code=code, name=name, n=n)


def _own_line(
    office: Office,
    peer_status: NodeStatus,
    link_state: LinkState | None,
    contact_ms: int,
    now_ms: int,
) -> OfficeLine:
    at = office.unit
    return OfficeLine(
        unit=at.unit_id, code=at.code, name=at.name, level=at.level, received=True,
        connected=link_state.connected if link_state is not None else None,
        last_contact_ms=contact_ms, exact_ms=now_ms, waiting_up=peer_status.waiting_up,
        waiting_age_ms=peer_status.waiting_age_ms, waiting_down=0, conflicts=peer_status.conflicts,
        quarantined=peer_status.quarantined, program=peer_status.program,
        incarnation=peer_status.incarnation,
    )  # fmt: skip


def lines_below(
    tree: Tree, me: int, top: int, known: Mapping[int, NodeStatus], marks: Mapping[int, Watermark]
) -> Iterator[OfficeLine]:
    """Yield a line for each office at and below `top`, except this office `me`."""
    above = tree.ancestors(top)
    way = (*reversed(above[: above.index(me)]),) if me in above else ()
    reached = {me}  # offices whose report about their children is fresh
    for unit in way:
        peer_status = known.get(unit)
        if peer_status is not None and peer_status.connected and tree.parent(unit) in reached:
            reached.add(unit)
    for unit in tree.subtree(top):
        if unit == me:
            continue
        at = tree.get(unit)
        peer_status = known.get(unit)
        found = peer_status or NodeStatus(unit=unit, at_ms=0)
        connected = found.connected if peer_status and at.parent_id in reached else None
        if connected:
            reached.add(unit)
        mark = marks.get(unit)
        yield OfficeLine(
            unit=unit, code=at.code, name=at.name, level=at.level, received=peer_status is not None,
            connected=connected, last_contact_ms=found.last_contact_ms,
            exact_ms=mark.at_ms if mark else 0, waiting_up=found.waiting_up,
            waiting_age_ms=found.waiting_age_ms, waiting_down=found.waiting_down,
            conflicts=found.conflicts, quarantined=found.quarantined, program=found.program,
            incarnation=found.incarnation,
        )  # fmt: skip


def _own_problems(
    line: OfficeLine, office: Office, link_state: LinkState | None, jobs: Sequence[str]
) -> Iterator[Problem]:
    for seen in look(office, linked=link_state is not None):
        yield _of(line, seen.code, n=seen.n, why=seen.why, why_zh=seen.why_zh)
    apart_ms = max(abs(office.clock.offset_ms), office.clock_behind_ms())
    if apart_ms > CLOCK_AHEAD_MS_MAX:
        zh, en = span(apart_ms)
        yield _of(line, "clock_wrong", why=en, why_zh=zh)
    if apart_from_newest_ms := office.clock_unconfirmed_ms():
        yield _of(line, "clock_doubtful", n=apart_from_newest_ms // DAY_MS)
    if office.tree_fault:
        yield _of(line, "tree_not_whole", why=office.tree_fault)
    if office.clock.clamped:
        yield _of(line, "timestamps_refused", n=office.clock.clamped)
    if link_state is not None and not link_state.connected and not office.fenced:
        yield _of(line, "link_down", why=link_state.reason or "-", why_zh=link_state.reason_zh)
    for job in jobs:
        yield _of(line, "job_failed", why=job)
    yield from _kept_problems(line)


def _corrections(line: OfficeLine, asked: Waiting) -> Iterator[Problem]:
    if asked.to_answer_late:
        yield _of(line, "corrections_late", n=asked.to_answer_late)
    if asked.asked_late:
        yield _of(line, "corrections_unanswered", n=asked.asked_late)
    if asked.to_answer:
        yield _of(line, "corrections", n=asked.to_answer)


def _repair_problems(
    line: OfficeLine, office: Office, repaired: int, refused: int
) -> Iterator[Problem]:
    last = office.comparisons.last
    if last is not None and last.left:
        yield _of(line, "records_differ", n=len(last.left))
    if repaired:
        yield _of(line, "repaired", n=repaired)
    if refused:
        yield _of(line, "repair_refused", n=refused)


def _signing_problems(own: OfficeLine, office: Office) -> Iterator[Problem]:
    since_ms = office.clock.now_ms() - NEW_KEY_SHOWN_MS
    with office.store.read() as tx:
        behind = signatures.unsigned_streams(tx, own.unit)
        fresh = signatures.new_keys(tx, own.unit, since_ms)
    if behind:
        yield _of(own, "unsigned_streams", n=behind)
    refused = office.signature_refusals.refused_keys()
    found = [
        *(
            ("signature_refused", unit, code)
            for unit, code in office.signature_refusals.open().items()
            if unit not in refused
        ),
        *(
            (
                "own_key_refused" if unit == own.unit else "key_refused",
                unit,
                fingerprint(key) or "-",
            )
            for unit, key in refused.items()
        ),
        *(("contradiction", unit, "") for unit in office.peer_status.contradictions.open()),
        *(("new_key", unit, fingerprint(key)) for unit, key in fresh),
        *(("over_quota", unit, limit) for unit, limit in office.quota_refusals.recent().items()),
        *((f"audit_{code}", unit, "") for unit, code in office.witness.refused().items()),
    ]
    for code, unit, why in found:
        if unit in office.tree:
            at = office.tree.get(unit)
            yield problem(code, unit=unit, unit_code=at.code, name=at.name, why=why)


def _lease_problems(office: Office, now_ms: int) -> Iterator[Problem]:
    """Yield which links no longer hold the log back, or soon will not."""
    for lease in leases(office, now_ms) if office.config.log_days else ():
        at = office.tree.get(lease.unit)
        if lease.left_ms < 0:
            code, days = "lease_over", (now_ms - lease.last_contact_ms) // DAY_MS
        elif lease.left_ms < ENDING_MS:
            code, days = "lease_ending", lease.left_ms // DAY_MS
        else:
            return  # the one that ends first comes first
        yield problem(code, unit=lease.unit, unit_code=at.code, name=at.name, n=days)


def _sealed_problems(own: OfficeLine, office: Office, now_ms: int) -> Iterator[Problem]:
    """Yield what is missing for an enrolled office to survive the loss of its disk."""
    if not (office.certificates.enrolled and office.store.is_sqlite):
        return
    now = sealed.state(office)
    if not now.due:
        return
    if not now.has_key:
        yield _of(own, "recovery_key_missing")
    elif not now.sent_number:
        yield _of(own, "sealed_never")
    elif now_ms - now.sent_ms > sealed.LATE_MS:
        yield _of(own, "sealed_late", n=(now_ms - now.sent_ms) // DAY_MS)


def problems_below(line: OfficeLine, now_ms: int, ahead_ms: int, program: str) -> Iterator[Problem]:
    """Yield what somebody should look at of an office below."""
    if not line.received:
        yield _of(line, "never_contacted")
        return
    quiet_ms = now_ms - max(line.last_contact_ms, line.exact_ms)
    if quiet_ms > SILENT_MS and not line.connected:
        zh, en = span(quiet_ms)
        yield _of(line, "silent", why=en, why_zh=zh)
    if ahead_ms:
        zh, en = span(ahead_ms)
        yield _of(line, "clock_ahead", why=en, why_zh=zh)
    if line.program and line.program != program:
        yield _of(line, "other_program", why=line.program)
    yield from _kept_problems(line)


def _kept_problems(line: OfficeLine) -> Iterator[Problem]:
    if line.quarantined:
        yield _of(line, "quarantined", n=line.quarantined)
    if line.waiting_age_ms > WAITING_MS:
        yield _of(line, "waiting", n=line.waiting_age_ms // HOUR_MS)
    if line.conflicts:
        yield _of(line, "conflicts", n=line.conflicts)


def _of(line: OfficeLine, code: str, *, n: int = 0, why: str = "", why_zh: str = "") -> Problem:
    return problem(
        code, unit=line.unit, unit_code=line.code, name=line.name, n=n, why=why, why_zh=why_zh
    )


def _sums(lines: Sequence[OfficeLine]) -> StatusSums:
    return StatusSums(
        offices=len(lines),
        received=sum(line.received for line in lines),
        connected=sum(line.connected is True for line in lines),
        waiting_up=sum(line.waiting_up for line in lines),
        waiting_down=sum(line.waiting_down for line in lines),
        with_conflicts=sum(line.conflicts > 0 for line in lines),
        with_quarantined=sum(line.quarantined > 0 for line in lines),
    )


def _failed_jobs(tx: Connection) -> list[str]:
    rows = tx.execute(
        select(job_run.c.job, job_run.c.period, job_run.c.detail)
        .where(job_run.c.state == "failed")
        .order_by(job_run.c.job, job_run.c.period)
    )
    return [f"{row.job} {row.period} {row.detail}".strip() for row in rows]


def _parent_contact_ms(office: Office, tx: Connection) -> int:
    """Return when the parent was last in contact: in this process, or by a batch of its log."""
    acked_ms = tx.execute(
        select(func.max(cursor.c.at_ms)).where(cursor.c.peer == _parent_of(office))
    ).scalar_one()
    return max(office.peer_status.parent_contact_ms, int(acked_ms or 0))


def _parent_of(office: Office) -> int:
    me = office.identity.unit
    return (office.tree.parent(me) if me in office.tree else None) or 0
