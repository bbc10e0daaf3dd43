"""Offices for the measures: the catalogue with the benchmark's registers, folders, edits."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from node.config import OfficeConfig
from node.domain.catalogue import Catalogue, load_catalogue
from node.office import Office
from node.open import open_office
from node.setup import init_office
from sync.model.change import Edit, Operation, RecordKey
from tests.benchmarks.data import FIELDS, Row

CODES = ("330100000000", "330102000000", "330102013000", "330102013009")  # city .. community
TRANSACTION = 1_000
EXTRA = Path(__file__).with_name("bench.toml")


@cache
def catalogue() -> Catalogue:
    return load_catalogue([EXTRA])


def new_folder(
    folder: Path, code: str, *, parent: str = "", tree: bytes | None = None, extra: bool = True
) -> Path:
    """Make an office's folder; `extra`: with the benchmark's registers."""
    config = OfficeConfig(unit=code, parent=parent, extra_catalogue=(str(EXTRA),) if extra else ())
    cat = catalogue() if extra else load_catalogue()
    init_office(folder, config, cat, rng=random.Random(code), tree_csv=tree)
    return folder


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def opened(folder: Path, code: str) -> Office:
    """Open an office as a process would, `synchronous=FULL`."""
    return open_office(folder, wall_ms=now_ms, rng=random.Random(code), catalogue=catalogue())


def creations(rows: Iterable[Row], unit: int, register: str = "bench") -> list[Edit]:
    """Return the edits that make records of rows."""
    return [
        Edit(
            key=RecordKey(register, unit, record_id),
            operation=Operation.CREATE,
            values=dict(zip(FIELDS, values, strict=True)),
            audiences=("up:city",),
        )
        for record_id, values in rows
    ]


def phone_of(round: int) -> str:
    return f"139{round:08d}"


def changes(ids: Iterable[bytes], unit: int, round: int) -> list[Edit]:
    """Return the edits that set two fields of records."""
    return [
        Edit(
            key=RecordKey("bench", unit, record_id),
            operation=Operation.UPDATE,
            values={"phone": phone_of(round), "remark": f"改{round}"},
            audiences=("up:city",),
        )
        for record_id in ids
    ]


def urgent(ids: Iterable[bytes], unit: int, round: int) -> list[Edit]:
    """Return the edits that make small records in the control lane."""
    return [
        Edit(
            key=RecordKey("bench_urgent", unit, record_id),
            operation=Operation.CREATE,
            values={"household": record_id.hex(), "phone": phone_of(round)},
            audiences=("up:city",),
        )
        for record_id in ids
    ]


def commit_all(office: Office, edits: Sequence[Edit]) -> float:
    """Commit edits in transactions of 1,000; return seconds."""
    start = time.perf_counter()
    for at in range(0, len(edits), TRANSACTION):
        part = edits[at : at + TRANSACTION]
        office.commit(lambda _tx, part=part: part)  # type: ignore[misc]
    return time.perf_counter() - start
