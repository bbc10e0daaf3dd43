"""The folder lock: one process at a time works on an office."""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path
from typing import IO

from node.private import FILE_MODE
from sync.model.errors import ErrorKind, SilianError

LOCK_FILE = "office.lock"


class OfficeBusy(SilianError):
    """Another process has this office open."""

    code = "office_busy"
    kind = ErrorKind.UNAVAILABLE

    def __init__(self, folder: Path, pid: str) -> None:
        super().__init__(
            f"{folder} is in use by process {pid}",
            f"{folder} 正被进程 {pid} 使用",
            remedy_en="Stop it, or talk to the running office instead.",
            remedy_zh="请先停止该进程，或通过正在运行的服务操作。",
        )


TRIES, PAUSE_S = 10, 0.02  # `lock_info` checks by taking the lock for a moment


def _locked(file: IO[str]) -> bool:
    for left in reversed(range(TRIES)):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if left:
                time.sleep(PAUSE_S)
        else:
            return True
    return False


class FolderLock:
    """The lock on an office's folder; it ends with the process, however that ends."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    @classmethod
    def acquire(cls, folder: Path) -> FolderLock:
        """Lock the office for this process. Raises: OfficeBusy."""
        descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, FILE_MODE)
        file = os.fdopen(descriptor, "r+", encoding="utf-8")
        if not _locked(file):
            file.seek(0)
            text = file.read()
            file.close()
            try:
                pid = str(json.loads(text)["pid"])
            except (ValueError, KeyError, TypeError):
                pid = "?"
            raise OfficeBusy(folder, pid)
        lock = cls(file)
        lock.note({})
        return lock

    def note(self, facts: dict[str, object]) -> None:
        """Write the process id and its address, for other programs to read."""
        self._file.seek(0)
        self._file.truncate()
        json.dump({"pid": os.getpid(), **facts}, self._file)
        self._file.flush()

    def release(self) -> None:
        self._file.close()


def lock_info(folder: Path) -> dict[str, object] | None:
    """Return what the process that has the lock wrote; None if nobody has it."""
    path = folder / LOCK_FILE
    try:
        file = path.open("r+", encoding="utf-8")
    except FileNotFoundError:
        return None
    except OSError:  # a disk mounted read-only; reading is enough here
        file = path.open(encoding="utf-8")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            try:
                facts: dict[str, object] = json.loads(file.read())
            except ValueError:
                return {}
            return facts
    return None
