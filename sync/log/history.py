"""History of single records, read from the log's entries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection

from sync.codec import entry as codec
from sync.merge.evidence import LoggedEdit, causal_length_of
from sync.merge.record import RecordState
from sync.model.attribution import Attribution
from sync.model.change import Block, Operation, RecordKey
from sync.model.errors import Malformed
from sync.model.version import Version, hlc_of
from sync.store.sql import execute, pieces

ROUNDS_MAX = 20  # how far edits are followed to the edits that they were based on


def load_history(
    tx: Connection, asked: Mapping[RecordKey, set[Version]]
) -> dict[RecordKey, dict[Version, LoggedEdit]]:
    """Return what the entries of these versions did to these records.

    Includes the entries that those were based on, back to the first that the log has.
    """
    found: dict[RecordKey, dict[Version, LoggedEdit]] = {name: {} for name in asked}
    looked: set[Version] = set()
    wanted = {v for versions in asked.values() for v in versions}
    for _ in range(ROUNDS_MAX):
        wanted -= looked
        if not wanted:
            break
        looked |= wanted
        before = {(n, v) for n, edits in found.items() for v in edits}
        for version, blocks in blocks_of(tx, wanted).items():
            for block in blocks:
                _record_edits(found, version, block)
        wanted = {
            overwritten
            for name, edits in found.items()
            for version, one in edits.items()
            if (name, version) not in before
            for versions in one.overwritten.values()
            for overwritten in versions
        }
    return found


def _edits(copy: RecordState) -> set[Version]:
    heads = {head.version for heads in copy.fields.values() for head in heads.all}
    return heads | {copy.causal_length_version}


def blocks_of(tx: Connection, versions: set[Version]) -> dict[Version, list[Block]]:
    """Return the blocks of the log's transactions of these versions, for all audiences."""
    found: dict[Version, list[Block]] = {}
    for version, _, blocks in transactions_of(tx, versions):
        found.setdefault(version, []).extend(blocks)
    return found


def transactions_of(
    tx: Connection, versions: set[Version]
) -> Iterator[tuple[Version, Attribution, list[Block]]]:
    """Yield the log's transactions of these versions; one for two audiences comes twice.

    With them those that a neighbour showed under their writers' signatures (`sync.log.shown`).
    """
    stamps = {hlc for version in versions if (hlc := hlc_of(version)) < 1 << 63}
    for part in pieces(sorted(stamps)):
        marks = ",".join("?" * len(part))
        rows = execute(
            tx,
            f"SELECT wire FROM entry WHERE hlc IN ({marks}) "
            f"UNION ALL SELECT wire FROM shown_entry WHERE hlc IN ({marks})",
            (*part, *part),
        )
        for (wire,) in rows.fetchall():
            entry = codec.entry_from_wire(bytes(wire))
            if entry.version not in versions:
                continue
            try:
                blocks = codec.unpack(entry.payload)
            except Malformed:
                continue  # it was quarantined when it came: it did nothing
            yield entry.version, entry.by, blocks


def _record_edits(
    found: dict[RecordKey, dict[Version, LoggedEdit]], version: Version, block: Block
) -> None:
    for k, record in enumerate(block.ids):
        edits = found.get(RecordKey(block.register, block.unit, record))
        if edits is None:
            continue
        one = edits.setdefault(version, LoggedEdit())
        one.causal_length = max(
            one.causal_length, causal_length_of(block.operation, block.causal_length)
        )
        if block.operation is Operation.DELETE:
            continue  # a delete removes no head
        for name, column in zip(block.fields, block.columns, strict=True):
            one.values[name] = column[k]
        if block.operation is Operation.UPDATE:
            for name, bases in zip(block.fields, block.bases, strict=True):
                if bases[k] != version:
                    one.overwritten.setdefault(name, set()).add(bases[k])
    for (k, name), versions in block.resolved.items():
        edits = found.get(RecordKey(block.register, block.unit, block.ids[k]))
        if edits is not None and block.operation is not Operation.DELETE:
            edits[version].overwritten.setdefault(name, set()).update(versions)
