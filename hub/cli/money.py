"""money: put in, send down, receive, send back, spend, where it is. Amounts are typed in yuan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli import plans
from hub.cli.arguments import Actor, After, IdOf, Limit, Unit, fen_of, person, usage
from hub.cli.exits import Exit
from hub.cli.labels import POSTINGS, TRANSFERS, account_name, labelled
from hub.cli.options import Apart, Needs, Rule
from hub.cli.plans import Year
from hub.cli.terminal import Terminal
from hub.cli.verb import verb
from node.domain.numbers import yuan

if TYPE_CHECKING:
    from sync.wire.office.v1 import money_pb2 as pb

Amount = Annotated[str, typer.Argument(help="Yuan, as 1234.50. 金额，元")]
Fund = Annotated[str, typer.Option("--fund", help="F1 to F12. 资金")]
AnyFund = Annotated[str, typer.Option("--fund", help="Only this one. 资金")]
AnyYear = Annotated[int, typer.Option("--year", min=0, max=2200, help="Only this one. 年度")]
Note = Annotated[str, typer.Option("--note", help="A remark. 备注")]
Number = Annotated[str, typer.Option("--transfer", help="Your own id, to repeat safely. 编号")]
RULES: dict[str, tuple[Rule, ...]] = {
    "receive": (
        Apart("transfer", "all_"), Apart("counted", "all_"),
        Apart("transfer", "fund"), Apart("transfer", "year"),
    ),
    "return_": (
        Apart("transfer", "amount"), Apart("transfer", "fund"), Apart("transfer", "year"),
        Needs("amount", "fund"), Needs("amount", "year"), Needs("assignment", "amount"),
    ),
}  # fmt: skip
For = Annotated[
    str, typer.Option("--assignment", help="The work it pays for. 任务编号"), IdOf("assignment")
]
WHICH = "First digits of its id, or the other office. 编号前几位或对方单位"


def register(app: typer.Typer) -> None:
    money = typer.Typer(help="Money, in whole fen. 资金", no_args_is_help=True)
    app.add_typer(money, name="money")
    verbs: tuple[Callable[..., object], ...] = (
        appropriate, match, release, receive, return_, spend, reverse,
        balance, transfers, ls, check,
    )  # fmt: skip
    for function in verbs:
        verb(money, rules=RULES.get(function.__name__, ()))(function)
    plans.register(money)


def appropriate(
    terminal: Terminal,
    amount: Amount,
    fund: Fund,
    year: Year,
    note: Note = "",
    transfer: Number = "",
    assignment: For = "",
    actor: Actor = "",
) -> None:
    """Appropriate money from the budget to a fund. 预算安排"""
    with terminal.office() as office:
        line = office.appropriate_money(
            fund=fund, year=year, amount_fen=fen_of(amount), actor=person(actor), note=note,
            transfer=transfer, assignment=assignment,
        ).posting  # fmt: skip
    terminal.show(line, lambda: _journal(terminal, [line]))


def match(
    terminal: Terminal,
    year: Year,
    amount: Annotated[str, typer.Argument(help="Yuan; without it, all that is due. 金额，元")] = "",
    note: Note = "",
    transfer: Number = "",
    actor: Actor = "",
) -> None:
    """Record the district's 1:1 contribution to the city's money. 区级配套"""
    with terminal.office() as office:
        line = office.match_money(
            year=year, amount_fen=fen_of(amount) if amount else None, actor=person(actor),
            note=note, transfer=transfer,
        ).posting  # fmt: skip
    terminal.show(line, lambda: _journal(terminal, [line]))


def release(
    terminal: Terminal,
    amount: Amount,
    to: Annotated[str, typer.Option("--to", help="Office one level down. 下级单位")],
    fund: Fund,
    year: Year,
    note: Note = "",
    transfer: Number = "",
    assignment: For = "",
    actor: Actor = "",
) -> None:
    """Send money one level down. 下拨"""
    with terminal.office() as office:
        line = office.release_money(
            to=to, fund=fund, year=year, amount_fen=fen_of(amount), actor=person(actor),
            note=note, transfer=transfer, assignment=assignment,
        ).posting  # fmt: skip
    terminal.show(line, lambda: _journal(terminal, [line]))


def receive(
    terminal: Terminal,
    transfer: Annotated[str, typer.Argument(help=WHICH), IdOf("transfer")] = "",
    all_: Annotated[bool, typer.Option("--all", help="Confirm all that wait. 全部待收")] = False,
    counted: Annotated[
        str,
        typer.Option(
            "--counted", help="Amount that arrived; if it differs, the transfer is disputed. 实收"
        ),
    ] = "",
    fund: AnyFund = "",
    year: AnyYear = 0,
    note: Note = "",
    actor: Actor = "",
) -> None:
    """Confirm that money has arrived. 确认到账"""
    if bool(transfer) == all_:
        raise usage(
            "say which transfer, or --all", "请给出划转编号或 --all",
            "See `silian money transfers --way waiting`.",
            "查看：silian money transfers --way waiting",
        )  # fmt: skip
    with terminal.office() as office:
        lines = office.receive_money(
            transfer=transfer, counted_fen=fen_of(counted, least=0) if counted else None, note=note,
            actor=person(actor), fund=fund, year=year,
        ).postings  # fmt: skip
    terminal.show(lines, lambda: _journal(terminal, lines))


def return_(
    terminal: Terminal,
    reason: Annotated[str, typer.Option("--reason", help="Why. 理由")],
    transfer: Annotated[str, typer.Argument(help=WHICH), IdOf("transfer")] = "",
    amount: Annotated[
        str,
        typer.Option("--amount", help="Return this amount of the balance, in yuan. 退回已收金额"),
    ] = "",
    fund: AnyFund = "",
    year: AnyYear = 0,
    assignment: For = "",
    actor: Actor = "",
) -> None:
    """Return money to the payer. 退回"""
    if bool(transfer) == bool(amount):
        raise usage(
            "give a transfer, or an amount to return from the balance",
            "请给出划转编号，或要退回的金额",
            "ID, or --amount with --fund and --year.", "编号，或 --amount 加 --fund 和 --year。",
        )  # fmt: skip
    with terminal.office() as office:
        line = office.return_money(
            transfer=transfer, fund=fund, year=year, amount_fen=fen_of(amount) if amount else 0,
            reason=reason, actor=person(actor), assignment=assignment,
        ).posting  # fmt: skip
    terminal.show(line, lambda: _journal(terminal, [line]))


def spend(
    terminal: Terminal,
    amount: Amount,
    fund: Fund,
    year: Year,
    category: Annotated[str, typer.Option("--category", help="wages, office, activity ... 类别")],
    note: Note = "",
    transfer: Number = "",
    assignment: For = "",
    actor: Actor = "",
) -> None:
    """Record an expenditure. 支出"""
    with terminal.office() as office:
        line = office.spend_money(
            fund=fund, year=year, amount_fen=fen_of(amount), category=category,
            actor=person(actor), note=note, transfer=transfer, assignment=assignment,
        ).posting  # fmt: skip
    terminal.show(line, lambda: _journal(terminal, [line]))


def reverse(
    terminal: Terminal,
    posting: Annotated[
        str,
        typer.Argument(help="First digits of its id, from `money ls`. 编号前几位"),
        IdOf("posting"),
    ],
    note: Note = "",
    actor: Actor = "",
) -> None:
    """Reverse an appropriation or expenditure of this office. 冲正"""
    with terminal.office() as office:
        line = office.reverse_posting(posting=posting, note=note, actor=person(actor)).posting
    terminal.show(line, lambda: _journal(terminal, [line]))


def balance(
    terminal: Terminal,
    unit: Unit = "",
    subtree: Annotated[
        bool, typer.Option("--subtree", help="Include all units below. 含下级")
    ] = False,
    fund: AnyFund = "",
    year: AnyYear = 0,
) -> None:
    """Show the balance by fund, year and account. 余额"""
    with terminal.office() as office:
        page = office.list_balances(unit=unit, subtree=subtree, fund=fund, year=year)
    found = page.balances
    heads = ("单位", "资金", "年度", "科目", "元") if terminal.zh else (
        "OFFICE", "FUND", "YEAR", "ACCOUNT", "YUAN"
    )  # fmt: skip
    rows = [
        (
            b.unit.name,
            b.fund,
            int(b.year),
            account_name(terminal, b.account, b.peer.name),
            yuan(b.fen),
        )
        for b in found
    ]

    def human() -> None:
        terminal.table(heads, rows)
        terminal.note_page(page, "条")

    terminal.show(found, human)


def transfers(
    terminal: Terminal,
    direction: Annotated[str, typer.Option("--way", help="in, out, waiting, all. 方向")] = "all",
    state: Annotated[
        str, typer.Option("--state", help="in_transit, received, disputed, returned. 状态")
    ] = "",
    fund: AnyFund = "",
    year: AnyYear = 0,
    limit: Limit = 50,
    after: After = "",
) -> None:
    """List transfers between offices and their states. 划转"""
    with terminal.office() as office:
        page = office.list_transfers(
            direction=direction,
            state=state,
            fund=fund,
            year=year,
            page_size=limit,
            page_token=after,
        )

    def human() -> None:
        heads = (
            ("编号", "拨出", "收入", "资金", "年度", "元", "状态", "时间")
            if terminal.zh
            else ("ID", "FROM", "TO", "FUND", "YEAR", "YUAN", "STATE", "SENT")
        )
        rows = [
            (t.id, t.sender.name, t.receiver.name, t.fund, int(t.year), yuan(t.amount_fen),
             labelled(terminal, TRANSFERS, t.state), terminal.time(t.sent_ms))
            for t in page.transfers
        ]  # fmt: skip
        terminal.table(heads, rows)
        terminal.note_page(page, "笔")

    terminal.show(page, human)


def ls(
    terminal: Terminal,
    unit: Unit = "",
    fund: AnyFund = "",
    year: AnyYear = 0,
    kind: Annotated[str, typer.Option("--kind", help="release, receipt, spend ... 类型")] = "",
    limit: Limit = 50,
    after: After = "",
) -> None:
    """List the journal, newest first. 明细"""
    with terminal.office() as office:
        page = office.list_postings(
            unit=unit, fund=fund, year=year, kind=kind, page_size=limit, page_token=after
        )

    def human() -> None:
        _journal(terminal, list(page.postings))
        terminal.note_page(page, "条")

    terminal.show(page, human)


def check(terminal: Terminal, fund: AnyFund = "", year: AnyYear = 0) -> Exit:
    """Check that all money is accounted for, here and below. 资金核对"""
    with terminal.office() as office:
        found = office.check_conservation(fund=fund, year=year)

    def human() -> None:
        heads = (
            ("资金", "年度", "安排", "上级拨入", "结存", "支出", "在途", "差额")
            if terminal.zh
            else ("FUND", "YEAR", "PUT IN", "FROM ABOVE", "HELD", "SPENT", "IN TRANSIT", "DIFFERS")
        )
        rows = [
            (x.fund, int(x.year), yuan(x.appropriated_fen), yuan(x.from_above_fen),
             yuan(x.held_fen), yuan(x.spent_fen), yuan(x.in_transit_fen), yuan(x.difference_fen))
            for x in found.lines
        ]  # fmt: skip
        terminal.table(heads, rows)
        terminal.line(
            "资金守恒" if found.holds else "资金不守恒，请立即核查",
            "all money is accounted for"
            if found.holds
            else "money is NOT accounted for: check at once",
        )

    terminal.show(found, human)
    return Exit.OK if found.holds else Exit.PROBLEMS


def _journal(terminal: Terminal, lines: Sequence[pb.Posting]) -> None:
    heads = (
        ("编号", "类型", "单位", "对方", "资金", "年度", "元", "时间", "备注")
        if terminal.zh
        else ("ID", "KIND", "OFFICE", "PEER", "FUND", "YEAR", "YUAN", "AT", "NOTE")
    )
    rows = [
        (p.id, labelled(terminal, POSTINGS, p.kind), p.unit.name, p.peer.name, p.fund,
         int(p.year), yuan(p.amount_fen), terminal.time(p.at_ms), p.note)
        for p in lines
    ]  # fmt: skip
    terminal.table(heads, rows)
