"""report: many figures of many units in one table, with targets, completeness and a total."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.arguments import Unit, listed_of
from hub.cli.options import Needs
from hub.cli.outputs import Force, kind_by_name, must_be_free, written
from hub.cli.targets import level_of
from hub.cli.terminal import Cell, Terminal
from hub.cli.verb import verb

if TYPE_CHECKING:
    from hub.client.client import OfficeClient
    from sync.wire.office.v1 import daily_pb2 as pb
    from sync.wire.office.v1 import figures_pb2 as figures

TOGETHER = 3  # indicators side by side on a screen
Heads = Sequence[str]
Value = str | Decimal | None


def register(app: typer.Typer) -> None:
    verb(app, rules=[Needs("force", "out")])(report)


def report(
    terminal: Terminal,
    unit: Unit = "",
    by: Annotated[
        str, typer.Option("--by", help="A row for each: district, street, community. 按层级")
    ] = "",
    indicator: Annotated[
        list[str] | None, typer.Option("--indicator", help="Only these, as K3,K4. 指标")
    ] = None,
    month: Annotated[
        list[str] | None,
        typer.Option(
            "--month", help="At the end of this month, as 2026-10; repeat for a trend. 月份"
        ),
    ] = None,
    as_was: Annotated[
        bool, typer.Option("--as-was", help="Use the tree of that time. 按当时区划")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Write an .xlsx file. 输出文件")] = None,
    force: Force = False,
) -> None:
    """Show many figures with targets, completeness and a total; by level and by month. 统计报表"""
    level = level_of(by) if by else None
    if out is not None:
        must_be_free(out, force=force)
        kind_by_name(out)
    with terminal.office() as office:
        found = asked(
            terminal, office, listed_of(indicator or ()), listed_of(month or ()), unit=unit,
            level=level, as_was=as_was,
        )  # fmt: skip
    if out is None:
        terminal.show(found, lambda: print_report(terminal, found, by_unit=level is not None))
        return
    with written(out, force=force) as file:
        from node.workbook.plain_table import write_tables

        write_tables(file, _sheets(terminal, found, by_unit=level is not None))
    terminal.show(
        {"file": str(out), "indicators": len({c.indicator.id for c in found.columns}),
         "units": len(found.rows)},
        lambda: terminal.line(f"已写入 {out}", f"wrote {out}"),
    )  # fmt: skip


def asked(
    terminal: Terminal, office: OfficeClient, indicators: Sequence[str], months: Sequence[str], *,
    unit: str, level: int | None, as_was: bool,
) -> pb.GetReportResponse:  # fmt: skip
    """Request one indicator after the other: all of a city's communities take a while."""
    names = indicators or [each.id for each in office.list_indicators().indicators]
    question: dict[str, Any] = {"unit": unit, "level": level, "months": months, "as_was": as_was}
    with terminal.progress("汇总指标", "figures") as show_progress:
        whole = office.get_report(indicators=names[:1], **question)
        for number, name in enumerate(names[1:], start=1):
            show_progress(number, len(names))
            part = office.get_report(indicators=[name], **question)
            whole.columns.extend(part.columns)
            for row, more in zip(whole.rows, part.rows, strict=True):
                row.cells.extend(more.cells)
    return whole


# -- tables -------------------------------------------------------------------------------------


def summary(terminal: Terminal, found: pb.GetReportResponse) -> tuple[Heads, list[list[str]]]:
    """Return a row for each indicator: its figures by month, target, and how complete they are."""
    months = list(dict.fromkeys(column.month for column in found.columns))
    heads = ["编号", "指标"] if terminal.zh else ["ID", "INDICATOR"]
    for month in months:
        heads += [month or terminal.localized("数值", "FIGURE"),
                  terminal.localized("已填报", "REPORTED")]  # fmt: skip
    heads += ["单位", "目标", "达标"] if terminal.zh else ["UNIT", "TARGET", "MET"]
    rows = []
    for at in range(0, len(found.columns), max(1, len(months))):
        columns = found.columns[at : at + len(months)]
        indicator = columns[-1].indicator
        row = [indicator.id, terminal.label(indicator.label)]
        for column in columns:
            row += [figure_text(column.total), _reported(terminal, column, column.counts)]
        rows.append([*row, indicator.unit, indicator.target, _met(terminal, columns[-1].total)])
    return heads, rows


def by_unit(
    terminal: Terminal, found: pb.GetReportResponse, columns: Sequence[int]
) -> tuple[Heads, list[list[str]]]:
    """Return a row for each unit, the total last; next to each figure how many have reported."""
    heads = [terminal.localized("单位", "UNIT")]
    for at in columns:
        heads += [_head(terminal, found.columns[at]), terminal.localized("已填报", "REPORTED")]
    rows = []
    for row in found.rows:
        cells = [row.unit.name]
        for at in columns:
            counts = row.cells[at].counts
            cells += [_cell_text(row.cells[at]), _reported(terminal, found.columns[at], counts)]
        rows.append(cells)
    for title, texts in _below(terminal, found, columns):
        rows.append([title, *texts])
    return heads, rows


def _below(
    terminal: Terminal, found: pb.GetReportResponse, columns: Sequence[int]
) -> Iterator[tuple[str, list[str]]]:
    totals, targets = [], []
    for at in columns:
        column = found.columns[at]
        totals += [figure_text(column.total), _reported(terminal, column, column.counts)]
        targets += [column.indicator.target, ""]
    yield terminal.localized(f"{found.unit.name}合计", f"{found.unit.name}, total"), totals
    if any(targets):
        yield terminal.localized("目标", "target"), targets


def figure_text(figure: figures.Figure) -> str:
    """Return a figure for people; "-" for none, which is not 0, "*" for one withheld."""
    return figure.display or "-"


def _reported(terminal: Terminal, column: pb.ReportColumn, counts: figures.OfficeCounts) -> str:
    """Return how many have reported; of a month that nobody has closed, that it is not closed."""
    if column.missing:
        return terminal.localized("未月结", "not closed")
    return f"{counts.reported}/{counts.expected}"


def _cell_text(cell: pb.ReportCell) -> str:
    """Return a row's figure; a unit without any office to ask has none."""
    return figure_text(cell.figure) if cell.counts.expected or cell.figure.numerator else "-"


def _met(terminal: Terminal, figure: figures.Figure) -> str:
    if not figure.HasField("met"):
        return ""
    return terminal.localized("达标", "met") if figure.met else terminal.localized("未达标", "no")


def _head(terminal: Terminal, column: pb.ReportColumn) -> str:
    name = terminal.label(column.indicator.label)
    unit = column.indicator.unit
    text = f"{name} {column.month}".strip()
    return terminal.localized(f"{text}（{unit}）", f"{text} ({unit})") if unit else text


def print_report(terminal: Terminal, found: pb.GetReportResponse, *, by_unit: bool) -> None:
    """Print a row for each indicator, or for each unit; what is incomplete goes next to it."""
    terminal.line(
        f"{found.unit.name} {terminal.time(found.answered_ms)}",
        f"{found.unit.name} {terminal.time(found.answered_ms)}",
    )
    heads, rows = summary(terminal, found)
    if not by_unit:
        terminal.table(heads, rows)
    else:
        _print_by_unit(terminal, found)
    _notes(terminal, found)


def _print_by_unit(terminal: Terminal, found: pb.GetReportResponse) -> None:
    for at in range(0, len(found.columns), TOGETHER):
        part = range(at, min(at + TOGETHER, len(found.columns)))
        heads, rows = by_unit(terminal, found, part)
        terminal.table(heads, rows)
        if part[-1] + 1 < len(found.columns):
            terminal.line("", "")


def _notes(terminal: Terminal, found: pb.GetReportResponse) -> None:
    for zh, en in _remarks(terminal, found):
        terminal.note(zh, en)


def _remarks(terminal: Terminal, found: pb.GetReportResponse) -> Iterator[tuple[str, str]]:
    partial = sum(not column.complete for column in found.columns)
    oldest_ms = min((c.oldest_ms for c in found.columns if c.oldest_ms), default=0)
    count = len(found.columns)
    yield (
        f"已填报：已填报单位数/应填报单位数；{count} 项中 {partial} 项数据不完整",
        f"REPORTED: offices that have reported / that should; {partial} of {count} incomplete",
    )
    if oldest_ms:
        until = terminal.time(oldest_ms)
        yield f"数据截至 {until}", f"exact to {until}"
    missing = sorted({column.month for column in found.columns if column.missing})
    if missing:
        zh, en = "、".join(missing), ", ".join(missing)
        yield (
            f"{zh} 没有月结数据，存量指标无法得知",
            f"{en}: nothing was closed for it, so stocks are not known",
        )
        yield "各单位在每月结束后自动月结", "an office closes each month by itself, once it is over"


# -- the workbook -------------------------------------------------------------------------------


def _sheets(
    terminal: Terminal, found: pb.GetReportResponse, *, by_unit: bool
) -> Iterator[tuple[str, Heads, list[list[Value]]]]:
    heads, rows = summary(terminal, found)
    yield terminal.localized("汇总", "Summary"), heads, [[_value(c) for c in row] for row in rows]
    if by_unit:
        yield _unit_sheet(terminal, found)
    remarks = [[terminal.localized(*texts)] for texts in _remarks(terminal, found)]
    about = f"{found.unit.name} {terminal.time(found.answered_ms)}"
    yield terminal.localized("说明", "Notes"), [about], [list(line) for line in remarks]


def _unit_sheet(
    terminal: Terminal, found: pb.GetReportResponse
) -> tuple[str, Heads, list[list[Value]]]:
    heads, rows = by_unit(terminal, found, range(len(found.columns)))
    codes = [row.unit.code for row in found.rows]
    coded: list[list[Value]] = []
    for at, row in enumerate(rows):
        code = codes[at] if at < len(codes) else ""
        coded.append([code, *(_value(cell) for cell in row)])
    return (
        terminal.localized("分单位", "By unit"),
        [terminal.localized("代码", "CODE"), *heads], coded,
    )  # fmt: skip


def _value(text: Cell) -> Value:
    """Return a figure as a number, so that Excel can reckon with it; everything else as text."""
    try:
        number = Decimal(str(text).replace(",", ""))
    except ArithmeticError:
        return str(text)
    return number if number.is_finite() else str(text)
