"""The calls of `OfficeClient`: plain values in, wire messages out. docs/api.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from hub.client.bundles import BundleCalls
from hub.client.cases import CaseCalls
from hub.client.corrections import CorrectionCalls
from hub.client.money import MoneyCalls
from hub.client.trouble import TroubleCalls
from sync.wire.office.v1 import common_pb2 as common
from sync.wire.office.v1 import figures_pb2 as figures
from sync.wire.office.v1 import office_pb2 as office
from sync.wire.office.v1 import registers_pb2 as register_pb
from sync.wire.office.v1 import retention_pb2 as office_retention
from sync.wire.office.v1 import work_pb2 as work

PIECE_BYTES = 1 << 20
Values = Mapping[str, str]
"""Field -> value as a person writes it; "" takes the value away."""
Condition = tuple[str, str, str]
"""Field, operator, value: = != ~ >= <= > <, and with = a range a..b."""


class Calls(MoneyCalls, CorrectionCalls, CaseCalls, TroubleCalls, BundleCalls):
    """Every call of OfficeService as a function. A unit is a code, a name or a path; "" our own."""

    # -- the office ---------------------------------------------------------------------------

    def status(self, *, tree: bool = False) -> office.GetStatusResponse:
        """How the office stands; with `tree` also all that is known of those below."""
        reply: office.GetStatusResponse = self._call(
            "GetStatus", office.GetStatusRequest(tree=tree)
        )
        return reply

    def tree_status(
        self,
        *,
        unit: str = "",
        depth: int = 1,
        never: bool = False,
        problems: bool = False,
        cause: str = "",
        limit: int = 0,
        after: str = "",
    ) -> office.GetTreeStatusResponse:
        """How a unit and those below it stand: sums, causes, and lines or problems page by page."""
        request = office.GetTreeStatusRequest(
            unit=unit, depth=depth, never=never, problems=problems, cause=cause, limit=limit,
            after=after,
        )  # fmt: skip
        reply: office.GetTreeStatusResponse = self._call("GetTreeStatus", request)
        return reply

    def where(self, register: str, record: str, *, unit: str = "") -> office.GetDurabilityResponse:
        """How far up the record's last change is safe."""
        reply: office.GetDurabilityResponse = self._call(
            "GetDurability", office.GetDurabilityRequest(register=register, unit=unit, id=record)
        )
        return reply

    def sync_now(self, *, wait_ms: int = 10_000) -> office.SyncNowResponse:
        """Dial now, and wait until the parent has everything, or the time is over."""
        reply: office.SyncNowResponse = self._call(
            "SyncNow", office.SyncNowRequest(wait_ms=wait_ms)
        )
        return reply

    def compare(
        self, *, repair: bool = True, deep: bool = False, wait_ms: int = 50_000
    ) -> office.CompareResponse:
        """Compare with the parent now; with `deep` every record is read."""
        request = office.CompareRequest(repair=repair, deep=deep, wait_ms=wait_ms)
        reply: office.CompareResponse = self._call("Compare", request)
        return reply

    def repairs(self, *, limit: int = 100) -> list[office.Repair]:
        """What comparisons have put right, newest first."""
        return list(self._call("ListRepairs", office.ListRepairsRequest(limit=limit)).repairs)

    def retain(self, *, dry_run: bool = False) -> office_retention.RetainResponse:
        """Cut what nobody needs of the log, or with `dry_run` only look at it."""
        reply: office_retention.RetainResponse = self._call(
            "Retain", office_retention.RetainRequest(dry_run=dry_run)
        )
        return reply

    def find_ids(
        self, kind: str, text: str, *, register: str = "", unit: str = ""
    ) -> list[office.FoundId]:
        """What may be meant by the name of a thing, or by the first digits of its id."""
        request = office.FindIdsRequest(kind=kind, text=text, register=register, unit=unit)
        return list(self._call("FindIds", request).found)

    def find_units(self, text: str, *, limit: int = 20) -> office.FindUnitsResponse:
        """Units with `text` in their name, or at the start of their code."""
        reply: office.FindUnitsResponse = self._call(
            "FindUnits", office.FindUnitsRequest(text=text, limit=limit)
        )
        return reply

    def units(
        self, unit: str = "", *, subtree: bool = False, as_of: date | None = None
    ) -> list[common.Unit]:
        """A unit and its children, or all below it."""
        request = office.ListUnitsRequest(unit=unit, subtree=subtree, as_of=_day(as_of))
        return list(self._call("ListUnits", request).units)

    def import_units(
        self,
        file: bytes,
        filename: str,
        *,
        on: date | None = None,
        dry_run: bool = False,
        allow_close: bool = False,
        actor: str = "",
    ) -> office.ImportUnitsResponse:
        """Take a CSV as the tree from a day onward; at the city's office."""
        request = office.ImportUnitsRequest(
            file=file,
            filename=filename,
            on=_day(on),
            dry_run=dry_run,
            allow_close=allow_close,
            actor=actor,
        )
        reply: office.ImportUnitsResponse = self._call("ImportUnits", request)
        return reply

    # -- registers ----------------------------------------------------------------------------

    def registers(self, *, system: bool = False) -> list[register_pb.RegisterDescription]:
        """The catalogue, without fields."""
        request = register_pb.ListRegistersRequest(system=system)
        return list(self._call("ListRegisters", request).registers)

    def register(self, name: str) -> register_pb.RegisterDescription:
        """One register with its fields."""
        reply: register_pb.DescribeRegisterResponse = self._call(
            "DescribeRegister", register_pb.DescribeRegisterRequest(register=name)
        )
        return reply.register

    def records(
        self,
        register: str,
        *,
        unit: str = "",
        subtree: bool = False,
        where: Values | None = None,
        conditions: Iterable[Condition] = (),
        search: str = "",
        sort: Iterable[str] = (),
        include_ended: bool = False,
        limit: int = 50,
        after: str = "",
    ) -> register_pb.ListRecordsResponse:
        """One page of records, with how many there are in all.

        `register`: "" searches every one for the words of `search`.
        """
        request = register_pb.ListRecordsRequest(
            register=register,
            unit=unit,
            subtree=subtree,
            where=where or {},
            conditions=_conditions(conditions),
            search=search,
            sort=sort,
            include_ended=include_ended,
            limit=limit,
            after=after,
        )
        reply: register_pb.ListRecordsResponse = self._call("ListRecords", request)
        return reply

    def record(
        self, register: str, record: str, *, unit: str = "", history: bool = False
    ) -> register_pb.GetRecordResponse:
        """One record, ended ones too, with what is known of its past."""
        request = register_pb.GetRecordRequest(
            register=register, unit=unit, id=record, history=history
        )
        reply: register_pb.GetRecordResponse = self._call("GetRecord", request)
        return reply

    def create(self, register: str, values: Values, *, actor: str = "") -> register_pb.Record:
        """Add a record of the office's own unit. `actor`: who does it; it goes with the edit."""
        request = register_pb.CreateRecordRequest(register=register, values=values, actor=actor)
        record: register_pb.Record = self._call("CreateRecord", request).record
        return record

    def change(
        self,
        register: str,
        record: str,
        values: Values,
        *,
        unit: str = "",
        version_token: str = "",
        force: bool = False,
        actor: str = "",
        reason: str = "",
    ) -> register_pb.Record:
        """Change fields of a record; with `version_token` nobody overwrites what he did not see."""
        request = register_pb.ChangeRecordRequest(
            register=register,
            unit=unit,
            id=record,
            values=values,
            version_token=version_token,
            force=force,
            actor=actor,
            reason=reason,
        )
        changed: register_pb.Record = self._call("ChangeRecord", request).record
        return changed

    def end(
        self,
        register: str,
        record: str,
        *,
        version_token: str = "",
        force: bool = False,
        actor: str = "",
        reason: str = "",
    ) -> register_pb.Record:
        """End a record of the office's own unit. `reason`: a usual one, or other words."""
        request = register_pb.EndRecordRequest(
            register=register,
            id=record,
            version_token=version_token,
            force=force,
            actor=actor,
            reason=reason,
        )
        ended: register_pb.Record = self._call("EndRecord", request).record
        return ended

    def state_zero(
        self, register: str, *, actor: str, withdraw: bool = False
    ) -> register_pb.StateZeroResponse:
        """State that this office has nothing to put into a register, or take that back."""
        request = register_pb.StateZeroRequest(register=register, actor=actor, withdraw=withdraw)
        stated: register_pb.StateZeroResponse = self._call("StateZero", request)
        return stated

    def restore(
        self, register: str, record: str, *, actor: str = "", reason: str = ""
    ) -> register_pb.Record:
        """Bring an ended record of the office's own unit back, with the values that it had."""
        request = register_pb.RestoreRecordRequest(
            register=register, id=record, actor=actor, reason=reason
        )
        back: register_pb.Record = self._call("RestoreRecord", request).record
        return back

    def import_file(
        self,
        register: str,
        data: bytes,
        filename: str,
        *,
        dry_run: bool = False,
        valid_only: bool = False,
        clear_blank: bool = False,
        annotate: bool = False,
        lang: str = "zh",
        sheets: Iterable[str] = (),
        actor: str = "",
    ) -> Iterator[register_pb.ImportRecordsResponse]:
        """Take a file in; yields progress, then the outcome, then the annotated file's pieces.

        `sheets`: only these; none: every visible one that has the register's header.
        """
        first = register_pb.ImportRecordsRequest(
            data=data[:PIECE_BYTES],
            filename=filename,
            register=register,
            dry_run=dry_run,
            valid_only=valid_only,
            clear_blank=clear_blank,
            annotate=annotate,
            lang=lang,
            sheets=sheets,
            actor=actor,
        )
        rest = (
            register_pb.ImportRecordsRequest(data=data[start : start + PIECE_BYTES])
            for start in range(PIECE_BYTES, len(data), PIECE_BYTES)
        )
        replies: Iterator[register_pb.ImportRecordsResponse] = self._call(
            "ImportRecords", _chained(first, rest)
        )
        return replies

    def export_file(
        self,
        register: str,
        *,
        kind: str = "",
        template: bool = False,
        unit: str = "",
        subtree: bool = False,
        lang: str = "zh",
        conditions: Iterable[Condition] = (),
        search: str = "",
        sort: Iterable[str] = (),
        columns: Iterable[str] = (),
        sample: bool = False,
    ) -> Iterator[register_pb.ExportRecordsResponse]:
        """Records, an empty template, or a filled sample as a file: name and count, then pieces."""
        request = register_pb.ExportRecordsRequest(
            register=register,
            format="" if template or sample else kind,  # which the office chooses
            template=template,
            unit=unit,
            subtree=subtree,
            lang=lang,
            conditions=_conditions(conditions),
            search=search,
            sort=sort,
            columns=columns,
            sample=sample,
        )
        replies: Iterator[register_pb.ExportRecordsResponse] = self._call("ExportRecords", request)
        return replies

    # -- work ---------------------------------------------------------------------------------

    def issue(
        self,
        title: str,
        targets: Iterable[str],
        *,
        actor: str,
        duty: str = "office",
        body: str = "",
        due_ms: int = 0,
        fee_fen: int = 0,
        department: str = "",
        item_no: str = "",
        nature: str = "ordinary",
        workload_days: int = 0,
        duration_days: int = 0,
        work_order: str = "",
    ) -> work.IssueWorkResponse:
        """Ask other offices for work; with your own `work_order` a repeat issues nothing twice."""
        request = work.IssueWorkRequest(
            title=title,
            body=body,
            targets=targets,
            duty=duty,
            due_ms=due_ms,
            fee_fen=fee_fen,
            department=department,
            item_no=item_no,
            actor=actor,
            nature=nature,
            workload_days=workload_days,
            duration_days=duration_days,
            work_order=work_order,
        )
        reply: work.IssueWorkResponse = self._call("IssueWork", request)
        return reply

    def act(
        self,
        assignment: str,
        step: str,
        *,
        actor: str,
        reason: str = "",
        percent: int | None = None,
        due_ms: int = 0,
        note: str = "",
        evidence: str = "",
        targets: Iterable[str] = (),
        title: str = "",
        body: str = "",
    ) -> work.ActOnAssignmentResponse:
        """Take a step: accept, decline, progress, claim, verify, recall, relay, ..."""
        request = work.ActOnAssignmentRequest(
            id=assignment,
            step=step,
            actor=actor,
            reason=reason,
            percent=percent,
            due_ms=due_ms,
            note=note,
            evidence=evidence,
            targets=targets,
            title=title,
            body=body,
        )
        reply: work.ActOnAssignmentResponse = self._call("ActOnAssignment", request)
        return reply

    def assignments(
        self,
        box: str = "all",
        *,
        states: Iterable[str] = (),
        flagged: bool = False,
        text: str = "",
        limit: int = 50,
        offset: int = 0,
    ) -> work.ListAssignmentsResponse:
        """A page of assignments: todo, issued, passing, all."""
        request = work.ListAssignmentsRequest(
            box=box, states=states, flagged=flagged, text=text, limit=limit, offset=offset
        )
        reply: work.ListAssignmentsResponse = self._call("ListAssignments", request)
        return reply

    def assignment(self, assignment: str) -> work.GetAssignmentResponse:
        """One assignment with its history."""
        reply: work.GetAssignmentResponse = self._call(
            "GetAssignment", work.GetAssignmentRequest(id=assignment)
        )
        return reply

    def work_order(self, order: str) -> work.GetWorkOrderResponse:
        """An order and how it spread."""
        reply: work.GetWorkOrderResponse = self._call(
            "GetWorkOrder", work.GetWorkOrderRequest(id=order)
        )
        return reply

    # -- figures ------------------------------------------------------------------------------

    def indicators(self) -> list[figures.IndicatorDescription]:
        """What can be asked."""
        reply = self._call("ListIndicators", figures.ListIndicatorsRequest())
        return list(reply.indicators)

    def rollup(
        self,
        indicator: str,
        *,
        unit: str = "",
        by: str = "",
        as_of: date | None = None,
        history: str = "as-is",
        laggards_limit: int | None = None,
    ) -> figures.GetRollupResponse:
        """A figure over a unit and all below it, with its completeness.

        `laggards_limit`: offices to name at most whose part is missing or old; None: 200.
        """
        request = figures.GetRollupRequest(
            indicator=indicator, unit=unit, by=by, as_of=_day(as_of), history=history,
            laggards_limit=laggards_limit,
        )  # fmt: skip
        reply: figures.GetRollupResponse = self._call("GetRollup", request)
        return reply

    def verify(self) -> Iterator[figures.VerifyResponse]:
        """Recompute everything that is kept; yields progress, then the report."""
        replies: Iterator[figures.VerifyResponse] = self._call("Verify", figures.VerifyRequest())
        return replies


def _conditions(given: Iterable[Condition]) -> Iterator[register_pb.Condition]:
    return (register_pb.Condition(field=f, operator=o, value=v) for f, o, v in given)


def _chained(first: Any, rest: Iterable[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""
