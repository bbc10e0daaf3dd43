"""Runner of the demonstration: each scene in turn; whatever happens, all is stopped."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from hub.cli.arguments import usage
from hub.cli.exits import Exit
from hub.cli.terminal import Terminal
from hub.client.client import wall_ms
from hub.demo import enrolment, faults, measure, money, registers, work
from hub.demo.network import Network, plan_network
from hub.demo.outcome import Outcome, document
from hub.demo.progress import Progress
from hub.demo.report import Report
from hub.demo.settle import settle
from node.china import CHINA
from node.config import OfficeConfig
from node.domain.unit_csv import read_units
from node.domain.units import Tree
from node.reference import SHIPPED_FROM, shipped_tree_bytes

ZHALONGKOU = "330102013000"
SCALE_MIN, SCALE_MAX = 0.01, 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for. `folder`: None for one that is removed at the end."""

    tree: Path | None = None
    unit: str = ""
    scale: float = 1.0
    folder: Path | None = None
    keep: bool = False


def run(terminal: Terminal, options: Options) -> Exit:
    """Run the demonstration and print what came of it; exit 6 when something does not add up.

    Raises: DemoFailed with the step that failed; BadUnitFile, UnknownUnit. Nothing is left behind.
    """
    content = options.tree.read_bytes() if options.tree else shipped_tree_bytes()
    units = read_units(content, str(options.tree or "shipped"), SHIPPED_FROM)
    today = datetime.now(CHINA).date()
    tree = Tree(units, today)
    street = tree.find(_street_asked(options))
    _forget_settings()
    with _folder(options.folder) as base, _terminable():
        network = plan_network(tree, street, base)
        progress = Progress(terminal, network.processes.cpu_s)
        try:
            outcome = _play(terminal, network, progress, content, today, options.scale)
            result = document(network, outcome, progress.steps, progress.seconds)
            terminal.show(
                result,
                lambda: Report(terminal, network, outcome).print(progress.steps, progress.seconds),
            )
            sys.stdout.flush()
            if options.keep:
                _keep(terminal, network)
        finally:
            network.close()
    return Exit.OK if outcome.sound else Exit.PROBLEMS


def _play(
    terminal: Terminal,
    network: Network,
    progress: Progress,
    tree_csv: bytes,
    today: date,
    scale: float,
) -> Outcome:
    plan = registers.plan_of(network.tree, network.street.unit.unit_id, today, scale)
    workbooks = network.city.folder.parent.parent / "workbooks"
    with progress.step("prepare", "写工作簿，建单位", "write workbooks, make offices") as report:
        books = registers.prepare(network, plan, workbooks, tree_csv, SHIPPED_FROM, report)
    network.lay()
    _print_hosts(terminal, network)
    with progress.step(
        "enrol", "启动各级，逐级邀请入网", "start each level; it invites the next"
    ) as report:
        enrolled = enrolment.enrol(network, workbooks.parent / "letters", report)
    with progress.step("import", "各社区导入台账", "communities import their registers") as report:
        registers.bring_in(network, books, report)
    with progress.step("settle", "逐级上报", "records and sums go up"):
        settle(network)
    with progress.step("work", "交办任务，逐级办理", "an order to every community") as report:
        order = work.spread(network, wall_ms(), report)
    with progress.step("money", "资金安排、下拨、支出", "appropriate, release, spend") as report:
        moved = money.pay(network, today.year, report)
        settle(network)
    with progress.step(
        "trouble", "断网，两边同改，强制终止进程", "cut lines, edit both sides, kill -9"
    ):
        trouble = faults.inject(network, order.declined_by, today)
    with progress.step("heal", "恢复并等待同步完成", "heal and settle"):
        settle(network)
        if trouble.order is not None and order.declined_by is not None:
            work.answer_again(network, order.declined_by, trouble.order)
            settle(network)
    with progress.step("measure", "清点各级数据", "count at every level"):
        counted = measure.records(network)
        hops = measure.assignments(network)
        lines = measure.funds(network)
        open_conflicts = measure.conflicts(network)
        replies = measure.rollups(network)
        reports = measure.reports(terminal, network)
    with progress.step("verify", "各单位复算核对", "recompute at every office"):
        proof = measure.verified(network)
    return Outcome(
        enrolment=enrolled,
        hosts=network.hosts.kind,
        hosts_why=network.hosts.why,
        records=counted,
        assignments=hops,
        moved=moved,
        funds=lines,
        conflicts=open_conflicts,
        rollups=replies,
        reports=reports,
        verified=proof,
        trouble=trouble,
        declined={order.declined_by.code: order.reason} if order.declined_by else {},
        carried_bytes={
            "communities_street": network.downward.carried,
            "street_district": network.upward.carried,
        },
    )


def _print_hosts(terminal: Terminal, network: Network) -> None:
    why_zh, why_en = network.hosts.why
    if network.hosts.kind == "namespaces":
        terminal.note(
            f"每级一台主机（网络命名空间），使用双向 TLS：{why_zh}。",
            f"Each level is a host (a network namespace), with mutual TLS: {why_en}.",
        )
    else:
        terminal.note(
            f"各级均在本机回环地址上，使用双向 TLS：{why_zh}。",
            f"All levels are on this machine's loopback, with mutual TLS: {why_en}.",
        )


def _street_asked(options: Options) -> str:
    if not SCALE_MIN <= options.scale <= SCALE_MAX:
        raise usage(
            f"--scale {options.scale} is not between {SCALE_MIN} and {SCALE_MAX}",
            f"--scale {options.scale} 不在 {SCALE_MIN} 与 {SCALE_MAX} 之间",
            "1.0 is life size.", "1.0 为实际规模。",
        )  # fmt: skip
    if options.tree and not options.unit:
        raise usage(
            "a tree of your own needs --unit", "自备区划文件须同时给出 --unit",
            "Name the street to run.", "请指定要演示的街道。",
        )  # fmt: skip
    return options.unit or ZHALONGKOU


def _forget_settings() -> None:
    """Ignore settings of another office in the environment: they are not for all of ours."""
    for name in OfficeConfig.model_fields:
        os.environ.pop(f"SILIAN_{name.upper()}", None)


@contextmanager
def _folder(asked: Path | None) -> Iterator[Path]:
    """Yield the folder to work in: the one asked for, which stays, or one that goes afterwards."""
    if asked is None:
        base = Path(tempfile.mkdtemp(prefix="silian-demo-"))
        try:
            yield base
        finally:
            shutil.rmtree(base, ignore_errors=True)
        return
    if asked.exists() and any(asked.iterdir()):
        raise usage(
            f"{asked} is not empty", f"{asked} 不是空目录",
            "Choose a new folder; nothing is overwritten.", "请选择新目录，系统不会覆盖已有数据。",
        )  # fmt: skip
    asked.mkdir(parents=True, exist_ok=True)
    yield asked.resolve()


@contextmanager
def _terminable() -> Iterator[None]:
    """Have SIGTERM and SIGHUP (the terminal was closed) unwind the stack as Ctrl-C does.

    So everything is stopped and removed.
    """

    def terminated(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        each: signal.signal(each, terminated)
        for each in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(each) is not signal.SIG_IGN  # nohup has had it ignored
    }
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _keep(terminal: Terminal, network: Network) -> None:
    """Print where everything is, and wait for Ctrl-C."""
    for server in network.processes.names():
        places = network.served_by(server)
        names = ", ".join(f"{place.code} {place.name}" for place in places)
        address = network.processes.address(server)
        inside = " ".join(network.hosts.inside(server))
        terminal.note(f"{address}  {names}", f"{address}  {names}")
        if inside:
            terminal.note(f"  {inside}", f"  {inside}")
    for place in (network.city, network.street, network.communities[0]):
        terminal.note(f"{place.name}: {place.folder}", f"{place.name}: {place.folder}")
    for place, verb in (
        (network.city, "status --tree"),
        (network.city, f"rollup K5 --by unit --unit {network.street.code}"),
        (network.district, "cert ls"),
        (network.street, "conflict ls"),
        (network.city, "verify"),
    ):
        # A command asks the office on its own host.
        words = (*network.hosts.inside(place.server), "silian", verb, "--dir", str(place.folder))
        command = " ".join(words)
        terminal.note(f"  {command}", f"  {command}")
    terminal.note("正在运行，按 Ctrl-C 停止。", "Running; Ctrl-C stops it all.")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        terminal.note("正在停止。", "Stopping.")
