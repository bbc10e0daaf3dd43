"""Retry: quarantined changes tried again, in the order in which they came."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from sync.apply.authority import FOREIGN
from sync.apply.copies import JoinedCopies, is_known_now, join_quarantined
from sync.apply.reissued import drop_superseded_heads
from sync.apply.replica import Replica
from sync.codec import block as block_codec
from sync.codec import entry as codec
from sync.log import entries as log
from sync.log.outcome import Received
from sync.model.access import refusal_of
from sync.model.change import ID_BYTES, Block, Entry, Operation
from sync.model.effect import Effect
from sync.model.errors import Malformed
from sync.model.schema import RegisterSchema
from sync.store import quarantine
from sync.store.sql import execute

OPEN, DEFERRED, APPLIED, CLOSED = "open", "deferred", "applied", "closed"
CAUSED = (*sorted(quarantine.OF_CAUSE), FOREIGN)  # applied by themselves once their cause came
RETRY_MAX = 5_000  # quarantined changes tried in one transaction
ROUNDS_MAX = 100  # changes of one record that waited one for the other
_COLUMNS = "id, arrival, register, unit, record, reason, detail, state"


@dataclass(frozen=True, slots=True)
class QuarantinedChange:
    """One quarantined change as it is tried again."""

    id: bytes
    arrival: int
    register: str
    unit: int
    records: frozenset[bytes]  # none: the whole entry
    reason: str
    detail: str
    state: str


def quarantined_where(
    tx: Connection, where: str, parameters: tuple[object, ...]
) -> list[QuarantinedChange]:
    """Return, in order, the open and deferred changes for which a condition here holds."""
    rows = execute(
        tx,
        f"SELECT {_COLUMNS} FROM quarantine WHERE state IN ('open','deferred') AND {where} "
        f"ORDER BY arrival, id LIMIT {RETRY_MAX}",
        parameters,
    ).fetchall()
    return [
        QuarantinedChange(
            bytes(i), arrival, register, unit, frozenset(block_codec.split(records, ID_BYTES)), *why
        )
        for i, arrival, register, unit, records, *why in rows
    ]


def retry(
    replica: Replica, tx: Connection, quarantined: list[QuarantinedChange], received: Received
) -> int:
    """Retry quarantined changes in the order in which their entries came; return how many succeed.

    The caller holds the log's lock; what follows from the changes joins the transaction. A
    change that fails again gets one more attempt counted.
    """
    applied = 0
    effects: list[Effect] = []
    replica.merger.begin(tx)
    joined: JoinedCopies = {}
    for change in sorted(quarantined, key=lambda h: (h.arrival, h.id)):
        # A copy that was joined just now may have brought it, or a part of it.
        for now in quarantined_where(tx, "id=?", (change.id,)):
            applied += _try(replica, tx, now, effects, received, joined)
    replica.merger.flush(tx)
    replica.commit_derived(tx, effects, received)
    return applied


def retry_ready(replica: Replica, tx: Connection, received: Received) -> None:
    """Retry what waits for a record, when a batch may have brought it."""
    if not received.registers:
        return
    probe = "SELECT 1 FROM quarantine WHERE state='open' AND reason IN (?,?,?) LIMIT 1"
    if execute(tx, probe, CAUSED).fetchone() is None:
        return
    for _ in range(ROUNDS_MAX):
        names = sorted(received.registers)
        marks = ",".join("?" * len(names))
        waiting = quarantined_where(
            tx, f"reason IN (?,?,?) AND register IN ({marks})", (*CAUSED, *names)
        )
        ready = [change for change in waiting if _is_unblocked(replica, tx, change)]
        if not ready or not retry(replica, tx, ready, received):
            return


def retry_returned(replica: Replica, tx: Connection, received: Received) -> None:
    """Try again, of every register, what waits for a record or a version that has come since."""
    waiting = "SELECT DISTINCT register FROM quarantine WHERE state='open' AND reason IN (?,?,?)"
    names = {str(row[0]) for row in execute(tx, waiting, CAUSED).fetchall()}
    if known := {name for name in names if name in replica.tables}:
        received.registers |= known
        retry_ready(replica, tx, received)


def _is_unblocked(replica: Replica, tx: Connection, change: QuarantinedChange) -> bool:
    if change.register not in replica.tables:
        return False
    if change.reason == "blocked":
        return not change.records <= _blocked_by_earlier(tx, change)
    if change.reason == FOREIGN:
        return is_known_now(replica, tx, change.id)
    table = replica.tables[change.register]
    return any(True for _ in table.rows(tx, change.unit, sorted(change.records), ["id"]))


def _try(
    replica: Replica, tx: Connection, change: QuarantinedChange, effects: list[Effect],
    received: Received, joined: JoinedCopies,
) -> bool:  # fmt: skip
    entry = _entry_at(tx, change.arrival)
    if entry is None:
        found = join_quarantined(replica, tx, change.id, _fields(change), received, joined)
        if found is None:
            return _keep_quarantined(
                tx, change, change.reason, change.records
            )  # retention has removed its entry
        effects += found
        return is_applied(tx, change.id)
    try:
        blocks = codec.blocks_of(entry)
    except Malformed as error:
        return _keep_quarantined(tx, change, error.code, change.records)
    left: set[bytes] = set()
    reason, detail = change.reason, change.detail
    for whole in blocks:
        block = _part_of(whole, change)
        if block is None:
            continue
        register = replica.tables.schema.registers.get(block.register)
        refusal = _refusal(replica, entry, block, register)
        if refusal is not None or register is None:
            reason = refusal or reason
            left.update(block.ids)
            continue
        if change.reason == "unknown_field":
            named, unknown = _named(block, entry, change, register)
            if unknown:
                detail, left = ",".join(unknown), left | set(block.ids)
            if named is None:
                continue
            block = named
        create = block.operation is Operation.CREATE
        behind = _blocked_by_earlier(tx, change, create=create) & set(block.ids)
        if behind:
            left |= behind
            reason = "blocked"
            ready = _only(block, set(block.ids) - behind)
            if ready is None:
                continue
            block = ready
        replica.merger.writer(entry.original_incarnation or entry.incarnation, entry.level)
        effect = replica.merger.merge(tx, block, entry.version, entry.level, again=True)
        received.registers.add(block.register)
        if effect is not None:
            effects.append(effect)
        effects += drop_superseded_heads(tx, replica.merger, replica.tables, block, entry.version)
        for rejected in replica.merger.take_rejected():
            left |= {rejected.id} if rejected.id else set(block.ids)
            reason, detail = rejected.reason, rejected.detail or detail
    if left or (change.reason == "malformed" and not blocks):
        return _keep_quarantined(tx, change, reason, frozenset(left), detail)
    execute(tx, "UPDATE quarantine SET state='applied', tries=tries+1 WHERE id=?", (change.id,))
    return True


def _fields(change: QuarantinedChange) -> str:
    return change.detail if change.reason == "unknown_field" else ""


def is_applied(tx: Connection, change: bytes) -> bool:
    row = execute(tx, "SELECT state FROM quarantine WHERE id=?", (change,)).fetchone()
    return row is not None and row[0] == APPLIED


def _entry_at(tx: Connection, arrival: int) -> Entry | None:
    wire = log.wire_at(tx, arrival)
    return codec.entry_from_wire(wire) if wire else None


def _refusal(
    replica: Replica, entry: Entry, block: Block, register: RegisterSchema | None
) -> str | None:
    if register is None:
        return "unknown_register"
    return refusal_of(block, register, entry, replica.routes)


def _part_of(block: Block, change: QuarantinedChange) -> Block | None:
    """Return the quarantined part of a block; None when it has none."""
    if not change.records:
        return block
    if (block.register[:60], block.unit) != (change.register, change.unit):
        return None
    return _only(block, change.records)


def _only(block: Block, records: set[bytes] | frozenset[bytes]) -> Block | None:
    places = [k for k, record in enumerate(block.ids) if record in records]
    if not places:
        return None
    if len(places) == len(block.ids):
        return block
    return Block(
        block.register,
        block.unit,
        block.operation,
        [block.ids[k] for k in places],
        block.fields,
        [[column[k] for k in places] for column in block.columns],
        [[column[k] for k in places] for column in block.bases],
        block.causal_length,
        {
            (i, name): versions
            for i, k in enumerate(places)
            for (at, name), versions in block.resolved.items()
            if at == k
        },
    )


def _named(
    block: Block, entry: Entry, change: QuarantinedChange, register: RegisterSchema
) -> tuple[Block | None, list[str]]:
    """Return the fields that were unknown and are known now, as an update of what was applied
    without them, and those that are still unknown. A delete is applied again: its writer had seen
    them.
    """
    asked = change.detail.split(",")
    fresh = [n for n in block.fields if n in asked and n in register.by_name]
    unknown = [n for n in asked if n not in register.by_name]
    if not fresh:
        return None, unknown
    if block.operation is Operation.DELETE:
        return block.without(unknown), unknown
    at = [block.fields.index(n) for n in fresh]
    created = block.operation is Operation.CREATE
    version = entry.version
    return (
        Block(
            block.register,
            block.unit,
            Operation.UPDATE,
            block.ids,
            tuple(fresh),
            [block.columns[i] for i in at],
            [[version] * len(block.ids)] * len(at) if created else [block.bases[i] for i in at],
            1 if created else block.causal_length,
            {key: versions for key, versions in block.resolved.items() if key[1] in fresh},
        ),
        unknown,
    )


def _blocked_by_earlier(
    tx: Connection, change: QuarantinedChange, *, create: bool = False
) -> set[bytes]:  # fmt: skip
    """Return the records of its register and unit that earlier open changes block.

    `create`: it creates them; what waits for their creation does not block it.
    """
    waits = f"AND reason NOT IN ({','.join('?' * len(quarantine.OF_CAUSE))}) " if create else ""
    rows = execute(
        tx,
        "SELECT record FROM quarantine WHERE state='open' AND register=? AND unit=? AND arrival<? "
        f"AND reason<>'{FOREIGN}' {waits}"
        f"AND (reason NOT IN ({','.join('?' * len(quarantine.OF_WRITER))}) "
        "OR incarnation=(SELECT incarnation FROM quarantine WHERE id=?))",
        (
            change.register,
            change.unit,
            change.arrival,
            *(sorted(quarantine.OF_CAUSE) if create else ()),
            *sorted(quarantine.OF_WRITER),
            change.id,
        ),
    )
    return {record for row in rows for record in block_codec.split(bytes(row[0]), 16)}


def _keep_quarantined(
    tx: Connection,
    change: QuarantinedChange,
    reason: str,
    records: frozenset[bytes],
    detail: str | None = None,
) -> bool:
    execute(
        tx,
        "UPDATE quarantine SET reason=?, detail=?, record=?, state=?, tries=tries+1 WHERE id=?",
        (
            reason, change.detail if detail is None else detail, b"".join(sorted(records)),
            DEFERRED if reason in quarantine.DEFERRED else OPEN, change.id,
        ),
    )  # fmt: skip
    return False
