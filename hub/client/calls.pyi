"""Generated from proto/ by `make proto`: never edit."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor

from sync.wire.office.v1 import audit_pb2
from sync.wire.office.v1 import bundle_pb2
from sync.wire.office.v1 import certificates_pb2
from sync.wire.office.v1 import corrections_pb2
from sync.wire.office.v1 import daily_pb2
from sync.wire.office.v1 import figures_pb2
from sync.wire.office.v1 import money_pb2
from sync.wire.office.v1 import office_pb2
from sync.wire.office.v1 import registers_pb2
from sync.wire.office.v1 import retention_pb2
from sync.wire.office.v1 import sealed_pb2
from sync.wire.office.v1 import trouble_pb2
from sync.wire.office.v1 import work_pb2

SERVICE: ServiceDescriptor

def snake(name: str) -> str: ...

class Calls:
    def __init__(self, call: Callable[[str, Any], Any]) -> None: ...
    def get_status(
        self,
        *,
        tree: bool | None = ...,
    ) -> office_pb2.GetStatusResponse:
        """The status of the office, and of those below it."""

    def get_tree_status(
        self,
        *,
        unit: str | None = ...,
        depth: int | None = ...,
        never: bool | None = ...,
        problems: bool | None = ...,
        cause: str | None = ...,
        page_size: int | None = ...,
        page_token: str | None = ...,
    ) -> office_pb2.GetTreeStatusResponse:
        """The status of a unit and of those below it, by branch and by cause."""

    def get_durability(
        self,
        *,
        register: str | None = ...,
        unit: str | None = ...,
        id: str | None = ...,
    ) -> office_pb2.GetDurabilityResponse:
        """Up to which level a record is durable."""

    def search_ids(
        self,
        *,
        kind: str | None = ...,
        text: str | None = ...,
        register: str | None = ...,
        unit: str | None = ...,
    ) -> office_pb2.SearchIdsResponse:
        """Which thing a person means, by its name or the first digits of its id."""

    def search_units(
        self,
        *,
        text: str | None = ...,
        page_size: int | None = ...,
        page_token: str | None = ...,
    ) -> office_pb2.SearchUnitsResponse:
        """Units by part of a code or a name."""

    def list_units(
        self,
        *,
        unit: str | None = ...,
        subtree: bool | None = ...,
        as_of: str | None = ...,
        page_size: int | None = ...,
        page_token: str | None = ...,
    ) -> office_pb2.ListUnitsResponse:
        """Units below one."""

    def import_units(
        self,
        *,
        file: bytes | None = ...,
        filename: str | None = ...,
        on: str | None = ...,
        dry_run: bool | None = ...,
        allow_close: bool | None = ...,
        actor: str | None = ...,
    ) -> office_pb2.ImportUnitsResponse:
        """Takes a list of units as the tree from a day onward; at the city."""

    def sync_office(
        self,
        *,
        wait_ms: int | None = ...,
    ) -> office_pb2.SyncOfficeResponse:
        """Tries the link now."""

    def compare_office(
        self,
        *,
        repair: bool | None = ...,
        deep: bool | None = ...,
        wait_ms: int | None = ...,
    ) -> office_pb2.CompareOfficeResponse:
        """Compares with the parent now."""

    def list_repairs(
        self,
        *,
        page_size: int | None = ...,
        page_token: str | None = ...,
    ) -> office_pb2.ListRepairsResponse:
        """What comparisons have put right."""

    def apply_retention(
        self,
        *,
        dry_run: bool | None = ...,
    ) -> retention_pb2.ApplyRetentionResponse:
        """Truncates what nobody needs of the log, or only shows who needs it."""

    def list_certificates(
        self,
        *,
        within_days: int | None = ...,
    ) -> certificates_pb2.ListCertificatesResponse:
        """Certificates that this office has issued, and its own."""

    def get_certificate(
        self,
    ) -> certificates_pb2.GetCertificateResponse:
        """This office's own certificate."""

    def found_authority(
        self,
    ) -> certificates_pb2.FoundAuthorityResponse:
        """Makes the city's authority."""

    def renew_certificate(
        self,
    ) -> certificates_pb2.RenewCertificateResponse:
        """Renews this office's certificate now."""

    def revoke_certificates(
        self,
        *,
        which: str | None = ...,
        reason: str | None = ...,
    ) -> certificates_pb2.RevokeCertificatesResponse:
        """Revokes certificates."""

    def invite_units(
        self,
        *,
        units: Iterable[str] | None = ...,
        all_below: bool | None = ...,
        hours: int | None = ...,
        replaces: bool | None = ...,
        host: str | None = ...,
        places: Iterable[certificates_pb2.InvitedPlace | Mapping[str, Any]] | None = ...,
        again: bool | None = ...,
    ) -> certificates_pb2.InviteUnitsResponse:
        """Lets units directly below enrol."""

    def list_audit_entries(
        self,
        *,
        page_size: int | None = ...,
        page_token: str | None = ...,
    ) -> audit_pb2.ListAuditEntriesResponse:
        """The newest entries of the audit log."""

    def verify_audit(
        self,
    ) -> Iterator[audit_pb2.VerifyAuditResponse]:
        """Whether the audit log is whole."""

    def export_audit(
        self,
    ) -> Iterator[audit_pb2.ExportAuditResponse]:
        """The whole audit log as a file."""

    def prove_audit(
        self,
        *,
        index: int | None = ...,
        indicator: str | None = ...,
        posting: str | None = ...,
        unit: str | None = ...,
        as_of: str | None = ...,
    ) -> audit_pb2.ProveAuditResponse:
        """A proof of an entry, a figure or a payment."""

    def accept_audit_log(
        self,
        *,
        unit: str | None = ...,
        reason: str | None = ...,
        actor: str | None = ...,
    ) -> audit_pb2.AcceptAuditLogResponse:
        """Accepts the audit log of an office below that was refused."""

    def list_sealed(
        self,
        *,
        parent: bool | None = ...,
    ) -> sealed_pb2.ListSealedResponse:
        """Sealed backups of this office and of its children."""

    def seal_backup(
        self,
        *,
        send: bool | None = ...,
    ) -> Iterator[sealed_pb2.SealBackupResponse]:
        """Seals a backup of this office's store, and sends it."""

    def keep_sealed(
        self,
        *,
        unit_id: int | None = ...,
        number: int | None = ...,
        size: int | None = ...,
        digest: bytes | None = ...,
        offset: int | None = ...,
        data: bytes | None = ...,
    ) -> sealed_pb2.KeepSealedResponse:
        """Keeps a child's sealed backup that was carried here."""

    def write_bundle(
        self,
        *,
        to: str | None = ...,
        max_bytes: int | None = ...,
        start_over: bool | None = ...,
    ) -> Iterator[bundle_pb2.WriteBundleResponse]:
        """Writes what waits for the parent or a child into files."""

    def read_bundle(
        self,
        requests: Iterator[bundle_pb2.ReadBundleRequest],
    ) -> Iterator[bundle_pb2.ReadBundleResponse]:
        """Takes in such files."""

    def list_registers(
        self,
        *,
        system: bool | None = ...,
        page_size: int | None = ...,
        page_token: str | None = ...,
    ) -> registers_pb2.ListRegistersResponse:
        """The catalogue of registers."""

    def get_register(
        self,
        *,
        register: str | None = ...,
    ) -> registers_pb2.GetRegisterResponse:
        """One register with its fields."""

    def list_records(
        self,
        *,
        register: str | None = ...,
        unit: str | None = ...,
        subtree: bool | None = ...,
        where: Mapping[str, str] | None = ...,
        include_ended: bool | None = ...,
        page_size: int | None = ...,
        page_token: str | None = ...,
        conditions: Iterable[registers_pb2.Condition | Mapping[str, Any]] | None = ...,
        search: str | None = ...,
        sort: Iterable[str] | None = ...,
    ) -> registers_pb2.ListRecordsResponse:
        """Records page by page."""

    def get_record(
        self,
        *,
        register: str | None = ...,
        unit: str | None = ...,
        id: str | None = ...,
        history: bool | None = ...,
    ) -> registers_pb2.GetRecordResponse:
        """One record."""

    def create_record(
        self,
        *,
        register: str | None = ...,
        values: Mapping[str, str] | None = ...,
        actor: str | None = ...,
    ) -> registers_pb2.CreateRecordResponse:
        """Adds a record."""

    def update_record(
        self,
        *,
        register: str | None = ...,
        unit: str | None = ...,
        id: str | None = ...,
        values: Mapping[str, str] | None = ...,
        version_token: str | None = ...,
        force: bool | None = ...,
        actor: str | None = ...,
        reason: str | None = ...,
    ) -> registers_pb2.UpdateRecordResponse:
        """Changes a record."""

    def end_record(
        self,
        *,
        register: str | None = ...,
        id: str | None = ...,
        version_token: str | None = ...,
        force: bool | None = ...,
        actor: str | None = ...,
        reason: str | None = ...,
    ) -> registers_pb2.EndRecordResponse:
        """Ends a record."""

    def state_zero(
        self,
        *,
        register: str | None = ...,
        withdraw: bool | None = ...,
        actor: str | None = ...,
    ) -> registers_pb2.StateZeroResponse:
        """States that there is nothing to put into a register."""

    def restore_record(
        self,
        *,
        register: str | None = ...,
        id: str | None = ...,
        actor: str | None = ...,
        reason: str | None = ...,
    ) -> registers_pb2.RestoreRecordResponse:
        """Brings an ended record back."""

    def import_records(
        self,
        requests: Iterator[registers_pb2.ImportRecordsRequest],
    ) -> Iterator[registers_pb2.ImportRecordsResponse]:
        """Takes a file of records in."""

    def export_records(
        self,
        *,
        register: str | None = ...,
        format: str | None = ...,
        template: bool | None = ...,
        unit: str | None = ...,
        subtree: bool | None = ...,
        lang: str | None = ...,
        conditions: Iterable[registers_pb2.Condition | Mapping[str, Any]] | None = ...,
        search: str | None = ...,
        sort: Iterable[str] | None = ...,
        columns: Iterable[str] | None = ...,
        sample: bool | None = ...,
    ) -> Iterator[registers_pb2.ExportRecordsResponse]:
        """Gives records, or an empty template, as a file."""

    def issue_work_order(
        self,
        *,
        title: str | None = ...,
        body: str | None = ...,
        targets: Iterable[str] | None = ...,
        duty: str | None = ...,
        due_ms: int | None = ...,
        fee_fen: int | None = ...,
        department: str | None = ...,
        item_no: str | None = ...,
        actor: str | None = ...,
        nature: str | None = ...,
        workload_days: int | None = ...,
        duration_days: int | None = ...,
        work_order: str | None = ...,
    ) -> work_pb2.IssueWorkOrderResponse:
        """Asks offices below for work."""

    def transition_assignment(
        self,
        *,
        id: str | None = ...,
        step: str | None = ...,
        actor: str | None = ...,
        reason: str | None = ...,
        percent: int | None = ...,
        due_ms: int | None = ...,
        note: str | None = ...,
        evidence: str | None = ...,
        targets: Iterable[str] | None = ...,
        title: str | None = ...,
        body: str | None = ...,
    ) -> work_pb2.TransitionAssignmentResponse:
        """Takes a step on an assignment."""

    def list_assignments(
        self,
        *,
        box: str | None = ...,
        states: Iterable[str] | None = ...,
        flagged: bool | None = ...,
        text: str | None = ...,
        page_size: int | None = ...,
        page_token: str | None = ...,
    ) -> work_pb2.ListAssignmentsResponse:
        """Assignments of and to this office."""

    def get_assignment(
        self,
        *,
        id: str | None = ...,
    ) -> work_pb2.GetAssignmentResponse:
        """One assignment with its history."""

    def list_work_targets(
        self,
        *,
        below: str | None = ...,
        level: int | None = ...,
        conditions: Iterable[registers_pb2.Condition | Mapping[str, Any]] | None = ...,
        register: str | None = ...,
        page_size: int | None = ...,
        page_token: str | None = ...,
    ) -> daily_pb2.ListWorkTargetsResponse:
        """The units that an order would go to, before it is issued."""

    def list_orders(
        self,
        *,
        text: str | None = ...,
        open: bool | None = ...,
        page_size: int | None = ...,
        page_token: str | None = ...,
    ) -> daily_pb2.ListOrdersResponse:
        """Orders over all their hops and targets."""

    def get_order(
        self,
        *,
        id: str | None = ...,
    ) -> daily_pb2.GetOrderResponse:
        """One order: who has done it, who is late, who has not answered; and all its hops."""

    def list_tasks(
        self,
        *,
        page_size: int | None = ...,
        page_token: str | None = ...,
    ) -> daily_pb2.ListTasksResponse:
        """Everything that waits for this office."""

    def appropriate_money(
        self,
        *,
        fund: str | None = ...,
        year: int | None = ...,
        amount_fen: int | None = ...,
        note: str | None = ...,
        transfer: str | None = ...,
        assignment: str | None = ...,
        actor: str | None = ...,
    ) -> money_pb2.AppropriateMoneyResponse:
        """Puts money of a budget into a fund."""

    def release_money(
        self,
        *,
        to: str | None = ...,
        fund: str | None = ...,
        year: int | None = ...,
        amount_fen: int | None = ...,
        note: str | None = ...,
        transfer: str | None = ...,
        assignment: str | None = ...,
        actor: str | None = ...,
    ) -> money_pb2.ReleaseMoneyResponse:
        """Sends money down."""

    def match_money(
        self,
        *,
        year: int | None = ...,
        amount_fen: int | None = ...,
        note: str | None = ...,
        transfer: str | None = ...,
        actor: str | None = ...,
    ) -> money_pb2.MatchMoneyResponse:
        """Adds a district's own money to the city's."""

    def receive_money(
        self,
        *,
        transfer: str | None = ...,
        counted_fen: int | None = ...,
        note: str | None = ...,
        actor: str | None = ...,
        fund: str | None = ...,
        year: int | None = ...,
    ) -> money_pb2.ReceiveMoneyResponse:
        """Takes a release in, or all that wait."""

    def return_money(
        self,
        *,
        transfer: str | None = ...,
        fund: str | None = ...,
        year: int | None = ...,
        amount_fen: int | None = ...,
        reason: str | None = ...,
        actor: str | None = ...,
        new_transfer: str | None = ...,
        assignment: str | None = ...,
    ) -> money_pb2.ReturnMoneyResponse:
        """Sends money back up."""

    def spend_money(
        self,
        *,
        fund: str | None = ...,
        year: int | None = ...,
        amount_fen: int | None = ...,
        category: str | None = ...,
        note: str | None = ...,
        transfer: str | None = ...,
        assignment: str | None = ...,
        actor: str | None = ...,
    ) -> money_pb2.SpendMoneyResponse:
        """Records an expenditure."""

    def reverse_posting(
        self,
        *,
        posting: str | None = ...,
        note: str | None = ...,
        actor: str | None = ...,
    ) -> money_pb2.ReversePostingResponse:
        """Undoes an appropriation or an expenditure."""

    def list_transfers(
        self,
        *,
        direction: str | None = ...,
        state: str | None = ...,
        fund: str | None = ...,
        year: int | None = ...,
        page_size: int | None = ...,
        page_token: str | None = ...,
    ) -> money_pb2.ListTransfersResponse:
        """Money between offices."""

    def list_balances(
        self,
        *,
        unit: str | None = ...,
        subtree: bool | None = ...,
        fund: str | None = ...,
        year: int | None = ...,
        page_size: int | None = ...,
        page_token: str | None = ...,
    ) -> money_pb2.ListBalancesResponse:
        """What offices have."""

    def check_conservation(
        self,
        *,
        fund: str | None = ...,
        year: int | None = ...,
    ) -> money_pb2.CheckConservationResponse:
        """Whether money is conserved here and below."""

    def plan_money(
        self,
        *,
        year: int | None = ...,
        funds: Iterable[str] | None = ...,
        step: str | None = ...,
        budget_fen: Mapping[str, int] | None = ...,
        note: str | None = ...,
        actor: str | None = ...,
    ) -> money_pb2.PlanMoneyResponse:
        """The year's formula money: shown, put in, or sent down."""

    def list_postings(
        self,
        *,
        unit: str | None = ...,
        fund: str | None = ...,
        year: int | None = ...,
        kind: str | None = ...,
        page_size: int | None = ...,
        page_token: str | None = ...,
    ) -> money_pb2.ListPostingsResponse:
        """Lines of the journal."""

    def list_indicators(
        self,
        *,
        page_size: int | None = ...,
        page_token: str | None = ...,
    ) -> figures_pb2.ListIndicatorsResponse:
        """The indicators."""

    def get_rollup(
        self,
        *,
        indicator: str | None = ...,
        unit: str | None = ...,
        by: str | None = ...,
        as_of: str | None = ...,
        history: str | None = ...,
        laggards_limit: int | None = ...,
    ) -> figures_pb2.GetRollupResponse:
        """A figure with its completeness."""

    def get_report(
        self,
        *,
        unit: str | None = ...,
        level: int | None = ...,
        indicators: Iterable[str] | None = ...,
        months: Iterable[str] | None = ...,
        as_was: bool | None = ...,
    ) -> daily_pb2.GetReportResponse:
        """Many figures of many units, each with its completeness."""

    def verify_office(
        self,
    ) -> Iterator[figures_pb2.VerifyOfficeResponse]:
        """Proves the kept sums from the records."""

    def list_conflicts(
        self,
        *,
        register: str | None = ...,
        page_size: int | None = ...,
        page_token: str | None = ...,
        resolved: bool | None = ...,
    ) -> office_pb2.ListConflictsResponse:
        """Conflicts that are open."""

    def get_conflict(
        self,
        *,
        id: str | None = ...,
    ) -> office_pb2.GetConflictResponse:
        """One conflict, both sides."""

    def resolve_conflict(
        self,
        *,
        id: str | None = ...,
        take: str | None = ...,
        values: Mapping[str, str] | None = ...,
        reason: str | None = ...,
        actor: str | None = ...,
        alike: bool | None = ...,
        alike_by: str | None = ...,
        preview: bool | None = ...,
    ) -> office_pb2.ResolveConflictResponse:
        """Decides a conflict."""

    def list_cases(
        self,
        *,
        all: bool | None = ...,
        page_size: int | None = ...,
        page_token: str | None = ...,
    ) -> office_pb2.ListCasesResponse:
        """One number registered twice."""

    def get_case(
        self,
        *,
        id: str | None = ...,
    ) -> office_pb2.GetCaseResponse:
        """One of them, with this office's own records."""

    def close_case(
        self,
        *,
        id: str | None = ...,
        reason: str | None = ...,
        actor: str | None = ...,
    ) -> office_pb2.CloseCaseResponse:
        """Closes one."""

    def create_correction(
        self,
        *,
        register: str | None = ...,
        unit: str | None = ...,
        id: str | None = ...,
        values: Mapping[str, str] | None = ...,
        reason: str | None = ...,
        actor: str | None = ...,
        due_on: str | None = ...,
    ) -> corrections_pb2.CreateCorrectionResponse:
        """Asks the owner of fields for other values."""

    def list_corrections(
        self,
        *,
        box: str | None = ...,
        open_only: bool | None = ...,
        page_size: int | None = ...,
        page_token: str | None = ...,
    ) -> corrections_pb2.ListCorrectionsResponse:
        """Correction requests page by page."""

    def get_correction(
        self,
        *,
        id: str | None = ...,
    ) -> corrections_pb2.GetCorrectionResponse:
        """One correction request, side by side with the record."""

    def answer_correction(
        self,
        *,
        id: str | None = ...,
        answer: str | None = ...,
        reason: str | None = ...,
        actor: str | None = ...,
        version_token: str | None = ...,
        force: bool | None = ...,
    ) -> corrections_pb2.AnswerCorrectionResponse:
        """Makes the requested edit, or refuses it with a reason."""

    def withdraw_correction(
        self,
        *,
        id: str | None = ...,
        reason: str | None = ...,
        actor: str | None = ...,
    ) -> corrections_pb2.WithdrawCorrectionResponse:
        """Takes a request back."""

    def list_quarantined_changes(
        self,
        *,
        all: bool | None = ...,
        page_size: int | None = ...,
        page_token: str | None = ...,
    ) -> trouble_pb2.ListQuarantinedChangesResponse:
        """Quarantined changes: those that could not be applied."""

    def get_quarantined_change(
        self,
        *,
        id: str | None = ...,
    ) -> trouble_pb2.GetQuarantinedChangeResponse:
        """One quarantined change."""

    def retry_quarantined_changes(
        self,
        *,
        id: str | None = ...,
    ) -> trouble_pb2.RetryQuarantinedChangesResponse:
        """Retries quarantined changes."""

    def close_quarantined_change(
        self,
        *,
        id: str | None = ...,
        reason: str | None = ...,
        actor: str | None = ...,
    ) -> trouble_pb2.CloseQuarantinedChangeResponse:
        """Closes a quarantined change without applying it; the trace stays."""

    def list_cloned_offices(
        self,
        *,
        page_size: int | None = ...,
        page_token: str | None = ...,
    ) -> trouble_pb2.ListClonedOfficesResponse:
        """Offices under whose name two stores were seen at work."""

    def reset_cloned_office(
        self,
        *,
        unit: str | None = ...,
        reason: str | None = ...,
        actor: str | None = ...,
    ) -> trouble_pb2.ResetClonedOfficeResponse:
        """Forgets which of two stores of a child was here last."""
