"""Assignments: the events of each folded into its row, its cells, and the automatic receipt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.folds.contributions import ContributionFold
from sync.change import Edit
from sync.effects import Effect

if TYPE_CHECKING:
    from node.app import Office


class AssignmentFold:
    """Keeps `assignment` rows in step with `assignment_event` records."""

    def __init__(self, office: Office, contributions: ContributionFold) -> None:
        self._office = office
        self._contributions = contributions

    def wants(self, register: str, unit: int) -> frozenset[str] | None:
        return frozenset() if register == "assignment_event" else None

    def fold(self, tx: Connection, effects: Sequence[Effect]) -> Iterable[Edit]:
        return ()
