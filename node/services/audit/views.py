"""The audit log as people and their auditors read it: the newest entries, all of it, verified."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.audit.log import hash_text
from node.store import audit as table
from node.store import checkpoints
from node.store.audit import Row
from node.store.checkpoints import Accepted
from sync.tlog import tree
from sync.tlog.checkpoint import Checkpoint

if TYPE_CHECKING:
    from node.office import Office

Progress = Callable[[str, int], None]
FAULTS_MAX = 100  # listed; all are counted
REPORT_EVERY = 10_000


@dataclass(frozen=True, slots=True)
class Tail:
    """Entries in order, and how many the log has."""

    rows: tuple[Row, ...]
    size: int


@dataclass(frozen=True, slots=True)
class AuditFault:
    """An entry whose stored hashes are not those of the entries; `index`: the first of a gap."""

    index: int
    code: str  # missing, entry_changed, hashes_changed; cut, other: than a witness has seen it


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What a log has, and what of it does not fit."""

    checkpoint: Checkpoint
    note: str  # the checkpoint, signed
    pruned: int
    faults: tuple[AuditFault, ...]
    faulty: int
    witnesses: tuple[Accepted, ...]

    @property
    def sound(self) -> bool:
        return not self.faulty


def tail(office: Office, before: int, limit: int) -> Tail:
    """Return the newest entries, or those before an index (0: the end)."""
    with office.store.read() as tx:
        size = table.size(tx)
        end = min(before or size, size)
        return Tail(tuple(table.rows_from(tx, max(0, end - limit), end)), size)


def verify(office: Office, progress: Progress = lambda _what, _count: None) -> AuditReport:
    """Compute every hash of the log from its entries, and compare."""
    frontier = tree.Frontier()
    faults: list[AuditFault] = []
    pruned = 0
    with office.store.read() as tx:
        accepted = checkpoints.of_unit(tx, office.identity.unit)
        roots = {row.size: b"" for row in accepted}  # of our log, as its entries give them
        for row in table.rows_from(tx, 0, table.size(tx)):
            while frontier.size < row.index:
                faults.append(AuditFault(frontier.size, "missing"))
                frontier.append(tree.EMPTY_ROOT)
            leaf = row.leaf if row.entry is None else tree.leaf_hash(row.entry)
            hashes = frontier.append(leaf)
            pruned += row.entry is None
            if frontier.size in roots:
                roots[frontier.size] = frontier.root()
            if leaf != row.leaf:
                faults.append(AuditFault(row.index, "entry_changed"))
            elif b"".join(hashes) != row.hashes:
                faults.append(AuditFault(row.index, "hashes_changed"))
            if not row.index % REPORT_EVERY:
                progress("entries", row.index)
    for seen in accepted:
        if seen.size and roots[seen.size] != seen.root:
            code = "cut" if seen.size > frontier.size else "other"
            faults.append(AuditFault(seen.size, code))
    whole = Checkpoint(office.audit.origin, frontier.size, frontier.root())
    return AuditReport(
        whole,
        office.audit.signed(whole),
        pruned,
        tuple(faults[:FAULTS_MAX]),
        len(faults),
        tuple(accepted),
    )


def exported(office: Office) -> Iterator[Sequence[str]]:
    """Yield a whole log as lines of JSON, some at a time; its signed checkpoint is the last.

    What is appended meanwhile is not in it: all is of one moment.
    """
    lines: list[str] = []
    with office.store.read() as tx:
        checkpoint = office.audit.checkpoint(tx)
        for row in table.rows_from(tx, 0, checkpoint.size):
            lines.append(_line(row))
            if len(lines) >= table.ROWS:
                yield lines
                lines = []
    lines.append(json.dumps({"checkpoint": office.audit.signed(checkpoint)}, ensure_ascii=False))
    yield lines


def _line(row: Row) -> str:
    entry = None if row.entry is None else row.entry.decode()
    content = {"index": row.index, "leaf": hash_text(row.leaf), "entry": entry}
    return json.dumps(content, ensure_ascii=False)
