"""Messages between a session and its driver: verdicts, commands, events. Pure data.

The session (`sync.link.session`) answers every event with one command; who carries it out
(`sync.link.dialer`, or the simulator) answers with one event.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from sync.model.change import Batch
from sync.model.schema import Lane


class Verdict(Enum):
    """The parent's answer to a handshake; the numbers are those of the wire."""

    ACCEPTED = 1
    SNAPSHOT = 2
    RESTORED = 3
    CLONE = 4
    WRONG_PARENT = 5
    UPGRADE_FIRST = 6
    BACK_OFF = 7
    CHALLENGE = 8


# -- commands to the driver ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Handshake:
    """Send Hello; answer with HandshakeDone or Failed."""


@dataclass(frozen=True, slots=True)
class Read:
    """Read our log after a position; answer with BatchRead."""

    lane: Lane
    after: int
    bytes_max: int


@dataclass(frozen=True, slots=True)
class Push:
    """Send a batch up; answer with Pushed or Failed."""

    batch: Batch


@dataclass(frozen=True, slots=True)
class Pull:
    """Ask for what waits after a position (durable here); answer with Pulled or Failed."""

    lane: Lane
    after: int
    bytes_max: int


@dataclass(frozen=True, slots=True)
class Apply:
    """Commit a batch from above together with its cursor; answer with AppliedHere or Failed."""

    batch: Batch


@dataclass(frozen=True, slots=True)
class Recover:
    """Do one step of what the verdict requires (ask, apply); answer with Recovered or Failed.

    With ACCEPTED it is the parent that recovers: its own entries are restored to it.
    """

    verdict: Verdict


@dataclass(frozen=True, slots=True)
class FetchChunk:
    """Ask for the next records of a snapshot and join them; answer with ChunkJoined or Failed."""

    restored: bool = False  # as part of a recovery


@dataclass(frozen=True, slots=True)
class Upload:
    """Upload the next of our records; answer with Uploaded or Failed."""


@dataclass(frozen=True, slots=True)
class Compare:
    """Do one step of a comparison of both copies; answer with Compared or Failed."""

    acked_by_parent: dict[Lane, int]
    begin: bool  # the first step of a new one


@dataclass(frozen=True, slots=True)
class Rest:
    """Disconnect and feed Woken after a wait: number `attempt` in a row, or `wait_ms`."""

    attempt: int
    wait_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing to do until WorkAvailable."""


Command = (
    Handshake | Read | Push | Pull | Apply | Recover | FetchChunk | Upload | Compare | Rest | Idle
)

# -- events from the driver ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WorkAvailable:
    """Something may wait: in our log (`up`) or at the parent (`down`)."""

    up: frozenset[Lane] = frozenset()
    down: frozenset[Lane] = frozenset()


@dataclass(frozen=True, slots=True)
class HandshakeDone:
    """Hello was answered. Cursors: positions of our log stored there, of its log stored here."""

    verdict: Verdict
    acked_by_parent: dict[Lane, int] = field(default_factory=dict)
    applied_from_parent: dict[Lane, int] = field(default_factory=dict)
    waiting: frozenset[Lane] = frozenset()  # lanes in which something waits for us
    retry_after_ms: int = 0
    reason: str = ""
    restore_parent: bool = (
        False  # the parent has another incarnation: it may have lost its own entries
    )
    upload_due: bool = False  # our log does not reach back to what the parent has of our bulk
    snapshot_follows: bool = False  # with RESTORED: bulk comes as records, after the recovery


@dataclass(frozen=True, slots=True)
class BatchRead:
    batch: Batch
    more: bool = True  # our log may have more of the lane than was read


@dataclass(frozen=True, slots=True)
class Pushed:
    """The parent has stored our log durably up to here."""

    lane: Lane
    position: int


@dataclass(frozen=True, slots=True)
class Pulled:
    batch: Batch


@dataclass(frozen=True, slots=True)
class AppliedHere:
    lane: Lane
    position: int


@dataclass(frozen=True, slots=True)
class Recovered:
    """A step was done. Unless `more` follows, what was lost is here; handshake again."""

    more: bool = False


@dataclass(frozen=True, slots=True)
class ChunkJoined:
    """A chunk was joined. Unless `more` follow, the log goes on from here; handshake again."""

    more: bool = False


@dataclass(frozen=True, slots=True)
class Uploaded:
    """The parent has joined a chunk. Unless `more` follow, our log goes on; handshake again."""

    more: bool = False


@dataclass(frozen=True, slots=True)
class Compared:
    """A step was done; `more` follow once nothing waits. `waiting`: as in HandshakeDone."""

    more: bool = False
    waiting: frozenset[Lane] = frozenset()


@dataclass(frozen=True, slots=True)
class Woken:
    """The wait is over."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A command failed. `oversized`: the message was too large, a smaller one may pass."""

    code: str
    retryable: bool
    reason: str = ""
    oversized: bool = False
    retry_after_ms: int | None = None


Event = (
    WorkAvailable | HandshakeDone | BatchRead | Pushed | Pulled | AppliedHere | Recovered
    | ChunkJoined | Uploaded | Compared | Woken | Failed
)  # fmt: skip
