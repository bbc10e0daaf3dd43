"""The parent's side of a recovery: replays to a restored child, restores its own store from one.

The parent keeps every entry of a child as it came. It answers which entries both have, and
replays its own log from there (`sync.recovery.child` is the other end). When the parent itself was
restored, its children send it its own entries (`restore_own`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from sync.apply import applier
from sync.apply.authority import check_entries
from sync.apply.host import Host
from sync.apply.receive import rebuild_derived
from sync.codec import entry as codec
from sync.log import entries as log
from sync.log import truncation
from sync.log.excerpt import Excerpt
from sync.log.outcome import Received
from sync.model.authority import Message
from sync.model.change import Signature, StreamHead
from sync.model.limits import BATCH_BYTES_MAX
from sync.model.schema import Lane
from sync.model.stream import Heads, StreamKey, key_of
from sync.recovery import heads as recovery_heads
from sync.recovery import reissue, republish
from sync.recovery.clones import Tokens
from sync.recovery.heads import HEADERS_MAX, ReplayPage, RequiredHead, newest_from
from sync.recovery.proof import own_keys
from sync.store import peers
from sync.store.sql import execute


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a restored child receives before anything is replayed to it."""

    known: list[bool]  # of each entry asked about: whether this very one came from the child
    heads: Heads  # how far we have the streams at and below it
    cursors: list[tuple[Lane, int, int]]  # how far we have its log: lane, incarnation, position
    truncated: Heads  # up to where these streams are not in our log


def recognise(
    tx: Connection, host: Host, child: int, probes: Sequence[tuple[StreamKey, StreamHead]]
) -> Recognised:
    """Compare a child's entries with those that came from it."""
    routes = host.replica.routes
    heads = recovery_heads.upward_heads(tx, lambda writer: routes.hop(writer) == child)
    issued = Tokens.from_text(peers.load(tx, child).token_issued).incarnation
    heads |= recovery_heads.past_incarnations(tx, child, issued)
    return Recognised(
        known_entries(tx, child, probes),
        heads,
        [(lane, *log.cursor_of(tx, child, "in", lane)) for lane in Lane],
        {key: head for key, head in log.bases(tx).items() if key in heads},
    )


def required_heads(
    tx: Connection,
    child: int,
    known_heads: Heads,
    listed_heads: Mapping[StreamKey, StreamHead],
    *,
    hub: bool,
) -> tuple[RequiredHead, ...]:
    """Return entries that came from the child, that it must have, and that its heads do not prove.

    Those of its own streams that continue at its side, and, of a hub, the newest that it relayed.
    """
    own = [
        RequiredHead(key, head)
        for key, head in known_heads.items()
        if listed_heads.get(key, StreamHead()).seq > head.seq
    ]
    relayed = [
        newest._replace(
            position=0, signature=b""
        )  # after a recovery it has them at other positions
        for lane in (Lane if hub else ())
        for newest in newest_from(tx, child, lane)
        if newest.key not in known_heads
    ]
    return (*own, *relayed)


def known_entries(
    tx: Connection, child: int, probes: Sequence[tuple[StreamKey, StreamHead]]
) -> list[bool]:
    """Return for each entry whether this very one came from the child.

    Of entries that this log no longer has, only the newest is known by its hash: the child is sent
    how far those go, and uses what was acknowledged to it (`Probing.truncated`).
    """
    bases = log.bases(tx)
    heads = log.heads_of(tx, {key for key, _ in probes})
    unsure = {
        (key, probe.seq) for key, probe in probes if probe.seq < heads.get(key, StreamHead()).seq
    }
    hashes = recovery_heads.hashes_of(tx, unsure, child)
    known = []
    for key, probe in probes:
        head = heads.get(key, StreamHead())
        if probe.seq == head.seq:
            known.append(probe.hash == head.hash)
        else:
            base = bases.get(key, StreamHead())
            base_hash = base.hash if probe.seq == base.seq else b""
            known.append(
                probe.seq < head.seq and hashes.get((key, probe.seq), base_hash) == probe.hash
            )
    return known


def read_replay(
    tx: Connection,
    child: int,
    *,
    common: Mapping[StreamKey, StreamHead],
    acked: Mapping[Lane, int],
    after: int,
    bytes_max: int = BATCH_BYTES_MAX,
    lanes: Iterable[Lane] = tuple(Lane),
) -> ReplayPage:
    """Return what follows `after`: entries that came from the child and go beyond `common`, and
    entries that go down to it and that it has not received; in the order of this log.

    `lanes`: those that are replayed; what is in another comes as copies.
    Raises: LogTruncated.
    """
    _require_all_after(tx, child, common, lanes)
    end = last = log.position(tx)
    headers = "SELECT arrival, incarnation, audience, lane, seq, changes FROM entry WHERE "
    found: list[Any] = []
    for lane in lanes:
        down_after = max(after, acked.get(lane, 0))
        for where, parameters in (
            ("via=? AND lane=? AND arrival>?", (child, lane.value, after)),
            (
                "lane=? AND arrival>? AND down_hop IN (0, ?) AND via<>?",
                (lane.value, down_after, child, child),
            ),
        ):
            rows = execute(
                tx, f"{headers}{where} ORDER BY arrival LIMIT {HEADERS_MAX}", parameters
            ).fetchall()
            found += rows
            if len(rows) == HEADERS_MAX:
                end = min(end, rows[-1][0])
    excerpt = Excerpt(bytes_max)
    upto = after
    more = end < last
    for arrival, writer, name, lane_number, seq, count in sorted(found, key=lambda r: r[0]):
        if arrival > end:
            break
        key = StreamKey(writer, name, Lane(lane_number))
        head = common.get(key)
        if head is None or seq > head.seq:
            wire, signature = execute(
                tx, "SELECT wire, signature FROM entry WHERE arrival=?", (arrival,)
            ).fetchone()
            if not excerpt.takes(wire, count):
                more, end = True, upto
                break
            excerpt.add(key, seq, arrival, bytes(wire), count, bytes(signature or b""))
        upto = arrival
    if excerpt.cut() and more:
        if not excerpt.wires:  # it came before signatures were asked for: copies go instead
            raise truncation.LogTruncated(asked=after, low_water_mark=upto)
        end = excerpt.positions[-1]
    return ReplayPage(tuple(excerpt.wires), max(end, after), more, excerpt.signatures(tx))


def covers(
    tx: Connection, listed_heads: Mapping[StreamKey, StreamHead], ours: Iterable[StreamKey]
) -> bool:
    """Return whether our log has what follows these entries, in each stream not truncated later."""
    bases = log.bases(tx)
    return all(listed_heads.get(k, StreamHead()).seq >= bases[k].seq for k in ours if k in bases)


def _require_all_after(
    tx: Connection, child: int, common: Mapping[StreamKey, StreamHead], lanes: Iterable[Lane]
) -> None:
    """Check that all that came from a child and goes beyond `common` is in the log."""
    for lane in lanes:
        rows = execute(
            tx,
            "SELECT DISTINCT incarnation, audience FROM entry WHERE via=? AND lane=?",
            (child, lane.value),
        ).fetchall()  # the newest entry of each stream is never removed
        if not covers(tx, common, [StreamKey(r[0], r[1], lane) for r in rows]):
            raise truncation.LogTruncated(
                asked=0, low_water_mark=truncation.truncation_point(tx, lane)
            )


def restore_own(
    tx: Connection, host: Host, wires: Sequence[bytes], signatures: Sequence[Signature], *,
    child: int, last: bool,
) -> Received:  # fmt: skip
    """Take back from a child entries of this office that it received and this store has lost.

    Raises: Unauthorised for what is not ours or was not sent to it; SignatureError for what we did
    not sign; StreamGap, Malformed.
    """
    replica = host.replica
    replica.clock.resume(log.lock(tx))
    me = replica.identity
    entries = [codec.entry_from_wire(wire) for wire in wires]
    asked = republish.is_due(tx, child, me.incarnation)
    if not asked:
        # A child that was restored itself returns once more what our former incarnation wrote.
        known = log.heads_of(tx, {key_of(entry) for entry in entries})
        entries = [
            entry for entry in entries if entry.seq > known.get(key_of(entry), StreamHead()).seq
        ]
        if not entries:
            return Received()
    check_entries(replica, tx, entries, Message.RESTORE_PARENT, child, recovering=asked)
    lost = [e for e in entries if e.incarnation != me.incarnation]
    own_entries = reissue.own_entries_reused(tx, lost)
    reissued = reissue.reissue(replica, tx, own_entries)
    replica.fold(tx, reissued.effects)
    received = applier.replay(
        replica, tx, [e.wire for e in lost], peer=child, signatures=signatures,
        own_keys=own_keys(tx, replica, host.parent_unit, from_child=True),
        message=Message.RESTORE_PARENT,
    )  # fmt: skip
    received.waiters.join(reissued.waiters)
    if last:
        republish.republish(replica, tx, child, host.audiences_of, received.waiters)
        republish.record_republished(tx, child, me.incarnation)
        rebuild_derived(tx, host, received)
    return received
