"""Private files: only the office's own account reads them, from the first byte on.

Whoever reads a store reads every resident's number. The folder is 0700 and its files 0600,
whatever the account's umask says. SQLite gives `-wal`, `-shm` and `-journal` the mode of the file
that they belong to, so it is enough to make that one first.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FILE_MODE = 0o600
FOLDER_MODE = 0o700
OTHERS = stat.S_IRWXG | stat.S_IRWXO
# What the program makes in an office's folder; other files there stay as they are.
OURS = ("office.*", "api.*", "signing.*", "tls.*", "roots.*", "ca.*", "recovery.*")


@contextmanager
def private_files() -> Iterator[None]:
    """Make every file that this process creates meanwhile readable by its own account only."""
    before = os.umask(OTHERS)
    try:
        yield
    finally:
        os.umask(before)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for this account only."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(FOLDER_MODE, exist_ok=True)
    if not folder.is_dir():
        raise NotADirectoryError(20, os.strerror(20), str(folder))


def make_file(path: Path) -> None:
    """Make an empty file for this account only. Raises: FileExistsError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    try:
        if stat.S_IMODE(os.fstat(descriptor).st_mode) != FILE_MODE:
            # A umask may remove even our own rights. A USB stick keeps no rights at all.
            with suppress(PermissionError):
                os.fchmod(descriptor, FILE_MODE)
    finally:
        os.close(descriptor)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file durably, for this account only: it is complete, or as it was before."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    try:
        with naming(path):
            make_file(fresh)
            with fresh.open("r+b") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Make an error of the system name the file that a person knows.

    A full disk names none, and the temporary file has a name of its own.
    """
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def readable_by_others(folder: Path) -> list[Path]:
    """Return what of an office's folder other accounts may read or write, the folder first."""
    files = {path for pattern in OURS for path in folder.glob(pattern) if path.is_file()}
    return [path for path in (folder, *sorted(files)) if is_open_to_others(path)]


def is_open_to_others(path: Path) -> bool:
    """Return whether other accounts of the machine may read or write a file; a missing one: no."""
    try:
        return bool(path.stat().st_mode & OTHERS)
    except FileNotFoundError:  # a side file that came and went
        return False


def close_to_others(folder: Path) -> tuple[list[Path], list[Path]]:
    """Remove the rights of other accounts. Return what was closed, and what could not be.

    A folder that others write to by design (the sticky bit, as /tmp has) is not ours to close.
    """
    closed, left = [], []
    for path in readable_by_others(folder):
        mode = path.stat().st_mode
        if path == folder and mode & stat.S_ISVTX:
            left.append(path)
            continue
        try:
            path.chmod(stat.S_IMODE(mode) & ~OTHERS)
        except OSError:  # another account's file, or a file system that cannot be written
            left.append(path)
        else:
            closed.append(path)
    return closed, left
