"""Quarantine: changes that could not be applied are listed, shown, retried, closed by a person.

What waits for a record is applied when the record comes; what an older program did not know is
retried at the first start of a newer one. The rest waits here for somebody to look.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, and_, func, select

from node.domain.audit import AuditEvent, EventKind
from node.services.common.pages import PAGE_MAX, beyond, page_size, page_token
from node.services.common.reason import REASON_CHARS_MAX, stated_reason
from node.store import uncounted
from sync.apply import applier
from sync.codec import block as block_codec
from sync.codec import entry as codec
from sync.log.outcome import Received
from sync.model.change import ID_BYTES, Operation
from sync.model.errors import ErrorKind, Malformed, SilianError
from sync.store.sql import execute
from sync.store.tables import entry, incarnation, quarantine

if TYPE_CHECKING:
    from node.office import Office

STATES = ("open", "deferred", "applied", "closed")
WAITING = ("open", "deferred")


class UnknownQuarantined(SilianError):
    """This office has no quarantined change with this id."""

    code = "unknown_quarantined_change"
    kind = ErrorKind.NOT_FOUND

    def __init__(self, quarantine_id: bytes) -> None:
        super().__init__(
            f"no quarantined change {quarantine_id.hex()} at this office",
            f"本单位没有编号为 {quarantine_id.hex()} 的隔离变更",
            remedy_en="List them with `silian quarantine ls` and take the id from there.",
            remedy_zh="请先查看隔离区并核对编号。",
        )


class NotOpen(SilianError):
    """The change was applied or discarded already."""

    code = "quarantined_change_closed"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, quarantine_id: bytes, state: str) -> None:
        super().__init__(
            f"quarantined change {quarantine_id.hex()} is {state} already",
            f"隔离变更 {quarantine_id.hex()} 已处理（{state}）",
            remedy_en="Nothing to do.",
            remedy_zh="无需处理。",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineLine:
    """One quarantined change. Has names and numbers, no person's value."""

    id: bytes
    arrival: int  # position in this office's log
    writer: int  # unit that wrote it; 0: not known
    register: str
    unit: int  # whose records
    records: tuple[bytes, ...]  # none: the whole transaction
    reason: str
    detail: str
    state: str  # one of STATES
    at_ms: int
    tries: int
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineView:
    """One quarantined change and its entry's content. `operation`: None when it is unreadable."""

    line: QuarantineLine
    audience: str
    seq: int
    operation: str | None
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QuarantinePage:
    """Changes in the order in which they came: `total` of them, `next` is a token or ""."""

    lines: tuple[QuarantineLine, ...]
    total: int
    next: str


@dataclass(frozen=True, slots=True)
class Retried:
    """How many changes were tried, and how many of all are applied now."""

    tried: int
    applied: int


def page_of(
    office: Office, *, states: tuple[str, ...] = WAITING, after: str = "", limit: int = PAGE_MAX
) -> QuarantinePage:
    """Return a page of changes in the order in which they came. Raises: BadToken."""
    query = (
        _select()
        .where(quarantine.c.state.in_(states))
        .order_by(quarantine.c.arrival, quarantine.c.id)
    )
    if after:
        query = query.where(beyond(after, quarantine.c.arrival, quarantine.c.id))
    limit = page_size(limit)
    counted = select(func.count()).select_from(quarantine).where(quarantine.c.state.in_(states))
    with office.store.read() as tx:
        total = int(tx.execute(counted).scalar_one())
        lines = tuple(_line(row) for row in tx.execute(query.limit(limit + 1)))
    page = lines[:limit]
    token = page_token(page[-1].arrival, page[-1].id) if len(lines) > limit else ""
    return QuarantinePage(page, total, token)


def show_quarantined(office: Office, quarantine_id: bytes) -> QuarantineView:
    """Return one quarantined change. Raises: UnknownQuarantined."""
    with office.store.read() as tx:
        line = _one(tx, quarantine_id)
        wire = tx.execute(
            select(entry.c.wire).where(entry.c.arrival == line.arrival)
        ).scalar_one_or_none()
    if wire is None:
        return QuarantineView(line=line, audience="", seq=0, operation=None, fields=())
    entry_ = codec.entry_from_wire(bytes(wire))
    try:
        blocks = codec.unpack(entry_.payload)
    except Malformed:
        blocks = []
    for block in blocks:
        if (block.register[:60], block.unit) == (line.register, line.unit):
            return QuarantineView(
                line=line, audience=entry_.audience, seq=entry_.seq,
                operation=Operation(block.operation).name.lower(), fields=block.fields,
            )  # fmt: skip
    return QuarantineView(
        line=line, audience=entry_.audience, seq=entry_.seq, operation=None, fields=()
    )


def retry_quarantined(office: Office, quarantine_id: bytes | None = None) -> Retried:
    """Retry one change, or all that are open or deferred; one that is applied lets others follow.

    Raises: UnknownQuarantined, NotOpen.
    """
    if quarantine_id is not None:
        _must_be_open(office, quarantine_id)
        return _retry(office, "id=?", (quarantine_id,))
    return _retry(office, "1=1", ())


def retry_deferred(office: Office) -> Retried:
    """Retry what an older program did not know, after the tables were built for a new catalogue."""
    return _retry(
        office, "reason IN ('unknown_register','unknown_field','malformed','invalid_value')", ()
    )


def close_quarantined(office: Office, quarantine_id: bytes, *, actor: str, reason: str) -> Retried:
    """Give a change up, for good and with a trace; what waited for it is tried again.

    Raises: UnknownQuarantined, NotOpen, ReasonMissing.
    """
    why = stated_reason(reason)[:REASON_CHARS_MAX]
    line = _must_be_open(office, quarantine_id)
    note = f"{office.clock.now_ms()} {actor}: {why}"

    def write(tx: Connection) -> None:
        execute(
            tx,
            "UPDATE quarantine SET state='closed', note=? "
            "WHERE id=? AND state IN ('open','deferred')",
            (note, quarantine_id),
        )
        event = AuditEvent(
            event=EventKind.QUARANTINE_CLOSED, by=actor, unit=line.unit, register=line.register,
            record=quarantine_id, facts={"reason": line.reason},
        )  # fmt: skip
        office.audit.append(tx, event)

    office.store.write(write)
    office.log.info(
        "quarantined_change_closed", quarantine=quarantine_id.hex(), reason=line.reason, actor=actor
    )
    return _retry(office, "reason='blocked' AND register=? AND unit=?", (line.register, line.unit))


def _retry(office: Office, where: str, parameters: tuple[object, ...]) -> Retried:
    def count(tx: Connection, state: str) -> int:
        return int(
            execute(tx, "SELECT count(*) FROM quarantine WHERE state=?", (state,)).fetchone()[0]
        )

    def write(tx: Connection) -> tuple[int, int, Received | None]:
        before = count(tx, "applied")
        tried = execute(
            tx,
            f"SELECT count(*) FROM quarantine WHERE state IN ('open','deferred') AND {where}",  # noqa: S608
            parameters,
        ).fetchone()[0]
        if not tried:
            return 0, 0, None
        received = applier.retry_quarantined(office.replica, tx, where, parameters)
        if uncounted.exist(tx):
            judged = applier.apply_derived(office.replica, tx, office.folds.judge_again(tx))
            received.waiters.join(judged.waiters)
            received.registers |= judged.registers
        return int(tried), count(tx, "applied") - before, received

    tried, applied, received = office.store.write(write)
    if received is not None:
        office.committed(received)
    if tried:
        office.log.info("quarantine_retried", tried=tried, applied=applied)
    return Retried(tried, applied)


def _must_be_open(office: Office, quarantine_id: bytes) -> QuarantineLine:
    with office.store.read() as tx:
        line = _one(tx, quarantine_id)
    if line.state not in WAITING:
        raise NotOpen(quarantine_id, line.state)
    return line


def _select() -> Any:
    return select(quarantine, incarnation.c.unit.label("writer")).join(
        incarnation, and_(incarnation.c.id == quarantine.c.incarnation), isouter=True
    )


def _one(tx: Connection, quarantine_id: bytes) -> QuarantineLine:
    row = tx.execute(_select().where(quarantine.c.id == quarantine_id)).one_or_none()
    if row is None:
        raise UnknownQuarantined(quarantine_id)
    return _line(row)


def _line(row: Any) -> QuarantineLine:
    m = row._mapping
    return QuarantineLine(
        id=bytes(m["id"]), arrival=m["arrival"], writer=m["writer"] or 0, register=m["register"],
        unit=m["unit"], records=tuple(block_codec.split(bytes(m["record"]), ID_BYTES)),
        reason=m["reason"], detail=m["detail"], state=m["state"], at_ms=m["at_ms"],
        tries=m["tries"], note=m["note"],
    )  # fmt: skip
