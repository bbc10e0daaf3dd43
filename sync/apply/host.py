"""Host: what the engine asks of the office whose end of a link it drives."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection

from sync.apply.replica import Replica
from sync.codec.receipt import Receipt
from sync.log.outcome import Received, Waiters
from sync.log.signatures import KeyUncertified, SignatureError
from sync.model.access import Unauthorised
from sync.model.change import Block, Edit
from sync.model.errors import OverQuota, SilianError
from sync.model.report import Comparison, DurableAt, NodeStatus
from sync.model.schema import Shared
from sync.model.stream import StreamForked
from sync.store.priority import Priority
from sync.tlog.wire import Answer
from sync.tlog.witness import Submission

T = TypeVar("T")
DISTRUSTED = (SignatureError, Unauthorised, StreamForked)


@contextmanager
def reporting(host: Host, peer: int) -> Iterator[None]:
    """Report a peer whose message is refused because it may not send this, or signs it wrong.

    The report stays visible until the peer sends what is in order.
    """
    try:
        yield
    except DISTRUSTED as error:
        if isinstance(error, KeyUncertified):
            host.certificates.note_refused(error.unit, error.key)
        host.signature_refused(peer, error)
        raise
    except OverQuota as error:
        host.quota_exceeded(peer, error)
        raise


class WriteQueueLike(Protocol):
    """The queue of writers of one store (`node.store.write_queue.WriteQueue`)."""

    def waiting(self, priority: Priority) -> int:
        """Return how many of this priority wait."""


class StoreLike(Protocol):
    """What the engine asks of a store (`node.store.engine.Store`)."""

    @property
    def write_queue(self) -> WriteQueueLike: ...

    def read(self) -> AbstractContextManager[Connection]: ...

    def write(
        self, work: Callable[[Connection], T], *, priority: Priority = Priority.LOCAL
    ) -> T: ...


class Logger(Protocol):
    """Where events are logged: a name, and values by name."""

    def info(self, event: str, **values: Any) -> Any: ...

    def warning(self, event: str, **values: Any) -> Any: ...


class PeerReports(Protocol):
    """What an office knows of its peers (`node.services.peers.status.PeerStatus`)."""

    def flag_clone(self, unit: int) -> None:
        """Show people that two stores run under the name of a child."""

    def durable_above(self) -> Sequence[DurableAt]:
        """Return how far our own log is durable at each level above."""

    def receipts_below(self, concerns: Callable[[int], bool]) -> Sequence[Receipt]:
        """Return receipts of offices above for these units."""

    def receive_status(self, reports: Iterable[NodeStatus], *, child: int) -> None:
        """Store what a child reports of itself and of those below it."""

    def record_contact(self, child: int, *, connected: bool, waiting_down: int) -> None:
        """Record whether a child is connected, and how much waits for it."""


class CertificatesLike(Protocol):
    """The certificates of an office and of its peers (`node.peers.certificates`)."""

    @property
    def enrolled(self) -> bool: ...

    def own(self) -> Sequence[bytes]:
        """Return what this office shows, DER; empty: it is not enrolled."""

    def check(self, unit: int, key: bytes, chain: Sequence[bytes]) -> bool:
        """Return whether a unit's key is certified; False: this office is not enrolled.

        Raises: SilianError, if it is enrolled and the chain does not certify that key.
        """

    def check_carried(self, unit: int, key: bytes, chain: Sequence[bytes]) -> bool:
        """As `check`, for a file: a certificate that has ended counts, a revoked one does not."""

    def lists(self) -> Iterable[tuple[bytes, bytes]]:
        """Return the newest revocation lists, each with its authority's certificate."""

    def numbers(self) -> Mapping[str, int]:
        """Return the number of the newest revocation list of each authority."""

    def take_lists(self, given: Iterable[tuple[bytes, bytes]], *, carried: bool = False) -> bool:
        """Keep revocation lists that are newer; return whether any was.

        `carried`: in a file, which may be read late: an older list is left alone.
        Raises: SilianError.
        """

    def refused(self) -> Iterable[tuple[int, bytes]]:
        """Return units and keys that were refused of late because nothing certified them."""

    def note_refused(self, unit: int, key: bytes) -> None:
        """Remember a key that was refused because nothing certified it."""


class WitnessLike(Protocol):
    """What an office does as a witness of audit logs (`node.audit.witness.Witness`)."""

    def submissions(self) -> Iterable[Submission]:
        """Return the heads of logs, ours and those below, that offices above have not accepted."""

    def take(self, parent_key: bytes, answers: Iterable[Answer], *, carried: bool = False) -> None:
        """Keep what the offices above answer. `carried`: in a bundle."""

    def judge(
        self, child: int, key: bytes, given: Iterable[Submission], *, carried: bool = False
    ) -> None:
        """Judge the heads that a child has brought. `key`: under which it came."""

    def answers_to_carry(self, child: int) -> Iterable[Answer]:
        """Return all answers for a child and those below it, for a bundle."""

    def answers(self, child: int) -> Iterable[Answer]:
        """Return the answers for a child and those below it that it has not taken yet."""


class Host(Protocol):
    """What the engine asks of the office whose end this is.

    The last part is asked at the parent's end only.
    """

    @property
    def store(self) -> StoreLike: ...

    @property
    def replica(self) -> Replica: ...

    @property
    def certificates(self) -> CertificatesLike: ...

    @property
    def witness(self) -> WitnessLike: ...

    @property
    def program(self) -> str: ...

    @property
    def catalogue_version(self) -> str: ...

    def committed(self, received: Received) -> None:
        """Called after a batch from the parent is durable: notify who waits for its entries."""

    def offices(self) -> Iterable[NodeStatus]:
        """Return the status of this office and those below it that the parent has not received."""

    def signature_refused(self, unit: int, error: SilianError) -> None:
        """Called when a peer's message was refused: forged, or not allowed from it."""

    def signature_accepted(self, unit: int) -> None:
        """Called when a peer's message was accepted."""

    def quota_exceeded(self, unit: int, error: SilianError) -> None:
        """Called when a child asked for more than its share, and was sent away for a while."""

    def caller_refused(self, unit: int, error: SilianError) -> None:
        """Called when a call of the link was refused: the caller is not who it says to be, or may
        not make it. `unit`: whose name it used; 0: none.
        """

    def key_accepted(self, tx: Connection, unit: int, key: bytes) -> None:
        """Called in the transaction that pins another key to a neighbour."""

    def on_parent_contact(self, unit: int, durable_above: Iterable[DurableAt]) -> None:
        """Called with the parent's report of how far our log is durable above."""

    def receive_receipts(self, receipts: Iterable[Receipt]) -> None:
        """Called with what offices above have signed that they hold of ours, and of those below."""

    def draw(self) -> int:
        """Return 63 random bits, never 0: a new incarnation, or the name of a process."""

    def switch_incarnation(self, incarnation: int) -> None:
        """Write under another incarnation from now on; the caller records it in the store."""

    def pending_derived(self, tx: Connection) -> Sequence[Edit]:
        """Return what this office would have derived, had it received everything in order."""

    def audiences_of(self, tx: Connection, block: Block) -> tuple[str, ...]:
        """Return the audiences of an own block, as this office would choose them now."""

    def shared(self, child: int) -> Shared:
        """Return the units, by register, whose records a child and its parent may both receive."""

    def fence(self, why: str) -> None:
        """Called when the parent accepted another store under our name; "": it accepts this one."""

    def compared(self, comparison: Comparison) -> None:
        """Called with the result of a comparison with the parent."""

    # -- the parent's end --------------------------------------------------------------------

    @property
    def log(self) -> Logger: ...

    @property
    def rng(self) -> random.Random: ...

    @property
    def peer_status(self) -> PeerReports: ...

    @property
    def parent_unit(self) -> int | None:
        """The unit above this office; None at the top."""

    def on_wake(self, listener: Callable[[Waiters], None]) -> None:
        """Call `listener` after each commit, with the links that new log entries wait for."""

    def found_restored(self) -> None:
        """Called when a child has what this store has lost: recovery runs before anything else."""
