"""Migrations: the store's tables brought to what this program needs, or a clear refusal."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

import node.store.tables  # noqa: F401  # fills the metadata
from node.store.engine import Store, redacted
from sync.errors import SilianError


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
    """The store must be upgraded, on purpose, by an operator."""

    code = "older_schema"

    def __init__(self, where: str, found: str) -> None:
        super().__init__(
            f"{where} has the older schema {found}",
            f"{where} 的结构版本较旧 ({found})",
            remedy_en="Back it up, then run `silian db upgrade --dir DIR`.",
            remedy_zh="请先备份, 再运行 silian db upgrade --dir 目录。",
        )


def upgrade(store: Store) -> None:
    """Bring a store to this program's schema in one transaction; a new one gets all of it."""

    def run(tx: Connection) -> None:
        config = _config()
        config.attributes["connection"] = tx
        command.upgrade(config, "head")

    store.write(run)


def upgrade_with_backup(store: Store, folder: Path) -> None:
    """Upgrade an office's own SQLite file at start, after a copy of it; newer ones are left alone.

    Raises: NewerSchema.
    """
    script = ScriptDirectory.from_config(_config())
    with store.read() as tx:
        found = MigrationContext.configure(tx).get_current_revision()
    known = {revision.revision for revision in script.walk_revisions()}
    if found is None or found not in known or found == script.get_current_head():
        check(store)
        return
    store.backup(folder / f"office.before-{script.get_current_head()}.db")
    upgrade(store)


def check(store: Store) -> None:
    """Make sure that a store fits this program.

    Raises: NewerSchema, OlderSchema.
    """
    script = ScriptDirectory.from_config(_config())
    with store.read() as tx:
        found = MigrationContext.configure(tx).get_current_revision()
    if found == script.get_current_head():
        return
    known = {revision.revision for revision in script.walk_revisions()}
    if found is not None and found not in known:
        raise NewerSchema(redacted(store.url), found)
    raise OlderSchema(redacted(store.url), found or "none")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "node.store:migrations")
    return config
