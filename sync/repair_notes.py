"""Repair notes: what comparisons put right, written down, and what was told then, read again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import groupby

from sqlalchemy import Connection

from sync.change import Value
from sync.joining import NOTHING_TOLD, Dropped, Told
from sync.narrowing import BucketKey, RecordName
from sync.registers import pieces
from sync.statements import run, run_many
from sync.version import Version

_NOTE = (
    "INSERT INTO repair (id, at_ms, peer, register, unit, record, side, before, after, kept, "
    "told) VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Note:
    """One record that was put right, or that the store refused: whose copy, and its checks."""

    name: RecordName
    side: str
    before: int | None
    after: int | None
    kept: tuple[Dropped, ...] = ()  # what stands no more and no log here explains
    told: Told = NOTHING_TOLD


def write(tx: Connection, notes: Sequence[Note], *, peer: int, now_ms: int) -> None:
    """Write them down, for people (`silian repairs`) and for the next repair (`noted`)."""
    rows = [
        (
            _id(now_ms, one.name.register, one.name.unit, one.name.id), now_ms, peer, *one.name,
            one.side, one.before, one.after, _kept_to_json(one.kept), told_to_json(one.told),
        )
        for one in notes
    ]  # fmt: skip
    if rows:
        run_many(tx, _NOTE, rows)


def write_sums(
    tx: Connection, keys: Sequence[BucketKey], *, peer: int, now_ms: int, side: str = "here"
) -> None:
    """Write down that kept sums were not those of their records."""
    rows = [
        (_id(now_ms, k.register, k.unit, b"%d" % k.bucket), now_ms, peer, k.register, k.unit, b"",
         side, None, None, "", "")
        for k in keys
    ]  # fmt: skip
    if rows:
        run_many(tx, _NOTE, rows)


def noted(tx: Connection, names: Iterable[RecordName]) -> Mapping[RecordName, Told]:
    """Return what repairs of these records were told: it is in no log here."""
    lives: dict[RecordName, set[Version]] = {}
    gone: dict[RecordName, dict[str, set[Version]]] = {}
    written: dict[RecordName, dict[str, dict[Version, Value]]] = {}
    for (register, unit), some in groupby(sorted(names), key=lambda n: n[:2]):
        for part in pieces([name.id for name in some]):
            marks = ",".join("?" * len(part))
            rows = run(
                tx,
                "SELECT record, told FROM repair WHERE register=? AND unit=? AND told<>'' "
                f"AND record IN ({marks})",
                (register, unit, *part),
            )
            for record, text in rows.fetchall():
                name = RecordName(register, unit, bytes(record))
                told = json.loads(text)
                lives.setdefault(name, set()).update(map(bytes.fromhex, told["lives"]))
                fields = gone.setdefault(name, {})
                for field, versions in told["overwritten"].items():
                    fields.setdefault(field, set()).update(map(bytes.fromhex, versions))
                values = written.setdefault(name, {})
                for field, version, value in told["written"]:
                    values.setdefault(field, {})[bytes.fromhex(version)] = value
    return {name: Told(lives[name], gone[name], written[name]) for name in gone}


def told_to_json(told: Told) -> str:
    """Return it as `noted` reads it; "" for nothing."""
    if told == NOTHING_TOLD:
        return ""
    said = {
        "lives": sorted(v.hex() for v in told.lives),
        "overwritten": {n: sorted(v.hex() for v in vs) for n, vs in told.overwritten.items()},
        "written": [(n, v.hex(), x) for n, vs in told.written.items() for v, x in vs.items()],
    }
    return json.dumps(said, ensure_ascii=False)


def without_values(text: str) -> str:
    """Return what was told, as `told_to_json` wrote it, without the values in it."""
    return json.dumps({**json.loads(text), "written": []}) if text else ""


def _kept_to_json(dropped: Sequence[Dropped]) -> str:
    kept = [[one.field, one.version.hex(), one.value] for one in dropped]
    return json.dumps(kept, ensure_ascii=False) if kept else ""


def _id(now_ms: int, register: str, unit: int, record: bytes) -> bytes:
    name = f"{now_ms}|{register}|{unit}|".encode()
    return blake2b(name + record, digest_size=16).digest()
