"""Testimony: what the log says of single records, read from its entries."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from sync import codec
from sync.change import Block, Operation
from sync.joining import Said, Testimony, Told, life_of, told_beside, with_told
from sync.merge import RecordState
from sync.narrowing import RecordName
from sync.registers import pieces
from sync.repair_notes import noted
from sync.statements import run
from sync.version import Version, hlc_of
from sync.wire_errors import Malformed

ROUNDS_MAX = 20  # an edit stands on an edit that stands on an edit


def testify(
    tx: Connection, asked: Mapping[RecordName, set[Version]]
) -> dict[RecordName, dict[Version, Said]]:
    """Return what the entries of these versions did to these records, and the entries that those
    stood on, back to the first that the log has."""
    found: dict[RecordName, dict[Version, Said]] = {name: {} for name in asked}
    looked: set[Version] = set()
    wanted = {v for versions in asked.values() for v in versions}
    for _ in range(ROUNDS_MAX):
        wanted -= looked
        if not wanted:
            break
        looked |= wanted
        before = {(n, v) for n, said in found.items() for v in said}
        for version, blocks in blocks_of(tx, wanted).items():
            for block in blocks:
                _hear(found, version, block)
        wanted = {
            gone
            for name, said in found.items()
            for version, one in said.items()
            if (name, version) not in before
            for versions in one.gone.values()
            for gone in versions
        }
    return found


def told_of(
    tx: Connection, copies: Mapping[RecordName, RecordState | None]
) -> Mapping[RecordName, Told]:
    """Return what goes beside these copies of ours to a peer."""
    known = {name: copy for name, copy in copies.items() if copy is not None}
    said: dict[RecordName, Testimony] = dict(testify(tx, {n: _edits(c) for n, c in known.items()}))
    for name, before in noted(tx, known).items():
        said[name] = with_told(said[name], known[name], before)
    return {name: told_beside(copy, said[name]) for name, copy in known.items()}


def _edits(copy: RecordState) -> set[Version]:
    heads = {head.version for heads in copy.fields.values() for head in heads.all}
    return heads | {copy.life_version}


def blocks_of(tx: Connection, versions: set[Version]) -> dict[Version, list[Block]]:
    """Return what the log's transactions of these versions did, whomever they were said to."""
    found: dict[Version, list[Block]] = {}
    stamps = {hlc for version in versions if (hlc := hlc_of(version)) < 1 << 63}
    for part in pieces(sorted(stamps)):
        marks = ",".join("?" * len(part))
        rows = run(tx, f"SELECT wire FROM entry WHERE hlc IN ({marks})", tuple(part))
        for (wire,) in rows.fetchall():
            entry = codec.entry_from_wire(bytes(wire))
            if entry.version not in versions:
                continue
            try:
                blocks = codec.unpack(entry.payload)
            except Malformed:
                continue  # a hole since it came: it says nothing
            found.setdefault(entry.version, []).extend(blocks)
    return found


def _hear(found: dict[RecordName, dict[Version, Said]], version: Version, block: Block) -> None:
    for k, record in enumerate(block.ids):
        said = found.get(RecordName(block.register, block.unit, record))
        if said is None:
            continue
        one = said.setdefault(version, Said())
        one.life = max(one.life, life_of(block.operation, block.life))
        if block.operation is Operation.DELETE:
            continue  # an end takes no head away
        for name, column in zip(block.fields, block.columns, strict=True):
            one.values[name] = column[k]
        if block.operation is Operation.UPDATE:
            for name, bases in zip(block.fields, block.bases, strict=True):
                if bases[k] != version:
                    one.gone.setdefault(name, set()).add(bases[k])
    for (k, name), versions in block.settled.items():
        said = found.get(RecordName(block.register, block.unit, block.ids[k]))
        if said is not None and block.operation is not Operation.DELETE:
            said[version].gone.setdefault(name, set()).update(versions)
