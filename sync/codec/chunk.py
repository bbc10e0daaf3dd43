"""Pack chunks of record copies by column; unpack and check received ones."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sync.codec import block as block_codec
from sync.codec import compress
from sync.codec import entry as codec
from sync.codec.entry import HASH_BYTES, cursors_to_wire, lane_from_wire
from sync.codec.signing import SIGNATURE_BYTES
from sync.merge.copies import Chunk, Rows, StreamTip, Writer
from sync.merge.record import Head, Heads, RecordState
from sync.model.change import ID_BYTES, StreamHead, Value
from sync.model.errors import Malformed
from sync.model.limits import SNAPSHOT_ROWS
from sync.model.schema import Lane
from sync.model.stream import StreamKey, levels_of
from sync.model.version import VERSION_BYTES, Version, hlc_of, incarnation_of
from sync.wire.link.v1 import link_pb2 as pb


def pack(chunk: Chunk) -> bytes:
    """Serialize and compress a chunk. Raises: TooLarge."""
    return compress.compress(
        pb.SnapshotChunk(
            rows=[rows_to_wire(rows) for rows in chunk.rows if rows.states],
            heads=[
                pb.SnapshotHead(
                    head=codec.head_to_wire(key, StreamHead(tip.seq, tip.hash)),
                    hlc=tip.hlc,
                    signed_seq=tip.signed_seq,
                    signature=tip.signature,
                )
                for key, tip in chunk.heads.items()
            ],
            cursors=cursors_to_wire(chunk.cursors),
            acked=cursors_to_wire(chunk.acked),
            incarnations=[
                pb.Incarnation(
                    id=i,
                    unit=unit,
                    level=level,
                    public_key=chunk.keys.get(i, b""),
                    certificates=chunk.chains.get(i, ()),
                )
                for i, (unit, level) in chunk.writers.items()
            ],
            received=[
                pb.ReceivedUpTo(incarnation=incarnation, lane=lane.value, hlc=hlc)  # type: ignore[arg-type]
                for lane, version_vector in chunk.version_vector.items()
                for incarnation, hlc in version_vector.items()
            ],
        )
    )


def rows_to_wire(rows: Rows) -> pb.SnapshotRows:
    """Pack copies by column; all copies of one register have the same fields."""
    ids, states = list(rows.states), list(rows.states.values())
    names = list(states[0].fields)
    index: dict[Version, int] = {}

    def at(version: Version) -> int:
        return index.setdefault(version, len(index))

    message = pb.SnapshotRows(
        register=rows.register,
        unit=rows.unit,
        ids=b"".join(ids),
        created=[at(s.created) for s in states],
        causal_length=[s.causal_length for s in states],
        causal_length_version=[at(s.causal_length_version) for s in states],
        fields=names,
        columns=[
            block_codec.column_to_wire([s.fields[n].shown.value for s in states]) for n in names
        ],
    )
    for name in names:
        numbers = [at(s.fields[name].shown.version) for s in states]
        same = numbers.count(numbers[0]) == len(numbers)
        message.field_versions.add(index=numbers[:1] if same else numbers)
    message.versions = b"".join(index)
    for k, (record, state) in enumerate(rows.states.items()):
        for name, heads in state.fields.items():
            for loser in heads.losers:
                message.losers.add(
                    id=record, field=name, version=loser.version,
                    value=json.dumps(loser.value, ensure_ascii=False), level=loser.level,
                )  # fmt: skip
        for name, version in sorted(state.survived_delete):
            message.survived_delete.add(record=k, field=name, version=version)
        for version in sorted(rows.quarantined.get(record, ())):
            message.quarantined.add(record=k, version=version)
    return message


def unpack(payload: bytes) -> Chunk:
    """Return the chunk. Raises: Malformed, also for a bomb (more than BODY_BYTES_MAX unpacked)."""
    m = compress.decompress(payload, pb.SnapshotChunk())
    records = sum(len(rows.ids) // ID_BYTES for rows in m.rows)
    if records > SNAPSHOT_ROWS:
        raise Malformed(f"{records} records in a chunk, {SNAPSHOT_ROWS} allowed")
    writers = {i.id: _writer(i) for i in m.incarnations}
    levels = levels_of(writers)
    version_vector: dict[Lane, dict[int, int]] = {}
    for received in m.received:
        if received.incarnation not in writers or received.hlc >= 1 << 63:
            raise Malformed("an entry of a writer that is not listed")
        version_vector.setdefault(lane_from_wire(received.lane), {})[received.incarnation] = (
            received.hlc
        )
    heads = dict(_head(h) for h in m.heads)
    if any(key.incarnation not in writers for key in heads):
        raise Malformed("a stream head without its writer")
    if any(c.position >= 1 << 62 or c.incarnation >= 1 << 63 for c in (*m.cursors, *m.acked)):
        raise Malformed("a cursor out of range")
    return Chunk(
        rows=[rows_from_wire(rows, levels) for rows in m.rows],
        version_vector=version_vector,
        writers=writers,
        heads=heads,
        cursors={lane_from_wire(c.lane): (c.incarnation, c.position) for c in m.cursors},
        acked={lane_from_wire(c.lane): (c.incarnation, c.position) for c in m.acked},
        keys={i.id: i.public_key for i in m.incarnations if i.public_key},
        chains={
            i.id: codec.chain_from_wire(i.certificates) for i in m.incarnations if i.certificates
        },
    )


def _head(m: pb.SnapshotHead) -> tuple[StreamKey, StreamTip]:
    key, head = codec.head_from_wire(m.head)
    if len(head.hash) != HASH_BYTES or not 1 <= head.seq < 1 << 62 or len(key.audience) > 40:
        raise Malformed("a stream head out of range")
    if m.hlc >= 1 << 63 or m.signed_seq > head.seq or len(m.signature) not in (0, SIGNATURE_BYTES):
        raise Malformed("a stream head with a stamp or a signature out of range")
    if bool(m.signed_seq) != bool(m.signature):
        raise Malformed("a signature of no entry")
    return key, StreamTip(head.seq, head.hash, m.hlc, m.signed_seq, m.signature)


def rows_from_wire(m: pb.SnapshotRows, levels: Mapping[int, int]) -> Rows:
    """Read copies; `levels`: incarnation -> level of each writer that they name.

    Raises: Malformed.
    """
    if not m.ids or len(m.ids) % ID_BYTES or len(m.versions) % VERSION_BYTES or m.unit >= 1 << 63:
        raise Malformed(f"rows of {m.register[:40]!r}: ids {len(m.ids)}")
    ids = block_codec.split(m.ids, ID_BYTES)
    count, names = len(ids), tuple(m.fields)
    place = {record: k for k, record in enumerate(ids)}
    if len(place) != count or len(set(names)) != len(names):
        raise Malformed("rows name a record or a field twice")
    if len(m.columns) != len(names) or len(m.field_versions) != len(names):
        raise Malformed("rows do not have one column for each field")
    if not len(m.created) == len(m.causal_length) == len(m.causal_length_version) == count:
        raise Malformed("rows do not have one causal length for each record")
    known = block_codec.split(m.versions, VERSION_BYTES)
    for version in known:
        _known(version, levels)
    losers = _losers(m, place, levels)
    columns = [block_codec.column_from_wire(c, count) for c in m.columns]
    stamps = [block_codec.base_from_wire(v, m.versions, count) for v in m.field_versions]
    survived_delete: dict[int, set[tuple[str, Version]]] = {}
    quarantined: dict[bytes, set[Version]] = {}
    for mark in m.survived_delete:
        _check(mark, count, levels)
        survived_delete.setdefault(mark.record, set()).add((mark.field, mark.version))
    for mark in m.quarantined:
        _check(mark, count, levels)
        quarantined.setdefault(ids[mark.record], set()).add(mark.version)
    states: dict[bytes, RecordState] = {}
    for k, record in enumerate(ids):
        fields = {
            name: Heads(
                Head(stamp[k], column[k], levels[incarnation_of(stamp[k])]),
                losers.pop((record, name), ()),
            )
            for name, column, stamp in zip(names, columns, stamps, strict=True)
        }
        states[record] = _state(m, k, known, fields, frozenset(survived_delete.get(k, ())))
    if losers:
        raise Malformed("a losing value of a field that its record does not have")
    return Rows(m.register, m.unit, states, {r: frozenset(v) for r, v in quarantined.items()})


def _state(
    m: pb.SnapshotRows, k: int, known: list[Version], fields: Mapping[str, Heads],
    survived_delete: frozenset[tuple[str, Version]],
) -> RecordState:  # fmt: skip
    if m.created[k] >= len(known) or m.causal_length_version[k] >= len(known):
        raise Malformed("version out of range")
    if not 1 <= m.causal_length[k] < 1 << 31:
        raise Malformed("a causal length out of range")
    if survived_delete:
        present = {(name, h.version) for name, heads in fields.items() for h in heads.all}
        if m.causal_length[k] % 2 or not survived_delete <= present:
            raise Malformed("a surviving value of a record that has not ended")
    for heads in fields.values():
        if heads.losers and len({h.version for h in heads.all}) != len(heads.all):
            raise Malformed("one version twice in a field")
    return RecordState(
        known[m.created[k]],
        m.causal_length[k],
        known[m.causal_length_version[k]],
        fields,
        survived_delete,
    )


def _losers(
    m: pb.SnapshotRows, place: Mapping[bytes, int], levels: Mapping[int, int]
) -> dict[tuple[bytes, str], tuple[Head, ...]]:
    found: dict[tuple[bytes, str], list[Head]] = {}
    for loser in m.losers:
        _known(loser.version, levels)
        if loser.id not in place or loser.level != levels[incarnation_of(loser.version)]:
            raise Malformed("a loser of no record, or of another level than its writer's")
        try:
            value: Value = json.loads(loser.value)
        except (ValueError, RecursionError) as error:
            raise Malformed("a losing value does not parse") from error
        if type(value) not in (str, int, type(None)):
            raise Malformed("a losing value is neither text nor a whole number")
        if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
            raise Malformed("a losing value is out of range")
        head = Head(loser.version, value, loser.level)
        found.setdefault((loser.id, loser.field), []).append(head)
    return {key: tuple(sorted(heads, key=lambda h: h.version)) for key, heads in found.items()}


def _known(version: bytes, levels: Mapping[int, int]) -> None:
    if len(version) != VERSION_BYTES or incarnation_of(version) not in levels:
        raise Malformed("a version of a writer that is not named")
    if hlc_of(version) >= 1 << 63:
        raise Malformed("a version out of range")


def _check(mark: pb.Mark, count: int, levels: Mapping[int, int]) -> None:
    if mark.record >= count:
        raise Malformed("a mark of no record")
    _known(mark.version, levels)


def _writer(m: pb.Incarnation) -> Writer:
    if m.public_key:
        codec.key_from_wire(m.public_key)
    if m.level > 3 or m.unit >= 1 << 63 or m.id >= 1 << 63:
        raise Malformed("a writer out of range")
    return m.unit, m.level
