"""The generated community as a clerk has it: one workbook, a sheet a register, a note in front."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from hub.demo.figures import SEED_FIGURES, SOURCE, STREET_NAME
from hub.demo.population import CommunityPlan
from hub.demo.records import generate
from node.domain.register import Register
from node.domain.units import Level
from node.workbook.writer import SheetBook

GENERATED_ZH = "生成的演示数据，非真实个人"
GENERATED_EN = "Generated demonstration data; no real person"


def write_community_workbook(
    path: Path | BinaryIO, plan: CommunityPlan, registers: Mapping[str, Register], lang: str = "zh"
) -> dict[str, int]:
    """Write one community's workbook and return the number of records by register.

    Sheets are named after the registers, so that the reader finds each; columns are those that a
    community may write. The first sheet states that all of it is generated. A register without a
    record has no sheet.
    """
    counts: dict[str, int] = {}
    with SheetBook(path, lang, in_memory=True) as book:
        book.add_notes(_notes(plan))
        for name, rows in generate(plan).items():
            register = registers[name]
            fields = [f for f in register.fields.values() if Level.COMMUNITY in f.owners]
            counts[name] = book.add_register(register, rows, fields) if rows else 0
    return counts


def _notes(plan: CommunityPlan) -> list[list[str]]:
    lines = [
        [GENERATED_ZH],
        [GENERATED_EN],
        ["单位", plan.unit.name, plan.unit.code],
        ["数据日期", plan.as_of.isoformat()],
        ["随机种子", str(plan.seed)],
        ["公民身份号码前六位不属于任何省份，姓名和住址均为随机组合。"],
        [],
        [f"{STREET_NAME}的下列数字出自{SOURCE}；其余均为生成。"],
    ]
    for figure in SEED_FIGURES:
        more = "以上" if figure.at_least else ""
        stated = f"{figure.value}{figure.unit}{more}"
        lines.append([figure.key, stated, figure.section, figure.quote, figure.note])
    return lines
