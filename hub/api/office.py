"""The office itself over the wire: status, how far a record is safe, units, the link."""

from __future__ import annotations

from collections.abc import Iterator

from hub.api.desk import Desk, Method, day_asked, id_asked
from node.domain.units import Tree, Unit, UnknownUnit
from node.services.problems import Problem
from node.services.status import OfficeLine, status
from node.services.units import import_units
from node.services.whereabouts import whereabouts
from sync.errors import SilianError
from sync.schema import Lane
from sync.wire.v1 import office_common_pb2 as common
from sync.wire.v1 import office_pb2 as pb

NOT_SERVED = "not_served"
FOUND_MAX = 20


class NoParent(SilianError):
    """The office has no parent to talk to."""

    code = "no_parent"

    def __init__(self) -> None:
        super().__init__(
            "this office has no parent",
            "本单位没有设置上级",
            remedy_en="The city has none; elsewhere set `parent` in office.toml.",
            remedy_zh="市级单位没有上级; 其他单位请在 office.toml 中设置 parent。",
        )


class NotServed(SilianError):
    """No process serves the office, so nobody talks to its parent."""

    code = "not_served"
    retryable = True

    def __init__(self) -> None:
        super().__init__(
            "the office is not being served, so its link is closed",
            "本单位服务未启动, 无法与上级通信",
            remedy_en="Start it: silian serve --dir DIR.",
            remedy_zh="请先启动: silian serve --dir 目录。",
        )


def get_status(desk: Desk, request: pb.GetStatusRequest) -> pb.GetStatusResponse:
    office = desk.office
    if desk.dialer is None:
        _recall_acks(desk)
    found = status(office, desk.dialer, tree=request.tree)
    return pb.GetStatusResponse(
        offices=[_office(desk, line) for line in found.offices],
        link=_link(desk),
        safe=[
            pb.SafeLevel(level=s.level, lane=s.lane.name.lower(), position=s.position)
            for s in office.news.safe()
        ],
        problems=[_problem(desk, problem) for problem in found.problems],
        catalogue=office.catalogue.version,
        at_ms=found.at_ms,
    )


def where_is(desk: Desk, request: pb.WhereIsRequest) -> pb.WhereIsResponse:
    found = whereabouts(
        desk.office, request.register, desk.unit_asked(request.unit), id_asked(request.id)
    )
    return pb.WhereIsResponse(
        places=[
            pb.RecordPlace(level=place.level, unit=desk.unit(place.unit), state=place.found.value)
            for place in found.places
        ],
        position=found.position,
    )


def find_units(desk: Desk, request: pb.FindUnitsRequest) -> pb.FindUnitsResponse:
    tree, text = desk.office.tree, request.text.strip()
    fits = sorted(_fitting(tree, text), key=lambda unit: (_rank(unit, text), unit.code))
    if not fits:
        tree.find(text)  # one exact path, or the refusal that names the nearest
        fits = [tree.find(text)]
    listed = fits[: request.limit or FOUND_MAX]
    return pb.FindUnitsResponse(units=[_unit(tree, unit) for unit in listed], total=len(fits))


def import_tree(desk: Desk, request: pb.ImportUnitsRequest) -> pb.ImportUnitsResponse:
    done = import_units(
        desk.office,
        request.file,
        request.filename or "units.csv",
        on=day_asked(request.on),
        dry_run=request.dry_run,
        allow_close=request.allow_close,
    )
    return pb.ImportUnitsResponse(
        changes=[
            pb.UnitChanges(kind=kind.value, count=count)
            for kind, count in sorted(done.counts.items())
        ],
        units=done.units,
        on=done.on.isoformat(),
        dry_run=done.dry_run,
    )


def list_units(desk: Desk, request: pb.ListUnitsRequest) -> pb.ListUnitsResponse:
    day = day_asked(request.as_of)
    tree = desk.office.tree_on(day) if day else desk.office.tree
    top = desk.unit_asked(request.unit, tree)
    ids = tree.subtree(top) if request.subtree else (top, *tree.children(top))
    return pb.ListUnitsResponse(units=[_unit(tree, tree.get(each)) for each in ids])


def sync_now(desk: Desk, request: pb.SyncNowRequest) -> pb.SyncNowResponse:
    if not desk.office.config.parent:
        raise NoParent
    if desk.dialer is None:
        raise NotServed
    desk.dialer.retry_now()
    desk.dialer.poke(up=frozenset(Lane), down=frozenset(Lane))
    desk.dialer.wait_idle(request.wait_ms / 1000)
    waiting = desk.office.news.of_self(desk.dialer.held_there).waiting_up
    return pb.SyncNowResponse(
        link=_link(desk), waiting_up=waiting, done=desk.dialer.connected and waiting == 0
    )


def _recall_acks(desk: Desk) -> None:
    """Without a line, what the parent holds is what was written down of it."""
    office = desk.office
    parent_level = office.identity.level - 1
    acked = {s.lane: s.position for s in office.news.safe() if s.level == parent_level}
    office.news.of_self(acked)


def _office(desk: Desk, line: OfficeLine) -> pb.OfficeState:
    return pb.OfficeState(
        unit=desk.unit(line.unit),
        heard=line.heard,
        connected=line.connected,
        last_contact_ms=line.last_contact_ms,
        exact_ms=line.exact_ms,
        waiting_up=line.waiting_up,
        waiting_age_ms=line.waiting_age_ms,
        waiting_down=line.waiting_down,
        conflicts=line.conflicts,
        holes=line.holes,
        program=line.program,
    )


def _link(desk: Desk) -> pb.LinkState:
    dialer = desk.dialer
    return pb.LinkState(
        parent=desk.office.config.parent,
        state=dialer.state.value if dialer else NOT_SERVED,
        connected=dialer.connected if dialer else False,
        reason=dialer.reason if dialer else "",
    )


def _problem(desk: Desk, problem: Problem) -> pb.Problem:
    return pb.Problem(
        code=problem.code,
        severity=problem.severity.name.lower(),
        unit=desk.unit(problem.unit),
        text=common.Label(zh=problem.zh, en=problem.en),
        remedy=common.Label(zh=problem.remedy_zh, en=problem.remedy_en),
    )


def _fitting(tree: Tree, text: str) -> Iterator[Unit]:
    if not text:
        raise UnknownUnit(text, tree.as_of)
    for unit in tree:
        if text in unit.name or unit.code.startswith(text):
            yield unit


def _rank(unit: Unit, text: str) -> int:
    return [unit.code == text, unit.name == text, unit.name.startswith(text), True].index(True)


def _unit(tree: Tree, unit: Unit) -> common.Unit:
    return common.Unit(
        unit_id=unit.unit_id, code=unit.code, name=unit.name, level=unit.level,
        path=tree.path(unit.unit_id),
    )  # fmt: skip


METHODS = {
    "GetStatus": Method(pb.GetStatusRequest, pb.GetStatusResponse, unary=get_status),
    "WhereIs": Method(pb.WhereIsRequest, pb.WhereIsResponse, unary=where_is),
    "ImportUnits": Method(pb.ImportUnitsRequest, pb.ImportUnitsResponse, unary=import_tree),
    "FindUnits": Method(pb.FindUnitsRequest, pb.FindUnitsResponse, unary=find_units),
    "ListUnits": Method(pb.ListUnitsRequest, pb.ListUnitsResponse, unary=list_units),
    "SyncNow": Method(pb.SyncNowRequest, pb.SyncNowResponse, unary=sync_now),
}
