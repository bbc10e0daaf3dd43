"""Examine what `doctor` and `config check` look at: machine, files, store, addresses, office.

The machine is examined first and from outside; then the office is asked, as `status` asks it. That
opens it when nobody serves it, which closes its files to other accounts.
"""

from __future__ import annotations

import os
import random
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.api.tokens import TOKEN_FILE, token_of
from hub.serve.capacity import file_limit, files_for, hard_file_limit
from hub.serve.server import asked, health_name, must_be_free, must_be_loopback
from node.address import listed, must_be_protected
from node.china import china_time
from node.config import OfficeConfig, load_config
from node.domain.catalogue import load_catalogue
from node.domain.units import Level
from node.identity import files
from node.identity.chain import place_in
from node.identity.place import Place
from node.keys import KEY_FILE, signer_of
from node.open import must_be_nobody_elses, must_be_the_store_of
from node.private import OTHERS, is_open_to_others, readable_by_others
from node.services.health.machine import MIB
from node.setup import must_fit_level, store_url
from node.store import migrate
from node.store.engine import Store, open_store, sqlite_driver
from node.store.folder_lock import lock_info
from node.trouble import refusal_of
from sync.codec.signing import fingerprint
from sync.model.errors import SilianError
from sync.rpc.channel import Secure

BUG_FIXED = (3, 51, 3)  # a reset of the write-ahead log could corrupt the file before
CLOCK_FROM_S = 1_735_689_600  # 2025-01-01: a machine that is earlier has lost its clock
PARENT_S = 5.0  # so long a parent may take to answer


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    check: str
    good: bool
    zh: str
    en: str


def examine(folder: Path) -> list[Finding]:
    """Return what was found, the machine first. Raises: BadConfig."""
    config = load_config(folder)
    served = lock_info(folder)
    findings = [
        _sqlite(), _disk(folder, config), _clock(), _open_files(served), *_files(folder, config),
        _key(folder), _token(folder), _port(folder, config, served),
    ]  # fmt: skip
    if served is None:
        findings.append(_store(folder, config))
    else:
        who = f"{served.get('pid', '?')} {served.get('address', '')}".strip()
        findings.append(Finding("store", True, f"由进程 {who} 使用", f"in use by process {who}"))
    if findings[-1].good:
        findings += _office(folder, config)
    return findings


def check_settings(folder: Path) -> tuple[dict[str, Any], list[Finding]]:
    """Check what can be known of settings before a start; return facts and what is left to do.

    Raises: BadConfig, BadCatalogue, Exposed, CannotListen, and what opening the store raises.
    """
    config = load_config(folder)
    catalogue = load_catalogue([folder / name for name in config.extra_catalogue])
    places = asked(config.listen)
    if files.load(folder) is None:
        for at in places:
            must_be_loopback(at)
    facts: dict[str, Any] = {"unit": config.unit, "catalogue": catalogue.version}
    if lock_info(folder) is not None:
        return facts, []  # it was all checked when it was opened
    for at in places:
        must_be_free(at)
    with closing(open_store(store_url(folder, config))) as store:
        level = _level(folder, config, store)
    lonely = not config.parent and level is not Level.CITY
    return facts, [_NO_PARENT] if lonely else []


def _level(folder: Path, config: OfficeConfig, store: Store) -> Level:
    """Return the level of the store's unit: that of the settings, and the key's, or say what not.

    Raises: BadConfig, KeyOfAnother, and what opening the store raises.
    """
    migrate.check(store)
    unit = must_be_the_store_of(config.unit, store)
    must_fit_level(config, unit.level)
    if (folder / KEY_FILE).exists():
        signer = signer_of(folder, random.SystemRandom(), unit.unit_id)
        must_be_nobody_elses(signer, folder, unit, store)
    return unit.level


_NO_PARENT = Finding(
    "no_parent", False, "未设置上级地址（parent），数据不会上报",
    "`parent` is empty: this office sends nothing. Set the parent's host:port in office.toml",
)  # fmt: skip


def _sqlite() -> Finding:
    found = sqlite_driver.sqlite_version_info
    text = f"SQLite {sqlite_driver.sqlite_version}"
    if found >= BUG_FIXED:
        return Finding("sqlite", True, text, text)
    return Finding(
        "sqlite", False, f"{text} 有已知缺陷，请安装 `pysqlite3`",
        f"{text} has a known fault: install pysqlite3",
    )  # fmt: skip


def _disk(folder: Path, config: OfficeConfig) -> Finding:
    free = shutil.disk_usage(folder).free // MIB
    if free >= config.disk_free_mib:
        return Finding("disk", True, f"剩余 {free} MiB", f"{free} MiB free")
    return Finding(
        "disk", False,
        f"{folder} 所在磁盘仅剩 {free} MiB，少于设置的 {config.disk_free_mib} MiB，请清理磁盘",
        f"{free} MiB free where {folder} lies, fewer than the {config.disk_free_mib} of "
        "disk_free_mib: free some, or nothing can be written",
    )  # fmt: skip


def _clock() -> Finding:
    now = f"{china_time(time.time_ns() // 1_000_000):%Y-%m-%d %H:%M:%S} UTC+8"
    if time.time() >= CLOCK_FROM_S:
        return Finding("clock", True, now, now)
    return Finding(
        "clock", False, f"{now} 明显有误，请校准本机时钟",
        f"{now} cannot be: set this machine's clock",
    )  # fmt: skip


def _open_files(lock: dict[str, object] | None) -> Finding:
    """Compare how many files may be opened with what the process that serves the office needs."""
    served = lock or {}
    needed = int(str(served.get("files") or files_for(1)))
    pid = int(str(served.get("pid") or 0))
    # `serve` raises its own limit as far as the system lets it; a limit that cannot be read
    # is that of a process of somebody else.
    allowed = file_limit(pid) if pid else hard_file_limit()
    if allowed is None or allowed >= needed:
        text = str(allowed) if allowed is not None else "-"
        return Finding("files", True, f"可打开 {text} 个文件", f"{text} may be open")
    return Finding(
        "files", False,
        f"最多可打开 {allowed} 个文件，本进程的单位需要 {needed} 个；请提高上限"
        f"（`LimitNOFILE` 或 `ulimit -n`）后重新启动",
        f"{allowed} may be open, the offices of this process need {needed}: raise the limit "
        "(LimitNOFILE of systemd, or ulimit -n) and start again",
    )  # fmt: skip


def _files(folder: Path, config: OfficeConfig) -> Iterator[Finding]:
    mode = stat.filemode(folder.stat().st_mode)
    if os.access(folder, os.W_OK | os.X_OK):
        yield Finding("folder", True, f"{folder} {mode}", f"{folder} {mode}")
    else:
        yield Finding(
            "folder", False,
            f"{folder} {mode} 不可写入，请检查权限，以及磁盘是否以只读方式挂载",
            f"{folder} {mode} cannot be written: check its rights, and whether the disk is "
            "mounted read-only",
        )  # fmt: skip
    opened = readable_by_others(folder)
    if config.store_password_file and is_open_to_others(folder / config.store_password_file):
        opened.append(folder / config.store_password_file)
    if not opened:
        yield Finding("private", True, "仅本账户可读取", "for this account only")
        return
    names = ", ".join(f"{path} {stat.filemode(path.stat().st_mode)}" for path in opened)
    yield Finding(
        "private", False,
        f"其他账户可读取：{names}；打开单位时会自动收紧，否则请设目录为 0700、文件为 0600",
        f"other accounts may read {names}: opening the office closes them, else set 0700 for the "
        "folder and 0600 for files",
    )  # fmt: skip


def _token(folder: Path) -> Finding:
    path = folder / TOKEN_FILE
    if not path.exists():
        return Finding("token", True, "首次使用时生成", "made when first used")
    mode = stat.filemode(path.stat().st_mode)
    try:
        if path.stat().st_size:
            token_of(folder)
    except (SilianError, OSError) as error:
        return _failed("token", error)
    good = not path.stat().st_mode & OTHERS
    return Finding("token", good, f"{TOKEN_FILE} {mode}", f"{TOKEN_FILE} {mode}")


def _key(folder: Path) -> Finding:
    path = folder / KEY_FILE
    if not path.exists():
        return Finding("key", True, "首次启动时生成", "made at the first start")
    mode = stat.filemode(path.stat().st_mode)
    try:
        shown = fingerprint(signer_of(folder, random.SystemRandom()).public_key)
    except (SilianError, OSError) as error:
        return _failed("key", error)
    good = not path.stat().st_mode & OTHERS
    return Finding("key", good, f"{KEY_FILE} {mode} {shown}", f"{KEY_FILE} {mode} {shown}")


def _port(folder: Path, config: OfficeConfig, served: dict[str, object] | None) -> Finding:
    try:
        enrolled = files.load(folder) is not None
        for at in asked(config.listen):
            if not enrolled:
                must_be_loopback(at)
            if served is None:
                must_be_free(at)
    except SilianError as error:
        return _failed("port", error)
    return Finding("port", True, config.listen, config.listen)


def _store(folder: Path, config: OfficeConfig) -> Finding:
    try:
        with closing(open_store(store_url(folder, config))) as store:
            _level(folder, config, store)
            where = store.shown
    except (SilianError, OSError) as error:
        return _failed("store", error)
    return Finding("store", True, f"{where} 可以打开", f"{where} opens")


def _office(folder: Path, config: OfficeConfig) -> Iterator[Finding]:
    """Ask the office what it sees, and whether its parent answers."""
    from hub.client.client import OfficeClient

    try:
        with OfficeClient.connect(folder) as office:
            found = office.get_status()
            own = found.offices[0].unit
            above = own.path.rpartition("/")[0]
            parent = office.search_units(text=above, page_size=1).units[0] if above else None
    except (SilianError, OSError) as error:
        yield _failed("office", error)
        return
    for problem in found.problems:
        if problem.unit.code == own.code and problem.code not in ("disk", "files_open"):
            yield Finding(
                problem.code, False, f"{problem.text.zh}。{problem.remedy.zh}",
                f"{problem.text.en}. {problem.remedy.en}",
            )  # fmt: skip
    if shown := found.link.parent_key:
        yield Finding("parent_key", True, f"上级的密钥 {shown}", f"the parent's key is {shown}")
    if config.parent and parent is not None:
        try:
            secure = _secure(folder, config)
        except SilianError as error:
            yield _failed("parent", error)
        else:
            for at in listed(config.parent):
                yield _parent(at, parent.unit_id, parent.name, secure)


def _secure(folder: Path, config: OfficeConfig) -> Secure | None:
    """Return the TLS towards the parent; None: this office is not enrolled."""
    own = files.load(folder)
    if own is None:
        for at in listed(config.parent):
            must_be_protected(at)
        return None
    above = Place(place_in(own.office).path[:-1])
    return Secure(own.roots_pem, config.parent_tls_name or above.dns, own.key_pem, own.chain_pem)


def _parent(address: str, unit: int, name: str, secure: Secure | None) -> Finding:
    """Ask at the parent's address whether the office above this one is served there."""
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    from sync.rpc.channel import NO_PROXY, open_channel
    from sync.rpc.status import status_texts

    with open_channel(address, secure, (NO_PROXY,)) as channel:
        request = health_pb2.HealthCheckRequest(service=health_name(unit))
        try:
            health_pb2_grpc.HealthStub(channel).Check(request, timeout=PARENT_S)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return Finding(
                    "parent", False, f"{address} 上没有 {name} 的服务，请检查 parent 设置",
                    f"{address} answers and does not serve {name}: check `parent`",
                )  # fmt: skip
            why, why_zh = status_texts(error)
            return Finding(
                "parent", False, f"上级 {name}（{address}）没有应答（{why_zh}），请检查网络和地址",
                f"{name} does not answer at {address} ({why}): check the network and `parent`",
            )  # fmt: skip
    return Finding("parent", True, f"{name} {address}", f"{name} {address}")


def _failed(check: str, error: Exception) -> Finding:
    refusal = refusal_of(error)
    assert refusal is not None
    return Finding(check, False, refusal.text("zh"), refusal.text("en"))
