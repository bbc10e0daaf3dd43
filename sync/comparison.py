"""Comparison: digests recomputed from the copies that they stand for."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import Connection

from sync import conflicts, digest
from sync.merging import state_print
from sync.registers import RegisterTable
from sync.statements import run, run_many

ROWS = 5_000


def rebuild(tx: Connection, table: RegisterTable) -> None:
    """Write the digests of one register anew: a field that is new to it counts in every record."""
    name = table.schema.name
    levels = {r[0]: r[1] for r in run(tx, "SELECT id, level FROM incarnation").fetchall()}
    sums: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    units = [r[0] for r in run(tx, f"SELECT DISTINCT unit FROM {table.table.name}").fetchall()]
    for unit in units:
        after = b""
        while True:
            rows = run(
                tx,
                f"SELECT {','.join(table.columns)} FROM {table.table.name} "
                f"WHERE unit=? AND id>? ORDER BY id LIMIT {ROWS}",
                (unit, after),
            ).fetchall()
            if not rows:
                break
            losers = conflicts.losers(tx, name, unit, [bytes(r[0]) for r in rows])
            for row in rows:
                record = bytes(row[0])
                state = table.state_of(row, levels, losers.get(record, {}))
                one = sums[unit, digest.bucket_of(record)]
                one[0] += 1
                one[1] = (one[1] + state_print(record, state)) % digest.PRIME
            after = bytes(rows[-1][0])
    run(tx, "DELETE FROM digest WHERE register=?", (name,))
    if sums:
        run_many(
            tx,
            "INSERT INTO digest (register, unit, bucket, count, sum) VALUES (?,?,?,?,?)",
            [(name, unit, bucket, n, total) for (unit, bucket), (n, total) in sums.items()],
        )
