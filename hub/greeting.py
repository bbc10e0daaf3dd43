"""A greeting as the parent judges it: what a child says of itself, what is known of it here."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection

from node.app import Office
from node.domain.units import Level
from sync import facts, floors, log, progress, recovery, restating, vouches
from sync.change import StreamHead
from sync.conversation import Verdict
from sync.limits import PROTOCOL_MAX, PROTOCOL_MIN
from sync.news import OfficeNews
from sync.outcome import Received, Wake
from sync.recovery import Heads, Proof
from sync.schema import Lane
from sync.snapshot import needs_snapshot
from sync.statements import run
from sync.streams import StreamKey
from sync.tokens import Tokens
from sync.urgency import Urgency

RESTORED_WAIT_MS = 2_000
TWIN_WAIT_MS = 1_000  # how long a process has to show that it is alive when another takes its name
TOKEN_BITS = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """What a child says of itself when it comes."""

    unit: int
    level: int
    incarnation: int
    protocol_min: int
    protocol_max: int
    log_position: int
    heads: dict[StreamKey, StreamHead]
    taken: dict[Lane, int] = field(default_factory=dict)  # how far it holds our log
    met_another: bool = False  # it knows us by another incarnation: it gives back our words first
    news: tuple[OfficeNews, ...] = ()
    token: bytes = b""
    continues: int = 0  # the incarnation whose log numbers it goes on with
    process: int = 0
    proofs: tuple[Proof, ...] = ()  # of our log, under our present incarnation
    public_key: bytes = b""
    holds_bulk: bool = True  # it has taken something of our bulk lane, under some incarnation
    copying: bool = False  # it has joined a part of a snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """The parent's word."""

    verdict: Verdict
    reason: str = ""
    session: int = 0
    held: dict[Lane, int] = field(default_factory=dict)  # positions of the child's log held here
    protocol: int = 0
    waiting: frozenset[Lane] = frozenset()  # lanes in which something waits for the child
    retry_after_ms: int = 0
    token: bytes = b""
    holds: Heads = field(default_factory=dict)  # what the child must hold, too
    copies: bool = False  # with RESTORED: what is in bulk comes as records


AFTER_RECOVERY = Welcome(
    verdict=Verdict.BACK_OFF,
    retry_after_ms=RESTORED_WAIT_MS,
    reason="this office was restored and takes back first what it lost",
)


ASKED = Welcome(
    verdict=Verdict.BACK_OFF,
    retry_after_ms=TWIN_WAIT_MS,
    reason="another process was here under this name; is it alive?",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What this store knows of a child that greets."""

    recovering: bool  # this store itself was restored and takes back first what it lost
    disproved: bool  # the child holds what is not in this log
    tokens: Tokens
    cursors: dict[Lane, tuple[int, int]]  # of the child's log: incarnation, position
    held: dict[Lane, int]  # as far as they count the log that it goes on with
    ours: Heads  # of its unit's upward streams
    retired: bool
    key: bytes
    holds: Heads  # what it must hold, too
    floor: int  # of our bulk lane, for a child
    cut: bool  # the child lacks words from below it that our log has no more
    empty: bool  # the child has nothing in bulk
    replay: int  # changes that such a child would have to replay; else 0

    def lost(self, greeting: Greeting) -> bool:
        """Say whether the child lacks what it once handed over."""
        beyond = max(self.held.values()) > greeting.log_position
        return recovery.lacks(self.ours, greeting.heads) or beyond

    def needs_snapshot(self, greeting: Greeting, long_log: int) -> bool:
        """Say whether what is in bulk goes to this child as records."""
        return self.cut or needs_snapshot(
            cursor=greeting.taken.get(Lane.BULK, 0),
            floor=self.floor,
            under_way=greeting.copying,
            holds_nothing=self.empty,
            waiting_changes=self.replay,
            long_log=long_log,
        )


def _holds_nothing(greeting: Greeting, ours: Heads, held: dict[Lane, int]) -> bool:
    """Say whether a child has nothing in bulk but what it may have written since it lost all.

    `held`: how far we hold the log it goes on with. A hub may hear nothing from above and write
    nothing itself: a log from which it handed something up, and which is still so long, has it.
    """
    known = any(key in greeting.heads for key in ours if key.lane is Lane.BULK)
    handed_up = 0 < held[Lane.BULK] <= greeting.log_position
    return not greeting.holds_bulk and not known and not handed_up


def _is_cut(tx: Connection, greeting: Greeting, ours: Heads) -> bool:
    """Say whether a child that lost some of what came from it cannot be read all of it."""
    mine = [key for key in ours if key.lane is Lane.BULK]
    told = facts.get(tx, f"{facts.CUT_FROM}{greeting.unit}") == "1"
    return told or not recovery.reaches(tx, greeting.heads, mine)


def place(office: Office, greeting: Greeting) -> Welcome | None:
    """Return the answer to who is not a child of this office; None when it is one."""
    tree, me = office.tree, office.identity.unit
    if greeting.unit not in tree or tree.parent(greeting.unit) != me:
        return Welcome(verdict=Verdict.MOVED, reason="this office is not your parent in the tree")
    if int(tree.level(greeting.unit)) != greeting.level:
        return Welcome(verdict=Verdict.MOVED, reason="your level is not that of the tree")
    if greeting.protocol_max < PROTOCOL_MIN or greeting.protocol_min > PROTOCOL_MAX:
        return Welcome(
            verdict=Verdict.UPGRADE_FIRST,
            reason=f"this office speaks protocols {PROTOCOL_MIN} to {PROTOCOL_MAX}",
        )
    return None


def look_up(office: Office, greeting: Greeting) -> Known:
    """Read what is known of a child, in one transaction."""
    with office.store.read() as tx:
        cursors = {lane: log.cursor_of(tx, greeting.unit, "in", lane) for lane in Lane}
        ours = recovery.heads_of_unit(tx, greeting.unit)
        parent = office.tree.parent(office.identity.unit)
        copying = progress.under_way(tx, parent) if parent is not None else None
        held = {
            lane: position if incarnation in (greeting.incarnation, greeting.continues) else 0
            for lane, (incarnation, position) in cursors.items()
        }
        empty = _holds_nothing(greeting, ours, held)
        return Known(
            recovering=bool(facts.get(tx, facts.RESTORED))
            or (copying is not None and copying.restored),
            disproved=recovery.disproved(tx, greeting.proofs),
            tokens=Tokens.from_text(facts.get(tx, f"{facts.GIVEN}{greeting.unit}")),
            cursors=cursors,
            held=held,
            ours=ours,
            retired=_is_retired(tx, greeting.incarnation),
            key=vouches.key_known(tx, greeting.incarnation),
            holds=recovery.to_be_shown(
                tx, greeting.unit, ours, greeting.heads, hub=greeting.level < Level.COMMUNITY
            ),
            floor=floors.floor_down(tx, Lane.BULK, greeting.unit),
            cut=_is_cut(tx, greeting, ours),
            empty=empty,
            replay=log.replay_of(tx, greeting.unit, Lane.BULK) if empty else 0,
        )


def let_in(office: Office, greeting: Greeting, known: Known) -> bytes:
    """Record that a child goes on from here; return its fresh token."""
    fresh = office.rng.getrandbits(TOKEN_BITS).to_bytes(TOKEN_BITS // 8, "big")
    after = known.tokens.after(greeting.token, greeting.incarnation, greeting.process, fresh)
    now_ms = office.clock.now_ms()
    received = Received()

    def write(tx: Connection) -> None:
        facts.put(tx, f"{facts.GIVEN}{greeting.unit}", after.to_text())
        _note_taken(tx, office, greeting, now_ms)
        if greeting.public_key and not known.key:
            log.learn_incarnation(tx, [(greeting.incarnation, greeting.unit, greeting.level)])
            vouches.keep_key(tx, greeting.incarnation, greeting.public_key, now_ms)
        for lane, (incarnation, position) in known.cursors.items():
            if known.held[lane] and incarnation != greeting.incarnation:
                log.advance(
                    tx, peer=greeting.unit, direction="in", lane=lane,
                    incarnation=greeting.incarnation, position=position, at_ms=now_ms,
                )  # fmt: skip
        if known.tokens.incarnation not in (0, greeting.incarnation):
            _retire(tx, greeting)
        _say_again(tx, office, greeting, received.wake)

    office.store.write(write, urgency=Urgency.CONTROL)
    office.committed(received)
    return after.newest


def _say_again(tx: Connection, office: Office, greeting: Greeting, wake: Wake) -> None:
    """Say again what a child that has nothing to give back may never have heard."""
    mine = office.identity.incarnation
    if greeting.met_another or not restating.is_due(tx, greeting.unit, mine):
        return
    office.applier.clock.resume(log.lock(tx))
    restating.say_again(office.applier, tx, greeting.unit, office.ways, wake)
    restating.note_done(tx, greeting.unit, mine)


def _note_taken(tx: Connection, office: Office, greeting: Greeting, now_ms: int) -> None:
    """Keep how far the child holds our log: a bundle for it begins there."""
    mine = office.identity.incarnation
    for lane, position in greeting.taken.items():
        if log.cursor_of(tx, greeting.unit, "out", lane) != (mine, position):
            log.advance(
                tx, peer=greeting.unit, direction="out", lane=lane, incarnation=mine,
                position=position, at_ms=now_ms,
            )  # fmt: skip


def _is_retired(tx: Connection, incarnation: int) -> bool:
    row = run(tx, "SELECT retired FROM incarnation WHERE id=?", (incarnation,)).fetchone()
    return row is not None and bool(row[0])


def _retire(tx: Connection, greeting: Greeting) -> None:
    """Note that a unit writes under another incarnation now, and under the former no more."""
    log.learn_incarnation(tx, [(greeting.incarnation, greeting.unit, greeting.level)])
    run(
        tx,
        "UPDATE incarnation SET retired=1 WHERE unit=? AND id<>?",
        (greeting.unit, greeting.incarnation),
    )
