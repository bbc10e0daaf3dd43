"""Measure the demonstration's result at the offices; nothing is known beforehand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hub.client.pages import every_page
from hub.demo.network import Network, Place
from node.domain.assignment_rules import TERMINAL, State
from node.domain.conservation import FundLine, conservation
from node.domain.funds import Category
from node.domain.posting import Account, AccountKind, Posting, PostingKind
from sync.wire.office.v1 import figures_pb2 as figures
from sync.wire.office.v1 import money_pb2 as money
from sync.wire.office.v1 import office_pb2 as office
from sync.wire.office.v1 import work_pb2 as work

PAGE = 500
UP_TO_CITY = "up:city"
PERSONAL = ("household", "resident")  # registers that never leave a community
INDICATORS = (
    "K2", "K3", "K4", "K5", "K6", "K12_members", "K12_committees", "K12_missing", "K15", "K16",
    "K20", "K21_released", "K21_received", "K21_in_transit", "K22", "K24", "K24_rate", "K30",
    "K34", "K35",
)  # fmt: skip
WHOLE_NETWORK = frozenset({"K21_in_transit"})  # exact only where both ends of every hop are inside
NOT_SENT = frozenset({State.NONE, State.DRAFT, State.SCREENING, State.READY, State.REFUSED})
COMPLETED = frozenset({State.VERIFIED, State.APPRAISED, State.CLOSED})

RecordId = tuple[str, int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Records of registers that the city may see. `different`: there, but with other values."""

    written: int
    at_city_entitled: int
    missing: int
    different: int
    personal_above: int  # households and residents held by any office above the communities


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignments:
    """Hops of all orders, as the city sees them."""

    dispatched: int
    completed: int
    declined: int
    open: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflicts:
    """`shown`: each conflict once, from the lowest office that has it."""

    open: int
    losers_kept: int
    shown: list[office.Conflict]
    shown_at: dict[str, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What recomputing found at one office."""

    place: Place
    compared: dict[str, int]
    different: int
    differences: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One figure of one office as the city gave it, with its completeness."""

    indicator: figures.IndicatorDescription
    figure: figures.Figure
    expected: int
    reported: int
    complete: bool


def records(network: Network) -> Records:
    """Compare, by id and value, what communities wrote for the city with what the city has."""
    described = network.communities[0].office.list_registers().registers
    entitled = [r.name for r in described if r.audience == UP_TO_CITY]
    written: dict[RecordId, Any] = {}
    for found in network.each_community(lambda place: _records(place, entitled, subtree=False)):
        written |= found
    at_city = _records(network.city, entitled, subtree=True)
    there = written.keys() & at_city.keys()
    above = (network.city, network.district, network.street)
    counted = [
        r for place in above for r in place.office.list_registers().registers if r.name in PERSONAL
    ]
    return Records(
        written=len(written),
        at_city_entitled=len(there),
        missing=len(written) - len(there),
        different=sum(written[each] != at_city[each] for each in there),
        personal_above=sum(r.records for r in counted),
    )


def assignments(network: Network) -> Assignments:
    """Count the hops of every order that the city sees."""
    listed: list[work.Assignment] = []
    for page in every_page(network.city.office.list_assignments, box="all"):
        listed += page.assignments
    states = [State(each.state) for each in listed]
    sent = [state for state in states if state not in NOT_SENT]
    return Assignments(
        dispatched=len(sent),
        completed=sum(state in COMPLETED for state in sent),
        declined=sum(state is State.DECLINED for state in sent),
        open=sum(state not in COMPLETED | TERMINAL for state in sent),
    )


def funds(network: Network) -> list[FundLine]:
    """Check conservation over the journals of all offices, each asked for its own."""
    journals = network.everywhere(lambda place: place.office.list_postings(page_size=PAGE).postings)
    return conservation(_posting(each) for _, listed in journals for each in listed)


def conflicts(network: Network) -> Conflicts:
    """Return the open conflicts, each counted once however many offices show it."""
    by_id: dict[str, office.Conflict] = {}
    shown_at: dict[str, list[str]] = {}
    for place, listed in network.everywhere(
        lambda p: p.office.list_conflicts(page_size=PAGE).conflicts
    ):
        for each in listed:
            by_id[each.id] = each
            shown_at.setdefault(each.id, []).append(place.name)
    return Conflicts(
        open=len(by_id),
        losers_kept=sum(
            len([s for s in (c.loser, *c.others) if s.value.WhichOneof("kind")])
            for c in by_id.values()
        ),
        shown=list(by_id.values()),
        shown_at=shown_at,
    )


def rollups(network: Network) -> dict[tuple[str, str], Asked]:
    """Ask the city for every indicator of every office on the path; keyed by (id, unit code).

    The communities come from one question by unit: their figures, and who of them has reported.
    """
    found: dict[tuple[str, str], Asked] = {}
    ask = network.city.office.get_rollup
    for indicator in INDICATORS:
        whole = ask(indicator=indicator, unit=network.city.code)
        found[indicator, network.city.code] = _asked(whole)
        if indicator in WHOLE_NETWORK:
            continue
        found[indicator, network.district.code] = _asked(
            ask(indicator=indicator, unit=network.district.code)
        )
        street = ask(indicator=indicator, unit=network.street.code, by="unit")
        found[indicator, network.street.code] = _asked(street)
        for group in street.groups:
            if not group.own:
                counts = group.counts
                found[indicator, group.unit.code] = Asked(
                    indicator=street.indicator, figure=group.figure, expected=counts.expected,
                    reported=counts.reported, complete=counts.complete == counts.expected,
                )  # fmt: skip
    return found


def verified(network: Network) -> list[Verified]:
    """Have every office recompute what it derives from its records."""
    found = []
    for place, report in network.everywhere(_verify):
        found.append(
            Verified(
                place=place, compared=dict(report.compared), different=report.different,
                differences=[f"{d.check} {d.where}" for d in report.differences],
            )
        )  # fmt: skip
    return found


def _asked(reply: figures.GetRollupResponse) -> Asked:
    whole = reply.completeness
    return Asked(
        indicator=reply.indicator, figure=reply.figure, expected=whole.expected,
        reported=whole.reported, complete=whole.complete,
    )  # fmt: skip


def _records(place: Place, names: Iterable[str], *, subtree: bool) -> dict[RecordId, Any]:
    found: dict[RecordId, Any] = {}
    for name in names:
        for page in every_page(place.office.list_records, register=name, subtree=subtree):
            for each in page.records:
                values = {f: (v.WhichOneof("kind"), v.text, v.integer) for f, v in
                          each.values.items()}  # fmt: skip
                found[name, each.unit.unit_id, each.id] = values
    return found


def _verify(place: Place) -> figures.VerifyReport:
    report = None
    for update in place.office.verify_office():
        if update.HasField("report"):
            report = update.report
    assert report is not None, "the report comes last"
    return report


def _posting(line: money.Posting) -> Posting:
    return Posting(
        posting_id=bytes.fromhex(line.id),
        transfer=bytes.fromhex(line.transfer),
        kind=PostingKind(line.kind),
        unit_id=line.unit.unit_id,
        fund=line.fund,
        year=line.year,
        amount_fen=line.amount_fen,
        debit=_account(line.debit),
        credit=_account(line.credit),
        at_ms=line.at_ms,
        peer_unit=line.peer.unit_id if line.HasField("peer") else None,
        category=Category(line.category) if line.category else None,
        assignment=bytes.fromhex(line.assignment) or None,
        counted_fen=line.counted_fen if line.HasField("counted_fen") else None,
        note=line.note,
    )


def _account(text: str) -> Account:
    kind, _, ref = text.partition(":")
    return Account(AccountKind(kind), ref)
