"""The calls of `hub.client.client.OfficeClient` for the day's view; docs/api.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sync.wire.office.v1 import common_pb2 as common
from sync.wire.office.v1 import daily_pb2 as pb
from sync.wire.office.v1 import registers_pb2 as registers

PAGE = 500


class DailyCalls:
    """What waits, orders over all their hops, reports of many figures."""

    _call: Callable[[str, Any], Any]

    def today(self) -> list[pb.Task]:
        """Everything that waits for this office, the earliest deadline first."""
        tasks: list[pb.Task] = []
        token = ""
        while True:
            page = self._call("ListToday", pb.ListTodayRequest(page_size=PAGE, page_token=token))
            tasks += page.tasks
            token = page.next_page_token
            if not token:
                return tasks

    def work_targets(
        self,
        below: str = "",
        *,
        level: int = 3,
        register: str = "",
        conditions: Iterable[tuple[str, str, str]] = (),
    ) -> list[common.Unit]:
        """The units of a level below one; with conditions those with such a record."""
        stated = [registers.Condition(field=f, operator=o, value=v) for f, o, v in conditions]
        units: list[common.Unit] = []
        token = ""
        while True:
            request = pb.ListWorkTargetsRequest(
                below=below, level=level, register=register, conditions=stated, page_size=PAGE,
                page_token=token,
            )  # fmt: skip
            page = self._call("ListWorkTargets", request)
            units += page.units
            token = page.next_page_token
            if not token:
                return units

    def orders(
        self, *, text: str = "", open_only: bool = False, limit: int = 50, after: str = ""
    ) -> pb.ListOrdersResponse:
        """A page of orders, the latest change first."""
        request = pb.ListOrdersRequest(text=text, open=open_only, page_size=limit, page_token=after)
        reply: pb.ListOrdersResponse = self._call("ListOrders", request)
        return reply

    def order(self, order: bytes) -> pb.GetOrderResponse:
        """One order: who has done it, who is late, who has not answered."""
        reply: pb.GetOrderResponse = self._call("GetOrder", pb.GetOrderRequest(id=order.hex()))
        return reply

    def report(
        self,
        indicators: Iterable[str] = (),
        *,
        unit: str = "",
        level: int | None = None,
        months: Iterable[str] = (),
        as_was: bool = False,
    ) -> pb.GetReportResponse:
        """Many figures of a unit and of the units of a level below it, each with its completeness.

        `level`: None for one level below. `months`: YYYY-MM; none: today.
        """
        request = pb.GetReportRequest(
            unit=unit, level=level, indicators=indicators, months=months, as_was=as_was
        )
        reply: pb.GetReportResponse = self._call("GetReport", request)
        return reply
