"""A greeting as the parent judges it: what a child says of itself, what is known of it here."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection

from node.domain.units import Level
from node.host import LinkedOffice as Office
from sync.link.messages import Verdict
from sync.log import entries as log
from sync.log import signatures, truncation
from sync.log.outcome import Received, Waiters
from sync.model.change import StreamHead
from sync.model.limits import PROTOCOL_MAX, PROTOCOL_MIN
from sync.model.report import NodeStatus
from sync.model.schema import Lane
from sync.model.stream import Heads, StreamKey
from sync.recovery import heads as recovery_heads
from sync.recovery import republish
from sync.recovery.clones import Tokens
from sync.recovery.heads import Proof
from sync.snapshot import progress
from sync.snapshot.plan import needs_snapshot
from sync.store import meta
from sync.store.priority import Priority
from sync.store.sql import execute

RESTORED_WAIT_MS = 2_000
PING_WAIT_MS = 1_000  # how long a process has to show that it is alive when another takes its name
TOKEN_BITS = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """What a child says of itself when it comes."""

    unit: int
    level: int
    incarnation: int
    protocol_min: int
    protocol_max: int
    log_position: int
    heads: dict[StreamKey, StreamHead]
    acked: dict[Lane, int] = field(default_factory=dict)  # how far it holds our log
    knows_other_incarnation: bool = (
        False  # it knows us by another incarnation: it gives back our words first
    )
    peer_status: tuple[NodeStatus, ...] = ()
    token: bytes = b""
    continues: int = 0  # the incarnation whose log numbers it goes on with
    process: int = 0
    proofs: tuple[Proof, ...] = ()  # of our log, under our present incarnation
    public_key: bytes = b""
    has_bulk: bool = True  # it has taken something of our bulk lane, under some incarnation
    snapshot_under_way: bool = False  # it has joined a part of a snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class HelloAnswer:
    """The parent's word."""

    verdict: Verdict
    reason: str = ""
    session: int = 0
    durable: dict[Lane, int] = field(default_factory=dict)  # positions of the child's log held here
    protocol: int = 0
    waiting: frozenset[Lane] = frozenset()  # lanes in which something waits for the child
    retry_after_ms: int = 0
    token: bytes = b""
    required_heads: Heads = field(default_factory=dict)  # what the child must hold, too
    snapshot_follows: bool = False  # with RESTORED: what is in bulk comes as records


AFTER_RECOVERY = HelloAnswer(
    verdict=Verdict.BACK_OFF,
    retry_after_ms=RESTORED_WAIT_MS,
    reason="this office was restored and takes back first what it lost",
)


PINGED = HelloAnswer(
    verdict=Verdict.BACK_OFF,
    retry_after_ms=PING_WAIT_MS,
    reason="another process was here under this name; is it alive?",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildRecord:
    """What this store knows of a child that greets."""

    recovering: bool  # this store itself was restored and takes back first what it lost
    is_missing_any: bool  # the child holds what is not in this log
    tokens: Tokens
    cursors: dict[Lane, tuple[int, int]]  # of the child's log: incarnation, position
    durable: dict[Lane, int]  # as far as they count the log that it goes on with
    ours: Heads  # of its unit's upward streams
    retired: bool
    key: bytes
    required_heads: Heads  # what it must hold, too
    low_water_mark: int  # of our bulk lane, for a child
    truncated: bool  # the child lacks words from below it that our log has no more
    empty: bool  # the child has nothing in bulk
    replay: int  # changes that such a child would have to replay; else 0

    def lost(self, hello: Hello) -> bool:
        """Say whether the child lacks what it once handed over."""
        beyond = max(self.durable.values()) > hello.log_position
        return recovery_heads.is_behind(self.ours, hello.heads) or beyond

    def needs_snapshot(self, hello: Hello, long_log: int) -> bool:
        """Say whether what is in bulk goes to this child as records."""
        return self.truncated or needs_snapshot(
            cursor=hello.acked.get(Lane.BULK, 0),
            low_water_mark=self.low_water_mark,
            under_way=hello.snapshot_under_way,
            holds_nothing=self.empty,
            waiting_changes=self.replay,
            long_log=long_log,
        )


def _has_nothing(hello: Hello, ours: Heads, durable: dict[Lane, int]) -> bool:
    """Say whether a child has nothing in bulk but what it may have written since it lost all.

    `durable`: how far we hold the log it goes on with. A hub may hear nothing from above and write
    nothing itself: a log from which it handed something up, and which is still so long, has it.
    """
    known = any(key in hello.heads for key in ours if key.lane is Lane.BULK)
    uploaded = 0 < durable[Lane.BULK] <= hello.log_position
    return not hello.has_bulk and not known and not uploaded


def _is_truncated(tx: Connection, hello: Hello, ours: Heads) -> bool:
    """Say whether a child that lost some of what came from it cannot be read all of it."""
    mine = [key for key in ours if key.lane is Lane.BULK]
    recorded = meta.get(tx, f"{meta.SNAPSHOT_DUE}{hello.unit}") == "1"
    return recorded or not recovery_heads.covers(tx, hello.heads, mine)


def check_place(office: Office, hello: Hello) -> HelloAnswer | None:
    """Return the answer to who is not a child of this office; None when it is one."""
    tree, me = office.tree, office.identity.unit
    if hello.unit not in tree or tree.parent(hello.unit) != me:
        return HelloAnswer(
            verdict=Verdict.WRONG_PARENT, reason="this office is not your parent in the tree"
        )
    if int(tree.level(hello.unit)) != hello.level:
        return HelloAnswer(
            verdict=Verdict.WRONG_PARENT, reason="your level is not that of the tree"
        )
    if hello.protocol_max < PROTOCOL_MIN or hello.protocol_min > PROTOCOL_MAX:
        return HelloAnswer(
            verdict=Verdict.UPGRADE_FIRST,
            reason=f"this office speaks protocols {PROTOCOL_MIN} to {PROTOCOL_MAX}",
        )
    return None


def load_child(office: Office, hello: Hello) -> ChildRecord:
    """Read what is known of a child, in one transaction."""
    with office.store.read() as tx:
        cursors = {lane: log.cursor_of(tx, hello.unit, "in", lane) for lane in Lane}
        ours = recovery_heads.heads_of_unit(tx, hello.unit)
        parent = office.tree.parent(office.identity.unit)
        snapshot_under_way = progress.under_way(tx, parent) if parent is not None else None
        durable = {
            lane: position if incarnation in (hello.incarnation, hello.continues) else 0
            for lane, (incarnation, position) in cursors.items()
        }
        empty = _has_nothing(hello, ours, durable)
        return ChildRecord(
            recovering=bool(meta.get(tx, meta.RESTORED))
            or (snapshot_under_way is not None and snapshot_under_way.restored),
            is_missing_any=recovery_heads.is_missing_any(tx, hello.proofs),
            tokens=Tokens.from_text(meta.get(tx, f"{meta.TOKEN_ISSUED}{hello.unit}")),
            cursors=cursors,
            durable=durable,
            ours=ours,
            retired=_is_retired(tx, hello.incarnation),
            key=signatures.key_known(tx, hello.incarnation),
            required_heads=recovery_heads.required_heads(
                tx, hello.unit, ours, hello.heads, hub=hello.level < Level.COMMUNITY
            ),
            low_water_mark=truncation.low_water_down(tx, Lane.BULK, hello.unit),
            truncated=_is_truncated(tx, hello, ours),
            empty=empty,
            replay=log.replay_of(tx, hello.unit, Lane.BULK) if empty else 0,
        )


def accept(office: Office, hello: Hello, known: ChildRecord) -> bytes:
    """Record that a child goes on from here; return its fresh token."""
    fresh = office.rng.getrandbits(TOKEN_BITS).to_bytes(TOKEN_BITS // 8, "big")
    after = known.tokens.after(hello.token, hello.incarnation, hello.process, fresh)
    now_ms = office.clock.now_ms()
    received = Received()

    def write(tx: Connection) -> None:
        meta.put(tx, f"{meta.TOKEN_ISSUED}{hello.unit}", after.to_text())
        _record_acked(tx, office, hello, now_ms)
        if hello.public_key and not known.key:
            log.register_incarnations(tx, [(hello.incarnation, hello.unit, hello.level)])
            signatures.keep_key(tx, hello.incarnation, hello.public_key, now_ms)
        for lane, (incarnation, position) in known.cursors.items():
            if known.durable[lane] and incarnation != hello.incarnation:
                log.advance(
                    tx, peer=hello.unit, direction="in", lane=lane,
                    incarnation=hello.incarnation, position=position, at_ms=now_ms,
                )  # fmt: skip
        if known.tokens.incarnation not in (0, hello.incarnation):
            _retire(tx, hello)
        _republish(tx, office, hello, received.waiters)

    office.store.write(write, priority=Priority.CONTROL)
    office.committed(received)
    return after.newest


def _republish(tx: Connection, office: Office, hello: Hello, waiters: Waiters) -> None:
    """Say again what a child that has nothing to give back may never have heard."""
    mine = office.identity.incarnation
    if hello.knows_other_incarnation or not republish.is_due(tx, hello.unit, mine):
        return
    office.applier.clock.resume(log.lock(tx))
    republish.republish(office.applier, tx, hello.unit, office.audiences_of, waiters)
    republish.record_republished(tx, hello.unit, mine)


def _record_acked(tx: Connection, office: Office, hello: Hello, now_ms: int) -> None:
    """Keep how far the child holds our log: a bundle for it begins there."""
    mine = office.identity.incarnation
    for lane, position in hello.acked.items():
        if log.cursor_of(tx, hello.unit, "out", lane) != (mine, position):
            log.advance(
                tx, peer=hello.unit, direction="out", lane=lane, incarnation=mine,
                position=position, at_ms=now_ms,
            )  # fmt: skip


def _is_retired(tx: Connection, incarnation: int) -> bool:
    row = execute(tx, "SELECT retired FROM incarnation WHERE id=?", (incarnation,)).fetchone()
    return row is not None and bool(row[0])


def _retire(tx: Connection, hello: Hello) -> None:
    """Note that a unit writes under another incarnation now, and under the former no more."""
    log.register_incarnations(tx, [(hello.incarnation, hello.unit, hello.level)])
    execute(
        tx,
        "UPDATE incarnation SET retired=1 WHERE unit=? AND id<>?",
        (hello.unit, hello.incarnation),
    )
