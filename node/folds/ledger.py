"""Ledger: postings folded into balances, and what a payer must book when money comes back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sync.change import Edit
from sync.effects import Effect

if TYPE_CHECKING:
    from node.app import Office


class LedgerFold:
    """Keeps `balance` rows in step with `posting` records."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def wants(self, register: str, unit: int) -> frozenset[str] | None:
        return frozenset() if register == "posting" else None

    def fold(self, tx: Connection, effects: Sequence[Effect]) -> Iterable[Edit]:
        return ()
