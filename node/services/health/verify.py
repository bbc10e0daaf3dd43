"""Verify: everything that is computed from the records is recomputed and compared.

It reads one snapshot while the office goes on working, and has one unit's sums in memory at a time,
not the store's. It reports differences and changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.domain.contribution import CellKey
from node.domain.english import counted
from node.services.figures.cells import own_cells
from node.services.figures.closings import CLOSING, stock_measures
from node.services.health import verify_records
from node.store import private_cells, uncounted
from node.store.cells import (
    Sums,
    cells_of,
    keeps_total,
    recomputed_total,
    totals_of,
    units_outside_tree,
)
from node.store.postings import COUNTED
from sync.codec import entry as codec
from sync.model.errors import Malformed

if TYPE_CHECKING:
    from node.office import Office

Progress = Callable[[str, int], None]
"""Called with the name of what is being compared and how much was compared so far."""

DIFFERENCES_MAX = 1_000  # listed; all of them are counted
ROWS = 5_000  # read at a time
_STREAMED = {"stream_results": True, "yield_per": ROWS}
_ENTRIES = {"stream_results": True, "yield_per": 64}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that differs from what the records give. Has keys and numbers, no person's value.

    `check`: cells, totals, digests, balances, postings, streams or conflicts.
    """

    check: str
    where: str
    kept: str
    recomputed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was compared, by check, and what differed; equal bit for bit when nothing did."""

    compared: Mapping[str, int]
    different: int
    differences: tuple[Difference, ...]

    @property
    def sound(self) -> bool:
        return self.different == 0


class Findings:
    """Counts what was compared, and keeps the first differences."""

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress
        self._compared: Counter[str] = Counter()
        self._different = 0
        self._listed: list[Difference] = []

    def compared(self, check: str, count: int = 1) -> None:
        self._compared[check] += count

    def differs(self, check: str, where: str, kept: object, recomputed: object) -> None:
        self._different += 1
        if len(self._listed) < DIFFERENCES_MAX:
            self._listed.append(
                Difference(check=check, where=where, kept=str(kept), recomputed=str(recomputed))
            )

    def equal(
        self, check: str, where: str, kept: Mapping[CellKey, int], recomputed: Mapping[CellKey, int]
    ) -> None:
        """Compare two sets of sums, in which a missing one is zero."""
        keys = kept.keys() | recomputed.keys()
        self.compared(check, len(keys))
        if kept == recomputed:
            return
        for key in sorted(keys):
            if kept.get(key, 0) != recomputed.get(key, 0):
                self.differs(
                    check, " ".join(filter(None, (where, *key))),
                    kept.get(key, 0), recomputed.get(key, 0),
                )  # fmt: skip

    def on_progress(self, check: str) -> None:
        if self._progress is not None:
            self._progress(check, self._compared[check])

    def report(self) -> VerifyReport:
        return VerifyReport(
            compared=dict(self._compared),
            different=self._different,
            differences=tuple(self._listed),
        )


def verify(office: Office, progress: Progress | None = None) -> VerifyReport:
    """Recompute what this office stores from what it received, and compare bit for bit (INV-20).

    Own cells from own records; totals from cells; digests from every copy; balances from postings;
    the chains of the log; a conflict row for every value that lost.
    """
    found = Findings(progress)
    with office.store.read() as tx:
        for check, run in (
            ("cells", _cells),
            ("totals", _totals),
            ("digests", verify_records.digests_and_conflicts),
            ("balances", _balances),
            ("postings", _uncounted),
            ("streams", _streams),
        ):
            run(office, tx, found)
            found.on_progress(check)
    return found.report()


def _cells(office: Office, tx: Connection, found: Findings) -> None:
    stock = stock_measures(office.catalogue)

    def current(cells: Iterable[tuple[CellKey, int]]) -> Sums:
        """Closings are about the past: no record of today shows it."""
        return {
            key: amount
            for key, amount in cells
            if amount and key.measure != CLOSING and not (key.period and key.measure in stock)
        }

    private, counted = own_cells(office, tx)
    plans = office.catalogue.disclosure_plans
    found.equal("cells", office.unit.code, current(private_cells.cells(tx, plans)), private)
    kept = current(cells_of(tx, (office.identity.unit,)))
    found.equal("cells", office.unit.code, kept, current(counted.items()))


def _totals(office: Office, tx: Connection, found: Findings) -> None:
    """From the leaves up: each total is based on those below it, which have been compared."""
    tree, top = office.tree, office.identity.unit
    outside = units_outside_tree(tx, tree, top)
    units = [unit for unit in reversed(tree.subtree(top)) if keeps_total(tree, unit, top)]
    for unit in units:
        kept = {key: amount for key, amount in totals_of(tx, unit) if amount}
        recomputed = recomputed_total(tx, tree, top, unit, outside)
        found.equal("totals", tree.get(unit).code, kept, recomputed)
    others = "SELECT unit, count(*) FROM total WHERE amount <> 0 GROUP BY unit"
    for unit, count in tx.exec_driver_sql(others).fetchall():
        if unit not in units:
            found.differs("totals", f"#{unit}", counted(count, "total"), "no children")


def _balances(office: Office, tx: Connection, found: Findings) -> None:
    kept = {
        (unit, fund, year, account): fen
        for unit, fund, year, account, fen in tx.exec_driver_sql(
            "SELECT unit, fund, year, account, fen FROM balance WHERE fen <> 0"
        )
    }
    units = {office.identity.unit, *(unit for unit, *_ in kept)}
    recomputed: Counter[tuple[int, str, int, str]] = Counter()
    rows: Iterable[tuple[int, str, int, str, str, int]] = (
        tuple(row)
        for row in tx.exec_driver_sql(
            "SELECT unit, f_fund, f_year, f_debit, f_credit, f_amount_fen FROM r_posting p "  # noqa: S608
            f"WHERE (causal_length & 1) = 1 AND {COUNTED}",
            execution_options=_STREAMED,
        )
    )
    for unit, fund, year, debit, credit, fen in rows:
        if unit in units:
            recomputed[unit, fund, year, debit] += fen
            recomputed[unit, fund, year, credit] -= fen
    for key in sorted(kept.keys() | recomputed.keys()):
        found.compared("balances")
        if kept.get(key, 0) != recomputed[key]:
            unit, fund, year, account = key
            found.differs(
                "balances", f"#{unit} {fund} {year} {account}", kept.get(key, 0), recomputed[key]
            )


def _uncounted(office: Office, tx: Connection, found: Findings) -> None:
    """Judge every posting again, from nothing: the same do not count, for the same reasons."""
    kept = uncounted.all_of(tx)
    for key, fault in office.folds.ledger.judged_from_nothing(tx).items():
        found.compared("postings")
        if kept.get(key) is not fault:
            unit, posting_id = key
            found.differs(
                "postings", f"#{unit} {posting_id.hex()}", kept.get(key) or "counts",
                fault or "counts",
            )  # fmt: skip


def _streams(office: Office, tx: Connection, found: Findings) -> None:
    """Hash every entry again: each names the one before it, and numbers have no gap.

    The one before it may have come as copies: then the stream's base names it.
    """
    last: dict[tuple[int, str, int], tuple[int, bytes]] = {}
    bases = {
        (r[0], r[1], r[2]): (r[3], bytes(r[4]))
        for r in tx.exec_driver_sql(
            "SELECT incarnation, audience, lane, seq, hash FROM stream_base"
        )
    }
    rows = tx.exec_driver_sql(
        "SELECT incarnation, audience, lane, seq, wire FROM entry ORDER BY arrival",
        execution_options=_ENTRIES,
    )
    for incarnation, audience, lane, seq, wire in rows:
        found.compared("streams")
        key = (incarnation, audience, lane)
        where = _stream_name(key, seq)
        try:
            entry = codec.entry_from_wire(bytes(wire))
        except Malformed as error:
            found.differs("streams", where, error.code, "an entry")
            continue
        actual = (entry.incarnation, entry.audience, entry.lane.value, entry.seq)
        if actual != (*key, seq):
            found.differs("streams", where, _stream_name(actual[:3], actual[3]), where)
        # The first entry kept follows one that retention has removed, unless it is number 1.
        before = last.get(key, (0, b"") if seq == 1 else None)
        if key in bases and seq == bases[key][0] + 1:
            before = bases[key]
        elif key in bases and seq <= bases[key][0]:
            before = None  # kept by retention: those before and after it are gone
        if before is not None:
            if seq != before[0] + 1:
                found.differs("streams", where, seq, before[0] + 1)
            elif entry.prev_hash != before[1]:
                found.differs("streams", where, entry.prev_hash.hex(), before[1].hex())
        last[key] = (seq, entry.hash)
    heads = tx.exec_driver_sql("SELECT incarnation, audience, lane, seq, hash FROM stream")
    for incarnation, audience, lane, seq, head in heads:
        found.compared("streams")
        key = (incarnation, audience, lane)
        newest = last.pop(key, None)
        if key in bases and (newest is None or newest[0] < bases[key][0]):
            newest = bases[key]
        if newest is not None and newest != (seq, bytes(head)):
            found.differs(
                "streams", _stream_name(key, seq), f"{seq} {bytes(head).hex()}",
                f"{newest[0]} {newest[1].hex()}",
            )  # fmt: skip
    for key, (seq, _) in last.items():
        found.differs("streams", _stream_name(key, seq), "no head", seq)


def _stream_name(key: tuple[int, str, int], seq: int) -> str:
    incarnation, audience, lane = key
    return f"{incarnation:x} {audience} {lane} {seq}"
