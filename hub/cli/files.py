"""Files of records: import, export, template."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.arguments import (
    Actor,
    Columns,
    Search,
    Sort,
    Unit,
    Where,
    conditions_of,
    listed_of,
    person,
    usage,
)
from hub.cli.exits import Exit
from hub.cli.inputs import content_of
from hub.cli.outputs import Force, kind_by_name, must_be_free, written
from hub.cli.terminal import Terminal
from hub.cli.verb import verb
from hub.client.files import record_pieces
from node.domain.english import counted

if TYPE_CHECKING:
    from sync.wire.office.v1 import registers_pb2 as pb

STDOUT = Path("-")
FAULTS_SHOWN = 20
Register = Annotated[str, typer.Argument(help="Register. 台账")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="File, or - for stdout. 输出文件")]


def register(app: typer.Typer) -> None:
    verb(app, "import")(import_)
    verb(app)(export)
    verb(app)(template)


def import_(
    terminal: Terminal,
    file: Annotated[
        Path, typer.Argument(help="A file: .xlsx, .xls, .csv. 文件（.xlsx、.xls、.csv）")
    ],
    register: Annotated[
        str, typer.Option("--register", help="Register, or `workbook`. 台账，或 `workbook`")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check only. 仅检查")] = False,
    valid_only: Annotated[
        bool, typer.Option("--valid-only", help="Import the rows without errors. 只导入无误的行")
    ] = False,
    clear_blank: Annotated[
        bool,
        typer.Option("--clear-blank", help="Empty cells clear the stored values. 空格清除原值"),
    ] = False,
    annotated: Annotated[
        Path | None,
        typer.Option("--annotated", help="Write a copy with the errors marked. 标注文件"),
    ] = None,
    sheet: Annotated[
        list[str] | None,
        typer.Option("--sheet", help="Read only this sheet; repeatable. 只读取该工作表，可重复"),
    ] = None,
    force: Force = False,
    actor: Actor = "",
) -> Exit:
    """Import records from a spreadsheet. If one row is wrong, nothing is imported. 导入"""
    data = content_of(file)
    if force and annotated is None:
        raise usage(
            "--force overwrites the file of --annotated", "--force 用于覆盖 --annotated 的文件",
            "Leave it out.", "请去掉 --force。",
        )  # fmt: skip
    if annotated is not None:
        must_be_free(annotated, force=force)  # before anything is imported
    outcome: Any = None
    marked = bytearray()
    labels: dict[str, str] = {}
    with terminal.office() as office, terminal.progress("导入", "importing") as report:
        pieces = record_pieces(
            data, register=register, filename=file.name, dry_run=dry_run, valid_only=valid_only,
            clear_blank=clear_blank, annotate=annotated is not None, lang=terminal.lang,
            sheets=sheet or (), actor=person(actor),
        )  # fmt: skip
        for update in office.import_records(pieces):
            match update.WhichOneof("news"):
                case "progress":
                    report(update.progress.done, update.progress.total)
                case "outcome":
                    outcome = update.outcome
                case "annotated":
                    marked += update.annotated
        if not terminal.json:
            labels = {r.name: terminal.label(r.label) for r in office.list_registers().registers}
    terminal.show(outcome, lambda: _print(terminal, outcome, labels))
    if annotated is not None:
        _keep_annotated(terminal, annotated, bytes(marked), outcome, force=force)
    refused = any(report.refused or report.faults_total for report in outcome.reports)
    missed = any(note.attention for note in outcome.notes)
    return Exit.PROBLEMS if refused or missed else Exit.OK


def _keep_annotated(
    terminal: Terminal, annotated: Path, marked: bytes, outcome: pb.ImportOutcome, *, force: bool
) -> None:
    """Write the annotated file, or report why there is none."""
    if marked:
        with written(annotated, force=force) as target:
            target.write(marked)
        terminal.note(f"已标注：{annotated}", f"faults marked in {annotated}")
    elif outcome.notes or any(r.faults_total or r.notes for r in outcome.reports):
        terminal.note(
            "该文件无法加注，未生成标注文件。请另存为 .xlsx 后重试。",
            "This file cannot be annotated: no copy was written. Save it as .xlsx and try again.",
        )
    else:
        terminal.note(
            "没有需要标注的内容，未生成标注文件。", "Nothing to mark: no copy was written."
        )


def export(
    terminal: Terminal,
    register: Register,
    kind: Annotated[str, typer.Option("--format", help="xlsx or csv. 格式")] = "",
    out: Out = None,
    unit: Unit = "",
    subtree: Annotated[
        bool, typer.Option("--subtree", help="Include all units below. 含下级")
    ] = False,
    search: Search = "",
    where: Where = None,
    sort: Sort = None,
    columns: Columns = None,
    force: Force = False,
) -> None:
    """Write records into a spreadsheet: all, or those that match. 导出"""
    _must_be_free(out, force=force)
    kind = kind_by_name(out, kind, ("xlsx", "csv"))
    with terminal.office() as office:
        pieces = office.export_records(
            register=register, format=kind, unit=unit, subtree=subtree, lang=terminal.lang,
            conditions=conditions_of(where or ()), search=search, sort=listed_of(sort or ()),
            columns=listed_of(columns or ()),
        )  # fmt: skip
        _write(terminal, pieces, out, force=force)


def template(
    terminal: Terminal,
    register: Annotated[
        str, typer.Argument(help="Register; with --sample may be left out. 台账")
    ] = "",
    sample: Annotated[
        bool, typer.Option("--sample", help="Fill it with made-up records, to try. 填好的样例")
    ] = False,
    out: Out = None,
    force: Force = False,
) -> None:
    """Write an empty spreadsheet to fill in, or a filled sample. 模板和样例"""
    if not (register or sample):
        raise usage(
            "say of which register", "请指定台账",
            "`silian register ls` lists them; --sample writes a filled workbook of them all.",
            "可用 silian register show 查看；--sample 生成填好的样例。",
        )  # fmt: skip
    _must_be_free(out, force=force)
    kind_by_name(out)
    with terminal.office() as office:
        pieces = office.export_records(
            register=register, template=not sample, sample=sample, lang=terminal.lang
        )
        _write(terminal, pieces, out, force=force)
    if sample and out != STDOUT:
        terminal.note(
            f"下一步：silian import 文件 --register {register or 'workbook'}，再 silian rollup K3",
            f"Next: silian import FILE --register {register or 'workbook'}, then silian rollup K3",
        )


def _must_be_free(out: Path | None, *, force: bool) -> None:
    if out is not None and out != STDOUT:
        must_be_free(out, force=force)  # before the office does the work


def _write(
    terminal: Terminal, pieces: Iterable[pb.ExportRecordsResponse], out: Path | None, *, force: bool
) -> None:
    """Write what comes into a file, or to standard output; a failure leaves no half file."""
    update = iter(pieces)
    head = next(update)
    if out == STDOUT:
        if sys.stdout.isatty() or terminal.json:
            raise usage("a file does not go to a terminal", "不能输出到终端", "Use --out FILE.",
                        "请用 --out 指定文件。")  # fmt: skip
        if sys.stdout.name == os.devnull:  # it was closed when the program began
            raise usage("standard output is closed", "标准输出已关闭", "Use --out FILE.",
                        "请用 --out 指定文件。")  # fmt: skip
        for piece in update:
            sys.stdout.buffer.write(piece.data)
        return
    target = out or Path(head.filename)
    with written(target, force=force) as file:
        for piece in update:
            file.write(piece.data)
    facts = {"file": str(target), "records": int(head.records)}
    terminal.show(
        facts,
        lambda: terminal.line(
            f"{target}：{head.records} 条记录", f"{target}: {counted(head.records, 'record')}"
        ),
    )


def _print(terminal: Terminal, outcome: pb.ImportOutcome, labels: dict[str, str]) -> None:
    heads = (
        ("台账", "工作表", "读入", "新增", "修改", "未变", "有误", "已写入")
        if terminal.zh
        else ("REGISTER", "SHEET", "READ", "NEW", "CHANGED", "SAME", "REFUSED", "WRITTEN")
    )
    yes, no = terminal.localized("是", "yes"), terminal.localized("否", "no")
    terminal.table(
        heads,
        [
            (labels.get(r.register, r.register), r.sheet, int(r.read), int(r.new), int(r.changed),
             int(r.unchanged), int(r.refused), yes if r.done else no)
            for r in outcome.reports
        ],
    )  # fmt: skip
    several = len(outcome.reports) > 1
    for report in outcome.reports:
        sheet = [report.sheet] if several else []
        for group in report.summary[:FAULTS_SHOWN]:
            named = labels.get(report.register, report.register)
            at = " ".join((named, *sheet, group.column or "-"))
            terminal.line(f"{at}：{group.text.zh}", f"{at}: {group.text.en}")
        for note in report.notes:
            at_zh, at = ("".join(f"{name}{mark}" for name in sheet) for mark in ("：", ": "))
            terminal.note(at_zh + note.text.zh, at + note.text.en)
    for note in outcome.notes:
        terminal.note(note.text.zh, note.text.en)
