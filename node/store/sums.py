"""Kept sums: addition within the limits that both stores have.

The judge bounds each value, and a record's natural id bounds their number, so no honest sum comes
near the limit. A sum that a dishonest office drives there stays there, and stops nobody.
"""

from __future__ import annotations

SUM_MAX = 4 * 10**18
"""Two of these still fit into 64 bits."""


def clamped(amount: int) -> int:
    """Return the nearest amount that a kept sum can have."""
    return max(-SUM_MAX, min(SUM_MAX, amount))


def adding(table: str, column: str) -> str:
    """Return the SQL of the kept amount plus the inserted one, within the limit."""
    both = f"{table}.{column} + excluded.{column}"
    return (
        f"CASE WHEN {both} > {SUM_MAX} THEN {SUM_MAX} "
        f"WHEN {both} < -{SUM_MAX} THEN -{SUM_MAX} ELSE {both} END"
    )
