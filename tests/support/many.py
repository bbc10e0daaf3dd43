"""A street with hundreds of communities, made fast: one store is made, the others copy it."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from node.config import OfficeConfig, write_config
from node.domain.units import Level
from node.ids import new_incarnation
from node.keys import KEY_FILE
from node.setup import DATABASE, init_office
from node.store import meta
from node.store.engine import open_store, sqlite_url
from sync.log import entries as log
from sync.store.sql import execute
from tests.unit.node.offices import CATALOGUE, STREET, TREE

HEAD = "".join(line for line in TREE.splitlines(keepends=True) if "community" not in line)


def communities(count: int) -> list[str]:
    """Return the codes of so many communities of the street."""
    assert count < 1_000, "a street's codes have three digits for its communities"
    return [f"330102013{n:03}" for n in range(1, count + 1)]


def wide_tree(codes: Sequence[str]) -> bytes:
    """Return the file of a tree whose one street has these communities."""
    below = "".join(f"{code},社区{n},community,{STREET}\n" for n, code in enumerate(codes))
    return (HEAD + below).encode()


def make_street(folder: Path, codes: Sequence[str]) -> Path:
    """Make the street's office."""
    init_office(
        folder, OfficeConfig(unit=STREET), CATALOGUE, rng=random.Random(STREET),
        tree_csv=wide_tree(codes),
    )  # fmt: skip
    return folder


def make_communities(
    base: Path, units: dict[str, int], parent: str, *, sync_interval_s: int = 3_600
) -> list[Path]:
    """Make the office of each code -> unit; return their folders."""
    config = OfficeConfig(
        unit=next(iter(units)), parent=parent, sync_interval_s=sync_interval_s, connect_spread_s=0
    )
    rng = random.Random(len(units))
    pattern = base / "pattern"
    init_office(pattern, config, CATALOGUE, rng=rng, tree_csv=wide_tree(list(units)))
    (pattern / KEY_FILE).unlink()  # an office without a key makes its own when it is opened
    folders = []
    for code, unit in units.items():
        folder = base / code
        shutil.copytree(pattern, folder)
        store = open_store(sqlite_url(folder / DATABASE), synchronous="OFF")
        store.write(partial(_be, unit=unit, incarnation=new_incarnation(rng)))
        store.close()
        write_config(folder, config.model_copy(update={"unit": code}))
        folders.append(folder)
    return folders


def _be(tx: Connection, *, unit: int, incarnation: int) -> None:
    """Make a new store that of another unit, under an incarnation of its own."""
    execute(tx, "DELETE FROM incarnation")
    log.register_incarnations(tx, [(incarnation, unit, int(Level.COMMUNITY))])
    meta.put(tx, meta.UNIT, unit)
    meta.put(tx, meta.INCARNATION, incarnation)
