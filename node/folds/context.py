"""What every fold is given of its office."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from node.audiences import TreeRoutes
from node.domain.catalogue import Catalogue
from node.domain.norms import Norms
from node.domain.units import Tree
from sync.model.version import HybridClock
from sync.store.registers import RegisterTables


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldContext:
    """Of one office: what its records are, who it is, how the tree stands, what time it is."""

    unit: int
    level: int
    catalogue: Catalogue
    tables: RegisterTables
    norms: Norms
    routes: TreeRoutes
    clock: HybridClock
    log: Any  # structlog's bound logger

    @property
    def tree(self) -> Tree:
        """The units in force today, as the office knows them."""
        return self.routes.tree
