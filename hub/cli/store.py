"""The store of an office, opened without the office: for db upgrade, check and backup."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import make_url

from hub.cli.terminal import Refusal
from node.config import load_config
from node.setup import store_url
from node.store.engine import Store, open_store, sqlite_driver
from node.store.folder_lock import FolderLock


@contextmanager
def locked_store(folder: Path) -> Iterator[Store]:
    """Take the office for this process and open its store as it is.

    Raises: BadConfig, OfficeBusy, StoreUnavailable.
    """
    url = store_url(folder, load_config(folder))
    folder_lock = FolderLock.acquire(folder)
    try:
        store = open_store(url)
        try:
            yield store
        finally:
            store.close()
    finally:
        folder_lock.release()


def page_faults(store: Store) -> list[str]:
    """Return what is wrong with a SQLite file; a server's store looks after its own pages."""
    if not store.is_sqlite:
        return []
    with store.read() as tx:
        found = [str(row[0]) for row in tx.exec_driver_sql("PRAGMA integrity_check")]
    return [] if found == ["ok"] else found


def copy_store(folder: Path, target: Path) -> None:
    """Write a consistent copy of a SQLite store, also while the office is served.

    Raises: BadConfig, Refusal for a PostgreSQL store or a target that exists.
    """
    url = make_url(store_url(folder, load_config(folder)))
    if url.get_backend_name() != "sqlite":
        raise Refusal(
            "bad_request", "a PostgreSQL store is backed up with pg_dump",
            "PostgreSQL 数据库请用 pg_dump 备份",
        )  # fmt: skip
    if target.exists():
        raise Refusal(
            "bad_request", f"{target} exists already", f"{target} 已存在",
            "A backup never overwrites anything: choose another name.",
            "备份不会覆盖已有文件, 请另选文件名。",
        )  # fmt: skip
    source = Path(str(url.database)).resolve()
    # A reader of its own: what is committed when it starts is in the copy, whoever writes on.
    with closing(sqlite_driver.connect(f"file:{source}?mode=ro", uri=True)) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))
