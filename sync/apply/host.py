"""Host: what the engine asks of the office whose end of a link it drives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from sync.apply.applier import Applier
from sync.log.outcome import Received
from sync.log.signatures import SignatureError
from sync.model.change import Block, Edit
from sync.model.report import Comparison, DurableAt, NodeStatus
from sync.model.schema import Shared
from sync.store.priority import Priority

T = TypeVar("T")


class StoreLike(Protocol):
    """What the engine asks of a store (`node.store.engine.Store`)."""

    def read(self) -> AbstractContextManager[Connection]: ...

    def write(
        self, work: Callable[[Connection], T], *, priority: Priority = Priority.LOCAL
    ) -> T: ...


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

    def offices(self) -> Iterable[NodeStatus]:
        """Return news of this office and those below it that the parent has not heard."""

    def signature_refused(self, unit: int, error: SignatureError) -> None:
        """Told when a neighbour's words were refused because signatures do not fit."""

    def signature_accepted(self, unit: int) -> None:
        """Told when a neighbour's words were taken."""

    def on_parent_contact(self, unit: int, durable_above: Iterable[DurableAt]) -> None:
        """Told what the parent says about how far our log is safe above."""

    def draw(self) -> int:
        """Return 63 random bits, never 0: a new incarnation, or the name of a process."""

    def switch_incarnation(self, incarnation: int) -> None:
        """Write under another incarnation from now on; the caller records it in the store."""

    def pending_derived(self, tx: Connection) -> Sequence[Edit]:
        """Return what this office would have done by itself, had it heard everything in turn."""

    def audiences_of(self, tx: Connection, block: Block) -> tuple[str, ...]:
        """Return the audiences of an own block, as this office would say it now."""

    def shared(self, child: int) -> Shared:
        """Return whose records a child and its parent both may hear whole, by register."""

    def fence(self, why: str) -> None:
        """Told that the parent has let another store in under our name; "": it let this one in."""

    def compared(self, comparison: Comparison) -> None:
        """Told how a comparison with the parent ended."""
