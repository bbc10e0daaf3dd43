"""Bundles: what waits for a parent or a child without a connection, as files carried by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from node.domain.audit import AuditEvent, EventKind
from node.domain.units import Tree
from sync.apply import receipts, statements
from sync.bundle import transfer
from sync.bundle.errors import BundleNotNeighbour
from sync.bundle.file import Bundle, BundleWriter, open_bundle, packed
from sync.bundle.transfer import Header, Neighbour, Reader, Survey
from sync.codec import entry as codec
from sync.codec import receipt, statement
from sync.log import entries as log
from sync.log import truncation
from sync.model.limits import BATCH_BYTES_MAX, BATCH_BYTES_MIN
from sync.model.report import DurableAt
from sync.model.schema import Lane

if TYPE_CHECKING:
    from node.host import LinkedOffice

ReportProgress = Callable[[int, int], None]


@dataclass(slots=True)
class Written:
    """What was written into how many files."""

    to: int
    parts: int = 0
    control: int = 0
    bulk: int = 0
    changes: int = 0


def write_bundle(
    office: LinkedOffice,
    to: int,
    new_file: Callable[[int], BinaryIO],
    *,
    max_bytes: int = 0,
    start_over: bool = False,
    by: str = "",
    report: ReportProgress = lambda _done, _total: None,
) -> Written:
    """Write all that a neighbour is not known to have into files that `new_file(number)` opens.

    Raises: BundleNotNeighbour, LogTruncated.
    """
    peer = transfer.neighbour(office, to)
    if peer is None:
        raise BundleNotNeighbour(_name(office.tree, to))
    signer = office.replica.signer
    done = Written(to)
    at = dict.fromkeys(Lane, 0) if start_over else _acked_by_peer(office, peer)
    with office.store.read() as tx:
        end = log.position(tx)
        for lane, position in at.items():
            up = peer.is_parent
            low_water_mark = (
                truncation.low_water_up(tx, lane)
                if up
                else truncation.low_water_down(tx, lane, peer.unit)
            )
            if position < low_water_mark:
                raise truncation.LogTruncated(asked=position, low_water_mark=low_water_mark)
    total = sum(max(end - position, 0) for position in at.values())

    common = _addressed(office, transfer.header(office, peer, set_id=office.draw()), peer)

    def begun() -> BundleWriter:
        done.parts += 1
        header = transfer.part_of(common, done.parts, at)
        return BundleWriter(new_file(done.parts), header, signer)

    writer = begun()
    piece = min(BATCH_BYTES_MAX, max(BATCH_BYTES_MIN, max_bytes // 2)) if max_bytes else 0
    for batch in transfer.batches(office, peer, dict(at), bytes_max=piece or BATCH_BYTES_MAX):
        section = packed(batch)
        if not writer.fits(section, max_bytes):
            writer.end(more=True)
            writer = begun()
        writer.add(section)
        at[batch.lane] = batch.upto
        if batch.lane is Lane.CONTROL:
            done.control += len(batch.entries)
        else:
            done.bulk += len(batch.entries)
        done.changes += sum(codec.entry_from_wire(wire).changes for wire in batch.entries)
        report(total - sum(max(end - position, 0) for position in at.values()), total)
    writer.end(more=False)
    facts = {"files": done.parts, "changes": done.changes}
    office.audit.record(AuditEvent(event=EventKind.BUNDLE_WRITTEN, by=by, unit=to, facts=facts))
    return done


def read_bundles(
    office: LinkedOffice,
    files: Sequence[BinaryIO],
    *,
    dry_run: bool = False,
    trust: str = "",
    report: ReportProgress = lambda _done, _total: None,
) -> Survey:
    """Check every file, then apply them, oldest first; what is known changes nothing.

    One that was interrupted goes on where it stopped when it is read again.
    Raises: BundleDamaged, BundleNewer, and what `sync.bundle.transfer.Reader.examine` raises;
    nothing was applied then.
    """
    bundles = sorted(map(open_bundle, files), key=_order)
    reader = Reader(office, trust=trust)
    total = sum(len(bundle.sections) for bundle in bundles)
    for bundle in bundles:
        reader.examine(bundle)
    if dry_run:
        return reader.survey
    done = 0
    for bundle in bundles:
        if durable_above := reader.begin(bundle):
            office.peer_status.durable_from_bundle(durable_above)
            given = list(map(receipt.from_wire, bundle.header.receipts))
            office.receive_receipts(receipts.take(office, bundle.header.sender, given))
        for batch in bundle.batches():
            reader.survey.quarantined += reader.apply(batch).quarantined
            done += 1
            report(done, total)
        reader.end(bundle)
        sender = bundle.header.sender
        peer_status = map(statement.status_from_wire, bundle.header.offices)
        genuine = statements.take(office, peer_status, child=sender)
        office.peer_status.receive_status(genuine, child=sender)
    office.peer_status.save()
    return reader.survey


def _order(bundle: Bundle) -> tuple[int, int, int]:
    header = bundle.header
    return header.written_ms, header.set, header.part


def _acked_by_peer(office: LinkedOffice, peer: Neighbour) -> dict[Lane, int]:
    if peer.is_parent:
        durable_above = {(s.level, s.lane): s.position for s in office.peer_status.durable_above()}
        return {lane: durable_above.get((office.identity.level - 1, lane), 0) for lane in Lane}
    with office.store.read() as tx:
        return transfer.acked_by_child(office, tx, peer.unit)


def _addressed(office: LinkedOffice, header: Header, peer: Neighbour) -> Header:
    """Add what the engine does not know: names, and peer status."""
    header.sender_name = _name(office.tree, office.identity.unit)
    header.receiver_name = _name(office.tree, peer.unit)
    if peer.is_parent:
        office.peer_status.own_status()
        header.offices.extend(map(statement.status_to_wire, office.peer_status.for_parent()))
    else:
        header.durable_above.extend(map(codec.durable_to_wire, _durable_above(office, peer.unit)))
        header.receipts.extend(map(receipt.to_wire, receipts.all_for(office, peer.unit)))
    return header


def _durable_above(office: LinkedOffice, child: int) -> list[DurableAt]:
    above = office.peer_status.durable_above()
    with office.store.read() as tx:
        return [
            DurableAt(s.level, s.lane, log.position_of_child(tx, child, s.lane, s.position))
            for s in above
        ]


def _name(tree: Tree, unit: int) -> str:
    return f"{tree.get(unit).code} {tree.get(unit).name}" if unit in tree else f"#{unit}"
