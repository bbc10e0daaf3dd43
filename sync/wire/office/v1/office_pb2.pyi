from sync.wire.office.v1 import audit_pb2 as _audit_pb2
from sync.wire.office.v1 import bundle_pb2 as _bundle_pb2
from sync.wire.office.v1 import certificates_pb2 as _certificates_pb2
from sync.wire.office.v1 import common_pb2 as _common_pb2
from sync.wire.office.v1 import corrections_pb2 as _corrections_pb2
from sync.wire.office.v1 import daily_pb2 as _daily_pb2
from sync.wire.office.v1 import figures_pb2 as _figures_pb2
from sync.wire.office.v1 import money_pb2 as _money_pb2
from sync.wire.office.v1 import registers_pb2 as _registers_pb2
from sync.wire.office.v1 import retention_pb2 as _retention_pb2
from sync.wire.office.v1 import sealed_pb2 as _sealed_pb2
from sync.wire.office.v1 import trouble_pb2 as _trouble_pb2
from sync.wire.office.v1 import work_pb2 as _work_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetStatusRequest(_message.Message):
    __slots__ = ("tree",)
    TREE_FIELD_NUMBER: _ClassVar[int]
    tree: bool
    def __init__(self, tree: _Optional[bool] = ...) -> None: ...

class OfficeState(_message.Message):
    __slots__ = ("unit", "received", "connected", "last_contact_ms", "exact_ms", "waiting_up", "waiting_age_ms", "waiting_down", "conflicts", "quarantined", "program", "sums", "depth")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    LAST_CONTACT_MS_FIELD_NUMBER: _ClassVar[int]
    EXACT_MS_FIELD_NUMBER: _ClassVar[int]
    WAITING_UP_FIELD_NUMBER: _ClassVar[int]
    WAITING_AGE_MS_FIELD_NUMBER: _ClassVar[int]
    WAITING_DOWN_FIELD_NUMBER: _ClassVar[int]
    CONFLICTS_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_FIELD_NUMBER: _ClassVar[int]
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    SUMS_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    unit: _common_pb2.Unit
    received: bool
    connected: bool
    last_contact_ms: int
    exact_ms: int
    waiting_up: int
    waiting_age_ms: int
    waiting_down: int
    conflicts: int
    quarantined: int
    program: str
    sums: StatusSums
    depth: int
    def __init__(self, unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., received: _Optional[bool] = ..., connected: _Optional[bool] = ..., last_contact_ms: _Optional[int] = ..., exact_ms: _Optional[int] = ..., waiting_up: _Optional[int] = ..., waiting_age_ms: _Optional[int] = ..., waiting_down: _Optional[int] = ..., conflicts: _Optional[int] = ..., quarantined: _Optional[int] = ..., program: _Optional[str] = ..., sums: _Optional[_Union[StatusSums, _Mapping]] = ..., depth: _Optional[int] = ...) -> None: ...

class Problem(_message.Message):
    __slots__ = ("code", "severity", "unit", "text", "remedy")
    CODE_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    code: str
    severity: str
    unit: _common_pb2.Unit
    text: _common_pb2.Label
    remedy: _common_pb2.Label
    def __init__(self, code: _Optional[str] = ..., severity: _Optional[str] = ..., unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., text: _Optional[_Union[_common_pb2.Label, _Mapping]] = ..., remedy: _Optional[_Union[_common_pb2.Label, _Mapping]] = ...) -> None: ...

class LinkState(_message.Message):
    __slots__ = ("parent", "state", "connected", "reason", "parent_key", "reason_zh")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PARENT_KEY_FIELD_NUMBER: _ClassVar[int]
    REASON_ZH_FIELD_NUMBER: _ClassVar[int]
    parent: str
    state: str
    connected: bool
    reason: str
    parent_key: str
    reason_zh: str
    def __init__(self, parent: _Optional[str] = ..., state: _Optional[str] = ..., connected: _Optional[bool] = ..., reason: _Optional[str] = ..., parent_key: _Optional[str] = ..., reason_zh: _Optional[str] = ...) -> None: ...

class DurableLevel(_message.Message):
    __slots__ = ("level", "lane", "position")
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    level: int
    lane: str
    position: int
    def __init__(self, level: _Optional[int] = ..., lane: _Optional[str] = ..., position: _Optional[int] = ...) -> None: ...

class GetStatusResponse(_message.Message):
    __slots__ = ("offices", "link", "durable_above", "problems", "catalogue", "at_ms", "machine", "jobs", "sealed")
    OFFICES_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    DURABLE_ABOVE_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    CATALOGUE_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    MACHINE_FIELD_NUMBER: _ClassVar[int]
    JOBS_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    offices: _containers.RepeatedCompositeFieldContainer[OfficeState]
    link: LinkState
    durable_above: _containers.RepeatedCompositeFieldContainer[DurableLevel]
    problems: _containers.RepeatedCompositeFieldContainer[Problem]
    catalogue: str
    at_ms: int
    machine: MachineState
    jobs: _containers.RepeatedCompositeFieldContainer[JobState]
    sealed: _sealed_pb2.SealedStatus
    def __init__(self, offices: _Optional[_Iterable[_Union[OfficeState, _Mapping]]] = ..., link: _Optional[_Union[LinkState, _Mapping]] = ..., durable_above: _Optional[_Iterable[_Union[DurableLevel, _Mapping]]] = ..., problems: _Optional[_Iterable[_Union[Problem, _Mapping]]] = ..., catalogue: _Optional[str] = ..., at_ms: _Optional[int] = ..., machine: _Optional[_Union[MachineState, _Mapping]] = ..., jobs: _Optional[_Iterable[_Union[JobState, _Mapping]]] = ..., sealed: _Optional[_Union[_sealed_pb2.SealedStatus, _Mapping]] = ...) -> None: ...

class MachineState(_message.Message):
    __slots__ = ("certificate_days", "store_bytes", "disk_free_bytes", "clock_offset_ms")
    CERTIFICATE_DAYS_FIELD_NUMBER: _ClassVar[int]
    STORE_BYTES_FIELD_NUMBER: _ClassVar[int]
    DISK_FREE_BYTES_FIELD_NUMBER: _ClassVar[int]
    CLOCK_OFFSET_MS_FIELD_NUMBER: _ClassVar[int]
    certificate_days: int
    store_bytes: int
    disk_free_bytes: int
    clock_offset_ms: int
    def __init__(self, certificate_days: _Optional[int] = ..., store_bytes: _Optional[int] = ..., disk_free_bytes: _Optional[int] = ..., clock_offset_ms: _Optional[int] = ...) -> None: ...

class JobState(_message.Message):
    __slots__ = ("job", "runs", "failures", "last_success_ms")
    JOB_FIELD_NUMBER: _ClassVar[int]
    RUNS_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    LAST_SUCCESS_MS_FIELD_NUMBER: _ClassVar[int]
    job: str
    runs: int
    failures: int
    last_success_ms: int
    def __init__(self, job: _Optional[str] = ..., runs: _Optional[int] = ..., failures: _Optional[int] = ..., last_success_ms: _Optional[int] = ...) -> None: ...

class GetTreeStatusRequest(_message.Message):
    __slots__ = ("unit", "depth", "never", "problems", "cause", "page_size", "page_token")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    NEVER_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    unit: str
    depth: int
    never: bool
    problems: bool
    cause: str
    page_size: int
    page_token: str
    def __init__(self, unit: _Optional[str] = ..., depth: _Optional[int] = ..., never: _Optional[bool] = ..., problems: _Optional[bool] = ..., cause: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class StatusSums(_message.Message):
    __slots__ = ("offices", "received", "connected", "waiting_up", "waiting_down", "with_conflicts", "with_quarantined", "oldest_ms", "with_problems")
    OFFICES_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    WAITING_UP_FIELD_NUMBER: _ClassVar[int]
    WAITING_DOWN_FIELD_NUMBER: _ClassVar[int]
    WITH_CONFLICTS_FIELD_NUMBER: _ClassVar[int]
    WITH_QUARANTINED_FIELD_NUMBER: _ClassVar[int]
    OLDEST_MS_FIELD_NUMBER: _ClassVar[int]
    WITH_PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    offices: int
    received: int
    connected: int
    waiting_up: int
    waiting_down: int
    with_conflicts: int
    with_quarantined: int
    oldest_ms: int
    with_problems: int
    def __init__(self, offices: _Optional[int] = ..., received: _Optional[int] = ..., connected: _Optional[int] = ..., waiting_up: _Optional[int] = ..., waiting_down: _Optional[int] = ..., with_conflicts: _Optional[int] = ..., with_quarantined: _Optional[int] = ..., oldest_ms: _Optional[int] = ..., with_problems: _Optional[int] = ...) -> None: ...

class Cause(_message.Message):
    __slots__ = ("code", "severity", "offices", "examples", "remedy")
    CODE_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    OFFICES_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    code: str
    severity: str
    offices: int
    examples: _containers.RepeatedCompositeFieldContainer[Problem]
    remedy: _common_pb2.Label
    def __init__(self, code: _Optional[str] = ..., severity: _Optional[str] = ..., offices: _Optional[int] = ..., examples: _Optional[_Iterable[_Union[Problem, _Mapping]]] = ..., remedy: _Optional[_Union[_common_pb2.Label, _Mapping]] = ...) -> None: ...

class GetTreeStatusResponse(_message.Message):
    __slots__ = ("unit", "at_ms", "sums", "causes", "offices", "problems", "total_size", "next_page_token")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    SUMS_FIELD_NUMBER: _ClassVar[int]
    CAUSES_FIELD_NUMBER: _ClassVar[int]
    OFFICES_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    unit: _common_pb2.Unit
    at_ms: int
    sums: StatusSums
    causes: _containers.RepeatedCompositeFieldContainer[Cause]
    offices: _containers.RepeatedCompositeFieldContainer[OfficeState]
    problems: _containers.RepeatedCompositeFieldContainer[Problem]
    total_size: int
    next_page_token: str
    def __init__(self, unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., at_ms: _Optional[int] = ..., sums: _Optional[_Union[StatusSums, _Mapping]] = ..., causes: _Optional[_Iterable[_Union[Cause, _Mapping]]] = ..., offices: _Optional[_Iterable[_Union[OfficeState, _Mapping]]] = ..., problems: _Optional[_Iterable[_Union[Problem, _Mapping]]] = ..., total_size: _Optional[int] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetDurabilityRequest(_message.Message):
    __slots__ = ("register", "unit", "id")
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    register: str
    unit: str
    id: str
    def __init__(self, register: _Optional[str] = ..., unit: _Optional[str] = ..., id: _Optional[str] = ...) -> None: ...

class GetDurabilityResponse(_message.Message):
    __slots__ = ("places", "position", "as_of_ms")
    PLACES_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    AS_OF_MS_FIELD_NUMBER: _ClassVar[int]
    places: _containers.RepeatedCompositeFieldContainer[RecordDurability]
    position: int
    as_of_ms: int
    def __init__(self, places: _Optional[_Iterable[_Union[RecordDurability, _Mapping]]] = ..., position: _Optional[int] = ..., as_of_ms: _Optional[int] = ...) -> None: ...

class RecordDurability(_message.Message):
    __slots__ = ("level", "unit", "state")
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    level: int
    unit: _common_pb2.Unit
    state: str
    def __init__(self, level: _Optional[int] = ..., unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., state: _Optional[str] = ...) -> None: ...

class SearchIdsRequest(_message.Message):
    __slots__ = ("kind", "text", "register", "unit")
    KIND_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    kind: str
    text: str
    register: str
    unit: str
    def __init__(self, kind: _Optional[str] = ..., text: _Optional[str] = ..., register: _Optional[str] = ..., unit: _Optional[str] = ...) -> None: ...

class FoundId(_message.Message):
    __slots__ = ("id", "unit", "register", "text")
    ID_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    id: str
    unit: _common_pb2.Unit
    register: str
    text: str
    def __init__(self, id: _Optional[str] = ..., unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., register: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class SearchIdsResponse(_message.Message):
    __slots__ = ("found_ids",)
    FOUND_IDS_FIELD_NUMBER: _ClassVar[int]
    found_ids: _containers.RepeatedCompositeFieldContainer[FoundId]
    def __init__(self, found_ids: _Optional[_Iterable[_Union[FoundId, _Mapping]]] = ...) -> None: ...

class SearchUnitsRequest(_message.Message):
    __slots__ = ("text", "page_size", "page_token")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    text: str
    page_size: int
    page_token: str
    def __init__(self, text: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class SearchUnitsResponse(_message.Message):
    __slots__ = ("units", "total_size", "next_page_token")
    UNITS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    units: _containers.RepeatedCompositeFieldContainer[_common_pb2.Unit]
    total_size: int
    next_page_token: str
    def __init__(self, units: _Optional[_Iterable[_Union[_common_pb2.Unit, _Mapping]]] = ..., total_size: _Optional[int] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListUnitsRequest(_message.Message):
    __slots__ = ("unit", "subtree", "as_of", "page_size", "page_token")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    SUBTREE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    unit: str
    subtree: bool
    as_of: str
    page_size: int
    page_token: str
    def __init__(self, unit: _Optional[str] = ..., subtree: _Optional[bool] = ..., as_of: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListUnitsResponse(_message.Message):
    __slots__ = ("units", "total_size", "next_page_token")
    UNITS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    units: _containers.RepeatedCompositeFieldContainer[_common_pb2.Unit]
    total_size: int
    next_page_token: str
    def __init__(self, units: _Optional[_Iterable[_Union[_common_pb2.Unit, _Mapping]]] = ..., total_size: _Optional[int] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ImportUnitsRequest(_message.Message):
    __slots__ = ("file", "filename", "on", "dry_run", "allow_close", "actor")
    FILE_FIELD_NUMBER: _ClassVar[int]
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    ON_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    ALLOW_CLOSE_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    file: bytes
    filename: str
    on: str
    dry_run: bool
    allow_close: bool
    actor: str
    def __init__(self, file: _Optional[bytes] = ..., filename: _Optional[str] = ..., on: _Optional[str] = ..., dry_run: _Optional[bool] = ..., allow_close: _Optional[bool] = ..., actor: _Optional[str] = ...) -> None: ...

class UnitChanges(_message.Message):
    __slots__ = ("kind", "count")
    KIND_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    kind: str
    count: int
    def __init__(self, kind: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

class ImportUnitsResponse(_message.Message):
    __slots__ = ("changes", "units", "on", "dry_run", "details")
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    ON_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[UnitChanges]
    units: int
    on: str
    dry_run: bool
    details: _containers.RepeatedCompositeFieldContainer[UnitChange]
    def __init__(self, changes: _Optional[_Iterable[_Union[UnitChanges, _Mapping]]] = ..., units: _Optional[int] = ..., on: _Optional[str] = ..., dry_run: _Optional[bool] = ..., details: _Optional[_Iterable[_Union[UnitChange, _Mapping]]] = ...) -> None: ...

class UnitChange(_message.Message):
    __slots__ = ("kind", "path", "becomes", "matched_by")
    KIND_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    BECOMES_FIELD_NUMBER: _ClassVar[int]
    MATCHED_BY_FIELD_NUMBER: _ClassVar[int]
    kind: str
    path: str
    becomes: str
    matched_by: str
    def __init__(self, kind: _Optional[str] = ..., path: _Optional[str] = ..., becomes: _Optional[str] = ..., matched_by: _Optional[str] = ...) -> None: ...

class SyncOfficeRequest(_message.Message):
    __slots__ = ("wait_ms",)
    WAIT_MS_FIELD_NUMBER: _ClassVar[int]
    wait_ms: int
    def __init__(self, wait_ms: _Optional[int] = ...) -> None: ...

class SyncOfficeResponse(_message.Message):
    __slots__ = ("link", "waiting_up", "done")
    LINK_FIELD_NUMBER: _ClassVar[int]
    WAITING_UP_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    link: LinkState
    waiting_up: int
    done: bool
    def __init__(self, link: _Optional[_Union[LinkState, _Mapping]] = ..., waiting_up: _Optional[int] = ..., done: _Optional[bool] = ...) -> None: ...

class CompareOfficeRequest(_message.Message):
    __slots__ = ("repair", "deep", "wait_ms")
    REPAIR_FIELD_NUMBER: _ClassVar[int]
    DEEP_FIELD_NUMBER: _ClassVar[int]
    WAIT_MS_FIELD_NUMBER: _ClassVar[int]
    repair: bool
    deep: bool
    wait_ms: int
    def __init__(self, repair: _Optional[bool] = ..., deep: _Optional[bool] = ..., wait_ms: _Optional[int] = ...) -> None: ...

class CompareOfficeResponse(_message.Message):
    __slots__ = ("outcome", "units", "other_catalogue", "records", "sums_here", "sums_there", "at_ms")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    OTHER_CATALOGUE_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    SUMS_HERE_FIELD_NUMBER: _ClassVar[int]
    SUMS_THERE_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    outcome: str
    units: int
    other_catalogue: _containers.RepeatedScalarFieldContainer[str]
    records: _containers.RepeatedCompositeFieldContainer[DifferingRecord]
    sums_here: int
    sums_there: int
    at_ms: int
    def __init__(self, outcome: _Optional[str] = ..., units: _Optional[int] = ..., other_catalogue: _Optional[_Iterable[str]] = ..., records: _Optional[_Iterable[_Union[DifferingRecord, _Mapping]]] = ..., sums_here: _Optional[int] = ..., sums_there: _Optional[int] = ..., at_ms: _Optional[int] = ...) -> None: ...

class DifferingRecord(_message.Message):
    __slots__ = ("register", "unit", "id", "repaired", "reason")
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    REPAIRED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    register: str
    unit: _common_pb2.Unit
    id: str
    repaired: bool
    reason: str
    def __init__(self, register: _Optional[str] = ..., unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., id: _Optional[str] = ..., repaired: _Optional[bool] = ..., reason: _Optional[str] = ...) -> None: ...

class ListRepairsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRepairsResponse(_message.Message):
    __slots__ = ("repairs", "total_size", "next_page_token")
    REPAIRS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    repairs: _containers.RepeatedCompositeFieldContainer[Repair]
    total_size: int
    next_page_token: str
    def __init__(self, repairs: _Optional[_Iterable[_Union[Repair, _Mapping]]] = ..., total_size: _Optional[int] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Repair(_message.Message):
    __slots__ = ("at_ms", "peer", "register", "unit", "id", "side", "before", "after")
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    at_ms: int
    peer: _common_pb2.Unit
    register: str
    unit: _common_pb2.Unit
    id: str
    side: str
    before: int
    after: int
    def __init__(self, at_ms: _Optional[int] = ..., peer: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., register: _Optional[str] = ..., unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., id: _Optional[str] = ..., side: _Optional[str] = ..., before: _Optional[int] = ..., after: _Optional[int] = ...) -> None: ...

class ListConflictsRequest(_message.Message):
    __slots__ = ("register", "page_size", "page_token", "resolved")
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    RESOLVED_FIELD_NUMBER: _ClassVar[int]
    register: str
    page_size: int
    page_token: str
    resolved: bool
    def __init__(self, register: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., resolved: _Optional[bool] = ...) -> None: ...

class ListConflictsResponse(_message.Message):
    __slots__ = ("conflicts", "total_size", "next_page_token")
    CONFLICTS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    conflicts: _containers.RepeatedCompositeFieldContainer[Conflict]
    total_size: int
    next_page_token: str
    def __init__(self, conflicts: _Optional[_Iterable[_Union[Conflict, _Mapping]]] = ..., total_size: _Optional[int] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ConflictSide(_message.Message):
    __slots__ = ("value", "unit", "at_ms")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    value: _common_pb2.Value
    unit: _common_pb2.Unit
    at_ms: int
    def __init__(self, value: _Optional[_Union[_common_pb2.Value, _Mapping]] = ..., unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., at_ms: _Optional[int] = ...) -> None: ...

class Conflict(_message.Message):
    __slots__ = ("id", "register", "unit", "record", "field", "state", "ended", "shown", "loser", "others", "assignee", "may_resolve", "opened_ms", "reason", "may_decide", "decision")
    ID_FIELD_NUMBER: _ClassVar[int]
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    SHOWN_FIELD_NUMBER: _ClassVar[int]
    LOSER_FIELD_NUMBER: _ClassVar[int]
    OTHERS_FIELD_NUMBER: _ClassVar[int]
    ASSIGNEE_FIELD_NUMBER: _ClassVar[int]
    MAY_RESOLVE_FIELD_NUMBER: _ClassVar[int]
    OPENED_MS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MAY_DECIDE_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    id: str
    register: str
    unit: _common_pb2.Unit
    record: str
    field: str
    state: str
    ended: bool
    shown: ConflictSide
    loser: ConflictSide
    others: _containers.RepeatedCompositeFieldContainer[ConflictSide]
    assignee: _common_pb2.Unit
    may_resolve: bool
    opened_ms: int
    reason: str
    may_decide: _containers.RepeatedCompositeFieldContainer[_common_pb2.Unit]
    decision: Decision
    def __init__(self, id: _Optional[str] = ..., register: _Optional[str] = ..., unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., record: _Optional[str] = ..., field: _Optional[str] = ..., state: _Optional[str] = ..., ended: _Optional[bool] = ..., shown: _Optional[_Union[ConflictSide, _Mapping]] = ..., loser: _Optional[_Union[ConflictSide, _Mapping]] = ..., others: _Optional[_Iterable[_Union[ConflictSide, _Mapping]]] = ..., assignee: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., may_resolve: _Optional[bool] = ..., opened_ms: _Optional[int] = ..., reason: _Optional[str] = ..., may_decide: _Optional[_Iterable[_Union[_common_pb2.Unit, _Mapping]]] = ..., decision: _Optional[_Union[Decision, _Mapping]] = ...) -> None: ...

class Decision(_message.Message):
    __slots__ = ("value", "known", "unit", "at_ms", "actor", "reason")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    value: _common_pb2.Value
    known: bool
    unit: _common_pb2.Unit
    at_ms: int
    actor: str
    reason: str
    def __init__(self, value: _Optional[_Union[_common_pb2.Value, _Mapping]] = ..., known: _Optional[bool] = ..., unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., at_ms: _Optional[int] = ..., actor: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class GetConflictRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class GetConflictResponse(_message.Message):
    __slots__ = ("conflict",)
    CONFLICT_FIELD_NUMBER: _ClassVar[int]
    conflict: Conflict
    def __init__(self, conflict: _Optional[_Union[Conflict, _Mapping]] = ...) -> None: ...

class ResolveConflictRequest(_message.Message):
    __slots__ = ("id", "take", "values", "reason", "actor", "alike", "alike_by", "preview")
    class ValuesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    TAKE_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    ALIKE_FIELD_NUMBER: _ClassVar[int]
    ALIKE_BY_FIELD_NUMBER: _ClassVar[int]
    PREVIEW_FIELD_NUMBER: _ClassVar[int]
    id: str
    take: str
    values: _containers.ScalarMap[str, str]
    reason: str
    actor: str
    alike: bool
    alike_by: str
    preview: bool
    def __init__(self, id: _Optional[str] = ..., take: _Optional[str] = ..., values: _Optional[_Mapping[str, str]] = ..., reason: _Optional[str] = ..., actor: _Optional[str] = ..., alike: _Optional[bool] = ..., alike_by: _Optional[str] = ..., preview: _Optional[bool] = ...) -> None: ...

class ResolveConflictResponse(_message.Message):
    __slots__ = ("conflict", "resolved", "left", "preview")
    CONFLICT_FIELD_NUMBER: _ClassVar[int]
    RESOLVED_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    PREVIEW_FIELD_NUMBER: _ClassVar[int]
    conflict: Conflict
    resolved: int
    left: int
    preview: bool
    def __init__(self, conflict: _Optional[_Union[Conflict, _Mapping]] = ..., resolved: _Optional[int] = ..., left: _Optional[int] = ..., preview: _Optional[bool] = ...) -> None: ...

class ListCasesRequest(_message.Message):
    __slots__ = ("all", "page_size", "page_token")
    ALL_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    all: bool
    page_size: int
    page_token: str
    def __init__(self, all: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListCasesResponse(_message.Message):
    __slots__ = ("cases", "total_size", "next_page_token")
    CASES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    cases: _containers.RepeatedCompositeFieldContainer[Case]
    total_size: int
    next_page_token: str
    def __init__(self, cases: _Optional[_Iterable[_Union[Case, _Mapping]]] = ..., total_size: _Optional[int] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CaseUnit(_message.Message):
    __slots__ = ("unit", "records")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    unit: _common_pb2.Unit
    records: int
    def __init__(self, unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., records: _Optional[int] = ...) -> None: ...

class Case(_message.Message):
    __slots__ = ("id", "kind", "owner", "units", "state", "reason", "actor", "records")
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    id: str
    kind: str
    owner: _common_pb2.Unit
    units: _containers.RepeatedCompositeFieldContainer[CaseUnit]
    state: str
    reason: str
    actor: str
    records: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, id: _Optional[str] = ..., kind: _Optional[str] = ..., owner: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., units: _Optional[_Iterable[_Union[CaseUnit, _Mapping]]] = ..., state: _Optional[str] = ..., reason: _Optional[str] = ..., actor: _Optional[str] = ..., records: _Optional[_Iterable[str]] = ...) -> None: ...

class GetCaseRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class GetCaseResponse(_message.Message):
    __slots__ = ("case",)
    CASE_FIELD_NUMBER: _ClassVar[int]
    case: Case
    def __init__(self, case: _Optional[_Union[Case, _Mapping]] = ...) -> None: ...

class CloseCaseRequest(_message.Message):
    __slots__ = ("id", "reason", "actor")
    ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    id: str
    reason: str
    actor: str
    def __init__(self, id: _Optional[str] = ..., reason: _Optional[str] = ..., actor: _Optional[str] = ...) -> None: ...

class CloseCaseResponse(_message.Message):
    __slots__ = ("case",)
    CASE_FIELD_NUMBER: _ClassVar[int]
    case: Case
    def __init__(self, case: _Optional[_Union[Case, _Mapping]] = ...) -> None: ...
