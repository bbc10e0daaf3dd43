"""What `doctor` looks at: the SQLite library, disk, clock, files, folder, token, store."""

from __future__ import annotations

import os
import random
import shutil
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hub.api.tokens import TOKEN_FILE
from hub.serve.capacity import file_limit, files_for, hard_file_limit
from node.config import load_config
from node.keys import KEY_FILE, signer_of
from node.setup import DATABASE, store_url
from node.store.engine import open_store, sqlite_driver
from node.store.folder_lock import lock_info
from sync.codec.signing import fingerprint
from sync.model.errors import SilianError

FREE_BYTES_MIN = 1 << 30
BUG_FIXED = (3, 51, 3)  # a reset of the write-ahead log could corrupt the file before
CLOCK_FROM_S = 1_735_689_600  # 2025-01-01: a machine that is earlier has lost its clock


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    check: str
    good: bool
    zh: str
    en: str


def examine(folder: Path) -> list[Finding]:
    """Return what was found, the machine first; nothing is changed. Raises: BadConfig."""
    config = load_config(folder)
    facts = lock_info(folder)
    findings = [_sqlite(), _disk(folder), _clock(), _files(facts), *_folder(folder)]
    if facts is not None:
        who = f"{facts.get('pid', '?')} {facts.get('address', '')}".strip()
        findings.append(Finding("store", True, f"由进程 {who} 使用", f"in use by process {who}"))
        return findings
    try:
        if not config.store and not (folder / DATABASE).exists():
            raise FileNotFoundError(f"{DATABASE} is missing")
        open_store(store_url(folder, config)).close()
        findings.append(Finding("store", True, "可以打开", "opens"))
    except (SilianError, OSError) as error:
        findings.append(Finding("store", False, getattr(error, "zh", str(error)), str(error)))
    return findings


def _sqlite() -> Finding:
    found = sqlite_driver.sqlite_version_info
    text = f"SQLite {sqlite_driver.sqlite_version}"
    if found >= BUG_FIXED:
        return Finding("sqlite", True, text, text)
    return Finding(
        "sqlite", False, f"{text} 有已知缺陷, 请安装 pysqlite3",
        f"{text} has a known fault: install pysqlite3",
    )  # fmt: skip


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    text = f"{free / (1 << 30):.1f} GiB"
    return Finding("disk", free >= FREE_BYTES_MIN, f"剩余 {text}", f"{text} free")


def _clock() -> Finding:
    now = time.strftime("%Y-%m-%d %H:%M:%S %z")
    return Finding("clock", time.time() >= CLOCK_FROM_S, now, now)


def _files(held: dict[str, object] | None) -> Finding:
    """Compare how many files may be opened with what the process that serves the office needs."""
    served = held or {}
    needed = int(str(served.get("files") or files_for(1)))
    pid = int(str(served.get("pid") or 0))
    # `serve` raises its own limit as far as the system lets it; a limit that is asked for in vain
    # is that of a process of somebody else.
    allowed = file_limit(pid) if pid else hard_file_limit()
    if allowed is None or allowed >= needed:
        text = str(allowed) if allowed is not None else "-"
        return Finding("files", True, f"可打开 {text} 个文件", f"{text} may be open")
    return Finding(
        "files", False,
        f"最多可打开 {allowed} 个文件，本进程的单位需要 {needed} 个；请提高上限"
        f"（systemd 的 LimitNOFILE，或 ulimit -n）后重新启动",
        f"{allowed} may be open, the offices of this process need {needed}: raise the limit "
        "(LimitNOFILE of systemd, or ulimit -n) and start again",
    )  # fmt: skip


def _folder(folder: Path) -> Iterator[Finding]:
    writable = os.access(folder, os.W_OK | os.X_OK)
    mode = stat.filemode(folder.stat().st_mode)
    yield Finding("folder", writable, f"{folder} {mode}", f"{folder} {mode}")
    yield from _key(folder)
    token = folder / TOKEN_FILE
    if not token.exists():
        yield Finding("token", True, "首次使用时生成", "made when first used")
        return
    others = token.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    mode = stat.filemode(token.stat().st_mode)
    yield Finding("token", not others, f"{TOKEN_FILE} {mode}", f"{TOKEN_FILE} {mode}")


def _key(folder: Path) -> Iterator[Finding]:
    path = folder / KEY_FILE
    if not path.exists():
        yield Finding("key", True, "首次启动时生成", "made at the first start")
        return
    others = path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    mode = stat.filemode(path.stat().st_mode)
    try:
        shown = fingerprint(signer_of(folder, random.SystemRandom()).public_key)
    except SilianError as error:
        yield Finding("key", False, error.zh, error.en)
        return
    yield Finding("key", not others, f"{KEY_FILE} {mode} {shown}", f"{KEY_FILE} {mode} {shown}")
