"""Fold of the ledger: postings into balances, and the payer's bookings of returned money."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from node.audiences import posting_audiences
from node.domain.fiscal import FiscalYears
from node.domain.formula import ceilings_fen
from node.domain.ledger import FUNDS, Account, Books, Posting, PostingKind
from node.domain.ledger_errors import LedgerError
from node.domain.posting import HELD, reclaim
from node.domain.posting_judge import Fault
from node.folds.context import FoldContext
from node.folds.event_writer import actor_of_office
from node.folds.posting_verdicts import PostingVerdicts, Verdicts
from node.store import uncounted
from node.store.postings import (
    COUNTED,
    FIELDS,
    POSTING,
    YEARS,
    Line,
    account_of,
    line_by_id,
    line_of,
    lines_where,
    of_transfers,
    values_of,
)
from node.store.sums import adding, clamped
from sync.model.change import Edit, Operation, RecordKey
from sync.model.effect import Effect
from sync.store.sql import sql

Money = tuple[str, int]
"""A fund and a fiscal year: what never mixes."""
BookKey = tuple[str, int, Account]

_READS = frozenset(FIELDS)
FUND_CHARS = 24  # as the tables of balances have them
_ADD = (
    "INSERT INTO balance (unit, fund, year, account, fen) VALUES (?,?,?,?,?) "  # noqa: S608
    f"ON CONFLICT (unit, fund, year, account) DO UPDATE SET fen = {adding('balance', 'fen')}"
)


class BooksFromBalances(Books):
    """Books over the kept balances, so that no verb reads the complete journal of a year.

    `stored`: what `balance` has of the accounts, the given journal's part in them included. Both
    are of one moment, because the fold moves balances in the transaction that writes the postings.
    """

    def __init__(self, unit_id: int, *, stored: Mapping[BookKey, int], **rest: Any) -> None:
        self._before: dict[BookKey, int] = {}
        super().__init__(unit_id, **rest)
        found = super().balances()
        before = {
            key: stored.get(key, 0) - found.get(key, 0) for key in stored.keys() | found.keys()
        }
        self._before = before

    def balance_fen(self, fund: str, year: int, account: Account) -> int:
        before_fen = self._before.get((fund, year, account), 0)
        return before_fen + super().balance_fen(fund, year, account)

    def balances(self) -> dict[BookKey, int]:
        since = super().balances()
        sums = {key: self._before.get(key, 0) + since.get(key, 0) for key in self._before | since}
        return {key: fen for key, fen in sums.items() if fen}


class JournalSession:
    """An office's books in one transaction, under the store's lock; `edits` must be committed.

    It has the office's balances of the funds and years in `money`, and all offices' lines of
    `transfers`: everything that the checks of such a posting need. `matching`: also the lines that
    show what a district still has to match.
    """

    def __init__(
        self,
        context: FoldContext,
        tx: Connection,
        money: Iterable[Money],
        transfers: Iterable[bytes] = (),
        *,
        matching: bool = False,
    ) -> None:
        self.unit = context.unit
        self.level = context.level
        self.now_ms = context.clock.now_ms()
        self.edits: list[Edit] = []
        self._tree = tree = context.tree
        asked = sorted(set(money))
        transfers = list(transfers)
        found = [*_of_money(tx, self.unit, asked, matching), *of_transfers(tx, transfers)]
        # What an office wrote itself it does not write again, though it may not count.
        found += [line for line in of_transfers(tx, transfers, counted=False) if self._is_own(line)]
        self._lines = {line.posting.posting_id: line for line in found}
        asked += [(line.posting.fund, line.posting.year) for line in found]
        self.books = BooksFromBalances(
            self.unit,
            stored=_stored_balances(tx, self.unit, sorted(set(asked))),
            level=self.level,
            is_descendant=lambda below, above: (
                below != above and below in tree and above in tree and tree.within(below, above)
            ),
            ceilings_fen=ceilings_fen(context.norms),
            years=FiscalYears(context.first_day.year, context.today().year),
            journal=(line.posting for line in self._lines.values()),
        )

    def _is_own(self, line: Line) -> bool:
        return line.posting.unit_id == self.unit

    def line(self, posting_id: bytes) -> Line | None:
        """Return a line that was booked before or in this transaction."""
        return self._lines.get(posting_id)

    def post(self, posting: Posting, *, actor: str) -> Line:
        """Book a posting of this office and return its line: the first one if it is a repeat.

        Raises: a LedgerError; nothing was booked.
        """
        if not self.books.post(posting):
            return self._lines[posting.posting_id]
        line = Line(
            posting=posting,
            level=self.level,
            peer_level=self._level_of(posting),
            actor=actor,
        )
        self._lines[posting.posting_id] = line
        self.edits.append(
            Edit(
                key=RecordKey(POSTING, self.unit, posting.posting_id),
                operation=Operation.CREATE,
                values=values_of(line),
                audiences=posting_audiences(self.level, posting.kind, posting.peer_unit),
            )
        )
        return line

    def _level_of(self, posting: Posting) -> int | None:
        """Return the level of the other office, also if it has left the tree since."""
        peer = posting.peer_unit
        if peer is None:
            return None
        if peer in self._tree:
            return int(self._tree.level(peer))
        of_transfer = (
            line.level
            for line in self._lines.values()
            if line.posting.unit_id == peer and line.posting.transfer == posting.transfer
        )
        return next(of_transfer, None)


class LedgerFold:
    """Updates `balance` rows from `posting` records that count (`node.folds.posting_verdicts`).

    Rows are the fold of all received postings: complete for this office and those below it; of an
    office above only those addressed to this one.
    """

    def __init__(self, context: FoldContext) -> None:
        self._context = context
        self._verdicts = PostingVerdicts(context)

    def fields_read(self, register: str, unit: int) -> frozenset[str] | None:
        return _READS if register == POSTING else None

    def fold(self, tx: Connection, effects: Sequence[Effect]) -> Iterable[Edit]:
        """Update the balances; return the bookings of money that others returned to this office."""
        gone: list[Line] = []
        new: list[Line] = []
        read_again: list[tuple[int, bytes]] = []
        for effect in effects:
            if effect.register != POSTING:
                continue
            for record_id, before, after in effect.changes():
                old = line_of(effect.unit, record_id, before)
                line = line_of(effect.unit, record_id, after)
                if before is not None:
                    read_again.append((effect.unit, record_id))
                gone += [old] if old is not None else []
                new += [line] if line is not None else []
                if line is None and after is not None:
                    self._leave_out_unreadable(tx, effect.unit, record_id, after)
        left_out = uncounted.of_ids(tx, [i for _, i in read_again]) if read_again else set()
        uncounted.take_back(tx, [key for key in read_again if key[1] in left_out])
        counted = [line for line in gone if line.posting.posting_id not in left_out]
        _save_moves(tx, [(counted, -1), (new, 1)])
        return self._settled(tx, new, self._verdicts.follow(tx, new, gone))

    def judge_again(self, tx: Connection, *, every: bool = False) -> Iterable[Edit]:
        """Judge again what does not count, or every posting; return as `fold`."""
        return self._settled(tx, (), self._verdicts.again(tx, every=every))

    def judged_from_nothing(self, tx: Connection) -> dict[tuple[int, bytes], Fault | None]:
        """Return every posting, unit and id, with the reason why it does not count, if any."""
        return self._verdicts.from_nothing(tx)

    def _settled(
        self, tx: Connection, new: Sequence[Line], verdicts: Verdicts
    ) -> Iterable[Edit]:  # fmt: skip
        _save_moves(tx, [(verdicts.left_out, -1), (verdicts.released, 1)])
        out = {line.posting.posting_id for line in verdicts.left_out}
        counted = [line.posting for line in new if line.posting.posting_id not in out]
        counted += [line.posting for line in verdicts.released]
        returns = [posting for posting in counted if self._comes_back(posting)]
        return self._booked(tx, returns) if returns else ()

    def _leave_out_unreadable(
        self, tx: Connection, unit: int, record_id: bytes, values: Mapping[str, Any]
    ) -> None:
        fund, stated = str(values.get("fund"))[:FUND_CHARS], values.get("year")
        year = stated if isinstance(stated, int) and stated in YEARS else 0
        uncounted.leave_out_unreadable(
            tx, unit, record_id, fund, year,
            now_ms=self._context.clock.now_ms(),
        )  # fmt: skip

    def pending_bookings(self, tx: Connection) -> Iterable[Edit]:
        """Return the bookings of returned money that this office has not made yet."""
        me = self._context.unit
        returned = lines_where(tx, "f_kind=? AND f_peer=?", (PostingKind.RETURN.value, me))
        open_ = [
            line.posting
            for line in returned
            if line_by_id(tx, me, reclaim(line.posting, at_ms=0).posting_id) is None
        ]
        return self._booked(tx, open_) if open_ else ()

    def _comes_back(self, posting: Posting) -> bool:
        me = self._context.unit
        return posting.kind is PostingKind.RETURN and posting.peer_unit == me

    def _booked(self, tx: Connection, returns: Sequence[Posting]) -> list[Edit]:
        session = JournalSession(
            self._context,
            tx,
            money=[(posting.fund, posting.year) for posting in returns],
            transfers=sorted({posting.transfer for posting in returns}),
        )
        for returned in returns:
            try:
                session.post(
                    reclaim(returned, at_ms=session.now_ms), actor=actor_of_office(session.unit)
                )
            except LedgerError as error:
                # Money that was never sent cannot be returned; it shows as a difference above.
                self._context.log.warning(
                    "return_not_booked",
                    unit=returned.unit_id, transfer=returned.transfer.hex(), code=error.code,
                )  # fmt: skip
        return session.edits


def _save_moves(tx: Connection, moves: Iterable[tuple[Iterable[Line], int]]) -> None:
    """Add what these lines move to the balances, each with its sign."""
    moved: dict[tuple[int, str, int, str], int] = defaultdict(int)
    for lines, sign in moves:
        for line in lines:
            posting = line.posting
            at = (posting.unit_id, posting.fund, posting.year)
            moved[(*at, str(posting.debit))] += sign * posting.amount_fen
            moved[(*at, str(posting.credit))] -= sign * posting.amount_fen
    rows = [(*key, clamped(fen)) for key, fen in sorted(moved.items()) if fen]
    if rows:
        tx.exec_driver_sql(sql(tx, _ADD), rows)


def _stored_balances(tx: Connection, unit: int, money: Iterable[Money]) -> dict[BookKey, int]:
    """Return an office's balances; what waits for cover is as good as gone from what it holds."""
    statement = sql(tx, "SELECT account, fen FROM balance WHERE unit=? AND fund=? AND year=?")
    found = {
        (fund, year, account_of(account)): int(fen)
        for fund, year in money
        for account, fen in tx.exec_driver_sql(statement, (unit, fund, year)).fetchall()
    }
    for fund, year in money if uncounted.exist(tx) else ():
        where = f"unit=? AND f_fund=? AND f_year=? AND f_credit='{HELD}' AND NOT {COUNTED}"
        waiting = lines_where(tx, where, (unit, fund, year), counted=False)
        wanted = sum(line.posting.amount_fen for line in waiting)
        found[fund, year, HELD] = found.get((fund, year, HELD), 0) - wanted
    return found


def _of_money(tx: Connection, unit: int, money: Iterable[Money], matching: bool) -> Iterator[Line]:
    """Yield the office's own lines that the balances of accounts do not cover."""
    for fund, year in money:
        where = "unit=? AND f_fund=? AND f_year=?"
        if FUNDS[fund].needs_assignment:  # only the lines show which assignment brought the money
            yield from lines_where(tx, where, (unit, fund, year))
        elif matching:
            kinds = "f_kind IN ('receipt','return','match')"
            yield from lines_where(tx, f"{where} AND {kinds}", (unit, fund, year))
