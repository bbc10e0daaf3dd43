"""The office itself over the wire: status, how far a record is durable, units, the link."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from hub.api.call_context import CallContext, Method, parse_day, parse_id
from hub.api.pages import page_of
from hub.api.registers import whose
from hub.api.sealed import own_status
from node.domain.units import Tree, Unit, UnknownUnit
from node.services.health.problems import Problem
from node.services.health.status import OfficeLine, status
from node.services.health.tree_status import PAGE, Asked, Branch, Sums, tree_status
from node.services.records.durability import durability
from node.services.upkeep.tree_import import import_units
from node.store.job_runs import JobTotal
from sync.codec.signing import fingerprint
from sync.model.attribution import attributed
from sync.model.errors import ErrorKind, SilianError
from sync.model.schema import Lane
from sync.store import peers
from sync.wire.office.v1 import common_pb2 as common
from sync.wire.office.v1 import office_pb2 as pb

NOT_SERVED = "not_served"
FOUND_MAX = 20


class NoParent(SilianError):
    """The office has no parent to talk to."""

    code = "no_parent"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self) -> None:
        super().__init__(
            "this office has no parent",
            "本单位没有设置上级",
            remedy_en="The city has none; elsewhere set `parent` in office.toml.",
            remedy_zh="市级单位没有上级；其他单位请在 office.toml 中设置 parent。",
        )


class NotServed(SilianError):
    """No process serves the office, so it is not connected to its parent."""

    code = "not_served"
    kind = ErrorKind.NOT_SERVED

    def __init__(self) -> None:
        super().__init__(
            "no process serves this office, so it is not connected",
            "本单位服务未启动，无法与上级通信",
            remedy_en="Start it: silian serve --dir DIR.",
            remedy_zh="请先启动：silian serve --dir 目录。",
        )


def get_status(context: CallContext, request: pb.GetStatusRequest) -> pb.GetStatusResponse:
    office = context.office
    if context.dialer is None:
        _recall_acks(context)
    found = status(office, context.dialer, tree=request.tree)
    return pb.GetStatusResponse(
        offices=[_office(context, line) for line in found.offices],
        link=_link(context),
        durable_above=[
            pb.DurableLevel(level=s.level, lane=s.lane.name.lower(), position=s.position)
            for s in office.peer_status.durable_proven()
        ],
        problems=[_problem(context, problem) for problem in found.problems],
        catalogue=office.catalogue.version,
        at_ms=found.at_ms,
        machine=pb.MachineState(**asdict(found.machine)),
        jobs=[_job(total) for total in found.jobs],
        sealed=own_status(context),
    )


def get_tree_status(
    context: CallContext, request: pb.GetTreeStatusRequest
) -> pb.GetTreeStatusResponse:
    asked = Asked(
        unit=context.resolve_unit(request.unit),
        depth=request.depth if request.HasField("depth") else 1,
        never=request.never,
        problems=request.problems,
        cause=request.cause,
        limit=request.page_size or PAGE,
        after=request.page_token,
    )
    if context.dialer is None:
        _recall_acks(context)
    found = tree_status(context.office, asked, context.dialer)
    return pb.GetTreeStatusResponse(
        unit=context.unit(found.unit),
        at_ms=found.at_ms,
        sums=_sums(found.sums),
        causes=[
            pb.Cause(
                code=cause.code,
                severity=cause.severity.name.lower(),
                offices=cause.offices,
                examples=[_problem(context, problem) for problem in cause.examples],
                remedy=common.Label(zh=cause.remedy_zh, en=cause.remedy_en),
            )
            for cause in found.causes
        ],
        offices=[_branch(context, branch) for branch in found.branches],
        problems=[_problem(context, problem) for problem in found.problems],
        total_size=found.total,
        next_page_token=found.next,
    )


def where_is(context: CallContext, request: pb.GetDurabilityRequest) -> pb.GetDurabilityResponse:
    found = durability(
        context.office, request.register, whose(context, request), parse_id(request.id)
    )
    return pb.GetDurabilityResponse(
        places=[
            pb.RecordDurability(
                level=place.level, unit=context.unit(place.unit), state=place.found.value
            )
            for place in found.places
        ],
        position=found.position,
        as_of_ms=found.as_of_ms,
    )


def search_units(context: CallContext, request: pb.SearchUnitsRequest) -> pb.SearchUnitsResponse:
    tree, text = context.office.tree, request.text.strip()
    fits = sorted(_fitting(tree, text), key=lambda unit: (_rank(unit, text), unit.code))
    if not fits:
        tree.find(text)  # one exact path, or the refusal with the nearest names
        fits = [tree.find(text)]
    listed, place = page_of(fits, request, FOUND_MAX)
    return pb.SearchUnitsResponse(units=[_unit(tree, unit) for unit in listed], **place)


def import_tree(context: CallContext, request: pb.ImportUnitsRequest) -> pb.ImportUnitsResponse:
    done = import_units(
        context.office,
        request.file,
        request.filename or "units.csv",
        on=parse_day(request.on, "on"),
        dry_run=request.dry_run,
        allow_close=request.allow_close,
        by=attributed(request.actor),
    )
    return pb.ImportUnitsResponse(
        changes=[
            pb.UnitChanges(kind=kind.value, count=count)
            for kind, count in sorted(done.counts.items())
        ],
        units=done.units,
        on=done.on.isoformat(),
        dry_run=done.dry_run,
        details=[
            pb.UnitChange(
                kind=each.kind.value, path=each.path, becomes=each.becomes,
                matched_by=each.match.value if each.match else "",
            )
            for each in done.changes
        ],
    )  # fmt: skip


def list_units(context: CallContext, request: pb.ListUnitsRequest) -> pb.ListUnitsResponse:
    day = parse_day(request.as_of, "as_of")
    tree = context.office.tree_on(day) if day else context.office.tree
    top = context.resolve_unit(request.unit, tree)
    ids = tree.subtree(top) if request.subtree else (top, *tree.children(top))
    shown, place = page_of(ids, request)
    return pb.ListUnitsResponse(units=[_unit(tree, tree.get(each)) for each in shown], **place)


def sync_office(context: CallContext, request: pb.SyncOfficeRequest) -> pb.SyncOfficeResponse:
    if not context.office.config.parent:
        raise NoParent
    if context.dialer is None:
        raise NotServed
    context.dialer.retry_now()
    context.dialer.notify(up=frozenset(Lane), down=frozenset(Lane))
    context.wait(context.dialer.wait_idle, request.wait_ms)
    waiting = context.office.peer_status.own_status(context.dialer.acked_by_parent).waiting_up
    return pb.SyncOfficeResponse(
        link=_link(context), waiting_up=waiting, done=context.dialer.connected and waiting == 0
    )


def _recall_acks(context: CallContext) -> None:
    """Without a link, what the parent has is read from the store."""
    office = context.office
    parent_level = office.identity.level - 1
    acked = {
        s.lane: s.position for s in office.peer_status.durable_above() if s.level == parent_level
    }
    office.peer_status.own_status(acked)


def _office(context: CallContext, line: OfficeLine) -> pb.OfficeState:
    if not line.received:
        return pb.OfficeState(unit=context.unit(line.unit), connected=line.connected)
    return pb.OfficeState(
        unit=context.unit(line.unit),
        received=True,
        connected=line.connected,
        last_contact_ms=line.last_contact_ms,
        exact_ms=line.exact_ms,
        waiting_up=line.waiting_up,
        waiting_age_ms=line.waiting_age_ms,
        waiting_down=line.waiting_down,
        conflicts=line.conflicts,
        quarantined=line.quarantined,
        program=line.program,
    )


def _branch(context: CallContext, branch: Branch) -> pb.OfficeState:
    state = _office(context, branch.office)
    state.sums.CopyFrom(_sums(branch.sums))
    state.depth = branch.depth
    return state


def _sums(sums: Sums) -> pb.StatusSums:
    return pb.StatusSums(
        offices=sums.offices,
        received=sums.received,
        connected=sums.connected,
        waiting_up=sums.waiting_up,
        waiting_down=sums.waiting_down,
        with_conflicts=sums.with_conflicts,
        with_quarantined=sums.with_quarantined,
        oldest_ms=sums.oldest_ms,
        with_problems=sums.with_problems,
    )


def _link(context: CallContext) -> pb.LinkState:
    dialer, office = context.dialer, context.office
    pinned = ""
    if office.parent_unit is not None:
        with office.store.read() as tx:
            pinned = peers.load(tx, office.parent_unit).key_pinned
    return pb.LinkState(
        parent=context.office.config.parent,
        state=dialer.state.value if dialer else NOT_SERVED,
        connected=dialer.connected if dialer else False,
        reason=dialer.reason if dialer else "",
        reason_zh=dialer.reason_zh if dialer else "",
        parent_key=fingerprint(bytes.fromhex(pinned)),
    )


def _job(total: JobTotal) -> pb.JobState:
    return pb.JobState(
        job=total.job, runs=total.runs, failures=total.failures,
        last_success_ms=total.last_success_ms or None,
    )  # fmt: skip


def _problem(context: CallContext, problem: Problem) -> pb.Problem:
    return pb.Problem(
        code=problem.code,
        severity=problem.severity.name.lower(),
        unit=context.unit(problem.unit),
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
    "GetTreeStatus": Method(
        pb.GetTreeStatusRequest, pb.GetTreeStatusResponse, unary=get_tree_status
    ),
    "GetDurability": Method(pb.GetDurabilityRequest, pb.GetDurabilityResponse, unary=where_is),
    "ImportUnits": Method(pb.ImportUnitsRequest, pb.ImportUnitsResponse, unary=import_tree),
    "SearchUnits": Method(pb.SearchUnitsRequest, pb.SearchUnitsResponse, unary=search_units),
    "ListUnits": Method(pb.ListUnitsRequest, pb.ListUnitsResponse, unary=list_units),
    "SyncOffice": Method(pb.SyncOfficeRequest, pb.SyncOfficeResponse, unary=sync_office),
}
