"""rollup, indicators, verify: figures, and the proof of what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.arguments import Unit, day_of
from hub.cli.exits import Exit
from hub.cli.terminal import Terminal
from hub.cli.verb import verb

if TYPE_CHECKING:
    from sync.wire.v1 import office_figures_pb2 as pb

LAGGARDS_SHOWN = 10


def register(app: typer.Typer) -> None:
    for function in (rollup, indicators, verify):
        verb(app)(function)


def rollup(
    terminal: Terminal,
    indicator: Annotated[str, typer.Argument(help="As listed by `indicators`. 指标")],
    unit: Unit = "",
    by: Annotated[str, typer.Option("--by", help="unit, or a dimension. 分组")] = "",
    as_of: Annotated[str, typer.Option("--as-of", help="A day, 2026-07-01. 日期")] = "",
    as_was: Annotated[
        bool, typer.Option("--as-was", help="Under the tree of that day. 按当时区划")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Exit 6 unless complete. 不完整则退出码 6")
    ] = False,
) -> Exit:
    """A figure over a unit and all below it, and how complete it is. 汇总指标"""
    with terminal.office() as office:
        found = office.rollup(
            indicator, unit=unit, by=by, as_of=day_of(as_of),
            history="as-was" if as_was else "as-is",
        )  # fmt: skip
    terminal.show(found, lambda: _print(terminal, found))
    return Exit.PROBLEMS if check and not found.completeness.complete else Exit.OK


def indicators(terminal: Terminal) -> None:
    """What can be asked. 指标清单"""
    with terminal.office() as office:
        listed = office.indicators()
    heads = ("编号", "指标", "单位", "目标", "可分组") if terminal.zh else (
        "ID", "INDICATOR", "UNIT", "TARGET", "BY"
    )  # fmt: skip
    rows = [
        (i.id, terminal.label(i.label), i.unit, i.target, " ".join(i.dimensions)) for i in listed
    ]
    terminal.show(listed, lambda: terminal.table(heads, rows))


def verify(terminal: Terminal) -> Exit:
    """Recompute everything that is kept, and compare bit for bit. 核对"""
    report: Any = None
    with terminal.office() as office, terminal.progress("核对", "verifying") as show_progress:
        for update in office.verify():
            if update.WhichOneof("news") == "report":
                report = update.report
            else:
                show_progress(update.progress.done, update.progress.total)

    def human() -> None:
        heads = ("核对项", "数量") if terminal.zh else ("CHECK", "COMPARED")
        terminal.table(heads, [(name, int(n)) for name, n in sorted(report.compared.items())])
        for each in report.differences:
            line = f"{each.check} {each.where}: {each.kept} <> {each.recomputed}"
            terminal.line(line, line)
        terminal.line(
            "一致" if report.sound else f"不一致: {report.different} 处",
            "sound" if report.sound else f"different: {report.different}",
        )

    terminal.show(report, human)
    return Exit.OK if report.sound else Exit.PROBLEMS


def _print(terminal: Terminal, found: pb.GetRollupResponse) -> None:
    indicator, parts = found.indicator, found.completeness
    line = f"{found.unit.name} {terminal.label(indicator.label)}: {_figure(found.figure)}"
    line += f" {indicator.unit}" if indicator.unit else ""
    if found.figure.HasField("met"):
        met = (
            terminal.localized("达标", "met")
            if found.figure.met
            else terminal.localized("未达标", "not met")
        )
        line += f" ({indicator.target}: {met})"
    terminal.line(line, line)
    if found.groups:
        heads = ("分组", "数值", "分子", "分母") if terminal.zh else (
            "GROUP", "FIGURE", "NUMERATOR", "DENOMINATOR"
        )  # fmt: skip
        rows = [
            (f"{g.key if g.HasField('unit') else ''} {terminal.label(g.label)}".strip(),
             _figure(g.figure), *_terms(g.figure))
            for g in found.groups
        ]  # fmt: skip
        terminal.table(heads, rows)
    oldest = terminal.time(parts.oldest_ms)
    day = f"{found.as_of} {found.closing}".strip()
    terminal.line(
        f"{day} 已上报 {parts.reported}/{parts.expected}, 数据截至 {oldest}",
        f"{day} reported {parts.reported}/{parts.expected}, exact to {oldest}",
    )
    for lag in parts.laggards[:LAGGARDS_SHOWN]:
        text = f"  {lag.unit.code} {lag.unit.name}: {terminal.label(lag.label)}"
        terminal.line(text, text)
    if parts.laggards_total > LAGGARDS_SHOWN:
        more = parts.laggards_total - LAGGARDS_SHOWN
        terminal.line(f"  另有 {more} 个", f"  and {more} more")


def _figure(figure: pb.Figure) -> str:
    return figure.display or "-"


def _terms(figure: pb.Figure) -> tuple[str, str]:
    top = str(figure.numerator) if figure.HasField("numerator") else ""
    return top, str(figure.denominator) if figure.HasField("denominator") else ""
