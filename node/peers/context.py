"""Context: what knowledge of peers needs from its office."""

from __future__ import annotations

from typing import Any, Protocol

from node.audit.log import AuditLog
from node.domain.units import Tree
from node.store.engine import Store
from sync.apply.replica import Replica
from sync.model.access import Identity
from sync.model.version import HybridClock


class PeerContext(Protocol):
    """The part of an office (`node.office.Office`) that this package uses."""

    @property
    def store(self) -> Store: ...

    @property
    def clock(self) -> HybridClock: ...

    @property
    def identity(self) -> Identity: ...

    @property
    def replica(self) -> Replica: ...

    @property
    def parent_unit(self) -> int | None: ...

    @property
    def tree(self) -> Tree: ...

    @property
    def program(self) -> str: ...

    @property
    def audit(self) -> AuditLog: ...

    @property
    def log(self) -> Any: ...  # structlog's bound logger
