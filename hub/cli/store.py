"""The store of an office, opened without the office: for db upgrade, check, backup and restore."""

from __future__ import annotations

import os
import tarfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from hub.cli import outputs
from hub.cli.refusals import FileExists, NotForPostgreSQL, Refusal
from node import logs
from node.china import china_time
from node.config import FILE, OfficeConfig, load_config
from node.identity.files import CA_FILE, ROOTS_FILE, TLS_FILE
from node.keys import KEY_FILE
from node.open import must_be_the_store_of
from node.private import make_file, make_folder, naming, sync_folder
from node.sealed.recovery_key import RECOVERY_FILE
from node.setup import DATABASE, store_url
from node.store import migrate
from node.store.engine import SIDE_FILES, NotAStore, Store, copy_database, open_store, sqlite_url
from node.store.folder_lock import FolderLock

PIECE_BYTES = 1 << 20
# What a complete backup has; the store last, so that a folder with a store has all the rest.
WHOLE = (FILE, KEY_FILE, RECOVERY_FILE, TLS_FILE, ROOTS_FILE, CA_FILE, DATABASE)


@contextmanager
def locked_store(folder: Path) -> Iterator[Store]:
    """Lock the office for this process and open its store unchanged.

    Raises: BadConfig, OfficeBusy, StoreUnavailable, and those of `node.store.refusals`.
    """
    logs.set_up(level=logs.level_asked("ERROR"))
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
    """Return what is wrong with a SQLite file; a server checks its store's pages itself."""
    if not store.is_sqlite:
        return []
    with store.read() as tx:
        found = [str(row[0]) for row in tx.exec_driver_sql("PRAGMA integrity_check")]
    return [] if found == ["ok"] else found


def copy_store(folder: Path, target: Path, *, force: bool = False) -> None:
    """Write a consistent copy of a SQLite store, also while the office is served.

    Raises: BadConfig, Refusal for a PostgreSQL store, and as `copy_database`.
    """
    with _copied(_file_of(folder, load_config(folder)), target, force=force) as copy:
        outputs.put([copy], [target], force=force)


def back_up_whole(folder: Path, target: Path, *, force: bool = False) -> list[str]:
    """Write store, settings and signing key into one archive; return the names in it.

    Raises: as `copy_store`.
    """
    database = _file_of(folder, load_config(folder))
    with _copied(database, target, force=force) as copy, ExitStack() as stack:
        part = outputs.fresh(target)
        stack.callback(part.unlink, missing_ok=True)
        files = {name: folder / name for name in WHOLE} | {DATABASE: copy}
        present = [name for name in WHOLE if files[name].exists()]
        with naming(target), tarfile.open(part, "w") as archive:
            for name in present:
                archive.add(files[name], name, recursive=False)
        outputs.put([part], [target], force=force)
    return present


@contextmanager
def _copied(database: Path, target: Path, *, force: bool) -> Iterator[Path]:
    """Yield a temporary copy of a database next to `target`."""
    outputs.must_be_free(target, force=force)
    copy = target.with_name(f".silian-{os.getpid()}.db")
    try:
        copy_database(database, copy, meant=target)
        yield copy
    finally:
        copy.unlink(missing_ok=True)


def restore(folder: Path, source: Path, *, force: bool) -> list[Path]:
    """Replace an office's store by a backup; return what was moved aside for it.

    Everything is first copied to temporary names and checked. With `force` existing files get other
    names and stay. Raises: BadConfig, Refusal, OfficeBusy, NotAStore, `node.store.refusals`.
    """
    logs.set_up(level=logs.level_asked("ERROR"))
    whole = tarfile.is_tarfile(source)
    if not whole:
        load_config(folder)  # or there is no office here that could have a store
    make_folder(folder)
    with ExitStack() as stack:
        folder_lock = FolderLock.acquire(folder)
        stack.callback(folder_lock.release)
        fresh = {name: folder / f".{name}.fresh" for name in (WHOLE if whole else (DATABASE,))}
        for path in fresh.values():
            for end in ("", *SIDE_FILES):
                stale = path.with_name(path.name + end)
                stale.unlink(missing_ok=True)
                stack.callback(stale.unlink, missing_ok=True)
        _unpack(source, fresh) if whole else _copy(source, fresh[DATABASE])
        config = _settings(fresh, folder)
        _look_at(fresh[DATABASE], source, config)
        places = {name: folder / name for name in fresh} | {DATABASE: _file_of(folder, config)}
        taken = [places[name] for name in fresh if places[name].exists()]
        if taken and not force:
            raise _taken(taken[-1])
        aside = [moved for path in taken for moved in _move_aside(path)]
        for name, path in fresh.items():
            if path.exists():
                path.replace(places[name])
        sync_folder(folder)
    return aside


def _file_of(folder: Path, config: OfficeConfig) -> Path:
    url = store_url(folder, config)
    if url.get_backend_name() != "sqlite":
        raise NotForPostgreSQL(
            "a PostgreSQL store is backed up with pg_dump and put back with pg_restore",
            "PostgreSQL 数据库请用 `pg_dump` 备份，用 `pg_restore` 恢复",
        )  # fmt: skip
    return Path(str(url.database))


def _settings(fresh: dict[str, Path], folder: Path) -> OfficeConfig:
    """Return the settings that the store will have: the archive's, else the folder's."""
    if FILE not in fresh or not fresh[FILE].exists():
        return load_config(folder)
    return load_config(folder, fresh[FILE].name)


def _look_at(copy: Path, source: Path, config: OfficeConfig) -> None:
    """Raises: NotAStore when it is none, or damaged; BadConfig when it is another office's."""
    try:
        store = open_store(sqlite_url(copy))
    except NotAStore:
        raise NotAStore(str(source), "it is no SQLite database", "不是 SQLite 数据库") from None
    with closing(store):
        store.shown = str(source)
        schema = migrate.known(store)
        if faults := page_faults(store):
            raise NotAStore(str(source), "; ".join(faults[:3]))
        if schema == migrate.revisions()[-1]:
            must_be_the_store_of(config.unit, store)
            return
        # An older program wrote it, and perhaps one will go on with it: it is put back as it is.
        trial = copy.with_name(f"{copy.name}.trial")
        try:
            store.backup(trial)
            with closing(open_store(sqlite_url(trial))) as upgraded:
                upgraded.shown = str(source)
                migrate.upgrade(upgraded)
                must_be_the_store_of(config.unit, upgraded)
        finally:
            for end in ("", *SIDE_FILES):
                trial.with_name(trial.name + end).unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as file, naming(target):
        make_file(target)
        with target.open("r+b") as copy:
            while piece := file.read(PIECE_BYTES):
                copy.write(piece)


def _unpack(source: Path, fresh: dict[str, Path]) -> None:
    """Unpack what a complete backup has, by name, and nothing else that is in the archive."""
    try:
        with tarfile.open(source) as archive:
            for name, path in fresh.items():
                member = archive.extractfile(name) if name in archive.getnames() else None
                if member is None and name == DATABASE:
                    raise NotAStore(
                        str(source), f"there is no {DATABASE} in it", f"其中没有 {DATABASE}"
                    )
                make_file(path)
                with naming(path), path.open("r+b") as copy:
                    while member is not None and (piece := member.read(PIECE_BYTES)):
                        copy.write(piece)
                if member is None:
                    path.unlink()
    except tarfile.TarError as error:
        raise NotAStore(str(source), str(error)) from None


def _move_aside(path: Path) -> Iterator[Path]:
    """Rename a file, and the others of a database, with the time when it was replaced."""
    when = f"{china_time(time.time_ns() // 1_000_000):%Y%m%d-%H%M%S}"
    name = path.with_name(f"{path.stem}.replaced-{when}{path.suffix}")
    for end in ("", *SIDE_FILES):
        found = path.with_name(path.name + end)
        if found.exists():
            yield found.replace(name.with_name(name.name + end))


def _taken(path: Path) -> Refusal:
    return FileExists(
        f"{path} is there already", f"{path} 已存在",
        "Use --force: the present file is renamed and kept.",
        "如需替换请加 --force，原文件将改名保留。",
    )  # fmt: skip
