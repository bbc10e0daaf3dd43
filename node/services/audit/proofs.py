"""Proofs for others: one entry, one figure or one payment, as a file that needs no office.

A figure or a payment is stated in an entry of its own when somebody asks for the proof: the log
then shows, too, that it was proven, and to whom it was given out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.domain.audit import AuditEvent, EventKind, Fact
from node.services.figures.rollup import Answer
from node.store import audit as table
from node.store.audit import AuditDamaged
from node.store.postings import Line
from sync.model.errors import ErrorKind, SilianError
from sync.tlog import tree
from sync.tlog.proof import proof_text

if TYPE_CHECKING:
    from node.domain.units import Tree
    from node.office import Office


class AuditEntryMissing(SilianError):
    """The audit log has no entry under this number."""

    code = "audit_entry_missing"
    kind = ErrorKind.NOT_FOUND

    def __init__(self, index: int, size: int) -> None:
        super().__init__(
            f"the audit log has no entry {index}: it has {size}, counted from 0",
            f"审计日志中没有第 {index} 条：共 {size} 条，从 0 起编号",
            remedy_en="Find its number with `silian audit tail`.",
            remedy_zh="请用 silian audit tail 查看编号。",
        )


class AuditEntryPruned(SilianError):
    """The entry was removed after its time; only its hash is left."""

    code = "audit_entry_pruned"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, index: int) -> None:
        super().__init__(
            f"entry {index} of the audit log was removed after its time",
            f"审计日志第 {index} 条已超过保留期限并被清理",
            remedy_en="Take it from an earlier export: that still proves it.",
            remedy_zh="请使用以前导出的文件，其中的内容仍可证明。",
        )


class PaymentUnknown(SilianError):
    """The journal of that office has no such line here."""

    code = "unknown_payment"
    kind = ErrorKind.NOT_FOUND

    def __init__(self, posting: bytes) -> None:
        super().__init__(
            f"there is no line {posting.hex()} in the journal of that office",
            f"该单位账簿中没有编号为 {posting.hex()} 的分录",
            remedy_en="Take the id from `silian money ls`, and name its office with --unit.",
            remedy_zh="请从 silian money ls 复制编号，并用 --unit 指明记账单位。",
        )


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof file, and the key that it is checked with."""

    index: int
    entry: bytes
    file: str
    key: str


def prove_entry(office: Office, index: int) -> Proof:
    """Raises: AuditEntryMissing, AuditEntryPruned."""
    with office.store.read() as tx:
        if index >= table.size(tx):
            raise AuditEntryMissing(index, table.size(tx))
        return _proof(office, tx, index)


def prove_figure(office: Office, answer: Answer, *, by: str) -> Proof:
    """State a figure as it is shown now, and prove that it was stated."""
    shown = answer.shown
    known = {"numerator": shown.numerator, "denominator": shown.denominator}
    facts: dict[str, Fact] = {
        "indicator": answer.indicator.id, "unit_code": answer.code,
        "as_of": answer.as_of.isoformat(), "history": answer.history,
        "value": shown.value, "shown": shown.display,
        "suppressed": int(shown.suppressed), "unknown": int(shown.unknown),
        "withheld_offices": shown.withheld,
        "expected_offices": answer.completeness.expected,
        "reported_offices": answer.completeness.reported,
        **{name: number for name, number in known.items() if number is not None},
    }  # fmt: skip
    event = AuditEvent(event=EventKind.FIGURE_PROVEN, by=by, unit=answer.unit, facts=facts)
    return _stated(office, event)


def prove_payment(office: Office, line: Line, *, counts: bool, by: str) -> Proof:
    """State a line of the journal, and prove that it was stated. Its note stays here."""
    posting = line.posting
    facts: dict[str, Fact] = {
        "transfer": posting.transfer.hex(), "kind": posting.kind.value, "fund": posting.fund,
        "year": posting.year, "amount_fen": posting.amount_fen, "debit": str(posting.debit),
        "credit": str(posting.credit), "booked_ms": posting.at_ms, "counts": int(counts),
        "unit_code": _code(office.tree, posting.unit_id),
    }  # fmt: skip
    if posting.peer_unit is not None:
        facts["peer_code"] = _code(office.tree, posting.peer_unit)
    event = AuditEvent(
        event=EventKind.PAYMENT_PROVEN, by=by, unit=posting.unit_id, register="posting",
        record=posting.posting_id, facts=facts,
    )  # fmt: skip
    return _stated(office, event)


def _stated(office: Office, event: AuditEvent) -> Proof:
    index = office.audit.record(event)
    with office.store.read() as tx:
        return _proof(office, tx, index)


def _proof(office: Office, tx: Connection, index: int) -> Proof:
    checkpoint, cosignatures = office.witness.cosigned(tx, index)
    row = next(table.rows_from(tx, index, index + 1), None)
    if row is None:
        raise AuditDamaged(index)
    if row.entry is None:
        raise AuditEntryPruned(index)
    path = tree.inclusion(index, checkpoint.size, partial(table.nodes, tx))
    file = proof_text(row.entry, index, path, office.audit.signed(checkpoint, cosignatures))
    return Proof(index, row.entry, file, office.audit.key.text)


def _code(tree_now: Tree, unit: int) -> str:
    return tree_now.get(unit).code if unit in tree_now else f"#{unit}"
