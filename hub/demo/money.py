"""Money (scene 3): a year's funds by formula, released hop by hop, received, part of them spent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from hub.demo.network import Network, Place
from hub.demo.processes import DemoFailed
from hub.demo.settle import eventually
from node.domain.formula import party_work_fen, work_funds
from node.domain.norms import Norms
from sync.model.errors import SilianError

WORK_CITY, WORK_DISTRICT, PARTY_WORK = "F1", "F2", "F3"
NOTE = "演示"
PAYER, PAYEE = "演示出纳", "演示会计"
# What a community spends of its funds meanwhile, in percent of what it received.
SPENT = (
    (WORK_CITY, "wages", 30), (WORK_CITY, "insurance", 8), (WORK_CITY, "office", 5),
    (WORK_DISTRICT, "activity", 12), (WORK_DISTRICT, "service", 7), (PARTY_WORK, "party", 25),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A payment that the books refused."""

    office: str
    fund: str
    asked_fen: int
    held_fen: int
    code: str
    zh: str
    en: str


@dataclass(slots=True, kw_only=True)
class MoneyMoved:
    """What was done with the year's funds. `due_fen`: by formula, fund -> unit code -> fen."""

    year: int
    due_fen: dict[str, dict[str, int]]
    refused: list[Refused] = field(default_factory=list)
    unsigned: str = ""  # the community that has not confirmed its last instalment,
    unsigned_fund: str = ""  # and that instalment's fund


def due_by_formula(network: Network, year: int, norms: Norms) -> dict[str, dict[str, int]]:
    """Return what each community is due, from the registers as the city's rollup has them.

    Source: N8 (city part and 1:1 match, by households), N9 (by committees). N8 f counts the
    households of 31 December; the demonstration has no earlier register than today's.
    """
    households = _by_community(network, "K2")
    committees = _by_community(network, "K12_committees")
    work = {code: work_funds(count, year, norms) for code, count in households.items()}
    return {
        WORK_CITY: {code: two.city_fen for code, two in work.items()},
        WORK_DISTRICT: {code: two.district_fen for code, two in work.items()},
        PARTY_WORK: {
            code: party_work_fen(True, norms) for code, there in committees.items() if there
        },
    }


def pay(network: Network, year: int, report: Callable[[str], None]) -> MoneyMoved:
    """Appropriate, release down to the communities, receive and spend.

    One community leaves its last instalment unconfirmed: that money is in transit.
    Raises: DemoFailed when an office pays what it does not have.
    """
    moved = MoneyMoved(year=year, due_fen=due_by_formula(network, year, Norms()))
    paid = {fund: due for fund, due in moved.due_fen.items() if due}
    for fund, due in paid.items():
        report(fund)
        _fund_street(network, fund, year, sum(due.values()))
        if fund == WORK_CITY:
            moved.refused.append(_overdraw(network, year, sum(due.values())))
        payees = [place for place in network.communities if place.code in due]
        for place in payees:
            _release(network.street, place.code, fund, year, due[place.code])
        if fund == list(paid)[-1]:
            moved.unsigned, moved.unsigned_fund = payees.pop().code, fund
        for place in payees:
            _receive(network, place, fund, year)
    report("K24")
    network.each_community(lambda place: _spend(place, moved))
    return moved


def _fund_street(network: Network, fund: str, year: int, amount_fen: int) -> None:
    """Put a fund's money in where it belongs and bring it hop by hop to the street."""
    path = [network.city, network.district, network.street]
    if fund == WORK_DISTRICT:  # the district's own: as much as it has received of F1
        path = path[1:]
        network.district.office.match_money(year=year, actor=PAYER, note=NOTE)
    else:
        network.city.office.appropriate_money(
            fund=fund, year=year, amount_fen=amount_fen, actor=PAYER, note=NOTE
        )
    for payer, payee in pairwise(path):
        _release(payer, payee.code, fund, year, amount_fen)
        _receive(network, payee, fund, year)


def _by_community(network: Network, indicator: str) -> dict[str, int]:
    reply = network.city.office.get_rollup(indicator=indicator, unit=network.street.code, by="unit")
    return {g.unit.code: g.figure.numerator for g in reply.groups if not g.own}


def _release(payer: Place, to: str, fund: str, year: int, amount_fen: int) -> None:
    payer.office.release_money(
        to=to, fund=fund, year=year, amount_fen=amount_fen, actor=PAYER, note=NOTE
    )


def _receive(network: Network, payee: Place, fund: str, year: int) -> None:
    """Wait for a release at the office that it is for, and receive it."""

    def found() -> str | None:
        waiting = payee.office.list_transfers(direction="waiting", fund=fund, year=year).transfers
        return next((each.id for each in waiting), None)

    transfer = eventually(
        network, f"{payee.name}收到{fund}拨付", f"the {fund} release at {payee.name}", found
    )
    payee.office.receive_money(transfer=transfer, actor=PAYEE)


def _overdraw(network: Network, year: int, held_fen: int) -> Refused:
    """Have the street release one fen more than it has; the books must refuse.

    Raises: DemoFailed if they do not.
    """
    asked, to = held_fen + 1, network.communities[0]
    try:
        _release(network.street, to.code, WORK_CITY, year, asked)
    except SilianError as error:
        return Refused(
            office=network.street.name, fund=WORK_CITY, asked_fen=asked, held_fen=held_fen,
            code=error.code, zh=error.zh, en=error.en,
        )  # fmt: skip
    raise DemoFailed(
        f"{network.street.name} released {asked} fen and holds {held_fen}",
        f"{network.street.name}超额拨付：持有 {held_fen} 分，拨付 {asked} 分",
    )


def _spend(place: Place, moved: MoneyMoved) -> None:
    for fund, category, percent in SPENT:
        due = moved.due_fen[fund].get(place.code, 0)
        unsigned = (fund, place.code) == (moved.unsigned_fund, moved.unsigned)
        if due and not unsigned:
            place.office.spend_money(
                fund=fund, year=moved.year, amount_fen=due * percent // 100, category=category,
                actor=PAYEE, note=NOTE,
            )  # fmt: skip
