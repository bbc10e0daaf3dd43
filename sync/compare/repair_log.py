"""Repair log: what comparisons repaired, and the evidence received then, for later repairs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import groupby

from sqlalchemy import Connection

from sync.log.history import _edits, load_history
from sync.merge.evidence import (
    NO_EVIDENCE,
    Dropped,
    EditHistory,
    Evidence,
    evidence_for,
    with_evidence,
)
from sync.merge.record import RecordState
from sync.model.change import RecordKey, Value
from sync.model.report import BucketKey
from sync.model.version import Version
from sync.store.sql import execute, execute_many, pieces

_NOTE = (
    "INSERT INTO repair (id, at_ms, peer, register, unit, record, side, before, after, removed, "
    "evidence) VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Note:
    """One record that was repaired, or that the store refused: whose copy, and its checksums."""

    name: RecordKey
    side: str
    before: int | None
    after: int | None
    kept: tuple[Dropped, ...] = ()  # what was removed and no log here explains
    evidence: Evidence = NO_EVIDENCE


def write(tx: Connection, notes: Sequence[Note], *, peer: int, now_ms: int) -> None:
    """Store them for people (`silian repair ls`) and for the next repair (`stored_evidence`)."""
    rows = [
        (
            _id(now_ms, one.name.register, one.name.unit, one.name.id), now_ms, peer, *one.name,
            one.side, one.before, one.after,
            _kept_to_json(one.kept), evidence_to_json(one.evidence),
        )
        for one in notes
    ]  # fmt: skip
    if rows:
        execute_many(tx, _NOTE, rows)


def write_sums(
    tx: Connection, keys: Sequence[BucketKey], *, peer: int, now_ms: int, side: str = "here"
) -> None:
    """Log that kept sums were not those of their records."""
    rows = [
        (_id(now_ms, k.register, k.unit, b"%d" % k.bucket), now_ms, peer, k.register, k.unit, b"",
         side, None, None, "", "")
        for k in keys
    ]  # fmt: skip
    if rows:
        execute_many(tx, _NOTE, rows)


def stored_evidence(tx: Connection, names: Iterable[RecordKey]) -> Mapping[RecordKey, Evidence]:
    """Return the evidence that came with repairs of these records: it is in no log here."""
    causal_lengths: dict[RecordKey, set[Version]] = {}
    overwritten: dict[RecordKey, dict[str, set[Version]]] = {}
    written: dict[RecordKey, dict[str, dict[Version, Value]]] = {}
    for (register, unit), some in groupby(sorted(names), key=lambda n: n[:2]):
        for part in pieces([name.id for name in some]):
            marks = ",".join("?" * len(part))
            rows = execute(
                tx,
                "SELECT record, evidence FROM repair WHERE register=? AND unit=? AND evidence<>'' "
                f"AND record IN ({marks})",
                (register, unit, *part),
            )
            for record, text in rows.fetchall():
                name = RecordKey(register, unit, bytes(record))
                evidence = json.loads(text)
                causal_lengths.setdefault(name, set()).update(map(bytes.fromhex, evidence["lives"]))
                fields = overwritten.setdefault(name, {})
                for field, versions in evidence["overwritten"].items():
                    fields.setdefault(field, set()).update(map(bytes.fromhex, versions))
                values = written.setdefault(name, {})
                for field, version, value in evidence["written"]:
                    values.setdefault(field, {})[bytes.fromhex(version)] = value
    return {
        name: Evidence(causal_lengths[name], overwritten[name], written[name])
        for name in overwritten
    }


def evidence_to_json(evidence: Evidence) -> str:
    """Return it as `stored_evidence` reads it; "" for nothing."""
    if evidence == NO_EVIDENCE:
        return ""
    stored = {
        "lives": sorted(v.hex() for v in evidence.causal_lengths),
        "overwritten": {n: sorted(v.hex() for v in vs) for n, vs in evidence.overwritten.items()},
        "written": [(n, v.hex(), x) for n, vs in evidence.written.items() for v, x in vs.items()],
    }
    return json.dumps(stored, ensure_ascii=False)


def without_values(text: str) -> str:
    """Return evidence, as `evidence_to_json` wrote it, without the values in it."""
    return json.dumps({**json.loads(text), "written": []}) if text else ""


def _kept_to_json(dropped: Sequence[Dropped]) -> str:
    kept = [[one.field, one.version.hex(), one.value] for one in dropped]
    return json.dumps(kept, ensure_ascii=False) if kept else ""


def _id(now_ms: int, register: str, unit: int, record: bytes) -> bytes:
    name = f"{now_ms}|{register}|{unit}|".encode()
    return blake2b(name + record, digest_size=16).digest()


def evidence_of(
    tx: Connection, copies: Mapping[RecordKey, RecordState | None]
) -> Mapping[RecordKey, Evidence]:
    """Return the evidence that is sent to a peer with these copies of ours."""
    known = {name: copy for name, copy in copies.items() if copy is not None}
    edits: dict[RecordKey, EditHistory] = dict(
        load_history(tx, {n: _edits(c) for n, c in known.items()})
    )
    for name, before in stored_evidence(tx, known).items():
        edits[name] = with_evidence(edits[name], known[name], before)
    return {name: evidence_for(copy, edits[name]) for name, copy in known.items()}
