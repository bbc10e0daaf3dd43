"""Bundles: what waits for a parent or a child that no line reaches, as files carried by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from node.domain.units import Tree
from sync import bundling, codec, floors, log
from sync.bundle import Bundle, BundleWriter, open_bundle, packed
from sync.bundle_errors import BundleStranger
from sync.bundling import Header, Neighbour, Reader, Survey
from sync.limits import BATCH_BYTES_MAX, BATCH_BYTES_MIN
from sync.news import SafeAt
from sync.schema import Lane

if TYPE_CHECKING:
    from node.app import Office

Say = Callable[[int, int], None]


@dataclass(slots=True)
class Written:
    """What was written into how many files."""

    to: int
    parts: int = 0
    control: int = 0
    bulk: int = 0
    changes: int = 0


def write_bundle(
    office: Office,
    to: int,
    new_file: Callable[[int], BinaryIO],
    *,
    max_bytes: int = 0,
    start_over: bool = False,
    say: Say = lambda _done, _total: None,
) -> Written:
    """Write all that a neighbour is not known to hold into files that `new_file(number)` opens.

    Raises: BundleStranger, LogCut.
    """
    peer = bundling.neighbour(office, to)
    if peer is None:
        raise BundleStranger(_name(office.tree, to))
    signer = office.applier.signer
    assert signer is not None, "an office has a key"
    done = Written(to)
    at = dict.fromkeys(Lane, 0) if start_over else _held_there(office, peer)
    with office.store.read() as tx:
        end = log.position(tx)
        for lane, held in at.items():
            up = peer.is_parent
            floor = floors.floor_up(tx, lane) if up else floors.floor_down(tx, lane, peer.unit)
            if held < floor:
                raise floors.LogCut(asked=held, floor=floor)
    total = sum(max(end - held, 0) for held in at.values())

    common = _addressed(office, bundling.header(office, peer, set_id=office.draw()), peer)

    def begun() -> BundleWriter:
        done.parts += 1
        header = bundling.part_of(common, done.parts, at)
        return BundleWriter(new_file(done.parts), header, signer)

    writer = begun()
    piece = min(BATCH_BYTES_MAX, max(BATCH_BYTES_MIN, max_bytes // 2)) if max_bytes else 0
    for batch in bundling.batches(office, peer, dict(at), bytes_max=piece or BATCH_BYTES_MAX):
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
        say(total - sum(max(end - held, 0) for held in at.values()), total)
    writer.end(more=False)
    return done


def read_bundles(
    office: Office,
    files: Sequence[BinaryIO],
    *,
    dry_run: bool = False,
    trust: str = "",
    say: Say = lambda _done, _total: None,
) -> Survey:
    """Check every file, then take them in, oldest first; what is known changes nothing.

    One that was interrupted goes on where it stopped when it is read again.
    Raises: BundleDamaged, BundleNewer, and what `sync.bundling.Reader.look` raises; nothing was
    taken then.
    """
    bundles = sorted(map(open_bundle, files), key=_order)
    reader = Reader(office, trust=trust)
    total = sum(len(bundle.sections) for bundle in bundles)
    for bundle in bundles:
        reader.look(bundle)
    if dry_run:
        return reader.survey
    done = 0
    for bundle in bundles:
        if safe := reader.begin(bundle):
            office.news.safe_by_file(safe)
        for batch in bundle.batches():
            reader.survey.holes += reader.take(batch).holes
            done += 1
            say(done, total)
        news = map(codec.news_from_wire, bundle.header.offices)
        office.news.hear(news, child=bundle.header.sender)
    office.news.save()
    return reader.survey


def _order(bundle: Bundle) -> tuple[int, int, int]:
    header = bundle.header
    return header.written_ms, header.set, header.part


def _held_there(office: Office, peer: Neighbour) -> dict[Lane, int]:
    if peer.is_parent:
        safe = {(s.level, s.lane): s.position for s in office.news.safe()}
        return {lane: safe.get((office.identity.level - 1, lane), 0) for lane in Lane}
    with office.store.read() as tx:
        return bundling.held_by_child(office, tx, peer.unit)


def _addressed(office: Office, header: Header, peer: Neighbour) -> Header:
    """Add what the engine does not know: names, and news."""
    header.sender_name = _name(office.tree, office.identity.unit)
    header.receiver_name = _name(office.tree, peer.unit)
    if peer.is_parent:
        office.news.of_self()
        header.offices.extend(map(codec.news_to_wire, office.news.for_parent()))
    else:
        header.safe.extend(map(codec.safe_to_wire, _safe_above(office, peer.unit)))
    return header


def _safe_above(office: Office, child: int) -> list[SafeAt]:
    above = office.news.safe()
    with office.store.read() as tx:
        return [
            SafeAt(s.level, s.lane, log.position_of_child(tx, child, s.lane, s.position))
            for s in above
        ]


def _name(tree: Tree, unit: int) -> str:
    return f"{tree.get(unit).code} {tree.get(unit).name}" if unit in tree else f"#{unit}"
