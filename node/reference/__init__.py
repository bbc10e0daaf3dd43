"""Reference data shipped with the product: the real offices of Hangzhou, 2020 and 2023."""

from __future__ import annotations

from datetime import date
from importlib.resources import files

SHIPPED_FROM = date(2023, 6, 30)
"""The cut-off of the shipped codes. Every office reads the shipped tree with this date, so that
all of them mint the same unit ids (node.domain.units.unit_id_for)."""


def shipped_tree_bytes() -> bytes:
    """Return the units of 2023-06-30 as CSV (code,name,level,parent_code; UTF-8)."""
    return _read("hangzhou_divisions_2023.csv")


def tree_2020_bytes() -> bytes:
    """Return the units of 2020, before the reorganisation of 2021, in the same shape."""
    return _read("hangzhou_divisions_2020.csv")


def crosswalk_bytes() -> bytes:
    """Return the pairs 2020 -> 2021 as CSV; its columns are explained in this folder's README."""
    return _read("hangzhou_crosswalk_2020_2021.csv")


def _read(name: str) -> bytes:
    return files(__name__).joinpath(name).read_bytes()
