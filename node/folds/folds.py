"""The six folds of an office, in an order in which each sees what the one before it added."""

from __future__ import annotations

from sqlalchemy import Connection

from node.folds.assignments import AssignmentFold
from node.folds.blind_index import BlindIndexFold
from node.folds.cases import CaseFold
from node.folds.context import FoldContext
from node.folds.contributions import ContributionFold
from node.folds.ledger import LedgerFold
from node.folds.totals import TotalsFold
from sync.apply.replica import Fold
from sync.model.change import Edit


class Folds:
    """One office's folds."""

    def __init__(self, context: FoldContext) -> None:
        self.contributions = ContributionFold(context)
        self.assignments = AssignmentFold(context, self.contributions)
        self.ledger = LedgerFold(context)
        self.blind_index = BlindIndexFold(context)
        self.cases = CaseFold(context)
        self.totals = TotalsFold(context)

    def in_order(self) -> tuple[Fold, ...]:
        """Return them as the engine runs them."""
        return (
            self.assignments,
            self.ledger,
            self.contributions,
            self.blind_index,
            self.cases,
            self.totals,
        )

    def judge_again(self, tx: Connection, *, every: bool = False) -> list[Edit]:
        """Judge again the postings that do not count, or every one; return what follows."""
        booked = list(self.ledger.judge_again(tx, every=every))
        return [*booked, *self.contributions.settle_uncounted(tx)]

    def reactions(self, tx: Connection) -> list[Edit]:
        """Return the events and bookings that assignments and returned money still require."""
        return [*self.assignments.pending_events(tx), *self.ledger.pending_bookings(tx)]
