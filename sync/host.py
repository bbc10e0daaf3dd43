"""Host: what the engine asks of the office whose end of a link it drives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from sync.apply import Applier
from sync.change import Block, Edit
from sync.fingerprints import Shared
from sync.narrowing import Comparison
from sync.news import OfficeNews, SafeAt
from sync.outcome import Received
from sync.urgency import Urgency
from sync.vouching import NotVouched

T = TypeVar("T")


class StoreLike(Protocol):
    """What the engine asks of a store (`node.store.engine.Store`)."""

    def read(self) -> AbstractContextManager[Connection]: ...

    def write(self, work: Callable[[Connection], T], *, urgency: Urgency = Urgency.LOCAL) -> T: ...


class Host(Protocol):
    """What the engine asks of the office whose end this is."""

    @property
    def store(self) -> StoreLike: ...

    @property
    def applier(self) -> Applier: ...

    @property
    def program(self) -> str: ...

    @property
    def catalogue_version(self) -> str: ...

    def committed(self, received: Received) -> None:
        """Told after a batch from the parent is durable: wake whom it concerns."""

    def offices(self) -> Iterable[OfficeNews]:
        """Return news of this office and those below it that the parent has not heard."""

    def distrust(self, unit: int, error: NotVouched) -> None:
        """Told when a neighbour's words were refused because signatures do not fit."""

    def trust(self, unit: int) -> None:
        """Told when a neighbour's words were taken."""

    def heard_from_parent(self, unit: int, safe: Iterable[SafeAt]) -> None:
        """Told what the parent says about how far our log is safe above."""

    def draw(self) -> int:
        """Return 63 random bits, never 0: a new incarnation, or the name of a process."""

    def become(self, incarnation: int) -> None:
        """Write under another incarnation from now on; the caller records it in the store."""

    def left_undone(self, tx: Connection) -> Sequence[Edit]:
        """Return what this office would have done by itself, had it heard everything in turn."""

    def ways(self, tx: Connection, block: Block) -> tuple[str, ...]:
        """Return the audiences of an own block, as this office would say it now."""

    def shared(self, child: int) -> Shared:
        """Return whose records a child and its parent both may hear whole, by register."""

    def compared(self, comparison: Comparison) -> None:
        """Told how a comparison with the parent ended."""
