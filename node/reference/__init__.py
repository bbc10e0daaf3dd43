"""Reference data shipped with the product: the real offices of Hangzhou, 2023."""

from __future__ import annotations

from datetime import date
from importlib.resources import files

SHIPPED_FROM = date(2023, 6, 30)
"""The cut-off of the shipped codes. Every office reads the shipped tree with this date, so that
all of them mint the same unit ids (node.domain.units.unit_id_for)."""


def shipped_tree_bytes() -> bytes:
    """Return the units of 2023-06-30 as CSV (code,name,level,parent_code; UTF-8)."""
    return files(__name__).joinpath("hangzhou_divisions_2023.csv").read_bytes()
