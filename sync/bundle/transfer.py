"""Transfer by bundle: write the batches for a neighbour; check and apply a received bundle.

A bundle is checked completely before anything of it is applied: each batch as
`sync.apply.applier.apply_batch` checks it, the sender as a handshake would. Then its batches are
applied as if they had been pushed or pulled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from sync.apply import applier
from sync.apply.host import Host
from sync.bundle.errors import (
    BundleMissing,
    BundleNeedsLine,
    BundleNotForUs,
    BundleNotNeighbour,
    BundleOutdated,
)
from sync.bundle.file import Bundle
from sync.codec import entry as codec
from sync.codec.signing import fingerprint
from sync.log import entries as log
from sync.log import signatures
from sync.log.outcome import Received
from sync.log.signatures import KeyChanged
from sync.model import audience
from sync.model.change import Batch
from sync.model.errors import Malformed
from sync.model.limits import BATCH_BYTES_MAX
from sync.model.report import DurableAt
from sync.model.schema import Lane
from sync.model.stream import Heads, StreamKey
from sync.recovery import heads as recovery_heads
from sync.recovery.heads import RequiredHead
from sync.recovery.proof import with_log_signature
from sync.snapshot import progress
from sync.store import meta, peers
from sync.store.sql import execute
from sync.tlog import wire as tlog
from sync.tlog.wire import Answer
from sync.tlog.witness import Submission
from sync.wire.link.v1.bundle_pb2 import BundleHeader
from sync.wire.link.v1.link_pb2 import RevocationList

Header = BundleHeader  # for modules that do not import the wire

# -- writing ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The office at the other end of a link."""

    unit: int
    is_parent: bool


def neighbour(host: Host, unit: int) -> Neighbour | None:
    """Return a unit as our parent or one of our children; None when it is neither."""
    me, routes = host.replica.identity, host.replica.routes
    if routes.hop(unit) == unit:
        return Neighbour(unit, is_parent=False)
    above = me.level - 1
    if unit != me.unit and routes.covers(unit, me.unit) and routes.level(unit) == above:
        return Neighbour(unit, is_parent=True)
    return None


def acked_by_child(host: Host, tx: Connection, child: int) -> dict[Lane, int]:
    """Return how far a child has our log, by its last handshake or bundle."""
    ours = _log_incarnations(tx, host)
    cursors = {lane: log.cursor_of(tx, child, "out", lane) for lane in Lane}
    return {lane: at if of in ours else 0 for lane, (of, at) in cursors.items()}


def header(host: Host, peer: Neighbour, *, set_id: int) -> BundleHeader:
    """Return what starts every file of a set; the caller adds names and where the file begins."""
    replica = host.replica
    me, signer = replica.identity, replica.signer
    with host.store.read() as tx:
        known = recovery_heads.peer_facts(tx, peer.unit)
        heads = heads_on_link(tx, host, me.unit, peer)
    return BundleHeader(
        sender=me.unit,
        level=me.level,
        incarnation=me.incarnation,
        continues=known.continues,
        receiver=peer.unit,
        set=set_id,
        written_ms=replica.now_ms,
        acks=[c for c in codec.cursors_to_wire(known.cursors) if c.position],
        heads=[codec.head_to_wire(key, head) for key, head in heads.items()],
        required_heads=recovery_heads.required_to_wire(known.required),
        public_key=signer.public_key,
        program=host.program,
        catalogue=host.catalogue_version,
        certificates=host.certificates.own(),
        revocations=()
        if peer.is_parent
        else [
            RevocationList(list=der, authority=authority)
            for der, authority in host.certificates.lists()
        ],
        logs=map(tlog.submission_to_wire, host.witness.submissions()) if peer.is_parent else (),
        log_answers=()
        if peer.is_parent
        else map(tlog.answer_to_wire, host.witness.answers_to_carry(peer.unit)),
    )


def part_of(common: BundleHeader, part: int, starts: Mapping[Lane, int]) -> BundleHeader:
    """Return the header of one file of a set, which continues from `starts`."""
    own = BundleHeader()
    own.CopyFrom(common)
    own.part = part
    own.starts.extend(codec.positions_to_wire(common.incarnation, starts))
    return own


def batches(
    host: Host, peer: Neighbour, after: Mapping[Lane, int], *, bytes_max: int = BATCH_BYTES_MAX
) -> Iterator[Batch]:
    """Yield everything that waits for a neighbour, control first, up to the log's end now."""
    replica = host.replica
    with host.store.read() as tx:
        end = log.position(tx)
    for lane in Lane:
        at = after.get(lane, 0)
        while at < end:
            with host.store.read() as tx:
                if peer.is_parent:
                    batch = log.read_up(
                        tx, lane=lane, incarnation=replica.identity.incarnation, after=at,
                        bytes_max=bytes_max,
                    )  # fmt: skip
                else:
                    batch = log.read_down(
                        tx, child=peer.unit, lane=lane, after=at, bytes_max=bytes_max,
                        incarnation=replica.identity.incarnation,
                    )  # fmt: skip
                    batch = with_log_signature(replica.signer, batch)
            if batch.upto == at:
                break  # the rest came before signatures were asked for, and is not signed yet
            yield batch
            at = batch.upto


def heads_on_link(tx: Connection, host: Host, writer: int, peer: Neighbour) -> Heads:
    """Return the newest entry known here of each stream of `writer` that crosses this link.

    `writer`: this office or the neighbour; `peer`: the neighbour.
    """
    up = peer.is_parent == (writer == host.replica.identity.unit)
    if up:
        return recovery_heads.heads_of_unit(tx, writer)
    if peer.is_parent:
        return _down_heads(tx, writer, lambda _unit: True)
    routes = host.replica.routes
    return _down_heads(tx, writer, lambda unit: routes.hop(unit) == peer.unit)


def _down_heads(tx: Connection, writer: int, goes: Callable[[int], bool]) -> Heads:
    found: Heads = {}
    for _, key, head in log.heads_by_unit(tx, "down:", writer):
        target = audience.parse(key.audience)
        if target.down_all or (target.down_to is not None and goes(target.down_to)):
            found[key] = head
    return found


# -- reading ------------------------------------------------------------------------------------


@dataclass(slots=True)
class Survey:
    """What reading would do, or has done, for all files of one call together."""

    peer: Neighbour | None = None
    key: bytes = b""
    key_is_new: bool = False
    written_ms: int = 0
    files: int = 0
    changes: int = 0
    quarantined: int = 0
    new: Counter[Lane] = field(default_factory=Counter)
    known: Counter[Lane] = field(default_factory=Counter)
    applied: dict[Lane, int] = field(default_factory=dict)  # of the sender's log, here
    acked: dict[Lane, int] = field(default_factory=dict)  # of our log, with the sender


class Reader:
    """Reads the files of one sender: `examine` every one first, then `apply` them in that order."""

    def __init__(self, host: Host, *, trust: str = "") -> None:
        self._host = host
        self._trust = "".join(trust.split()).lower()
        self._heads: Heads = {}  # as they would be after the files examined so far
        self._known: signatures.KnownStreams = {}
        self.survey = Survey()

    # -- checking -----------------------------------------------------------------------------

    def examine(self, bundle: Bundle) -> None:
        """Check a file that follows those examined before. Nothing is applied.

        Raises: BundleNotForUs, BundleNotNeighbour, BundleOutdated, BundleNeedsLine, BundleMissing,
        KeyChanged; Malformed, Unauthorised, StreamGap, StreamForked, SignatureError; and what
        `check_carried` raises.
        """
        head, survey = bundle.header, self.survey
        _submissions(head), _answers(head)
        peer = self._peer(head)
        certificates = self._host.certificates
        certified = certificates.check_carried(head.sender, head.public_key, head.certificates)
        ends = {batch.lane: batch.upto for batch in bundle.batches()}
        with self._host.store.read() as tx:
            self._key(tx, head, certified=certified)
            if survey.peer is None:
                survey.peer = peer
                survey.applied = self._applied(tx, head)
                survey.acked = self._acked(tx, head)
            self._check_complete(tx, peer, bundle, ends)
            for batch in bundle.batches():
                self._batch(tx, head, batch, peer)
        survey.files += 1
        survey.written_ms = max(survey.written_ms, head.written_ms)

    def _peer(self, head: BundleHeader) -> Neighbour:
        replica = self._host.replica
        if head.receiver != replica.identity.unit:
            raise BundleNotForUs(head.receiver_name or f"#{head.receiver}")
        peer = neighbour(self._host, head.sender)
        if peer is None or replica.routes.level(head.sender) != head.level:
            raise BundleNotNeighbour(head.sender_name or f"#{head.sender}")
        if self.survey.peer not in (None, peer):
            raise BundleNotNeighbour(head.sender_name or f"#{head.sender}")
        return peer

    def _key(self, tx: Connection, head: BundleHeader, *, certified: bool) -> None:
        rows = execute(
            tx,
            "SELECT id, public_key, retired FROM incarnation WHERE unit=? ORDER BY key_at_ms DESC",
            (head.sender,),
        ).fetchall()
        by_incarnation = {
            int(incarnation): (bytes(key), bool(retired)) for incarnation, key, retired in rows
        }
        known, retired = by_incarnation.get(head.incarnation, (b"", False))
        if retired:
            raise BundleOutdated(head.sender_name)
        others = [key for key, over in by_incarnation.values() if key and not over]
        others = others or [key for key, _ in by_incarnation.values() if key]
        trusted = certified or fingerprint(head.public_key).replace(" ", "") == self._trust
        pinned = peers.load(tx, head.sender).key_pinned
        if not peers.fits_pin(pinned, head.public_key) and not trusted:
            raise KeyChanged(
                head.sender_name, head.sender_name, bytes.fromhex(pinned), head.public_key
            )
        if known and known != head.public_key:
            raise KeyChanged(head.sender_name, head.sender_name, known, head.public_key)
        if not known and others and head.public_key not in others and not trusted:
            raise KeyChanged(head.sender_name, head.sender_name, others[0], head.public_key)
        self.survey.key = head.public_key
        self.survey.key_is_new = not known

    def _applied(self, tx: Connection, head: BundleHeader) -> dict[Lane, int]:
        """Return how far we have the sender's log, in positions of its present incarnation."""
        incarnations = (head.incarnation, head.continues)
        cursors = {lane: log.cursor_of(tx, head.sender, "in", lane) for lane in Lane}
        return {lane: at if of in incarnations else 0 for lane, (of, at) in cursors.items()}

    def _acked(self, tx: Connection, head: BundleHeader) -> dict[Lane, int]:
        return codec.positions_from_wire(head.acks, *_log_incarnations(tx, self._host))

    def _check_complete(
        self, tx: Connection, peer: Neighbour, bundle: Bundle, ends: Mapping[Lane, int]
    ) -> None:
        """Check that neither side has lost what the other has, as a handshake would.

        If the file brings something new, its writer knew all of its entries that we have. If it
        brings nothing new, we must have all that the writer had (a set's last file brings all).
        """
        head, me = bundle.header, self._host.replica.identity
        required = recovery_heads.required_of(head.required_heads, head.acks, me.incarnation)
        lost = meta.get(tx, meta.RESTORED) or max(
            self._acked(tx, head).values(), default=0
        ) > log.position(tx)
        if lost or progress.any_under_way(tx) or not recovery_heads.has_all(tx, required):
            raise BundleNeedsLine.of_us()
        ours = heads_on_link(tx, self._host, head.sender, peer) | {
            key: at for key, at in self._heads.items() if self._is_of(tx, key, head.sender)
        }
        theirs = dict(map(codec.head_from_wire, head.heads))
        for lane in Lane:
            listed = {key: at for key, at in theirs.items() if key.lane is lane}
            applied = {key: at for key, at in ours.items() if key.lane is lane}
            if ends.get(lane, 0) > self.survey.applied[lane]:
                behind = recovery_heads.is_behind(applied, listed)
            else:
                behind = lane in ends and not bundle.more and not self._has_all(tx, listed)
            if behind:
                raise BundleNeedsLine(head.sender_name)

    def _is_of(self, tx: Connection, key: StreamKey, unit: int) -> bool:
        row = execute(tx, "SELECT unit FROM incarnation WHERE id=?", (key.incarnation,)).fetchone()
        return row is not None and row[0] == unit

    def _has_all(self, tx: Connection, listed: Heads) -> bool:
        there = (RequiredHead(*one) for one in listed.items() if self._heads.get(one[0]) != one[1])
        return recovery_heads.has_all(tx, there)

    def _batch(self, tx: Connection, head: BundleHeader, batch: Batch, peer: Neighbour) -> None:
        survey, lane = self.survey, batch.lane
        if batch.incarnation != head.incarnation:
            raise Malformed("a batch of another incarnation than the bundle's")
        if batch.after > survey.applied[lane]:
            raise BundleMissing(
                head.sender_name,
                applied=survey.applied[lane],
                start=batch.after,
                lane=lane.name.lower(),
            )
        fresh = applier.next_entries(
            self._host.replica, tx, batch, peer.unit, not peer.is_parent, self._heads
        )
        signatures.verify_batch(tx, (e for e, _, _ in fresh), batch.signatures, self._known)
        survey.new[lane] += len(fresh)
        survey.known[lane] += len(batch.entries) - len(fresh)
        survey.changes += sum(entry.changes for entry, _, _ in fresh)
        survey.applied[lane] = max(survey.applied[lane], batch.upto)

    # -- applying -----------------------------------------------------------------------------

    def begin(self, bundle: Bundle) -> list[DurableAt]:
        """Record the sender's incarnation and key, and how far it has our log.

        Returns: how far our log is durable above, if the sender is our parent.
        """
        head, host = bundle.header, self._host
        peer = self.survey.peer
        assert peer is not None, "looked at before"
        now_ms = host.replica.now_ms
        if peer.is_parent:
            lists = ((each.list, each.authority) for each in head.revocations)
            host.certificates.take_lists(lists, carried=True)

        def write(tx: Connection) -> tuple[dict[Lane, int], int]:
            log.register_incarnations(tx, [(head.incarnation, head.sender, head.level)])
            signatures.keep_key(tx, head.incarnation, head.public_key, now_ms)
            peers.update(tx, head.sender, key_pinned=head.public_key.hex(), key_refused="")
            applied = self._applied(tx, head)
            seen = [log.cursor_of(tx, head.sender, "in", lane)[0] for lane in Lane]
            if any(of not in (0, head.incarnation) for of in seen):
                recovery_heads.rebase_cursors(tx, head.sender, head.incarnation, applied, now_ms)
            acked = self._acked(tx, head)
            for lane, at in acked.items() if not peer.is_parent else ():
                known = acked_by_child(host, tx, peer.unit)
                if at > known[lane]:
                    log.advance(
                        tx, peer=peer.unit, direction="out", lane=lane,
                        incarnation=host.replica.identity.incarnation, position=at, at_ms=now_ms,
                    )  # fmt: skip
            return acked, log.position(tx)

        acked, written = host.store.write(write)
        if not peer.is_parent:
            return []
        here = [DurableAt(head.level, lane, at) for lane, at in acked.items()]
        above = map(codec.durable_from_wire, head.durable_above)
        return [*here, *(each for each in above if each.position <= written)]

    def apply(self, batch: Batch) -> Received:
        """Apply one batch with its cursor durably, as a push or a pull does."""
        host, peer = self._host, self.survey.peer
        assert peer is not None, "examined before"
        received = host.store.write(
            lambda tx: applier.apply_batch(
                host.replica, tx, batch, peer=peer.unit, upward=not peer.is_parent
            )
        )
        host.committed(received)
        return received

    def end(self, bundle: Bundle) -> None:
        """Judge the heads of audit logs that a file has brought; keep what was answered to ours.

        After its batches, which may bring the keys that the heads are signed with.
        """
        head, peer, witness = bundle.header, self.survey.peer, self._host.witness
        assert peer is not None, "examined before"
        if peer.is_parent:
            witness.take(head.public_key, _answers(head), carried=True)
        else:
            witness.judge(head.sender, head.public_key, _submissions(head), carried=True)


def _submissions(head: BundleHeader) -> list[Submission]:
    """Raises: Malformed."""
    return list(map(tlog.submission_from_wire, head.logs))


def _answers(head: BundleHeader) -> list[Answer]:
    """Raises: Malformed."""
    return list(map(tlog.answer_from_wire, head.log_answers))


def _log_incarnations(tx: Connection, host: Host) -> tuple[int, int]:
    """Return the incarnations whose numbers our log has: ours, and the one that it goes on from."""
    return host.replica.identity.incarnation, meta.get(tx, meta.CONTINUES) or -1
