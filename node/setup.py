"""Setting up an office: its folder, its store, its first incarnation. Done whole or not at all."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

from sqlalchemy import Connection

from node.config import FILE, BadConfig, OfficeConfig, write_config
from node.domain.catalogue import Catalogue
from node.domain.unit_csv import read_units
from node.domain.units import Tree, Unit
from node.ids import new_incarnation
from node.keys import KEY_FILE, signer_of
from node.reference import SHIPPED_FROM, shipped_tree_bytes
from node.store import meta, migrate
from node.store.engine import open_store, sqlite_url
from node.store.schema import catalogue_tables
from sync.codec.signing import Signer
from sync.log import entries as log
from sync.log import signatures
from sync.store.sql import sql

DATABASE = "office.db"


def store_url(folder: Path, config: OfficeConfig) -> str:
    """Return the URL of the office's store."""
    return config.store or sqlite_url(folder / DATABASE)


def init_office(
    folder: Path,
    config: OfficeConfig,
    catalogue: Catalogue,
    *,
    rng: random.Random,
    tree_csv: bytes | None = None,
    tree_from: date | None = None,
) -> Unit:
    """Make the office of `config.unit` in `folder` and return its unit.

    Raises: BadConfig when there is an office already, BadUnitFile, UnknownUnit, StoreUnavailable;
    nothing is left behind.
    """
    if (folder / FILE).exists() or (folder / DATABASE).exists():
        raise BadConfig(
            str(folder), "there is an office here already", "此目录已有单位数据",
            "Choose another folder; an office is never overwritten.",
            "请选择其他目录, 系统不会覆盖已有数据。",
        )  # fmt: skip
    content = tree_csv if tree_csv is not None else shipped_tree_bytes()
    since = tree_from or SHIPPED_FROM
    units = read_units(content, "tree", since)
    unit = Tree(units, since).find(config.unit)
    fresh = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    had_key = (folder / KEY_FILE).exists()
    try:
        signer = signer_of(folder, rng)
        store = open_store(store_url(folder, config))
        try:
            migrate.upgrade(store)
            store.write(_first_rows(unit, catalogue, content, since, rng, signer))
        finally:
            store.close()
        write_config(folder, config.model_copy(update={"unit": unit.code}))
    except BaseException:
        for path in folder.glob(f"{DATABASE}*"):
            path.unlink()
        if not had_key:
            (folder / KEY_FILE).unlink(missing_ok=True)
        if fresh:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return unit


def _first_rows(
    unit: Unit, catalogue: Catalogue, content: bytes, since: date, rng: random.Random,
    signer: Signer,
) -> Callable[[Connection], None]:  # fmt: skip
    def write(tx: Connection) -> None:
        if meta.get(tx, meta.UNIT) is not None:
            raise BadConfig(
                "store", "this database holds an office already", "该数据库已有单位数据",
                "Give every office a database of its own.", "每个单位须使用独立的数据库。",
            )  # fmt: skip
        catalogue_tables(catalogue).create(tx)
        incarnation = new_incarnation(rng)
        tx.exec_driver_sql(
            sql(tx, "INSERT INTO log_head (id, arrival, hlc) VALUES (1, ?, ?)"), (0, 0)
        )
        log.register_incarnations(tx, [(incarnation, unit.unit_id, int(unit.level))])
        signatures.own_key(tx, incarnation, signer)
        for key, value in {
            meta.UNIT: str(unit.unit_id),
            meta.LEVEL: str(int(unit.level)),
            meta.INCARNATION: str(incarnation),
            meta.TREE: content.decode("utf-8-sig"),
            meta.TREE_FROM: since.isoformat(),
            meta.CATALOGUE: catalogue.version,
        }.items():
            meta.put(tx, key, value)

    return write
