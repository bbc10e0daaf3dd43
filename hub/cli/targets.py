"""Targets of an order that names a unit for all below it: counted before it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hub.cli.arguments import conditions_of, usage
from hub.cli.labels import LEVELS
from hub.cli.terminal import Terminal
from hub.client.pages import every_page
from node.domain.english import counted

if TYPE_CHECKING:
    from hub.client.client import OfficeClient

NAMED = 5  # units that the question names
_LEVELS = {
    name: number
    for number, (zh, en) in enumerate(LEVELS)
    for name in (zh, zh.removesuffix("级"), en)
}


def level_of(text: str) -> int:
    """Return a level by its name in either language. Raises: Refusal."""
    found = _LEVELS.get(text.strip().lower())
    if not found:  # nothing is above the city, so no unit of its level is below another
        raise usage(
            f"{text[:20]!r} is no level below another", f"“{text[:20]}”不是下级层级",
            f"Choose one of: {', '.join(en for _, en in LEVELS[1:])}.",
            f"请选择：{'、'.join(zh for zh, _ in LEVELS[1:])}。",
        )  # fmt: skip
    return found


def targets_below(
    terminal: Terminal, office: OfficeClient, below: str, *, level: str, where: Sequence[str],
    yes: bool,
) -> list[str]:  # fmt: skip
    """Return the codes of the units meant, after showing how many and which.

    A person is asked; a script says --yes. Raises: Refusal.
    """
    register, conditions = _conditions(where)
    units = [
        unit
        for page in every_page(
            office.list_work_targets, below=below, level=level_of(level), register=register,
            conditions=conditions,
        )
        for unit in page.units
    ]  # fmt: skip
    named, more = [unit.name for unit in units[:NAMED]], len(units) > NAMED
    terminal.note(
        f"共 {len(units)} 个单位：{'、'.join(named) or '无'}{'等' if more else ''}",
        f"{counted(len(units), 'unit')}: {', '.join(named) or 'none'}{', ...' if more else ''}",
    )
    if yes:
        return [unit.code for unit in units]
    if not terminal.asks:
        raise usage(
            f"work for {counted(len(units), 'unit')} needs a yes",
            f"向 {len(units)} 个单位交办须确认",
            "Add --yes.", "请加 --yes。",
        )  # fmt: skip
    terminal.confirm(
        f"向这 {len(units)} 个单位交办？", f"Issue it to {counted(len(units), 'unit')}?"
    )
    return [unit.code for unit in units]


def _conditions(where: Sequence[str]) -> tuple[str, list[dict[str, str]]]:
    """Return the one register that the fields are of, and the conditions on them."""
    registers: set[str] = set()
    found = []
    for condition in conditions_of(where):
        name = condition["field"]
        register, dot, field = name.partition(".")
        if not dot or not field:
            raise usage(
                f"{name[:40]!r} names no register", f"“{name[:40]}”未写明台账",
                "Write register.field=value, as premises.area_m2<300.",
                "请写 台账.字段=值，例如 premises.area_m2<300。",
            )  # fmt: skip
        registers.add(register)
        found.append({**condition, "field": field})
    if len(registers) > 1:
        raise usage(
            "the conditions are about several registers", "筛选条件涉及多个台账",
            "Name fields of one register.", "请只用一个台账的字段。",
        )  # fmt: skip
    return (registers.pop() if registers else ""), found
