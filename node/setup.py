"""Setup of an office: its folder, its store, its first incarnation. Complete or not at all."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from pathlib import Path
from string import hexdigits

from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError

from node.bad_config import BadConfig
from node.config import FILE, OfficeConfig, password_of, write_config
from node.domain.catalogue import Catalogue
from node.domain.unit_csv import read_units
from node.domain.units import Level, Tree, Unit
from node.ids import new_incarnation
from node.keys import KEY_FILE, signer_of
from node.private import close_to_others, make_folder
from node.reference import SHIPPED_FROM, shipped_tree_bytes
from node.store import meta, migrate
from node.store.engine import (
    SIDE_FILES,
    CommitUnknown,
    Store,
    StoreUnavailable,
    address_of,
    open_store,
    sqlite_url,
)
from node.store.schema import catalogue_tables
from sync.codec.signing import FINGERPRINT_DIGITS, KEY_BYTES, Signer
from sync.log import entries as log
from sync.log import signatures
from sync.store import peers
from sync.store.sql import StoreFault, fault_of, sql

DATABASE = "office.db"


def store_url(folder: Path, config: OfficeConfig) -> URL:
    """Return where the office's store is, with the password that is stored apart from the setting.

    A file named without its whole path is in the office's folder.
    Raises: StoreUnsuited; BadConfig when the password's file cannot be read.
    """
    if not config.store:
        return sqlite_url(folder / DATABASE)
    url = address_of(config.store)
    if url.get_backend_name() == "sqlite":
        return sqlite_url(folder / str(url.database))
    password = password_of(folder, config)
    return url.set(password=password) if password else url


def _not_made(store: Store, error: CommitUnknown) -> StoreUnavailable:
    failed = error.__cause__
    fault = fault_of(failed) if isinstance(failed, DBAPIError) else None
    why = str(getattr(failed, "orig", failed))
    return StoreUnavailable(store.shown, why, fault or StoreFault.TRANSIENT)


def init_office(
    folder: Path,
    config: OfficeConfig,
    catalogue: Catalogue,
    *,
    rng: random.Random,
    tree_csv: bytes | None = None,
    tree_from: date | None = None,
    parent_key: str = "",
) -> Unit:
    """Make the office of `config.unit` in `folder` and return its unit.

    `parent_key`: how the parent's key begins, as its `silian doctor` shows it; empty: the key of
    the first contact is pinned.
    Raises: BadConfig when there is an office already, BadUnitFile, UnknownUnit, StoreUnavailable,
    those of `node.store.refusals`, OSError; nothing is left behind.
    """
    if (folder / FILE).exists() or (folder / DATABASE).exists():
        raise BadConfig(
            str(folder), "there is an office here already", "此目录已有单位数据",
            "Choose another folder, or move this one away; an office is never overwritten.",
            "请选择其他目录，或先移走此目录；系统不会覆盖已有数据。",
        )  # fmt: skip
    content = tree_csv if tree_csv is not None else shipped_tree_bytes()
    since = tree_from or SHIPPED_FROM
    units = _units_of(content, since)
    tree = Tree(units, since)
    unit = tree.find(config.unit)
    must_fit_level(config, unit.level)
    pinned = _pin_of(parent_key, tree.parent(unit.unit_id))
    fresh = not folder.exists()
    url = store_url(folder, config)
    file = Path(url.database or "") if url.get_backend_name() == "sqlite" else None
    create = file is not None and not file.exists()
    had_key = (folder / KEY_FILE).exists()
    make_folder(folder)
    try:
        close_to_others(folder)
        signer = signer_of(folder, rng, unit.unit_id)
        store = open_store(url, create=create)
        try:
            migrate.upgrade(store)
            store.write(_first_rows(unit, catalogue, content, since, rng, signer, pinned))
        except CommitUnknown as error:
            if not create:
                raise
            raise _not_made(store, error) from error  # the new file is removed: nothing is there
        finally:
            store.close()
        write_config(folder, config.model_copy(update={"unit": unit.code}))
    except BaseException:
        if file is not None and create:
            for end in ("", *SIDE_FILES):
                file.with_name(file.name + end).unlink(missing_ok=True)
        if not had_key:
            (folder / KEY_FILE).unlink(missing_ok=True)
        if fresh:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return unit


@lru_cache(maxsize=1)  # the offices of one process are made from one list
def _units_of(content: bytes, since: date) -> tuple[Unit, ...]:
    return read_units(content, "tree", since)


def _pin_of(parent_key: str, parent: int | None) -> tuple[int, str] | None:
    """Return the parent and how its key begins; None: it was not given. Raises: BadConfig."""
    digits = "".join(parent_key.split()).lower()
    if not digits:
        return None
    if parent is None:
        raise BadConfig(
            "--parent-key", "the city has no parent", "市级单位没有上级",
            "Leave it out.", "请勿填写此项。",
        )  # fmt: skip
    if not FINGERPRINT_DIGITS <= len(digits) <= 2 * KEY_BYTES or set(digits) - set(hexdigits):
        raise BadConfig(
            "--parent-key", f"{parent_key} is no fingerprint of a key",
            f"{parent_key} 不是密钥指纹",
            "Give the 20 digits that `silian doctor` shows at the parent.",
            "请填写上级单位运行 silian doctor 所示的 20 位密钥指纹。",
        )  # fmt: skip
    return parent, digits


def must_fit_level(config: OfficeConfig, level: Level) -> None:
    """Check what an office's level requires of its settings. Raises: BadConfig."""
    if config.parent and level is Level.CITY:
        raise BadConfig(
            "parent", f"the city has no parent, and `parent` is {config.parent}",
            f"市级单位没有上级，而设置的 parent 是 {config.parent}",
            "Leave `parent` empty.", "请将 parent 留空。",
        )  # fmt: skip


def _first_rows(
    unit: Unit, catalogue: Catalogue, content: bytes, since: date, rng: random.Random,
    signer: Signer, pinned: tuple[int, str] | None,
) -> Callable[[Connection], None]:  # fmt: skip
    def write(tx: Connection) -> None:
        if meta.get(tx, meta.UNIT):
            raise BadConfig(
                "store", "this database already has an office", "该数据库已有单位数据",
                "Give every office a database of its own.", "每个单位须使用独立的数据库。",
            )  # fmt: skip
        catalogue_tables(catalogue).create(tx)
        incarnation = new_incarnation(rng)
        tx.exec_driver_sql(
            sql(tx, "INSERT INTO log_head (id, arrival, hlc) VALUES (1, ?, ?)"), (0, 0)
        )
        log.register_incarnations(tx, [(incarnation, unit.unit_id, int(unit.level))])
        signatures.own_key(tx, incarnation, signer)
        if pinned is not None:
            peers.update(tx, pinned[0], key_pinned=pinned[1])
        meta.put(tx, meta.UNIT, unit.unit_id)
        meta.put(tx, meta.LEVEL, int(unit.level))
        meta.put(tx, meta.INCARNATION, incarnation)
        meta.put(tx, meta.TREE, content.decode("utf-8-sig"))
        meta.put(tx, meta.TREE_FROM, since)
        meta.put(tx, meta.CATALOGUE, catalogue.version)

    return write
