"""comparison: the verbs that compare with the parent and list what was repaired."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.arguments import After, Limit
from hub.cli.exits import Exit
from hub.cli.history import Labels
from hub.cli.labels import REASONS, labelled
from hub.cli.terminal import Terminal
from hub.cli.verb import verb
from node.domain.english import counted

OUTCOMES = {
    "equal": ("一致", "equal"),
    "repaired": ("有差异，已修复", "different, and repaired"),
    "different": ("有差异", "different"),
    "not_comparable": ("数据正在传输，请稍后再试", "changes are in transit; try again later"),
    "": ("未在规定时间内完成", "it did not end in time"),
}
SIDES = {
    "here": ("本级", "here"), "there": ("上级", "parent"), "both": ("双方", "both"),
    "unproven": ("本级，依对方所报，已无日志可核", "here, on the other side's word"),
    "refused": ("未修复：本级数据库拒收", "not repaired: refused by the store here"),
}  # fmt: skip


def register(app: typer.Typer) -> None:
    verb(app, "compare")(compare)
    repair = typer.Typer(help="Repairs that comparisons made. 修复记录", no_args_is_help=True)
    app.add_typer(repair, name="repair")
    verb(repair, "ls")(repairs)


def compare(
    terminal: Terminal,
    repair: Annotated[
        bool, typer.Option(help="Repair records that differ from the parent's. 合并有差异的记录")
    ] = True,
    deep: Annotated[bool, typer.Option("--deep", help="Read every record. 逐条比对")] = False,
    wait: Annotated[float, typer.Option("--wait", min=0, max=25, help="Seconds. 等待秒数")] = 20,
) -> Exit:
    """Compare this office's records with its parent's. 与上级比对数据"""
    with terminal.office() as office:
        found = office.compare_office(repair=repair, deep=deep, wait_ms=int(wait * 1000))
        registers = [*found.other_catalogue, *(r.register for r in found.records)]
        labels = Labels(terminal, office, registers)

    def human() -> None:
        terminal.line(
            f"比对 {found.units} 组：{OUTCOMES[found.outcome][0]}",
            f"compared {counted(found.units, 'set')} of records: {OUTCOMES[found.outcome][1]}",
        )
        for name in found.other_catalogue:
            what = labels.register(name)
            terminal.line(
                f"{what}：目录版本不同，未比对", f"{what}: not compared, catalogues differ"
            )
        if found.sums_here or found.sums_there:
            terminal.line(
                f"已更正摘要：本级 {found.sums_here}，上级 {found.sums_there}",
                f"sums corrected: {found.sums_here} here, {found.sums_there} at the parent",
            )
        if found.records:
            heads = ("台账", "单位", "编号", "状态") if terminal.zh else (
                "REGISTER", "UNIT", "ID", "STATE",
            )  # fmt: skip
            terminal.table(
                heads,
                [
                    (
                        labels.register(r.register), r.unit.name, r.id,
                        terminal.localized("已修复", "repaired") if r.repaired
                        else labelled(terminal, REASONS, r.reason)
                        or terminal.localized("有差异", "differs"),
                    )
                    for r in found.records
                ],
            )  # fmt: skip

    terminal.show(found, human)
    if found.outcome == "equal":
        return Exit.OK
    return Exit.PROBLEMS if found.outcome in ("repaired", "different") else Exit.TRY_LATER


def repairs(
    terminal: Terminal,
    limit: Limit = 100,
    after: After = "",
) -> None:
    """List the records that comparisons repaired or failed to repair. 查看修复记录"""
    with terminal.office() as office:
        found = office.list_repairs(page_size=limit, page_token=after)
        labels = Labels(terminal, office, (r.register for r in found.repairs))

    def human() -> None:
        heads = ("时间", "对方", "台账", "单位", "编号", "改动方") if terminal.zh else (
            "WHEN", "PEER", "REGISTER", "UNIT", "ID", "CHANGED",
        )  # fmt: skip
        terminal.table(
            heads,
            [
                (
                    terminal.time(r.at_ms), r.peer.name, labels.register(r.register), r.unit.name,
                    r.id or terminal.localized("摘要", "sum"),
                    terminal.localized(*SIDES.get(r.side, (r.side, r.side))),
                )
                for r in found.repairs
            ],
        )  # fmt: skip
        terminal.note_page(found, "条")

    terminal.show(found, human)
