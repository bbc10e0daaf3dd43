"""Context: what every fold is given of its office."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from node.audiences import TreeRoutes
from node.china import china_time
from node.domain.catalogue import Catalogue
from node.domain.norms import Norms
from node.domain.units import Tree
from sync.model.version import HybridClock
from sync.store.registers import RegisterTables


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldContext:
    """What one office's folds use: its catalogue, its identity, the tree, the clock."""

    unit: int
    level: int
    catalogue: Catalogue
    tables: RegisterTables
    norms: Norms
    routes: TreeRoutes
    clock: HybridClock
    first_day: date  # of the shipped tree: no year before it is open
    first_tree_day: date  # before which no day can be today
    log: Any  # structlog's bound logger

    def today(self) -> date:
        """Return the date in China on the corrected clock, never before the first tree of units."""
        return max(china_time(self.clock.now_ms()).date(), self.first_tree_day)

    @property
    def tree(self) -> Tree:
        """The units in force today, as the office knows them."""
        return self.routes.tree
