"""init, serve, status, where, sync: the office itself."""

from __future__ import annotations

import signal
import sys
import threading
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.arguments import Unit, day_of, id_of, usage
from hub.cli.exits import Exit
from hub.cli.terminal import Terminal
from hub.cli.verb import verb

if TYPE_CHECKING:
    from sync.wire.v1 import office_pb2 as pb

PLACES = {
    "safe": ("已安全", "safe"),
    "waiting": ("待上报", "waiting"),
    "not_for_it": ("不送达", "not for it"),
}


def register(app: typer.Typer) -> None:
    verb(app)(init)
    verb(app, folder=False)(serve)
    verb(app)(status)
    verb(app)(where)
    verb(app, "sync")(sync_now)


def init(
    terminal: Terminal,
    unit: Annotated[str, typer.Option("--unit", help="Code, name or path. 单位代码或名称")],
    parent: Annotated[str, typer.Option("--parent", help="Parent's host:port. 上级地址")] = "",
    listen: Annotated[
        str, typer.Option("--listen", help="Address for children. 监听地址")
    ] = "127.0.0.1:0",
    store: Annotated[str, typer.Option("--store", help="Database URL. 数据库地址")] = "",
    tree: Annotated[Path | None, typer.Option("--tree", help="CSV of units. 区划文件")] = None,
    tree_from: Annotated[
        str, typer.Option("--tree-from", help="First day of that tree. 区划起始日期")
    ] = "",
) -> None:
    """Make an office in a folder. 新建单位目录"""
    import random

    from hub.api.tokens import token_of
    from node.config import parse_config
    from node.domain.catalogue import load_catalogue
    from node.setup import init_office

    since: date | None = day_of(tree_from)
    if tree is not None and since is None:
        raise usage(
            "a tree of your own needs --tree-from", "自备区划文件须同时给出 --tree-from",
            "Say from which day it holds; every office must say the same.",
            "请给出区划起始日期, 各单位必须一致。",
        )  # fmt: skip
    settings: dict[str, Any] = {"unit": unit, "parent": parent, "listen": listen, "store": store}
    config = parse_config("--unit", settings)
    made = init_office(
        terminal.folder,
        config,
        load_catalogue(),
        rng=random.SystemRandom(),
        tree_csv=tree.read_bytes() if tree else None,
        tree_from=since,
    )
    token_of(terminal.folder)
    facts = {
        "code": made.code, "name": made.name, "level": int(made.level),
        "unit_id": made.unit_id, "folder": str(terminal.folder),
    }  # fmt: skip
    terminal.show(
        facts,
        lambda: terminal.line(
            f"{made.code} {made.name}: {terminal.folder}",
            f"{made.code} {made.name}: {terminal.folder}",
        ),
    )
    terminal.note(
        f"下一步: silian serve --dir {terminal.folder}",
        f"Next: silian serve --dir {terminal.folder}",
    )


def serve(
    terminal: Terminal,
    folders: Annotated[
        list[Path] | None,
        typer.Option(
            "--dir", envvar="SILIAN_DIR", help="Folder; may be repeated. 单位目录, 可多次"
        ),
    ] = None,
    listen: Annotated[str, typer.Option("--listen", help="host:port instead. 监听地址")] = "",
) -> None:
    """Serve one office or several until SIGTERM or Ctrl-C. 启动服务"""
    import os
    import random

    from hub.client.client import wall_ms
    from hub.serve.process import Process
    from node import logs

    logs.set_up(level=os.environ.get("SILIAN_LOG", "INFO"))
    over = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: over.set())
    process = Process(
        folders or [Path()], wall_ms=wall_ms, rng=random.SystemRandom(), listen=listen or None
    )
    try:
        address = process.start()
        offices = [served.office.unit for served in process.served.values()]
        facts = {"address": address, "offices": [unit.code for unit in offices]}
        names = ", ".join(f"{unit.code} {unit.name}" for unit in offices)
        terminal.show(facts, lambda: terminal.line(f"{address} {names}", f"{address} {names}"))
        sys.stdout.flush()
        over.wait()
    finally:
        process.stop()


def status(
    terminal: Terminal,
    tree: Annotated[bool, typer.Option("--tree", help="Also those below. 含下级")] = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="Exit 6 if something must be looked at. 有问题则退出码 6"),
    ] = False,
) -> Exit:
    """How the office stands, and what should be looked at. 运行状态"""
    with terminal.office() as office:
        found = office.status(tree=tree)
    terminal.show(found, lambda: _print_status(terminal, found, tree=tree))
    return Exit.PROBLEMS if check and found.problems else Exit.OK


def where(
    terminal: Terminal,
    register: Annotated[str, typer.Argument(help="Register. 台账")],
    record: Annotated[str, typer.Argument(help="Record id. 记录编号")],
    unit: Unit = "",
) -> None:
    """How far up a record's last change is safe. 数据已送达何处"""
    with terminal.office() as office:
        found = office.where(register, id_of(record), unit=unit)

    def human() -> None:
        rows = [
            (terminal.level(p.level), p.unit.name, terminal.localized(*PLACES[p.state]))
            for p in found.places
        ]
        heads = ("层级", "单位", "状态") if terminal.zh else ("LEVEL", "OFFICE", "STATE")
        terminal.table(heads, rows)

    terminal.show(found, human)


def sync_now(
    terminal: Terminal,
    now: Annotated[str, typer.Argument(help="now")] = "now",
    wait: Annotated[float, typer.Option("--wait", min=0, max=50, help="Seconds. 等待秒数")] = 10,
) -> Exit:
    """Try the link to the parent at once. 立即与上级同步"""
    if now != "now":
        raise usage(f"sync {now[:20]!r} is not known", f"未知的操作: {now[:20]}", "silian sync now")
    with terminal.office() as office:
        found = office.sync_now(wait_ms=int(wait * 1000))

    def human() -> None:
        if found.done:
            terminal.line("上级已收到全部数据", "the parent has everything")
            return
        why = found.link.reason or found.link.state
        terminal.line(
            f"还有 {found.waiting_up} 条待上报 ({why})",
            f"{found.waiting_up} entries still wait ({why})",
        )

    terminal.show(found, human)
    if found.done:
        return Exit.OK
    return Exit.TRY_LATER if found.link.connected else Exit.UNREACHABLE


def _print_status(terminal: Terminal, found: pb.GetStatusResponse, *, tree: bool) -> None:
    own, link = found.offices[0], found.link
    terminal.line(f"{own.unit.code} {own.unit.path}", f"{own.unit.code} {own.unit.path}")
    if link.parent:
        state = terminal.localized("已连接" if link.connected else "未连接", link.state)
        terminal.line(
            f"上级 {link.parent}: {state} {link.reason}".rstrip(),
            f"parent {link.parent}: {state} {link.reason}".rstrip(),
        )
    terminal.line(
        f"待上报 {own.waiting_up} 条, 冲突 {own.conflicts}, 缺口 {own.quarantined}",
        f"waiting {own.waiting_up}, conflicts {own.conflicts}, holes {own.quarantined}",
    )
    if tree and len(found.offices) > 1:
        heads = (
            ("代码", "单位", "线路", "最近联系", "数据截至", "待上报", "冲突", "缺口")
            if terminal.zh
            else ("CODE", "OFFICE", "LINE", "LAST CONTACT", "EXACT TO", "WAITING", "CONFLICTS",
                  "HOLES")
        )  # fmt: skip
        terminal.table(heads, [_row(terminal, each) for each in found.offices[1:]])
    for problem in found.problems:
        text, remedy = terminal.label(problem.text), terminal.label(problem.remedy)
        terminal.line(
            f"[{problem.severity}] {problem.unit.name}: {text}。{remedy}",
            f"[{problem.severity}] {problem.unit.name}: {text}. {remedy}",
        )


def _row(terminal: Terminal, office: pb.OfficeState) -> tuple[str | int, ...]:
    line = "-"
    if office.HasField("connected"):
        line = (
            terminal.localized("通", "up") if office.connected else terminal.localized("断", "down")
        )
    indent = "  " * max(0, office.unit.level - 1)
    return (
        office.unit.code, indent + office.unit.name, line, terminal.time(office.last_contact_ms),
        terminal.time(office.exact_ms), office.waiting_up, office.conflicts, office.quarantined,
    )  # fmt: skip
