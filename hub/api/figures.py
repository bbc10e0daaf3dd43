"""Figures over the wire: indicators, a rollup with its completeness, the proof of what is kept."""

from __future__ import annotations

from collections.abc import Iterator

from hub.api import choices
from hub.api.call_context import CallContext, Method, parse_day
from hub.api.pages import page_of
from hub.api.progress_stream import stream_progress
from node.domain.indicators import Indicator
from node.services.figures import rollup as service
from node.services.figures.completeness import LAG_TEXTS, Completeness, Counts
from node.services.health.verify import VerifyReport, verify
from sync.wire.office.v1 import common_pb2 as common
from sync.wire.office.v1 import figures_pb2 as pb

LAGGARDS_MAX = 200  # when the call does not say
DIFFERENCES_MAX = 200


def list_indicators(
    context: CallContext, request: pb.ListIndicatorsRequest
) -> pb.ListIndicatorsResponse:
    listed, place = page_of(list(context.office.catalogue.indicators.values()), request)
    return pb.ListIndicatorsResponse(
        indicators=[_described(context, each) for each in listed], **place
    )


def get_rollup(context: CallContext, request: pb.GetRollupRequest) -> pb.GetRollupResponse:
    named = request.laggards_limit if request.HasField("laggards_limit") else LAGGARDS_MAX
    day = parse_day(request.as_of, "as_of")
    as_was = request.history == service.AS_WAS and day is not None
    tree = context.office.tree_on(day) if as_was and day else context.office.tree
    answer = service.answer(
        context.office,
        request.indicator,
        context.resolve_unit(request.unit, tree),
        choices.known(request.by, choices.dimensions_of(context, request.indicator)) or None,
        day,
        request.history or service.AS_IS,
    )
    return pb.GetRollupResponse(
        indicator=indicator_to_wire(answer.indicator),
        unit=context.unit(answer.unit, tree),
        as_of=answer.as_of.isoformat(),
        figure=figure_to_wire(answer.shown),
        groups=[
            pb.FigureGroup(
                key=row.key,
                label=common.Label(zh=row.zh, en=row.en),
                figure=figure_to_wire(row.shown),
                unit=context.unit(row.unit, tree),
                own=row.own,
                counts=counts_to_wire(row.counts),
            )
            for row in answer.rows
        ],
        completeness=_completeness(context, answer.completeness, named),
        closing=answer.closing,
        answered_ms=answer.answered_ms,
        history=answer.history,
    )


def verify_kept(
    context: CallContext, request: pb.VerifyOfficeRequest
) -> Iterator[pb.VerifyOfficeResponse]:
    for check, count, report in stream_progress(lambda report: verify(context.office, report)):
        if report is None:
            yield pb.VerifyOfficeResponse(progress=common.Progress(done=count, of=check))
        else:
            yield pb.VerifyOfficeResponse(report=_report(report))


def _described(context: CallContext, indicator: Indicator) -> pb.IndicatorDescription:
    """Return an indicator with what people call its dimensions."""
    described = indicator_to_wire(indicator)
    names = choices.dimensions_of(context, indicator.id)
    for code in indicator.dimensions:
        zh, en = names[code]
        described.dimension_labels.add(zh=zh, en=en)
    return described


def indicator_to_wire(indicator: Indicator) -> pb.IndicatorDescription:
    return pb.IndicatorDescription(
        id=indicator.id,
        label=common.Label(zh=indicator.zh, en=indicator.en),
        unit=indicator.unit,
        type=indicator.type,
        dimensions=indicator.dimensions,
        level=None if indicator.level is None else int(indicator.level),
        target=indicator.target,
    )


def figure_to_wire(shown: service.Shown) -> pb.Figure:
    return pb.Figure(
        numerator=shown.numerator,
        denominator=shown.denominator,
        value=shown.value,
        display=shown.display,
        met=shown.met,
        suppressed=shown.suppressed,
        unknown=shown.unknown,
        numerator_undecided=shown.numerator_undecided,
        denominator_undecided=shown.denominator_undecided,
        withheld_offices=shown.withheld,
    )


def counts_to_wire(found: Counts | None) -> pb.OfficeCounts | None:
    if found is None:
        return None
    return pb.OfficeCounts(
        expected=found.expected,
        received=found.received,
        reported=found.reported,
        complete=found.complete,
    )


def _completeness(context: CallContext, found: Completeness, laggards_max: int) -> pb.Completeness:
    return pb.Completeness(
        level=None if found.level is None else int(found.level),
        expected=found.expected,
        reported=found.reported,
        laggards=[
            pb.Laggard(
                unit=context.unit(each.unit),
                lag=each.lag.value,
                exact_ms=each.exact_ms,
                quarantined=each.quarantined,
                label=common.Label(zh=LAG_TEXTS[each.lag][0], en=LAG_TEXTS[each.lag][1]),
                missing=[register.name for register in each.missing],
            )
            for each in found.laggards[:laggards_max]
        ],
        laggards_total=len(found.laggards),
        oldest_ms=found.oldest_ms,
        quarantined=found.quarantined,
        complete=found.complete,
        counts=counts_to_wire(found.counts),
        registers=[
            pb.RegisterCounts(
                register=each.register.name,
                label=common.Label(zh=each.register.zh, en=each.register.en),
                expected=each.expected,
                with_records=each.with_records,
                with_none=each.with_none,
            )
            for each in found.registers
        ],
    )


def _report(report: VerifyReport) -> pb.VerifyReport:
    return pb.VerifyReport(
        sound=report.sound,
        compared=dict(report.compared),
        different=report.different,
        differences=[
            pb.Difference(check=d.check, where=d.where, kept=d.kept, recomputed=d.recomputed)
            for d in report.differences[:DIFFERENCES_MAX]
        ],
    )


METHODS = {
    "ListIndicators": Method(
        pb.ListIndicatorsRequest, pb.ListIndicatorsResponse, unary=list_indicators
    ),
    "GetRollup": Method(pb.GetRollupRequest, pb.GetRollupResponse, unary=get_rollup),
    "VerifyOffice": Method(pb.VerifyOfficeRequest, pb.VerifyOfficeResponse, stream=verify_kept),
}
