"""Migrations: upgrade the store's tables to this program's schema, or refuse clearly."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect

import node.store.tables  # noqa: F401  # fills the metadata
from node.store.engine import Store, redacted
from sync.model.errors import SilianError

if TYPE_CHECKING:
    from alembic.config import Config


class NewerSchema(SilianError):
    """The store was written by a newer program."""

    code = "newer_schema"

    def __init__(self, where: str, found: str) -> None:
        super().__init__(
            f"{where} was written by a newer program (schema {found})",
            f"{where} 由更新版本的程序写入 (结构版本 {found})",
            remedy_en="Install the newer program; do not go back with this store.",
            remedy_zh="请安装新版本程序, 不要用旧版本打开此数据库。",
        )


class OlderSchema(SilianError):
    """An operator must upgrade the store."""

    code = "older_schema"

    def __init__(self, where: str, found: str) -> None:
        super().__init__(
            f"{where} has the older schema {found}",
            f"{where} 的结构版本较旧 ({found})",
            remedy_en="Back it up, then run `silian db upgrade --dir DIR`.",
            remedy_zh="请先备份, 再运行 silian db upgrade --dir 目录。",
        )


def upgrade(store: Store) -> None:
    """Upgrade a store to this program's schema in one transaction; create it in a new one."""

    from alembic import command  # a slow import that only an upgrade needs

    def run(tx: Connection) -> None:
        config = _config()
        config.attributes["connection"] = tx
        command.upgrade(config, "head")

    store.write(run)


def upgrade_with_backup(store: Store, folder: Path) -> None:
    """Copy an office's SQLite file and upgrade it at the start; change nothing in a newer one.

    Raises: NewerSchema.
    """
    found, known = _found(store), revisions()
    if found is None or found not in known or found == known[-1]:
        check(store)
        return
    store.backup(folder / f"office.before-{known[-1]}.db")
    upgrade(store)


def check(store: Store) -> None:
    """Check that a store has this program's schema.

    Raises: NewerSchema, OlderSchema.
    """
    found, known = _found(store), revisions()
    if found == known[-1]:
        return
    if found is not None and found not in known:
        raise NewerSchema(redacted(store.url), found)
    raise OlderSchema(redacted(store.url), found or "none")


@cache
def revisions() -> tuple[str, ...]:
    """Return every revision in order: the first word of each script's name."""
    scripts = files("node.store.migrations.versions").iterdir()
    return tuple(sorted(s.name.split("_")[0] for s in scripts if s.name[:4].isdecimal()))


def _found(store: Store) -> str | None:
    with store.read() as tx:
        if not inspect(tx).has_table("alembic_version"):
            return None
        rows = tx.exec_driver_sql("SELECT version_num FROM alembic_version")
        found: str | None = rows.scalar_one_or_none()
        return found


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "node.store:migrations")
    return config
