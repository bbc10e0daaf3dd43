"""The report's rules of money: money plan, money formula, money year-end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.arguments import Actor, fen_of, person, usage, values_of
from hub.cli.options import Apart, Needs
from hub.cli.terminal import Terminal
from hub.cli.verb import verb
from node.domain.english import counted
from node.domain.funds import FUNDS
from node.domain.numbers import yuan

if TYPE_CHECKING:
    from sync.wire.office.v1 import money_pb2 as pb

Year = Annotated[int, typer.Option("--year", min=1990, max=2200, help="Fiscal year. 年度")]


def register(money: typer.Typer) -> None:
    """Add these verbs to the group `money`."""
    rules = (
        Apart("appropriate", "release"), Needs("budget", "appropriate"),
        Needs("note", "appropriate", "release"), Needs("actor", "appropriate", "release"),
    )  # fmt: skip
    verb(money, rules=rules)(plan)
    verb(money, folder=False)(formula)
    verb(money, folder=False)(year_end)


def plan(
    terminal: Terminal,
    year: Year,
    fund: Annotated[
        list[str] | None, typer.Option("--fund", help="F1 to F4; may be repeated. 资金，可多次")
    ] = None,
    appropriate: Annotated[
        bool,
        typer.Option(
            "--appropriate", help="Appropriate what this office's budget owes. 安排本级应出资金"
        ),
    ] = False,
    release: Annotated[
        bool, typer.Option("--release", help="Release what this office holds. 按计划下拨")
    ] = False,
    budget: Annotated[
        list[str] | None,
        typer.Option("--budget", help="F1=YUAN, limit of a fund; may be repeated. 资金=限额"),
    ] = None,
    note: Annotated[str, typer.Option("--note", help="A remark. 备注")] = "",
    actor: Actor = "",
) -> None:
    """Show the year's formula money of each community; appropriate or release it. 公式资金"""
    step = "appropriate" if appropriate else "release" if release else ""
    with terminal.office() as office:
        found = office.plan_money(
            year=year, funds=fund or (), step=step, budget_fen=_budget(budget or []), note=note,
            actor=person(actor) if step else "",
        )  # fmt: skip
    terminal.show(found, lambda: _print(terminal, found))


def formula(
    terminal: Terminal,
    year: Year,
    households: Annotated[
        int,
        typer.Option(
            "--households", min=0, max=10_000_000, help="Households of the community. 户数"
        ),
    ],
    members: Annotated[
        int, typer.Option("--members", min=0, max=10_000_000, help="Party members. 党员数")
    ] = 0,
    committee: Annotated[
        bool, typer.Option("--committee", help="It has a Party committee. 已建党委")
    ] = False,
) -> None:
    """Calculate the formula money of one community; needs no office. 资金公式"""
    from node.domain.formula import formula_money
    from node.domain.norms import Norms

    norms = Norms()
    due = formula_money(
        year, households=households, members=members, committee=committee, norms=norms
    )
    lines = [
        {
            "fund": line.fund, "payer": line.payer.en, "amount_fen": line.amount_fen,
            "rule": line.rule, "version": norms.version,
        }
        for line in due
    ]  # fmt: skip

    def human() -> None:
        heads = ("资金", "名称", "出资", "元", "规则") if terminal.zh else (
            "FUND", "NAME", "PAYER", "YUAN", "RULE"
        )  # fmt: skip
        rows = [
            (line.fund, _fund_name(terminal, line.fund), terminal.level(line.payer),
             yuan(line.amount_fen), line.rule)
            for line in due
        ]  # fmt: skip
        terminal.table(heads, rows)
        whole = yuan(sum(line.amount_fen for line in due))
        terminal.line(
            f"合计 {whole} 元，标准版本 {norms.version}",
            f"{whole} yuan in all, by norms {norms.version}",
        )

    terminal.show({"lines": lines, "total": len(lines)}, human)


def year_end(
    terminal: Terminal,
    income: Annotated[
        str, typer.Option("--income", help="The community's own income, in yuan. 劳务收入，元")
    ] = "0",
    gap: Annotated[
        str, typer.Option("--gap", help="What its funding lacks, in yuan. 经费不足数，元")
    ] = "0",
    tax: Annotated[str, typer.Option("--tax", help="Tax on the income, in yuan. 税金，元")] = "0",
    surplus: Annotated[
        str, typer.Option("--surplus", help="Unspent work funds, in yuan. 年终结余，元")
    ] = "0",
) -> None:
    """Share out own income and unspent money at a year's end; needs no office. 年终分配"""
    from node.domain import formula as rule
    from node.domain.norms import Norms

    norms = Norms()
    end = rule.year_end(
        income_fen=fen_of(income, least=0), gap_fen=fen_of(gap, least=0),
        tax_fen=fen_of(tax, least=0), surplus_fen=fen_of(surplus, least=0), norms=norms,
    )  # fmt: skip

    def human() -> None:
        heads = ("用途", "元") if terminal.zh else ("USE", "YUAN")
        uses = (
            ("弥补经费不足", "covers the gap", end.gap_covered_fen),
            ("税金", "tax", end.tax_fen),
            ("奖励上限", "rewards at most", end.rewards_fen),
            ("结转下年", "carried forward", end.carried_fen),
        )
        terminal.table(heads, [(zh if terminal.zh else en, yuan(fen)) for zh, en, fen in uses])
        terminal.line(f"标准版本 {norms.version}", f"by norms {norms.version}")

    shares = {
        "gap_covered_fen": end.gap_covered_fen, "tax_fen": end.tax_fen,
        "rewards_fen": end.rewards_fen, "carried_fen": end.carried_fen,
    }  # fmt: skip
    terminal.show({**shares, "rule": "N18", "version": norms.version}, human)


def _budget(pairs: list[str]) -> dict[str, int]:
    """Return fund -> fen. Raises: Refusal, also for a fund that is named twice."""
    typed = values_of(pairs)
    if len(typed) < len(pairs):
        raise usage(
            "--budget names a fund twice", "--budget 中同一资金出现两次",
            "Give one limit for each fund.", "每项资金请只填写一个限额。",
        )  # fmt: skip
    return {fund: fen_of(text, least=0) for fund, text in typed.items()}


def _print(terminal: Terminal, found: pb.PlanMoneyResponse) -> None:
    heads = (
        ("资金", "名称", "本级应出", "应拨", "可用", "已安排", "已下拨", "尚缺")
        if terminal.zh
        else ("FUND", "NAME", "OWED BY US", "DUE BELOW", "AVAILABLE", "PUT IN", "SENT", "SHORT")
    )
    terminal.table(
        heads,
        [
            (f.fund, _fund_name(terminal, f.fund), yuan(f.own_fen), yuan(f.due_fen),
             yuan(f.available_fen), yuan(f.appropriated_fen), yuan(f.released_fen),
             yuan(f.short_fen))
            for f in found.funds
        ],
    )  # fmt: skip
    titles = (
        ("单位", "资金", "应得", "可得", "户数", "党员", "依据")
        if terminal.zh
        else ("OFFICE", "FUND", "DUE", "SHARE", "HOUSEHOLDS", "MEMBERS", "BASIS")
    )
    basis = {
        True: terminal.localized("上年末", "year's eve"),
        False: terminal.localized("现值", "now"),
    }
    terminal.table(
        titles,
        [
            (line.unit.name, line.fund, yuan(line.due_fen), yuan(line.share_fen),
             int(line.households), int(line.party_members), basis[line.frozen])
            for line in found.lines
        ],
    )  # fmt: skip
    if not found.frozen:
        terminal.note(
            "部分社区尚无上年末数据，按现值计算",
            "some communities have not closed the year before: the present values are used",
        )
    withheld = sorted({line.unit.name for line in found.lines if line.households_withheld})
    if withheld:
        terminal.note(
            f"户数不足5户、不报数字的社区，按无住户计算：{'、'.join(withheld)}",
            f"counted as without households, for they have fewer than five: {', '.join(withheld)}",
        )
    if found.postings:
        booked = len(found.postings)
        terminal.note(f"已入账 {booked} 笔", f"booked {counted(booked, 'posting')}")


def _fund_name(terminal: Terminal, fund: str) -> str:
    return terminal.localized(FUNDS[fund].zh, FUNDS[fund].en)
