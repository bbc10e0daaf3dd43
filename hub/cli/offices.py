"""Offices: init, serve, status, where, sync."""

from __future__ import annotations

import shlex
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.arguments import Unit, day_of, usage
from hub.cli.exits import Exit
from hub.cli.inputs import content_of
from hub.cli.labels import JOBS, SEVERITIES, labelled
from hub.cli.records import Record
from hub.cli.sealed import print_own
from hub.cli.terminal import Terminal
from hub.cli.verb import verb
from node.domain.english import counted

if TYPE_CHECKING:
    from sync.wire.office.v1 import office_pb2 as pb

MIB = 1 << 20
MINUTES = len("2026-07-01 12:00")
PLACES = {
    "safe": ("已保存", "saved"),
    "waiting": ("未送达", "waiting"),
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
    store_password_file: Annotated[
        str,
        typer.Option(
            "--store-password-file", help="File with the database password. 数据库密码文件"
        ),
    ] = "",
    tree: Annotated[Path | None, typer.Option("--tree", help="CSV file of units. 区划文件")] = None,
    tree_from: Annotated[
        str, typer.Option("--tree-from", help="First day on which that tree is valid. 区划起始日期")
    ] = "",
    parent_key: Annotated[
        str,
        typer.Option("--parent-key", help="Parent's key, as its `doctor` shows it. 上级密钥指纹"),
    ] = "",
) -> None:
    """Create an office in a folder. 新建单位目录"""
    import random

    from hub.api.tokens import token_of
    from hub.serve.server import CannotListen, asked, must_be_free
    from node.config import parse_config
    from node.domain.catalogue import load_catalogue
    from node.domain.units import Level
    from node.setup import init_office

    since: date | None = day_of(tree_from)
    if tree is not None and since is None:
        raise usage(
            "a tree of your own needs --tree-from", "自备区划文件须同时给出 --tree-from",
            "Give the first day on which it is valid; every office must give the same.",
            "请给出区划起始日期，各单位必须一致。",
        )  # fmt: skip
    settings: dict[str, Any] = {
        "unit": unit, "parent": parent, "listen": listen, "store": store,
        "store_password_file": store_password_file,
    }  # fmt: skip
    config = parse_config("silian init", settings)
    made = init_office(
        terminal.folder,
        config,
        load_catalogue(),
        rng=random.SystemRandom(),
        tree_csv=content_of(tree) if tree else None,
        tree_from=since,
        parent_key=parent_key,
    )
    token_of(terminal.folder)
    facts = {
        "code": made.code, "name": made.name, "level": int(made.level),
        "unit_id": str(made.unit_id), "folder": str(terminal.folder),
    }  # fmt: skip
    terminal.show(
        facts,
        lambda: terminal.line(
            f"{made.code} {made.name}：{terminal.folder}",
            f"{made.code} {made.name}: {terminal.folder}",
        ),
    )
    if not config.parent and made.level is not Level.CITY:
        terminal.note(
            "尚未设置上级：请在 office.toml 中填写 parent（主机:端口），否则数据不会上报。",
            "No parent is set: put `parent` (host:port) into office.toml, or this office "
            "sends nothing.",
        )
    try:
        for each in asked(config.listen):
            must_be_free(each)
    except CannotListen as taken:
        terminal.note(f"注意：{taken.text('zh')}", f"Note: {taken.text('en')}")
    folder = shlex.quote(str(terminal.folder))
    terminal.note(f"下一步：silian serve --dir {folder}", f"Next: silian serve --dir {folder}")


def serve(
    terminal: Terminal,
    folders: Annotated[
        list[Path] | None,
        typer.Option(
            "--dir", envvar="SILIAN_DIR", help="Folder; may be repeated. 单位目录，可多次"
        ),
    ] = None,
    listen: Annotated[
        str, typer.Option("--listen", help="host:port, instead of the setting. 监听地址")
    ] = "",
) -> None:
    """Serve one office or several until SIGTERM or Ctrl-C. 启动服务"""
    import os
    import random

    import structlog

    from hub.client.client import wall_ms
    from hub.serve.capacity import raise_file_limit
    from hub.serve.process import Process, leave_soon
    from hub.serve.supervisor import Supervisor
    from hub.serve.traces import spans_asked
    from node import logs

    logs.set_up(level=logs.level_asked("INFO"))
    logs.set_hooks()
    raise_file_limit()
    over = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(each) is not signal.SIG_IGN:  # nohup has had it ignored
            signal.signal(each, lambda *_: over.set())
    spans, send_last = spans_asked(os.environ, structlog.get_logger())
    process = Process(
        folders or [Path()], wall_ms=wall_ms, rng=random.SystemRandom(), listen=listen or None,
        supervisor=Supervisor.of_this_process(),
        spans=spans,
    )  # fmt: skip
    try:
        address = process.start()
        offices = [served.office.unit for served in process.served.values()]
        facts = {
            "address": address, "addresses": list(process.server.addresses),
            "offices": [unit.code for unit in offices],
        }  # fmt: skip
        at = ", ".join(process.server.addresses)
        names = ", ".join(f"{unit.code} {unit.name}" for unit in offices)
        terminal.show(facts, lambda: terminal.line(f"{at} {names}", f"{at} {names}"))
        sys.stdout.flush()
        over.wait()
    finally:
        process.stop()
        send_last()
    leave_soon()


def status(
    terminal: Terminal,
    tree: Annotated[bool, typer.Option("--tree", help="Include the offices below. 含下级")] = False,
    unit: Annotated[
        str, typer.Option("--unit", help="A unit below, with --tree. 下级单位（--tree）")
    ] = "",
    depth: Annotated[
        int | None,
        typer.Option("--depth", min=0, max=3, help="Levels below, with --tree. 层数（--tree）"),
    ] = None,
    never: Annotated[
        bool,
        typer.Option(
            "--never", help="Also list offices that never connected. 列出从未联网的单位（--tree）"
        ),
    ] = False,
    problems: Annotated[
        bool, typer.Option("--problems", help="List every problem. 逐条列出问题（--tree）")
    ] = False,
    cause: Annotated[
        str,
        typer.Option(
            "--cause", help="Only one cause, for example `quarantined`. 某一类问题（--problems）"
        ),
    ] = "",
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=1_000, help="Lines on a page. 每页行数（--tree）")
    ] = 100,
    after: Annotated[
        str,
        typer.Option("--after", help="Next page: `next` from the page before. 下一页（--tree）"),
    ] = "",
    check: Annotated[
        bool,
        typer.Option("--check", help="Exit with 6 if there is a problem. 有问题则退出码 6"),
    ] = False,
) -> Exit:
    """Show the state of the office and its problems. 运行状态"""
    given = {
        "--unit": unit, "--depth": depth is not None, "--never": never, "--problems": problems,
        "--cause": cause, "--limit": limit != 100, "--after": after,
    }  # fmt: skip
    stray = [name for name, value in given.items() if value and not tree]
    if cause and not problems:
        stray.append("--cause")
    if never and problems:
        stray.append("--never")
    if stray:
        raise usage(
            f"{stray[0]} does not go with what was asked", f"{stray[0]} 不能这样使用",
            "--unit, --depth, --never, --problems, --limit and --after go with --tree, --cause "
            "with --problems, --never without.",
            "--unit、--depth、--never、--problems、--limit、--after 须与 --tree 同用，"
            "--cause 须与 --problems 同用，--never 不能与 --problems 同用。",
        )  # fmt: skip
    with terminal.office() as office:
        if tree:
            below = office.get_tree_status(
                unit=unit, depth=1 if depth is None else depth, never=never, problems=problems,
                cause=cause, page_size=limit, page_token=after,
            )  # fmt: skip
            terminal.show(below, lambda: _print_tree(terminal, below))
            return Exit.PROBLEMS if check and below.causes else Exit.OK
        found = office.get_status()
    terminal.show(found, lambda: _print_status(terminal, found))
    return Exit.PROBLEMS if check and found.problems else Exit.OK


def where(
    terminal: Terminal,
    register: Annotated[str, typer.Argument(help="Register. 台账")],
    record: Record,
    unit: Unit = "",
) -> None:
    """Show which higher offices have saved a record's latest change. 数据已送达何处"""
    with terminal.office() as office:
        found = office.get_durability(register=register, id=record, unit=unit)

    def human() -> None:
        rows = [
            (terminal.level(p.level), p.unit.name, terminal.localized(*PLACES[p.state]))
            for p in found.places
        ]
        heads = ("层级", "单位", "状态") if terminal.zh else ("LEVEL", "OFFICE", "STATE")
        terminal.table(heads, rows)
        when = terminal.time(found.as_of_ms)
        if found.as_of_ms:
            terminal.line(f"截至 {when}", f"as of {when}")
        else:
            terminal.line(
                "本次启动后尚未与上级联系，以上为此前的记录",
                "the parent was not reached since the start: this is what was known before",
            )

    terminal.show(found, human)


def sync_now(
    terminal: Terminal,
    now: Annotated[str, typer.Argument(help="`now`. 立即同步")] = "now",
    wait: Annotated[float, typer.Option("--wait", min=0, max=50, help="Seconds. 等待秒数")] = 10,
) -> Exit:
    """Connect to the parent now and exchange changes. 立即与上级同步"""
    if now != "now":
        raise usage(f"sync {now[:20]!r} is not known", f"未知的操作：{now[:20]}", "silian sync now")
    with terminal.office() as office:
        found = office.sync_office(wait_ms=int(wait * 1000))

    def human() -> None:
        if found.done:
            terminal.line("上级已收到全部数据", "the parent has everything")
            return
        why = found.link.reason or found.link.state
        why_zh = f"（{found.link.reason_zh}）" if found.link.reason_zh else ""
        terminal.line(
            f"还有 {found.waiting_up} 条待上报{why_zh}",
            f"{counted(found.waiting_up, 'entry still waits', 'entries still wait')} ({why})",
        )

    terminal.show(found, human)
    if found.done:
        return Exit.OK
    return Exit.TRY_LATER if found.link.connected else Exit.UNREACHABLE


def _print_status(terminal: Terminal, found: pb.GetStatusResponse) -> None:
    own, link = found.offices[0], found.link
    terminal.line(f"{own.unit.code} {own.unit.path}", f"{own.unit.code} {own.unit.path}")
    if link.parent:
        state = terminal.localized("已连接" if link.connected else "未连接", link.state)
        terminal.line(
            f"上级 {link.parent}：{state}" + (f"，{link.reason_zh}" if link.reason_zh else ""),
            f"parent {link.parent}: {state} {link.reason}".rstrip(),
        )
    if link.parent_key:
        terminal.line(f"上级密钥 {link.parent_key}", f"parent's key {link.parent_key}")
    terminal.line(
        f"待上报 {own.waiting_up} 条，冲突 {own.conflicts}，隔离 {own.quarantined}",
        f"waiting {own.waiting_up}, conflicts {own.conflicts}, quarantined {own.quarantined}",
    )
    _print_machine(terminal, found.machine)
    _print_jobs(terminal, found.jobs)
    if found.HasField("sealed"):
        print_own(terminal, found.sealed)
    for problem in found.problems:
        _print_problem(terminal, problem)


def _print_machine(terminal: Terminal, machine: pb.MachineState) -> None:
    """Print what the office measures of itself, as far as it is known."""
    parts: list[tuple[str, str]] = []
    if machine.HasField("certificate_days"):
        days = machine.certificate_days
        parts.append((f"证书剩余 {days} 天", f"certificate {counted(days, 'day')} left"))
    if machine.HasField("store_bytes"):
        size = f"{machine.store_bytes / MIB:,.1f} MiB"
        parts.append((f"数据库 {size}", f"store {size}"))
    if machine.HasField("disk_free_bytes"):
        free = f"{machine.disk_free_bytes // MIB:,} MiB"
        parts.append((f"磁盘剩余 {free}", f"disk {free} free"))
    if machine.HasField("clock_offset_ms"):
        offset = f"{machine.clock_offset_ms / 1000:+.3f}"
        parts.append((f"时钟与上级相差 {offset} 秒", f"clock {offset} s to the parent's"))
    if parts:
        terminal.line("，".join(zh for zh, _ in parts), ", ".join(en for _, en in parts))


def _print_jobs(terminal: Terminal, jobs: Sequence[pb.JobState]) -> None:
    for each in jobs:
        last = terminal.time(each.last_success_ms)
        job = labelled(terminal, JOBS, each.job)
        terminal.line(
            f"定时任务“{job}”：执行 {each.runs} 次，失败 {each.failures} 次，最近成功 {last}",
            f"job {job}: {counted(each.runs, 'run')}, {each.failures} failed, last success {last}",
        )


def _print_tree(terminal: Terminal, found: pb.GetTreeStatusResponse) -> None:
    """Print the sums, the causes, and then a page of lines or of problems."""
    sums, unit = found.sums, found.unit
    terminal.line(f"{unit.code} {unit.path}", f"{unit.code} {unit.path}")
    quiet = sums.offices - sums.received
    oldest = terminal.time(sums.oldest_ms)
    terminal.line(
        f"单位 {sums.offices} 个：已联网 {sums.received}，从未联网 {quiet}，"
        f"已连接 {sums.connected}，有问题 {sums.with_problems}；数据截至 {oldest}",
        f"{counted(sums.offices, 'office')}: {sums.received} connected before, {quiet} never, "
        f"connected now {sums.connected}, with problems {sums.with_problems}; exact to {oldest}",
    )
    for cause in found.causes:
        _print_cause(terminal, cause)
    if found.offices:
        heads = (
            ("代码", "单位", "连接", "数据截至", "已联网", "待上报", "问题单位")
            if terminal.zh
            else ("CODE", "OFFICE", "LINK", "EXACT TO", "RECEIVED", "WAITING", "PROBLEMS")
        )
        terminal.table(heads, [_row(terminal, each) for each in found.offices])
    for problem in found.problems:
        _print_problem(terminal, problem)
    if found.next_page_token:
        terminal.note_page(found, "条")


def _print_cause(terminal: Terminal, cause: pb.Cause) -> None:
    severity = terminal.localized(*SEVERITIES[cause.severity])
    texts = [terminal.label(each.text) for each in cause.examples]
    names = [each.unit.name for each in cause.examples]
    remedy = terminal.label(cause.remedy)
    more_zh, more_en = ("等", ", ...") if cause.offices > len(names) else ("", "")
    if len(set(texts)) == 1:
        terminal.line(
            f"[{severity}] {texts[0]}（{cause.offices} 个单位：{'、'.join(names)}{more_zh}）。"
            f"{remedy}",
            f"[{severity}] {texts[0]} ({counted(cause.offices, 'office')}: "
            f"{', '.join(names)}{more_en}). "
            f"{remedy}",
        )
        return
    pairs = list(zip(names, texts, strict=True))
    listed_zh = "、".join(f"{name}（{text}）" for name, text in pairs)
    listed_en = ", ".join(f"{name} ({text})" for name, text in pairs)
    terminal.line(
        f"[{severity}] {cause.offices} 个单位：{listed_zh}{more_zh}。{remedy}",
        f"[{severity}] {counted(cause.offices, 'office')}: {listed_en}{more_en}. {remedy}",
    )


def _print_problem(terminal: Terminal, problem: pb.Problem) -> None:
    text, remedy = terminal.label(problem.text), terminal.label(problem.remedy)
    severity = terminal.localized(*SEVERITIES[problem.severity])
    terminal.line(
        f"[{severity}] {problem.unit.name}：{text}。{remedy}",
        f"[{severity}] {problem.unit.name}: {text}. {remedy}",
    )


def _row(terminal: Terminal, office: pb.OfficeState) -> tuple[str, ...]:
    """Return an office with all below it; one that never connected has no number."""
    sums = office.sums
    state = "-"
    if office.HasField("connected"):
        state = (
            terminal.localized("通", "up") if office.connected else terminal.localized("断", "down")
        )
    known = sums.received > 0
    return (
        office.unit.code, "  " * office.depth + office.unit.name, state,
        terminal.time(sums.oldest_ms)[:MINUTES] if known else "-",
        f"{sums.received}/{sums.offices}",
        str(sums.waiting_up) if known else "-",
        str(sums.with_problems) if known else "-",
    )  # fmt: skip
