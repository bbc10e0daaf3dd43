"""Samples of a community's registers, filled in, to see what the program shows before real work.

None of the persons is real, and none can be (`hub.demo.people`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import BinaryIO

from hub.api.call_context import BadRequest, CallContext
from hub.demo.population import CommunityPlan, plan_street
from hub.demo.records import generate
from hub.demo.sheets import GENERATED_EN, GENERATED_ZH, write_community_workbook
from node.domain.register import Register
from node.domain.units import Level
from node.workbook.writer import SheetBook

SCALE = 0.01  # some twenty households: easy to read, and every figure shows something


def write_sample(context: CallContext, file: BinaryIO, register: Register | None, lang: str) -> int:
    """Write a workbook with every register of a community, or with one; return the records in it.

    Raises: BadRequest, at an office that is no community, or for a register that has no sample.
    """
    plan = _plan(context)
    if register is None:
        return sum(write_community_workbook(file, plan, _registers(context), lang).values())
    rows = generate(plan).get(register.name)
    if rows is None:
        raise BadRequest(
            f"there is no sample of {register.en}", f"“{register.zh}”没有样例",
            "Leave the register out: the sample has all that a community fills in.",
            "请不指定台账，样例包含社区填报的全部台账。", fields=["register"],
        )  # fmt: skip
    fields = [f for f in register.fields.values() if Level.COMMUNITY in f.owners]
    with SheetBook(file, lang, in_memory=True) as book:
        book.add_notes([[GENERATED_ZH], [GENERATED_EN]])
        return book.add_register(register, rows, fields)


def _registers(context: CallContext) -> dict[str, Register]:
    return dict(context.office.catalogue.registers)


def _plan(context: CallContext) -> CommunityPlan:
    office = context.office
    street = office.tree.parent(office.identity.unit)
    if office.level is not Level.COMMUNITY or street is None:
        raise BadRequest(
            "the sample is what a community fills in", "样例为社区填报的内容",
            "Ask for it at a community's office.", "请在社区级单位生成样例。",
        )  # fmt: skip
    units = [u for u in sorted(office.tree.subtree(office.tree.root))
             if office.tree.level(u) is Level.COMMUNITY]  # fmt: skip
    numbers = {unit: number for number, unit in enumerate(units)}
    planned = plan_street(office.tree, street, numbers, as_of=office.today(), scale=SCALE)
    plan = next(p for p in planned.communities if p.unit.unit_id == office.identity.unit)
    # So small a community often has none of these by its share of the street.
    return replace(plan, outlets=(("outlet", 2),), placements=max(1, plan.placements))
