"""Cells of this office, recomputed from its records: the stored ones should be equal."""

from __future__ import annotations

from collections import Counter
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.domain.contribution import CellKey, dims_text
from node.domain.disclosure import published_cells
from node.store.cells import Sums
from node.store.postings import COUNTED, POSTING
from sync.store.sql import sql

if TYPE_CHECKING:
    from node.office import Office

_COUNTED = {POSTING: f" AND {COUNTED}"}
ROWS = 5_000  # read at a time
_STREAMED = {"stream_results": True, "yield_per": ROWS}


def own_cells(office: Office, tx: Connection) -> tuple[Sums, Sums]:
    """Return this office's private cells and its cells, computed from its records for the day that
    the cells count up to, without closings; the private ones without zeros.
    """
    sums: Counter[CellKey] = Counter()
    unit, day = office.identity.unit, office.folds.contributions.counted_to(tx)
    for register in office.catalogue.registers.values():
        if not register.contributions:
            continue
        names = sorted(register.contributing_fields)
        statement = (
            f"SELECT {','.join(f'f_{n}' for n in names)} FROM r_{register.name} "  # noqa: S608
            f"p WHERE unit=? AND (causal_length & 1) = 1{_COUNTED.get(register.name, '')}"
        )
        rows = tx.exec_driver_sql(sql(tx, statement), (unit,), execution_options=_STREAMED)
        while alike := Counter(map(tuple, islice(rows, ROWS))):
            for values, count in alike.items():
                shares = register.contributions_of(dict(zip(names, values, strict=True)), day)
                for key, amount in shares.items():
                    sums[key] += count * amount
    sums.update(_assignment_cells(tx, unit))
    sums.update(office.catalogue.derive({k: n for k, n in sums.items() if n}, office.norms))
    plans = office.catalogue.disclosure_plans
    private = {key: n for key, n in sums.items() if n and key.measure in plans}
    open_ = {key: n for key, n in sums.items() if n and key.measure not in plans}
    published = published_cells(plans.values(), private, date.fromisoformat(day))
    return private, {**open_, **published}


def _assignment_cells(tx: Connection, unit: int) -> Sums:
    """Count the assignments that this office issued (K35)."""
    rows = tx.exec_driver_sql(
        sql(tx, "SELECT level, state, count(*) FROM assignment WHERE issuer=? GROUP BY 1, 2"),
        (unit,),
    )
    return {
        CellKey("assignments", "", dims_text({"level": str(level), "state": state})): count
        for level, state, count in rows
    }
