"""The folders of a city's offices: made once from one template, opened as often as they restart."""

from __future__ import annotations

import functools
import random
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

from node.config import OfficeConfig
from node.domain.catalogue import Catalogue, load_catalogue
from node.domain.unit_csv import read_units
from node.domain.units import Unit
from node.host import LinkedOffice
from node.ids import new_incarnation
from node.keys import signer_of
from node.open import assemble
from node.setup import DATABASE, init_office
from node.store import meta
from node.store.engine import open_store, sqlite_url
from tests.simulation.disk import Disk
from tests.simulation.plan import Plan

SINCE = date(2004, 9, 1)
LEVELS = ("city", "district", "street", "community")
NEXT_FIELD, NEXT_REGISTER = "remark_next", "outlet_next"
REGISTERS = (
    "unit", "cell", "work_order", "assignment_event", "posting", "premises", "service_outlet",
    "household", "community_worker", "party_organisation", "fund_setting", "correction",
    "mark_key", "mark", "case", "resident", "zero_report",
)  # fmt: skip


@functools.cache
def catalogue() -> Catalogue:
    """Return the shipped catalogue without the registers that no run touches: faster to open."""
    shipped = load_catalogue()
    registers = {name: shipped.registers[name] for name in REGISTERS}
    return replace(shipped, registers=registers, version=f"{shipped.version}-sim")


@functools.cache
def next_catalogue() -> Catalogue:
    """Return the catalogue of the next version: a register and a field that ours does not know."""
    known = catalogue()
    premises = known.registers["premises"]
    field = replace(premises.fields["remark"], name=NEXT_FIELD, zh="新备注", en="Next", aliases=())
    ours = known.registers["service_outlet"]
    registers = dict(known.registers)
    registers["premises"] = replace(premises, fields={**premises.fields, NEXT_FIELD: field})
    registers[NEXT_REGISTER] = replace(ours, name=NEXT_REGISTER, zh="新表", contributions=())
    return replace(known, registers=registers, version=f"{known.version}-next")


def codes_of(plan: Plan) -> list[str]:
    """Return each office's 12-digit code: 3301, district, street, community."""
    codes = ["330100000000"]
    for i in range(1, len(plan.parents)):
        above, level = codes[plan.parents[i]], plan.levels[i]
        digits = (4, 6, 9, 12)
        number = f"{i:0{digits[level] - digits[level - 1]}d}"
        codes.append((above[: digits[level - 1]] + number).ljust(12, "0"))
    return codes


def tree_csv(plan: Plan) -> bytes:
    codes = codes_of(plan)
    lines = ["code,name,level,parent_code"]
    for i, code in enumerate(codes):
        above = codes[plan.parents[i]] if i else ""
        lines.append(f"{code},单位{i},{LEVELS[plan.levels[i]]},{above}")
    return "\n".join(lines).encode()


def units_of(plan: Plan) -> list[Unit]:
    """Return the units in the order of the plan."""
    by_code = {u.code: u for u in read_units(tree_csv(plan), "tree", SINCE)}
    return [by_code[code] for code in codes_of(plan)]


@functools.cache
def _template() -> bytes:
    """Return a fresh office's database file."""
    tree = "code,name,level,parent_code\n330100000000,市,city,\n".encode()
    with tempfile.TemporaryDirectory() as folder:
        init_office(
            Path(folder) / "t", OfficeConfig(unit="330100000000"), catalogue(),
            rng=random.Random(0), tree_csv=tree, tree_from=SINCE,
        )  # fmt: skip
        return (Path(folder) / "t" / DATABASE).read_bytes()


def make(
    folder: Path, unit: Unit, tree: bytes, rng: random.Random, *, disk: Disk | None = None
) -> int:
    """Put a fresh office into `folder`, or on a disk, and return its incarnation."""
    folder.mkdir(parents=True)
    (folder / DATABASE).write_bytes(_template())
    incarnation = new_incarnation(rng)
    facts = {
        meta.UNIT.name: str(unit.unit_id),
        meta.LEVEL.name: str(int(unit.level)),
        meta.INCARNATION.name: str(incarnation),
        meta.TREE.name: tree.decode(),
    }
    with closing(sqlite3.connect(folder / DATABASE)) as db, db:
        db.executemany("UPDATE meta SET value=? WHERE key=?", [(v, k) for k, v in facts.items()])
        db.execute(
            "UPDATE incarnation SET id=?, unit=?, level=?, public_key=x''",
            (incarnation, unit.unit_id, int(unit.level)),
        )
    if disk is not None:
        disk.load(str(folder / DATABASE), (folder / DATABASE).read_bytes())
    return incarnation


def open_at(
    folder: Path,
    code: str,
    *,
    wall_ms: Callable[[], int],
    rng: random.Random,
    synchronous: str,
    newer: bool = False,
) -> LinkedOffice:
    """Open the office in `folder` as `node.open.open_office` does, without lock and migrations."""
    store = open_store(sqlite_url(folder / DATABASE), synchronous=synchronous, cache_kib=256)
    try:
        known = next_catalogue() if newer else catalogue()
        return assemble(
            OfficeConfig(unit=code), folder, store, known, wall_ms=wall_ms, rng=rng,
            signer=signer_of(folder, rng),
        )  # fmt: skip
    except BaseException:
        store.close()
        raise
