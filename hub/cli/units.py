"""unit: find and list units of the tree."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hub.cli.arguments import Actor, Limit, day_text, person
from hub.cli.inputs import content_of
from hub.cli.labels import TREE_CHANGES, UNIT_MATCHES, labelled
from hub.cli.terminal import Terminal
from hub.cli.verb import verb
from node.domain.english import counted


def register(app: typer.Typer) -> None:
    unit = typer.Typer(help="Units of the tree. 行政区划", no_args_is_help=True)
    app.add_typer(unit, name="unit")
    for function in (find, ls):
        verb(unit)(function)
    verb(unit, "import")(import_)


def find(
    terminal: Terminal,
    text: Annotated[str, typer.Argument(help="Part of a name or a code. 名称或代码的一部分")],
    limit: Limit = 20,
) -> None:
    """Find units by part of a name or code. 查找单位"""
    with terminal.office() as office:
        found = office.search_units(text=text, page_size=limit)

    def human() -> None:
        _print(terminal, found.units)
        terminal.note_total(found.total_size, "个")

    terminal.show(found, human)


def ls(
    terminal: Terminal,
    unit: Annotated[str, typer.Argument(help="Code, name or path. 单位")] = "",
    all_: Annotated[bool, typer.Option("--all", help="Include all units below. 全部下级")] = False,
    as_of: Annotated[str, typer.Option("--as-of", help="A day, 2026-07-01. 日期")] = "",
) -> None:
    """List a unit and those below it. 下级单位"""
    with terminal.office() as office:
        units = office.list_units(unit=unit, subtree=all_, as_of=day_text(as_of)).units

    def human() -> None:
        _print(terminal, units)
        terminal.note_total(len(units), "个")

    terminal.show(units, human)


def import_(
    terminal: Terminal,
    file: Annotated[Path, typer.Argument(help="CSV: code,name,level,parent_code. 区划文件")],
    on: Annotated[str, typer.Option("--on", help="First day, 2026-07-01. 生效日期")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would change. 只预览")
    ] = False,
    allow_close: Annotated[
        bool,
        typer.Option(
            "--allow-close", help="Close units that the file leaves out. 允许撤销缺少的单位"
        ),
    ] = False,
    actor: Actor = "",
) -> None:
    """Import a list of units as the tree from a day onward; only at the city. 导入行政区划"""
    data = content_of(file)
    with terminal.office() as office:
        done = office.import_units(
            file=data,
            filename=file.name,
            on=day_text(on),
            dry_run=dry_run,
            allow_close=allow_close,
            actor=person(actor),
        )

    def human() -> None:
        heads = ("变动", "单位数") if terminal.zh else ("CHANGE", "UNITS")
        terminal.table(heads, [
            (labelled(terminal, TREE_CHANGES, c.kind), str(c.count)) for c in done.changes
        ])  # fmt: skip
        if done.details:
            columns = (
                ("变动", "单位", "变为", "识别依据")
                if terminal.zh
                else ("CHANGE", "UNIT", "BECOMES", "RECOGNISED BY")
            )
            terminal.table(columns, [
                (labelled(terminal, TREE_CHANGES, c.kind), c.path, c.becomes,
                 labelled(terminal, UNIT_MATCHES, c.matched_by) if c.matched_by else "")
                for c in done.details
            ])  # fmt: skip
        wording = ("将为", "would be") if done.dry_run else ("现为", "are")
        terminal.note(f"自 {done.on} 起{wording[0]} {done.units} 个单位",
                      f"from {done.on} on there {wording[1]} "
                      f"{counted(done.units, 'unit')}")  # fmt: skip

    terminal.show(done, human)


def _print(terminal: Terminal, units: Any) -> None:
    heads = ("代码", "层级", "名称", "路径") if terminal.zh else ("CODE", "LEVEL", "NAME", "PATH")
    terminal.table(heads, [(u.code, terminal.level(u.level), u.name, u.path) for u in units])
