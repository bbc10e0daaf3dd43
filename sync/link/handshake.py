"""The handshake at the parent: what is checked, in which order, with which verdict.

`load_facts` reads once what the checks go by. `CHECKS` is the whole decision: the first check that
applies gives the answer. docs/protocol.md shows the same table, and a test compares the two.
`accept` records that a child goes on from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from sqlalchemy import Connection

from sync.apply.authority import check_incarnation
from sync.apply.host import Host, reporting
from sync.link.messages import Verdict
from sync.link.possession import Possession
from sync.log import entries as log
from sync.log import signatures, truncation
from sync.log.outcome import Received, Waiters
from sync.model import audience
from sync.model.change import StreamHead
from sync.model.limits import PROTOCOL_MAX, PROTOCOL_MIN, SNAPSHOT_LOG_CHANGES
from sync.model.report import NodeStatus
from sync.model.schema import Lane
from sync.model.stream import Heads, StreamKey
from sync.recovery import heads as recovery_heads
from sync.recovery import parent as recovery_parent
from sync.recovery import republish
from sync.recovery.clones import DRAWN_BYTES, TokenCheck, Tokens, issue, number_of
from sync.recovery.heads import RequiredHead
from sync.recovery.proof import was_here
from sync.snapshot import progress
from sync.snapshot.plan import needs_snapshot
from sync.store import meta, peers
from sync.store.priority import Priority
from sync.store.sql import execute

RESTORED_WAIT_MS = 2_000
PING_WAIT_MS = 1_000  # time to show that it is alive when another process takes its name


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """What a child reports of itself when it comes."""

    unit: int
    level: int
    incarnation: int
    protocol_min: int
    protocol_max: int
    log_position: int
    heads: dict[StreamKey, StreamHead]
    acked: dict[Lane, int] = field(default_factory=dict)  # how far it has our log
    # It knows us under another incarnation: it restores our own entries first.
    knows_other_incarnation: bool = False
    peer_status: tuple[NodeStatus, ...] = ()
    token: bytes = b""
    continues: int = 0  # the incarnation whose log numbers it goes on with
    process: int = 0
    required_heads: tuple[RequiredHead, ...] = ()  # what we must have
    public_key: bytes = b""
    has_bulk: bool = True  # it has received something of our bulk lane, under some incarnation
    snapshot_under_way: bool = False  # it has joined a part of a snapshot
    challenge: bytes = b""  # for us to sign
    signed_challenge: bytes = b""  # ours, and its signature for it
    signature: bytes = b""
    certified: bool = False  # a certificate names its key: no pin is asked


@dataclass(frozen=True, slots=True, kw_only=True)
class HelloAnswer:
    """What the parent answers."""

    verdict: Verdict
    reason: str = ""
    session: int = 0
    durable: dict[Lane, int] = field(default_factory=dict)  # of the child's log, here
    protocol: int = 0
    waiting: frozenset[Lane] = frozenset()  # lanes in which something waits for the child
    retry_after_ms: int = 0
    token: bytes = b""
    required_heads: tuple[RequiredHead, ...] = ()  # what the child must have
    snapshot_follows: bool = False  # with RESTORED: what is in bulk comes as records
    challenge: bytes = b""  # for the child to sign in its next handshake
    signature: bytes = b""  # ours for its challenge


class DuplicateProcess(Enum):
    """Whether another process runs under the name of one that comes."""

    NONE = "none"
    UNKNOWN = "unknown"  # one was here lately: it is pinged, and the new one soon tries again
    ALIVE = "alive"  # it has called since it was pinged
    SILENT = "silent"  # it has not called


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the checks go by: what a child reports of itself, and what this office knows of it."""

    hello: Hello
    level: int | None  # of the unit in our tree; None: it is not a child of this office
    possession: Possession = Possession.SHOWN  # whether it has its key, if it has one
    duplicate: DuplicateProcess = DuplicateProcess.NONE
    recovering: bool = False  # this store itself was restored and first takes back what it lost
    is_missing_any: bool = False  # the child shows that this log once had what it has not now
    has_forged_heads: bool = False  # or that it had what this office has never signed
    tokens: Tokens = field(default_factory=Tokens)
    token_number: int = 0  # of the token that it shows, if this office issued it
    # Of the child's log: incarnation, position; and as far as these count the log it goes on with.
    cursors: dict[Lane, tuple[int, int]] = field(default_factory=dict)
    durable: dict[Lane, int] = field(default_factory=dict)
    ours: Heads = field(default_factory=dict)  # of its unit's upward streams
    retired: bool = False  # its incarnation
    key: bytes = b""  # of its incarnation
    pinned: str = ""  # its unit's key, or how it begins
    required_heads: tuple[RequiredHead, ...] = ()  # what it must have
    low_water_mark: int = 0  # of our bulk lane, for a child
    truncated: bool = False  # the child lacks entries from below it that our log no longer has
    empty: bool = False  # the child has nothing in bulk
    replay: int = 0  # changes that such a child would have to replay, if copies can replace them
    noted: bool = False  # all that accepting the child records is recorded, except a fresh token
    long_log: int = SNAPSHOT_LOG_CHANGES  # changes: a longer log is not replayed, records are sent

    @property
    def token(self) -> TokenCheck:
        """What the token shows: also under a new incarnation that goes on with the log of the one
        that it was issued to. So a backup that begins such a one, as with a new key, is found.
        """
        hello = self.hello
        goes_on = bool(hello.token) and hello.continues == self.tokens.incarnation
        incarnation = hello.continues if goes_on else hello.incarnation
        return self.tokens.check(hello.token, incarnation, self.token_number)

    @property
    def needs_snapshot(self) -> bool:
        """Whether bulk goes to this child as records."""
        return self.truncated or needs_snapshot(
            cursor=self.hello.acked.get(Lane.BULK, 0),
            low_water_mark=self.low_water_mark,
            under_way=self.hello.snapshot_under_way,
            holds_nothing=self.empty,
            waiting_changes=self.replay,
            long_log=self.long_log,
        )


# -- the checks -----------------------------------------------------------------------------------


def _no_common_protocol(facts: Facts) -> bool:
    hello = facts.hello
    return hello.protocol_max < PROTOCOL_MIN or hello.protocol_min > PROTOCOL_MAX


def _is_false(facts: Facts) -> bool:
    return bool(facts.hello.public_key) and facts.possession is Possession.FALSE


def _is_due(facts: Facts) -> bool:
    return bool(facts.hello.public_key) and facts.possession is Possession.DUE


def _key_changed(facts: Facts) -> bool:
    return bool(facts.key) and facts.hello.public_key not in (b"", facts.key)


def _key_refused(facts: Facts) -> bool:
    return not (facts.hello.certified or peers.fits_pin(facts.pinned, facts.hello.public_key))


def _is_behind(facts: Facts) -> bool:
    """Return whether the child lacks what it once sent us."""
    beyond = max(facts.durable.values(), default=0) > facts.hello.log_position
    return recovery_heads.is_behind(facts.ours, facts.hello.heads) or beyond


class Check(NamedTuple):
    """One row of the table. `verdict`: None for a call that is refused with an error."""

    name: str
    applies: Callable[[Facts], bool]
    verdict: Verdict | None
    reason: str = ""
    retry_after_ms: int = 0


_RECOVERS = "this office was restored and takes back first what it lost"
_CLONED = (
    "another store works under the name of this office: stop one of the two, "
    "and let the parent forget which was here last (silian clone reset)"
)
_WAS_RESTORED = "your store is not the one that was here last: it was restored"
_AS_RECORDS = "records come as they stand, before the log goes on"

PARENT_IS_BEHIND = Check(
    "parent_is_behind", lambda facts: facts.is_missing_any or facts.token is TokenCheck.AHEAD,
    Verdict.BACK_OFF, _RECOVERS, RESTORED_WAIT_MS,
)  # fmt: skip
KEY_NOT_SHOWN = Check("key_not_shown", _is_false, None)
KEY_REFUSED = Check("key_refused", _key_refused, None)
CHECKS = (
    Check(
        "not_our_child", lambda facts: facts.level is None,
        Verdict.WRONG_PARENT, "this office is not your parent in the tree",
    ),
    Check(
        "other_level", lambda facts: facts.level != facts.hello.level,
        Verdict.WRONG_PARENT, "your level is not that of the tree",
    ),
    Check(
        "no_common_protocol", _no_common_protocol, Verdict.UPGRADE_FIRST,
        f"this office speaks protocols {PROTOCOL_MIN} to {PROTOCOL_MAX}",
    ),
    KEY_NOT_SHOWN,
    Check(
        "key_to_be_shown", _is_due, Verdict.CHALLENGE, "show that you have your key: sign again",
    ),
    KEY_REFUSED,
    Check("key_changed", _key_changed, None),
    Check(
        "other_process_alive", lambda facts: facts.duplicate is DuplicateProcess.ALIVE,
        Verdict.CLONE, _CLONED,
    ),
    Check(
        "other_process_pinged", lambda facts: facts.duplicate is DuplicateProcess.UNKNOWN,
        Verdict.BACK_OFF, "another process was here under this name; is it alive?", PING_WAIT_MS,
    ),
    Check(
        "parent_recovers", lambda facts: facts.recovering,
        Verdict.BACK_OFF, _RECOVERS, RESTORED_WAIT_MS,
    ),
    PARENT_IS_BEHIND,
    Check(
        "token_revoked", lambda facts: facts.token is TokenCheck.REVOKED, Verdict.CLONE, _CLONED
    ),
    Check("child_is_behind", _is_behind, Verdict.RESTORED, _WAS_RESTORED),
    Check(
        "incarnation_retired", lambda facts: facts.retired, Verdict.RESTORED, _WAS_RESTORED
    ),
    Check(
        "token_stale", lambda facts: facts.token is TokenCheck.STALE,
        Verdict.RESTORED, _WAS_RESTORED,
    ),
    Check(
        "snapshot_needed", lambda facts: facts.needs_snapshot, Verdict.SNAPSHOT, _AS_RECORDS
    ),
    Check("accepted", lambda _facts: True, Verdict.ACCEPTED),
)  # fmt: skip


def decide(facts: Facts) -> Check:
    """Return the first check that applies."""
    return next(check for check in CHECKS if check.applies(facts))


# -- what is known --------------------------------------------------------------------------------


def load_facts(
    host: Host, hello: Hello, duplicate: DuplicateProcess, possession: Possession, *,
    long_log: int = SNAPSHOT_LOG_CHANGES,
) -> Facts:  # fmt: skip
    """Read what is known of a child, in one transaction; nothing of a unit that is no child.

    Raises: Unauthorised, if it comes under an incarnation of another unit.
    """
    routes = host.replica.routes
    if routes.hop(hello.unit) != hello.unit:
        return Facts(hello=hello, level=None)
    with reporting(host, hello.unit), host.store.read() as tx:
        check_incarnation(host.replica, tx, hello.incarnation, hello.unit)
        check_incarnation(host.replica, tx, hello.continues, hello.unit)
        cursors = {lane: log.cursor_of(tx, hello.unit, "in", lane) for lane in Lane}
        ours = recovery_heads.heads_of_unit(tx, hello.unit)
        parent = host.parent_unit
        snapshot_under_way = progress.under_way(tx, parent) if parent is not None else None
        durable = {
            lane: position if incarnation in (hello.incarnation, hello.continues) else 0
            for lane, (incarnation, position) in cursors.items()
        }
        empty = _has_nothing(hello, ours, durable)
        known = peers.load(tx, hello.unit)
        tokens = Tokens.from_text(known.token_issued)
        key = signatures.key_known(tx, hello.incarnation)
        missing = [
            each for each in hello.required_heads
            if not recovery_heads.is_at(tx, each.key.lane, each.position, each.head.hash)
        ]  # fmt: skip
        mine = host.replica.identity.incarnation
        lost = [each for each in missing if was_here(host.replica.signer, mine, each)]
        return Facts(
            hello=hello,
            level=routes.level(hello.unit),
            possession=possession,
            duplicate=duplicate,
            recovering=meta.get(tx, meta.RESTORED)
            or (snapshot_under_way is not None and snapshot_under_way.restored),
            is_missing_any=bool(lost),
            has_forged_heads=any(each.signature and each not in lost for each in missing),
            tokens=tokens,
            token_number=_token_number(host, hello, tokens),
            cursors=cursors,
            durable=durable,
            ours=ours,
            retired=_is_retired(tx, hello.incarnation),
            key=key,
            pinned=known.key_pinned,
            required_heads=recovery_parent.required_heads(
                tx, hello.unit, ours, hello.heads, hub=hello.level < len(audience.LEVELS) - 1
            ),
            low_water_mark=truncation.low_water_down(tx, Lane.BULK, hello.unit),
            truncated=_is_truncated(tx, hello, ours),
            empty=empty,
            replay=_replay(tx, hello.unit) if empty else 0,
            long_log=long_log,
            noted=(
                tokens.goes_on(hello.token, hello.incarnation, hello.process)
                and all(
                    log.cursor_of(tx, hello.unit, "out", lane) == at
                    for lane, at in _acked(host, hello)
                )
                and all(i in (0, hello.incarnation) for i, _ in cursors.values())
                and bool(key or not hello.public_key)
                and known.key_pinned == hello.public_key.hex()
                and not _must_republish(tx, host, hello)
            ),
        )


def _token_number(host: Host, hello: Hello, tokens: Tokens) -> int:
    """Return the number of a token that we do not remember; 0 if this office did not issue it."""
    if hello.token in (tokens.newest, tokens.before):
        return 0  # no signature is checked where nothing can come of it
    me = host.replica.identity
    return number_of(host.replica.signer.public_key, hello.unit, me.incarnation, hello.token)


def _has_nothing(hello: Hello, ours: Heads, durable: dict[Lane, int]) -> bool:
    """Return whether a child has nothing in bulk except what it wrote since it lost all.

    `durable`: how far we have the log that it continues. A hub may receive nothing from above and
    write nothing itself: it still has the log from which it sent something up, if that is as long.
    """
    known = any(key in hello.heads for key in ours if key.lane is Lane.BULK)
    uploaded = 0 < durable[Lane.BULK] <= hello.log_position
    return not hello.has_bulk and not known and not uploaded


def _replay(tx: Connection, child: int) -> int:
    """Return how many changes a child that has lost everything would have to replay.

    0, so that it takes the log however long it is, while a change of its own side is quarantined
    here: our copies do not have that change, and nothing else would bring it back.
    """
    if log.has_quarantined_from(tx, child, Lane.BULK):
        return 0
    return log.replay_of(tx, child, Lane.BULK)


def _is_truncated(tx: Connection, hello: Hello, ours: Heads) -> bool:
    """Return whether a child that lost some of what came from it cannot be replayed all of it."""
    mine = [key for key in ours if key.lane is Lane.BULK]
    recorded = bool(peers.load(tx, hello.unit).snapshot_due)
    return recorded or not recovery_parent.covers(tx, hello.heads, mine)


# -- a child goes on ------------------------------------------------------------------------------


def accept(host: Host, facts: Facts) -> bytes:
    """Record that a child is accepted at these positions; return its fresh token.

    A handshake that changes nothing need not be recorded (`Facts.noted`): an idle city writes
    nothing. The caller must know that the child has written nothing either since it received its
    token: a token distinguishes its store from a backup of an earlier time.
    """
    hello = facts.hello
    drawn = host.rng.getrandbits(8 * DRAWN_BYTES).to_bytes(DRAWN_BYTES, "big")
    number, mine = facts.tokens.number + 1, host.replica.identity.incarnation
    fresh = issue(host.replica.signer, hello.unit, mine, number, drawn)
    after = facts.tokens.issued(hello.token, hello.incarnation, hello.process, fresh)
    now_ms = host.replica.now_ms
    received = Received()

    def write(tx: Connection) -> None:
        peers.update(tx, hello.unit, token_issued=after.to_text())
        _record_acked(tx, host, hello, now_ms)
        if hello.public_key.hex() != facts.pinned:  # the first one, or only its beginning was given
            peers.update(tx, hello.unit, key_pinned=hello.public_key.hex())
            host.key_accepted(tx, hello.unit, hello.public_key)
        if hello.public_key and not facts.key:
            log.register_incarnations(tx, [(hello.incarnation, hello.unit, hello.level)])
            signatures.keep_key(tx, hello.incarnation, hello.public_key, now_ms)
        for lane, (incarnation, position) in facts.cursors.items():
            if facts.durable[lane] and incarnation != hello.incarnation:
                log.advance(
                    tx, peer=hello.unit, direction="in", lane=lane,
                    incarnation=hello.incarnation, position=position, at_ms=now_ms,
                )  # fmt: skip
        if facts.tokens.incarnation not in (0, hello.incarnation):
            _retire(tx, hello)
        _republish(tx, host, hello, received.waiters)

    host.store.write(write, priority=Priority.CONTROL)
    host.committed(received)
    return after.newest


def _republish(tx: Connection, host: Host, hello: Hello, waiters: Waiters) -> None:
    """Publish again what a child that has nothing to give back may never have received."""
    if not _must_republish(tx, host, hello):
        return
    mine = host.replica.identity.incarnation
    host.replica.lock(tx)
    republish.republish(host.replica, tx, hello.unit, host.audiences_of, waiters)
    republish.record_republished(tx, hello.unit, mine)


def _must_republish(tx: Connection, host: Host, hello: Hello) -> bool:
    mine = host.replica.identity.incarnation
    return not hello.knows_other_incarnation and republish.is_due(tx, hello.unit, mine)


def _acked(host: Host, hello: Hello) -> Iterator[tuple[Lane, tuple[int, int]]]:
    """Yield how far the child has our log: lane, (incarnation, position)."""
    for lane, position in hello.acked.items():
        yield lane, (host.replica.identity.incarnation, position)


def _record_acked(tx: Connection, host: Host, hello: Hello, now_ms: int) -> None:
    """Record how far the child has our log: a bundle for it begins there."""
    for lane, (incarnation, position) in _acked(host, hello):
        if log.cursor_of(tx, hello.unit, "out", lane) != (incarnation, position):
            log.advance(
                tx, peer=hello.unit, direction="out", lane=lane, incarnation=incarnation,
                position=position, at_ms=now_ms,
            )  # fmt: skip


def _is_retired(tx: Connection, incarnation: int) -> bool:
    row = execute(tx, "SELECT retired FROM incarnation WHERE id=?", (incarnation,)).fetchone()
    return row is not None and bool(row[0])


def _retire(tx: Connection, hello: Hello) -> None:
    """Record that a unit writes under another incarnation now, and no longer under the former."""
    log.register_incarnations(tx, [(hello.incarnation, hello.unit, hello.level)])
    log.retire_others(tx, hello.unit, hello.incarnation)
