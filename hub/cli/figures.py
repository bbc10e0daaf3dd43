"""Figures: rollup, indicators, verify."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.arguments import Unit, day_text
from hub.cli.exits import Exit
from hub.cli.labels import VERIFIED, labelled
from hub.cli.terminal import Terminal
from hub.cli.verb import verb

if TYPE_CHECKING:
    from sync.wire.office.v1 import figures_pb2 as pb

LAGGARDS_SHOWN = 10
EVERYBODY = 1_000_000  # no tree has so many offices


def register(app: typer.Typer) -> None:
    for function in (rollup, verify):
        verb(app)(function)
    indicator = typer.Typer(help="Indicators. 指标", no_args_is_help=True)
    app.add_typer(indicator, name="indicator")
    verb(indicator, "ls")(indicators)


def rollup(
    terminal: Terminal,
    indicator: Annotated[str, typer.Argument(help="As listed by `indicator ls`. 指标")],
    unit: Unit = "",
    by: Annotated[str, typer.Option("--by", help="Divide by unit or by a dimension. 分组")] = "",
    as_of: Annotated[str, typer.Option("--as-of", help="A day, 2026-07-01. 日期")] = "",
    as_was: Annotated[
        bool, typer.Option("--as-was", help="Use the tree of that day. 按当时区划")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 6 if it is incomplete. 不完整则退出码 6")
    ] = False,
    everyone: Annotated[
        bool,
        typer.Option("--all", help="Name every office whose data is missing. 列出全部未齐单位"),
    ] = False,
) -> Exit:
    """Show a figure over a unit and all below it, and how complete it is. 汇总指标"""
    with terminal.office() as office:
        found = office.get_rollup(
            indicator=indicator, unit=unit, by=by, as_of=day_text(as_of),
            history="as-was" if as_was else "as-is",
            laggards_limit=EVERYBODY if everyone or terminal.json else LAGGARDS_SHOWN,
        )  # fmt: skip
    terminal.show(found, lambda: _print(terminal, found))
    return Exit.PROBLEMS if check and not found.completeness.complete else Exit.OK


def indicators(terminal: Terminal) -> None:
    """List the indicators. 指标清单"""
    with terminal.office() as office:
        listed = office.list_indicators().indicators
    heads = ("编号", "指标", "单位", "目标", "可分组") if terminal.zh else (
        "ID", "INDICATOR", "UNIT", "TARGET", "BY"
    )  # fmt: skip
    rows = [
        (i.id, terminal.label(i.label), i.unit, i.target,
         "、".join(each.zh for each in i.dimension_labels) if terminal.zh
         else " ".join(i.dimensions))
        for i in listed
    ]  # fmt: skip

    def human() -> None:
        terminal.table(heads, rows)
        terminal.note_total(len(listed), "项")

    terminal.show(listed, human)


def verify(terminal: Terminal) -> Exit:
    """Recompute all stored figures and compare them exactly. 核对"""
    report: Any = None
    with terminal.office() as office, terminal.progress("核对", "verifying") as show_progress:
        for update in office.verify_office():
            if update.WhichOneof("news") == "report":
                report = update.report
            else:
                show_progress(update.progress.done, update.progress.total)

    def human() -> None:
        heads = ("核对项", "数量") if terminal.zh else ("CHECK", "COMPARED")
        terminal.table(heads, [
            (labelled(terminal, VERIFIED, name), int(n))
            for name, n in sorted(report.compared.items())
        ])  # fmt: skip
        for each in report.differences:
            what = f"{labelled(terminal, VERIFIED, each.check)} {each.where}"
            terminal.line(
                f"{what}：保存为 {each.kept}，复算为 {each.recomputed}",
                f"{what}: {each.kept} <> {each.recomputed}",
            )
        terminal.line(
            "一致" if report.sound else f"不一致：{report.different} 处",
            "sound" if report.sound else f"different: {report.different}",
        )

    terminal.show(report, human)
    return Exit.OK if report.sound else Exit.PROBLEMS


def _print(terminal: Terminal, found: pb.GetRollupResponse) -> None:
    indicator, parts = found.indicator, found.completeness
    name, figure = terminal.label(indicator.label), _figure(found.figure)
    figure += f" {indicator.unit}" if indicator.unit and not found.figure.unknown else ""
    met = met_zh = ""
    if found.figure.HasField("met"):
        met = f" ({indicator.target}: {'met' if found.figure.met else 'not met'})"
        met_zh = f"（目标 {indicator.target}，{'达标' if found.figure.met else '未达标'}）"
    terminal.line(
        f"{found.unit.name} {name}：{figure}{met_zh}", f"{found.unit.name} {name}: {figure}{met}"
    )
    for line in _left_out(found.figure):
        terminal.line(*line)
    if found.groups:
        terminal.table(*_table(terminal, found))
    oldest = terminal.time(parts.oldest_ms)
    day = f"{found.as_of} {found.closing}".strip()
    n = parts.counts
    terminal.line(
        f"{day} 已联网 {n.received}/{n.expected}，已填报 {n.reported}/{n.expected}，"
        f"数据完整 {n.complete}/{n.expected}，数据截至 {oldest}",
        f"{day} received {n.received}/{n.expected}, reported {n.reported}/{n.expected}, "
        f"complete {n.complete}/{n.expected}, exact to {oldest}",
    )
    labels = {each.register: terminal.label(each.label) for each in parts.registers}
    for each in parts.registers:
        terminal.line(
            f"  {each.label.zh}：有记录 {each.with_records}/{each.expected}，"
            f"零报告 {each.with_none}",
            f"  {each.label.en}: with records {each.with_records}/{each.expected}, "
            f"nothing to report {each.with_none}",
        )
    for lag in parts.laggards:
        missing = terminal.localized("、", ", ").join(
            labels.get(name, name) for name in lag.missing
        )
        what = terminal.label(lag.label)
        terminal.line(
            f"  {lag.unit.code} {lag.unit.name}：{what}" + (f"（{missing}）" if missing else ""),
            f"  {lag.unit.code} {lag.unit.name}: {what}" + (f" ({missing})" if missing else ""),
        )
    if parts.laggards_total > len(parts.laggards):
        more = parts.laggards_total - len(parts.laggards)
        terminal.line(
            f"  另有 {more} 个，加 --all 全部列出", f"  and {more} more: --all names them"
        )


def _left_out(figure: pb.Figure) -> Iterator[tuple[str, str]]:
    """Yield what a figure leaves out so that it shows no few persons, in Chinese and English."""
    undecided = figure.numerator_undecided + figure.denominator_undecided
    if undecided:
        yield (
            f"  另有 {undecided} 人（户）未计入：分组不足5人（户）已合并，无法区分",
            f"  left out: {undecided}, in groups combined because fewer than five persons differ",
        )
    if figure.withheld_offices:
        yield (
            f"  另有 {figure.withheld_offices} 个单位不足5人（户），不提供数字，未计入",
            f"  left out: {figure.withheld_offices} offices with fewer than five, not given",
        )


def _table(terminal: Terminal, found: pb.GetRollupResponse) -> tuple[list[str], list[list[str]]]:
    """Return heads and rows of a breakdown; by unit each row has how many offices reported."""
    counted = any(group.HasField("counts") for group in found.groups)
    heads = ["分组", "数值", "分子", "分母"]
    if not terminal.zh:
        heads = ["GROUP", "FIGURE", "NUMERATOR", "DENOMINATOR"]
    if counted:
        heads.append(terminal.localized("已填报", "REPORTED"))
    rows = []
    for group in found.groups:
        code, n = group.key if group.HasField("unit") else "", group.counts
        row = [f"{code} {terminal.label(group.label)}".strip(), _figure(group.figure)]
        row += _terms(group.figure)
        if counted:
            row.append(f"{n.reported}/{n.expected}" if group.HasField("counts") else "")
        rows.append(row)
    return heads, rows


def _figure(figure: pb.Figure) -> str:
    return figure.display or "-"


def _terms(figure: pb.Figure) -> tuple[str, str]:
    none = "-" if figure.unknown else ""
    top = str(figure.numerator) if figure.HasField("numerator") else none
    return top, str(figure.denominator) if figure.HasField("denominator") else none
