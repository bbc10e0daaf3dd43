"""The calls of `hub.client.client.OfficeClient` for money. Amounts are whole fen; docs/api.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sync.wire.office.v1 import money_pb2 as money


class MoneyCalls:
    """With a `transfer` of your own, 16 bytes made before the first try, a repeat counts once."""

    def __init__(self, call: Callable[[str, Any], Any]) -> None:
        self._call = call

    def appropriate(
        self,
        *,
        fund: str,
        year: int,
        amount_fen: int,
        actor: str,
        note: str = "",
        transfer: str = "",
        assignment: str = "",
    ) -> money.Posting:
        """Put money of the office's budget into a fund."""
        request = money.AppropriateRequest(
            fund=fund,
            year=year,
            amount_fen=amount_fen,
            note=note,
            transfer=transfer,
            assignment=assignment,
            actor=actor,
        )
        return self._posting("Appropriate", request)

    def match(
        self,
        *,
        year: int,
        actor: str,
        amount_fen: int | None = None,
        note: str = "",
        transfer: str = "",
    ) -> money.Posting:
        """Put a district's own money beside the city's; all that is due if no amount is given."""
        request = money.MatchRequest(
            year=year, amount_fen=amount_fen, note=note, transfer=transfer, actor=actor
        )
        return self._posting("Match", request)

    def release(
        self,
        *,
        to: str,
        fund: str,
        year: int,
        amount_fen: int,
        actor: str,
        note: str = "",
        transfer: str = "",
        assignment: str = "",
    ) -> money.Posting:
        """Send money to an office one level down."""
        request = money.ReleaseRequest(
            to=to,
            fund=fund,
            year=year,
            amount_fen=amount_fen,
            note=note,
            transfer=transfer,
            assignment=assignment,
            actor=actor,
        )
        return self._posting("Release", request)

    def receive(
        self,
        transfer: str = "",
        *,
        actor: str,
        counted_fen: int | None = None,
        note: str = "",
        fund: str = "",
        year: int = 0,
    ) -> list[money.Posting]:
        """Take a release in (another figure disputes it); without `transfer` all that wait."""
        request = money.ReceiveRequest(
            transfer=transfer, counted_fen=counted_fen, note=note, actor=actor, fund=fund, year=year
        )
        return list(self._call("Receive", request).postings)

    def return_money(
        self,
        transfer: str = "",
        *,
        reason: str,
        actor: str,
        fund: str = "",
        year: int = 0,
        amount_fen: int = 0,
        new_transfer: str = "",
        assignment: str = "",
    ) -> money.Posting:
        """Send a release back whole, or, without `transfer`, some of what is held."""
        request = money.ReturnMoneyRequest(
            transfer=transfer,
            fund=fund,
            year=year,
            amount_fen=amount_fen,
            reason=reason,
            actor=actor,
            new_transfer=new_transfer,
            assignment=assignment,
        )
        return self._posting("ReturnMoney", request)

    def spend(
        self,
        *,
        fund: str,
        year: int,
        amount_fen: int,
        category: str,
        actor: str,
        note: str = "",
        transfer: str = "",
        assignment: str = "",
    ) -> money.Posting:
        """Record an expenditure."""
        request = money.SpendRequest(
            fund=fund,
            year=year,
            amount_fen=amount_fen,
            category=category,
            note=note,
            transfer=transfer,
            assignment=assignment,
            actor=actor,
        )
        return self._posting("Spend", request)

    def reverse(self, posting: str, *, actor: str, note: str = "") -> money.Posting:
        """Undo an appropriation or an expenditure of the office's own."""
        return self._posting(
            "Reverse", money.ReverseRequest(posting=posting, note=note, actor=actor)
        )

    def transfers(
        self,
        direction: str = "all",
        *,
        state: str = "",
        fund: str = "",
        year: int = 0,
        limit: int = 50,
        offset: int = 0,
    ) -> money.ListTransfersResponse:
        """Money between offices: in, out, waiting, all."""
        request = money.ListTransfersRequest(
            direction=direction, state=state, fund=fund, year=year, limit=limit, offset=offset
        )
        reply: money.ListTransfersResponse = self._call("ListTransfers", request)
        return reply

    def balances(
        self, *, unit: str = "", subtree: bool = False, fund: str = "", year: int = 0
    ) -> list[money.Balance]:
        """The accounts that are not empty."""
        request = money.ListBalancesRequest(unit=unit, subtree=subtree, fund=fund, year=year)
        return list(self._call("ListBalances", request).balances)

    def conservation(self, *, fund: str = "", year: int = 0) -> money.CheckConservationResponse:
        """Whether all money is accounted for, here and below."""
        reply: money.CheckConservationResponse = self._call(
            "CheckConservation", money.CheckConservationRequest(fund=fund, year=year)
        )
        return reply

    def plan_money(
        self,
        *,
        year: int,
        funds: Iterable[str] = (),
        step: str = "",
        budget_fen: Mapping[str, int] | None = None,
        note: str = "",
        actor: str = "",
    ) -> money.PlanMoneyResponse:
        """The year's formula money; `step`: appropriate, release, or "" to look at it only."""
        request = money.PlanMoneyRequest(
            year=year, funds=funds, step=step, budget_fen=budget_fen or {}, note=note, actor=actor
        )
        reply: money.PlanMoneyResponse = self._call("PlanMoney", request)
        return reply

    def postings(
        self,
        *,
        unit: str = "",
        fund: str = "",
        year: int = 0,
        kind: str = "",
        limit: int = 50,
        offset: int = 0,
    ) -> money.ListPostingsResponse:
        """A page of the journal, newest first."""
        request = money.ListPostingsRequest(
            unit=unit, fund=fund, year=year, kind=kind, limit=limit, offset=offset
        )
        reply: money.ListPostingsResponse = self._call("ListPostings", request)
        return reply

    def _posting(self, name: str, request: Any) -> money.Posting:
        posting: money.Posting = self._call(name, request).posting
        return posting
