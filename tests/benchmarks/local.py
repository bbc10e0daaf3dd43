"""Measures of one office by itself: its log, its rollups, its bytes."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

from node.config import OfficeConfig
from node.domain.catalogue import load_catalogue
from node.office import Office
from node.open import open_office
from node.setup import init_office
from sync.codec import entry as codec
from sync.log import entries as log
from sync.model.change import Batch
from sync.model.schema import Lane
from sync.wire.link.v1 import link_pb2 as pb
from tests.benchmarks import raw
from tests.benchmarks.bench import Bench, in_turn, no_garbage
from tests.benchmarks.data import FIELDS, Row, rows
from tests.benchmarks.offices import CODES, EXTRA, commit_all, creations, new_folder, now_ms, opened

CELLS = 30
COMMUNITY = CODES[-1]
# Fields that records are counted by, as the register with cells declares them.
COUNTED_BY = {
    "status": 'en = "Status", type = "choice", choices = { active = ["在", "Here"], '
    'moved = ["迁", "Gone"], dead = ["亡", "Dead"], temp = ["暂", "For now"] }',
    "gender": 'en = "Sex", type = "choice", choices = { M = ["男", "Male"], F = ["女", "Female"] }',
    "birth": 'en = "Born", type = "date", required = true',
}


def local_write(bench: Bench) -> None:
    """Transactions of 1,000 with their log, against raw rows with a raw log row each."""
    count = bench.count(100_000)
    data = list(rows(count))

    def ours() -> float:
        with bench.folder() as folder:
            office = opened(new_folder(folder / "office", COMMUNITY), COMMUNITY)
            edits = creations(data, office.identity.unit)
            with no_garbage():
                seconds = commit_all(office, edits)
            office.close()
        return count / seconds

    def raw_rows() -> float:
        with bench.folder() as folder, no_garbage():
            return raw.rate_with_log(folder, count)

    mine, theirs = in_turn(bench.runs, ours, raw_rows)
    bench.found("local_write", mine, "rows/s", against="raw sqlite3 row + log", others=theirs)


def rollup_upkeep(bench: Bench) -> None:
    """Records that count in 30 cells each, against the same register without contributions."""
    count = bench.count(30_000)
    data = list(rows(count))

    def side(register: str) -> Callable[[], float]:
        def measure() -> float:
            with bench.folder() as folder:
                office = _with_cells(folder)
                edits = creations(data, office.identity.unit, register)
                commit_all(office, edits[:1_000])  # the cells come to be
                with no_garbage():
                    seconds = commit_all(office, edits[1_000:])
                office.close()
            return (count - 1_000) / seconds

        return measure

    with_cells, without = in_turn(bench.runs, side("bench_cells"), side("bench"))
    bench.found(
        "rollup_upkeep", with_cells, "rows/s", against="without contributions", others=without
    )


def _with_cells(folder: Path) -> Office:
    extra = folder / "cells.toml"
    extra.write_text(_cells_toml(), encoding="utf-8")
    config = OfficeConfig(unit=COMMUNITY, extra_catalogue=(str(EXTRA), str(extra)))
    catalogue = load_catalogue([EXTRA, extra])
    init_office(folder / "office", config, catalogue, rng=random.Random(COMMUNITY))
    return open_office(folder / "office", wall_ms=now_ms, rng=random.Random(COMMUNITY))


def _cells_toml() -> str:
    """Return the register `bench` once more, each record counted in 30 cells.

    One measure by year of birth and sex, as residents are counted; 29 by status and by sex.
    """
    text = EXTRA.read_text(encoding="utf-8").partition("\n# The same, but urgent")[0]
    text = text.replace("register.bench", "register.bench_cells")
    for declared in COUNTED_BY.values():
        plain = declared.partition(", type")[0] + ', type = "text"'
        assert plain in text
        text = text.replace(plain, declared)
    parts = [text]
    for name in COUNTED_BY:
        parts.append(f'[dimension.bench_{name}]\nzh = "{name}"\nen = "{name}"\n')
    for n in range(CELLS):
        by = {"status": "status"} if n % 2 else {"gender": "gender"}
        if n == 0:
            by = {"birth": "year:birth", "gender": "gender"}
        dims = ", ".join(f'"bench_{name}"' for name in by)
        sources = ", ".join(f'bench_{name} = "{source}"' for name, source in by.items())
        parts.append(
            f'[measure.bench_{n}]\nzh = "计量{n}"\nen = "Measure {n}"\ndims = [{dims}]\n'
            f'[[register.bench_cells.contribution]]\nmeasure = "bench_{n}"\namount = 1\n'
            f"dims = {{ {sources} }}\n"
        )
    return "\n".join(parts)


def wire_bytes(bench: Bench) -> None:
    """Bytes of the push requests a record, against the record alone as a protobuf message."""
    count = bench.count(100_000)
    data = list(rows(count))
    with bench.folder() as folder:
        office = opened(new_folder(folder / "office", COMMUNITY), COMMUNITY)
        commit_all(office, creations(data, office.identity.unit))
        sent = sum(_pushed(office, batch) for batch in _batches(office))
        office.close()
    bare = sum(map(bare_bytes, data)) / count
    # Exact, not timed: every run gives the same.
    bench.found("wire_bytes", [sent / count], "B/record", against="bare protobuf", others=[bare])


def _batches(office: Office) -> Sequence[Batch]:
    found: list[Batch] = []
    after = 0
    while True:
        with office.store.read() as tx:
            batch = log.read_up(
                tx,
                lane=Lane.BULK,
                incarnation=office.identity.incarnation,
                after=after,
            )
        if not batch.entries:
            return found
        found.append(batch)
        after = batch.upto


def _pushed(office: Office, batch: Batch) -> int:
    request = pb.PushRequest(
        session=1 << 62, unit=office.identity.unit, batch=codec.batch_to_wire(batch)
    )
    return request.ByteSize()


def bare_bytes(row: Row) -> int:
    """Return the size of {bytes id = 1; string name = 2; ...}: a tag, a length, the bytes."""
    record_id, values = row
    assert len(values) == len(FIELDS) <= 14, "tags up to 15 take one byte"
    texts = [value.encode() for value in values]
    return sum(1 + (1 if len(t) < 128 else 2) + len(t) for t in (record_id, *texts) if t)
