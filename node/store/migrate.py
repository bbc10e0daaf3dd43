"""Migrations: upgrade the store's tables to this program's schema, or refuse clearly."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect

import node.store.tables  # noqa: F401  # fills the metadata
from node.store.engine import NotAStore, Store, StoreMissing
from sync.model.errors import ErrorKind, SilianError

if TYPE_CHECKING:
    from alembic.config import Config


COPIES_MAX = 100  # of one store before one upgrade; then a person must look
VERSION, OURS = "alembic_version", "log_head"  # tables: of any program, of an office's store


class NewerSchema(SilianError):
    """The store was written by a newer program."""

    code = "newer_schema"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, where: str, found: str) -> None:
        super().__init__(
            f"{where} was written by a newer program (schema {found})",
            f"{where} 由更新版本的程序写入（结构版本 {found}）",
            remedy_en="Install the newer program. An older program cannot use this database.",
            remedy_zh="请安装新版本程序，不要用旧版本打开此数据库。",
        )


class OlderSchema(SilianError):
    """The database was written by an older program. Upgrade it."""

    code = "older_schema"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, where: str, found: str) -> None:
        super().__init__(
            f"{where} has the older schema {found}",
            f"{where} 的结构版本较旧（{found}）",
            remedy_en="Back it up, then run `silian db upgrade --dir DIR`.",
            remedy_zh="请先备份，再运行 silian db upgrade --dir 目录。",
        )


def upgrade(store: Store) -> None:
    """Bring a store to this program's schema in one transaction; an empty one gets all of it.

    Raises: NotAStore when the database is another program's; nothing of ours is put into it.
    """
    from alembic import command  # a slow import that only an upgrade needs

    tables = _tables(store)
    if tables and OURS not in tables:
        raise _foreign(store)

    def run(tx: Connection) -> None:
        config = _config()
        config.attributes["connection"] = tx
        command.upgrade(config, "head")

    store.write(run)


def upgrade_with_backup(store: Store, folder: Path) -> None:
    """Copy an office's SQLite file and upgrade it at the start; change nothing in a newer one.

    Raises: NewerSchema, StoreMissing, NotAStore.
    """
    newest = revisions()[-1]
    if known(store) == newest:
        return
    store.backup(_unused(folder / f"office.before-{newest}.db"))
    upgrade(store)


def check(store: Store) -> None:
    """Make sure that a store is an office's and fits this program.

    Raises: NewerSchema, OlderSchema; StoreMissing when it is empty, NotAStore when it is foreign.
    """
    if (found := known(store)) != revisions()[-1]:
        raise OlderSchema(store.shown, found)


def known(store: Store) -> str:
    """Return the schema of an office's store, if this program knows how to go on from it.

    Raises: as `check`, without OlderSchema.
    """
    found = _found(store)
    if found not in revisions():
        raise NewerSchema(store.shown, found)
    return found


@cache
def revisions() -> tuple[str, ...]:
    """Return every revision in order: the first word of each script's name."""
    scripts = files("node.store.migrations.versions").iterdir()
    return tuple(sorted(s.name.split("_")[0] for s in scripts if s.name[:4].isdecimal()))


def _found(store: Store) -> str:
    """Return the schema that an office's store has. Raises: StoreMissing, NotAStore."""
    tables = _tables(store)
    if not tables:
        raise StoreMissing(store.shown, "there is nothing in it", "其中没有任何数据")
    if not {VERSION, OURS} <= tables:
        raise _foreign(store)
    with store.read() as tx:
        rows = tx.exec_driver_sql("SELECT version_num FROM alembic_version")
        return str(rows.scalar_one_or_none())


def _unused(path: Path) -> Path:
    """Return the name, or the next one: an upgrade that broke off has left its copy."""
    tries = (path, *(path.with_suffix(f".{n}.db") for n in range(1, COPIES_MAX)))
    return next((each for each in tries if not each.exists()), path)


def _tables(store: Store) -> set[str]:
    with store.read() as tx:
        return set(inspect(tx).get_table_names())


def _foreign(store: Store) -> NotAStore:
    return NotAStore(store.shown, "it has the tables of another program", "其中是其他程序的表")


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "node.store:migrations")
    return config
