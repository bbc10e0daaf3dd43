"""Host: an office at one end of a link, as the engine asks for it (`sync.apply.host.Host`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlalchemy import Connection

from node.audiences import audiences_of_block, shared_with
from node.domain.audit import AuditEvent, EventKind
from node.ids import new_incarnation
from node.office import Office, Parts
from sync.codec.receipt import Receipt
from sync.codec.signing import fingerprint
from sync.log.signatures import OwnKeyRefused
from sync.model.change import Block, Edit
from sync.model.errors import SilianError
from sync.model.report import Comparison, DurableAt, NodeStatus
from sync.model.schema import Shared
from sync.store import meta

Rebuild = Callable[[Office, Connection], list[Edit]]


class LinkedOffice(Office):
    """An office that takes part in links."""

    def __init__(self, parts: Parts, *, rebuild: Rebuild) -> None:
        super().__init__(parts)
        self._rebuild = rebuild  # passed in: no service may be imported here
        self._restored_listeners: list[Callable[[], None]] = []

    def offices(self) -> Iterable[NodeStatus]:
        """Return the status of this office and of those below it, for the parent."""
        return self.peer_status.for_parent()

    def on_parent_contact(self, unit: int, durable_above: Iterable[DurableAt]) -> None:
        """Record how far our log is durable above, by the parent's report."""
        self.peer_status.on_parent_contact(unit, durable_above)

    def receive_receipts(self, receipts: Iterable[Receipt]) -> None:
        """Note what offices above have signed that they hold."""
        self.peer_status.receipts.take(receipts)

    def signature_refused(self, unit: int, error: SilianError) -> None:
        """Record that a peer's message was refused: forged, or not allowed from it.

        About a key of our own past this office itself is named, for a person here decides.
        """
        own = isinstance(error, OwnKeyRefused)
        self.signature_refusals.note(self.identity.unit if own else unit, error)

    def signature_accepted(self, unit: int) -> None:
        """Record that a peer's batch was accepted."""
        self.signature_refusals.clear(unit)

    def quota_exceeded(self, unit: int, error: SilianError) -> None:
        """Note that a child was sent away for a while: it asked for more than its share."""
        self.quota_refusals.note(unit, error)

    def caller_refused(self, unit: int, error: SilianError) -> None:
        """Record a call that was refused."""
        self.refused_callers.note(unit if unit in self.tree else 0, error)

    def key_accepted(self, tx: Connection, unit: int, key: bytes) -> None:
        """Record that another key is a neighbour's from now on."""
        facts = {"key": fingerprint(key)} if key else {}
        self.audit.append(tx, AuditEvent(event=EventKind.KEY_ACCEPTED, unit=unit, facts=facts))

    def draw(self) -> int:
        """Return 63 random bits, never 0."""
        return new_incarnation(self.rng)

    def shared(self, child: int) -> Shared:
        """Return whose records a child and its parent both receive whole, by register."""
        return shared_with(self.catalogue.registers.values(), self.tree, child)

    def compared(self, comparison: Comparison) -> None:
        """Record the result of a comparison with the parent."""
        self.comparisons.ended(comparison)

    def pending_derived(self, tx: Connection) -> list[Edit]:
        """Return what this office would have derived, had it received everything in order."""
        return self._rebuild(self, tx)

    def audiences_of(self, tx: Connection, block: Block) -> tuple[str, ...]:
        """Return the audiences of an own block, as this office would choose them now."""
        return audiences_of_block(
            self.catalogue, self.tables.schema, self.identity, self.tree, tx, block
        )

    def found_restored(self) -> None:
        """A child has entries of ours that this store has lost: recover before anything else."""
        self.store.write(lambda tx: meta.put(tx, meta.RESTORED, True))
        self.log.warning("store_restored")
        for listener in self._restored_listeners:
            listener()

    def on_restored(self, listener: Callable[[], None]) -> None:
        """Call `listener` when this store turns out to be a restored one."""
        self._restored_listeners.append(listener)
