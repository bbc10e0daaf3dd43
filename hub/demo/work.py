"""Work (scene 2): one order of the city to every community, hop by hop, and all answers to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hub.client.client import OfficeClient
from hub.demo.network import Network, Place
from hub.demo.settle import eventually
from node.china import DAY_MS
from sync.wire.office.v1 import work_pb2 as pb

ASSISTS = "assists"  # the community is asked, and may decline
TITLE = "社区用房面积核查（演示）"
BODY = "请核查本社区办公、活动、服务用房面积，并在社区用房台账中更正（演示任务）。"
AGAIN = "社区用房面积核查·延期重发（演示）"
REASON = "正值换届选举，人手不足，请延期（演示）"
CLERK, HEAD = "演示经办人", "演示负责人"  # who claims is not who verifies


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkDone:
    """An order and the community that did not take it."""

    order: str
    declined_by: Place | None
    reason: str = ""


def spread(network: Network, now_ms: int, report: Callable[[str], None]) -> WorkDone:
    """Issue the order at the city; every community but one does it; close it up to the city.

    One declines and gives a reason, if there are two communities at least.
    """
    issued = network.city.office.issue_work_order(
        title=TITLE, targets=[place.code for place in network.communities],
        actor=HEAD, duty=ASSISTS, body=BODY, due_ms=now_ms + 20 * DAY_MS,
        department="杭州市民政局（演示）",
    )  # fmt: skip
    busy = network.communities[1] if len(network.communities) > 1 else None
    for done, place in enumerate(network.communities):
        task = _delivered(network, place, issued.work_order)
        if place is busy:
            place.office.transition_assignment(id=task, step="decline", actor=CLERK, reason=REASON)
        else:
            _carry_out(place.office, task, place.name)
        report(f"{done + 1}/{len(network.communities)}")
    _close_upward(network, issued.work_order, network.communities)
    return WorkDone(order=issued.work_order, declined_by=busy, reason=REASON if busy else "")


def issue_again(network: Network, place: Place, now_ms: int) -> str:
    """Ask the community that declined once more, with more time; return the new order."""
    issued = network.city.office.issue_work_order(
        title=AGAIN,
        targets=[place.code],
        actor=HEAD,
        duty=ASSISTS,
        body=BODY,
        due_ms=now_ms + 60 * DAY_MS,
        department="杭州市民政局（演示）",
    )
    return issued.work_order


def answer_again(network: Network, place: Place, order: str) -> None:
    """Have the community do what it was asked again, and close that order up to the city."""
    _carry_out(place.office, _delivered(network, place, order), place.name)
    _close_upward(network, order, [place])


def _delivered(network: Network, place: Place, order: str) -> str:
    """Wait for an order at the office that is to do it; its store has sent the receipt itself."""

    def found() -> str | None:
        listed = place.office.list_assignments(box="todo", states=["delivered"])
        return next((a.id for a in listed.assignments if a.work_order == order), None)

    return eventually(network, f"任务送达{place.name}", f"the order at {place.name}", found)


def _carry_out(office: OfficeClient, task: str, name: str) -> None:
    office.transition_assignment(id=task, step="consent", actor=HEAD)
    office.transition_assignment(id=task, step="accept", actor=HEAD)
    office.transition_assignment(
        id=task, step="progress", actor=CLERK, percent=60, note="已现场核查"
    )
    office.transition_assignment(
        id=task, step="claim", actor=CLERK, evidence=f"{name}用房核查表（演示）"
    )


def _close_upward(network: Network, order: str, doers: list[Place]) -> None:
    """Verify and close each hop where it was asked for, from the street up to the city.

    A hub whose parts have all ended claims its own by itself.
    """
    there = {place.unit.unit_id for place in doers}
    for issuer, assignees in (
        (network.street, there),
        (network.district, {network.street.unit.unit_id}),
        (network.city, {network.district.unit.unit_id}),
    ):
        _close_at(network, issuer, order, set(assignees))


def _close_at(network: Network, issuer: Place, order: str, left: set[int]) -> None:
    while left:
        hop = eventually(
            network, f"{issuer.name}收到完成申报", f"a claim at {issuer.name}",
            lambda: _next_answer(issuer, order, left),
        )  # fmt: skip
        left.discard(hop.assignee.unit_id)
        if hop.state == "claimed":
            issuer.office.transition_assignment(id=hop.id, step="verify", actor=HEAD)
            issuer.office.transition_assignment(id=hop.id, step="close", actor=HEAD)


def _next_answer(issuer: Place, order: str, left: set[int]) -> pb.Assignment | None:
    listed = issuer.office.list_assignments(
        box="issued", states=["claimed", "declined"], page_size=500
    ).assignments
    return next((a for a in listed if a.work_order == order and a.assignee.unit_id in left), None)
