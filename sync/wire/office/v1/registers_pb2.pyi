from sync.wire.office.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FieldDescription(_message.Message):
    __slots__ = ("name", "label", "type", "required", "owners", "sensitivity", "scale", "unit", "choices", "aliases")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_FIELD_NUMBER: _ClassVar[int]
    OWNERS_FIELD_NUMBER: _ClassVar[int]
    SENSITIVITY_FIELD_NUMBER: _ClassVar[int]
    SCALE_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    name: str
    label: _common_pb2.Label
    type: str
    required: bool
    owners: _containers.RepeatedScalarFieldContainer[int]
    sensitivity: str
    scale: int
    unit: str
    choices: _containers.RepeatedCompositeFieldContainer[Choice]
    aliases: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., label: _Optional[_Union[_common_pb2.Label, _Mapping]] = ..., type: _Optional[str] = ..., required: _Optional[bool] = ..., owners: _Optional[_Iterable[int]] = ..., sensitivity: _Optional[str] = ..., scale: _Optional[int] = ..., unit: _Optional[str] = ..., choices: _Optional[_Iterable[_Union[Choice, _Mapping]]] = ..., aliases: _Optional[_Iterable[str]] = ...) -> None: ...

class Choice(_message.Message):
    __slots__ = ("code", "label")
    CODE_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    code: str
    label: _common_pb2.Label
    def __init__(self, code: _Optional[str] = ..., label: _Optional[_Union[_common_pb2.Label, _Mapping]] = ...) -> None: ...

class RegisterDescription(_message.Message):
    __slots__ = ("name", "label", "audience", "level", "key", "singleton", "system", "fields", "records", "kept_here", "end_reasons")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    AUDIENCE_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    SINGLETON_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    KEPT_HERE_FIELD_NUMBER: _ClassVar[int]
    END_REASONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    label: _common_pb2.Label
    audience: str
    level: int
    key: _containers.RepeatedScalarFieldContainer[str]
    singleton: bool
    system: bool
    fields: _containers.RepeatedCompositeFieldContainer[FieldDescription]
    records: int
    kept_here: bool
    end_reasons: _containers.RepeatedCompositeFieldContainer[Choice]
    def __init__(self, name: _Optional[str] = ..., label: _Optional[_Union[_common_pb2.Label, _Mapping]] = ..., audience: _Optional[str] = ..., level: _Optional[int] = ..., key: _Optional[_Iterable[str]] = ..., singleton: _Optional[bool] = ..., system: _Optional[bool] = ..., fields: _Optional[_Iterable[_Union[FieldDescription, _Mapping]]] = ..., records: _Optional[int] = ..., kept_here: _Optional[bool] = ..., end_reasons: _Optional[_Iterable[_Union[Choice, _Mapping]]] = ...) -> None: ...

class ListRegistersRequest(_message.Message):
    __slots__ = ("system", "page_size", "page_token")
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    system: bool
    page_size: int
    page_token: str
    def __init__(self, system: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRegistersResponse(_message.Message):
    __slots__ = ("registers", "total_size", "next_page_token")
    REGISTERS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    registers: _containers.RepeatedCompositeFieldContainer[RegisterDescription]
    total_size: int
    next_page_token: str
    def __init__(self, registers: _Optional[_Iterable[_Union[RegisterDescription, _Mapping]]] = ..., total_size: _Optional[int] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetRegisterRequest(_message.Message):
    __slots__ = ("register",)
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    register: str
    def __init__(self, register: _Optional[str] = ...) -> None: ...

class GetRegisterResponse(_message.Message):
    __slots__ = ("register",)
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    register: RegisterDescription
    def __init__(self, register: _Optional[_Union[RegisterDescription, _Mapping]] = ...) -> None: ...

class Record(_message.Message):
    __slots__ = ("register", "unit", "id", "alive", "values", "writable", "version_token", "created_ms", "changed_ms", "conflicts")
    class ValuesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _common_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_common_pb2.Value, _Mapping]] = ...) -> None: ...
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    ALIVE_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    WRITABLE_FIELD_NUMBER: _ClassVar[int]
    VERSION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    CREATED_MS_FIELD_NUMBER: _ClassVar[int]
    CHANGED_MS_FIELD_NUMBER: _ClassVar[int]
    CONFLICTS_FIELD_NUMBER: _ClassVar[int]
    register: str
    unit: _common_pb2.Unit
    id: str
    alive: bool
    values: _containers.MessageMap[str, _common_pb2.Value]
    writable: _containers.RepeatedScalarFieldContainer[str]
    version_token: str
    created_ms: int
    changed_ms: int
    conflicts: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, register: _Optional[str] = ..., unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., id: _Optional[str] = ..., alive: _Optional[bool] = ..., values: _Optional[_Mapping[str, _common_pb2.Value]] = ..., writable: _Optional[_Iterable[str]] = ..., version_token: _Optional[str] = ..., created_ms: _Optional[int] = ..., changed_ms: _Optional[int] = ..., conflicts: _Optional[_Iterable[str]] = ...) -> None: ...

class RecordEvent(_message.Message):
    __slots__ = ("at_ms", "kind", "unit", "values", "state", "actor", "reason", "changes", "logged")
    class ValuesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _common_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_common_pb2.Value, _Mapping]] = ...) -> None: ...
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    LOGGED_FIELD_NUMBER: _ClassVar[int]
    at_ms: int
    kind: str
    unit: _common_pb2.Unit
    values: _containers.MessageMap[str, _common_pb2.Value]
    state: str
    actor: str
    reason: str
    changes: _containers.RepeatedCompositeFieldContainer[FieldChange]
    logged: bool
    def __init__(self, at_ms: _Optional[int] = ..., kind: _Optional[str] = ..., unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., values: _Optional[_Mapping[str, _common_pb2.Value]] = ..., state: _Optional[str] = ..., actor: _Optional[str] = ..., reason: _Optional[str] = ..., changes: _Optional[_Iterable[_Union[FieldChange, _Mapping]]] = ..., logged: _Optional[bool] = ...) -> None: ...

class FieldChange(_message.Message):
    __slots__ = ("field", "old", "new", "old_known", "state")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    OLD_FIELD_NUMBER: _ClassVar[int]
    NEW_FIELD_NUMBER: _ClassVar[int]
    OLD_KNOWN_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    field: str
    old: _common_pb2.Value
    new: _common_pb2.Value
    old_known: bool
    state: str
    def __init__(self, field: _Optional[str] = ..., old: _Optional[_Union[_common_pb2.Value, _Mapping]] = ..., new: _Optional[_Union[_common_pb2.Value, _Mapping]] = ..., old_known: _Optional[bool] = ..., state: _Optional[str] = ...) -> None: ...

class HistoryRemains(_message.Message):
    __slots__ = ("whole", "missing", "lacks", "since_ms")
    WHOLE_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    LACKS_FIELD_NUMBER: _ClassVar[int]
    SINCE_MS_FIELD_NUMBER: _ClassVar[int]
    whole: bool
    missing: int
    lacks: _containers.RepeatedScalarFieldContainer[str]
    since_ms: int
    def __init__(self, whole: _Optional[bool] = ..., missing: _Optional[int] = ..., lacks: _Optional[_Iterable[str]] = ..., since_ms: _Optional[int] = ...) -> None: ...

class Condition(_message.Message):
    __slots__ = ("field", "operator", "value")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    field: str
    operator: str
    value: str
    def __init__(self, field: _Optional[str] = ..., operator: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class ListRecordsRequest(_message.Message):
    __slots__ = ("register", "unit", "subtree", "where", "include_ended", "page_size", "page_token", "conditions", "search", "sort")
    class WhereEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    SUBTREE_FIELD_NUMBER: _ClassVar[int]
    WHERE_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_ENDED_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    SEARCH_FIELD_NUMBER: _ClassVar[int]
    SORT_FIELD_NUMBER: _ClassVar[int]
    register: str
    unit: str
    subtree: bool
    where: _containers.ScalarMap[str, str]
    include_ended: bool
    page_size: int
    page_token: str
    conditions: _containers.RepeatedCompositeFieldContainer[Condition]
    search: str
    sort: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, register: _Optional[str] = ..., unit: _Optional[str] = ..., subtree: _Optional[bool] = ..., where: _Optional[_Mapping[str, str]] = ..., include_ended: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., conditions: _Optional[_Iterable[_Union[Condition, _Mapping]]] = ..., search: _Optional[str] = ..., sort: _Optional[_Iterable[str]] = ...) -> None: ...

class ListRecordsResponse(_message.Message):
    __slots__ = ("records", "total_size", "next_page_token", "below", "partial")
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    BELOW_FIELD_NUMBER: _ClassVar[int]
    PARTIAL_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[Record]
    total_size: int
    next_page_token: str
    below: bool
    partial: bool
    def __init__(self, records: _Optional[_Iterable[_Union[Record, _Mapping]]] = ..., total_size: _Optional[int] = ..., next_page_token: _Optional[str] = ..., below: _Optional[bool] = ..., partial: _Optional[bool] = ...) -> None: ...

class StateZeroRequest(_message.Message):
    __slots__ = ("register", "withdraw", "actor")
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    WITHDRAW_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    register: str
    withdraw: bool
    actor: str
    def __init__(self, register: _Optional[str] = ..., withdraw: _Optional[bool] = ..., actor: _Optional[str] = ...) -> None: ...

class StateZeroResponse(_message.Message):
    __slots__ = ("register", "label", "zero", "actor", "changed")
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    ZERO_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    register: str
    label: _common_pb2.Label
    zero: bool
    actor: str
    changed: bool
    def __init__(self, register: _Optional[str] = ..., label: _Optional[_Union[_common_pb2.Label, _Mapping]] = ..., zero: _Optional[bool] = ..., actor: _Optional[str] = ..., changed: _Optional[bool] = ...) -> None: ...

class GetRecordRequest(_message.Message):
    __slots__ = ("register", "unit", "id", "history")
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    register: str
    unit: str
    id: str
    history: bool
    def __init__(self, register: _Optional[str] = ..., unit: _Optional[str] = ..., id: _Optional[str] = ..., history: _Optional[bool] = ...) -> None: ...

class GetRecordResponse(_message.Message):
    __slots__ = ("record", "history", "remains")
    RECORD_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    REMAINS_FIELD_NUMBER: _ClassVar[int]
    record: Record
    history: _containers.RepeatedCompositeFieldContainer[RecordEvent]
    remains: HistoryRemains
    def __init__(self, record: _Optional[_Union[Record, _Mapping]] = ..., history: _Optional[_Iterable[_Union[RecordEvent, _Mapping]]] = ..., remains: _Optional[_Union[HistoryRemains, _Mapping]] = ...) -> None: ...

class CreateRecordRequest(_message.Message):
    __slots__ = ("register", "values", "actor")
    class ValuesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    register: str
    values: _containers.ScalarMap[str, str]
    actor: str
    def __init__(self, register: _Optional[str] = ..., values: _Optional[_Mapping[str, str]] = ..., actor: _Optional[str] = ...) -> None: ...

class CreateRecordResponse(_message.Message):
    __slots__ = ("record",)
    RECORD_FIELD_NUMBER: _ClassVar[int]
    record: Record
    def __init__(self, record: _Optional[_Union[Record, _Mapping]] = ...) -> None: ...

class UpdateRecordRequest(_message.Message):
    __slots__ = ("register", "unit", "id", "values", "version_token", "force", "actor", "reason")
    class ValuesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    VERSION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    register: str
    unit: str
    id: str
    values: _containers.ScalarMap[str, str]
    version_token: str
    force: bool
    actor: str
    reason: str
    def __init__(self, register: _Optional[str] = ..., unit: _Optional[str] = ..., id: _Optional[str] = ..., values: _Optional[_Mapping[str, str]] = ..., version_token: _Optional[str] = ..., force: _Optional[bool] = ..., actor: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class UpdateRecordResponse(_message.Message):
    __slots__ = ("record",)
    RECORD_FIELD_NUMBER: _ClassVar[int]
    record: Record
    def __init__(self, record: _Optional[_Union[Record, _Mapping]] = ...) -> None: ...

class EndRecordRequest(_message.Message):
    __slots__ = ("register", "id", "version_token", "force", "actor", "reason")
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    register: str
    id: str
    version_token: str
    force: bool
    actor: str
    reason: str
    def __init__(self, register: _Optional[str] = ..., id: _Optional[str] = ..., version_token: _Optional[str] = ..., force: _Optional[bool] = ..., actor: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class EndRecordResponse(_message.Message):
    __slots__ = ("record",)
    RECORD_FIELD_NUMBER: _ClassVar[int]
    record: Record
    def __init__(self, record: _Optional[_Union[Record, _Mapping]] = ...) -> None: ...

class RestoreRecordRequest(_message.Message):
    __slots__ = ("register", "id", "actor", "reason")
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    register: str
    id: str
    actor: str
    reason: str
    def __init__(self, register: _Optional[str] = ..., id: _Optional[str] = ..., actor: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class RestoreRecordResponse(_message.Message):
    __slots__ = ("record",)
    RECORD_FIELD_NUMBER: _ClassVar[int]
    record: Record
    def __init__(self, record: _Optional[_Union[Record, _Mapping]] = ...) -> None: ...

class ImportRecordsRequest(_message.Message):
    __slots__ = ("data", "filename", "register", "dry_run", "valid_only", "clear_blank", "annotate", "lang", "sheets", "actor")
    DATA_FIELD_NUMBER: _ClassVar[int]
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    VALID_ONLY_FIELD_NUMBER: _ClassVar[int]
    CLEAR_BLANK_FIELD_NUMBER: _ClassVar[int]
    ANNOTATE_FIELD_NUMBER: _ClassVar[int]
    LANG_FIELD_NUMBER: _ClassVar[int]
    SHEETS_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    filename: str
    register: str
    dry_run: bool
    valid_only: bool
    clear_blank: bool
    annotate: bool
    lang: str
    sheets: _containers.RepeatedScalarFieldContainer[str]
    actor: str
    def __init__(self, data: _Optional[bytes] = ..., filename: _Optional[str] = ..., register: _Optional[str] = ..., dry_run: _Optional[bool] = ..., valid_only: _Optional[bool] = ..., clear_blank: _Optional[bool] = ..., annotate: _Optional[bool] = ..., lang: _Optional[str] = ..., sheets: _Optional[_Iterable[str]] = ..., actor: _Optional[str] = ...) -> None: ...

class ImportRecordsResponse(_message.Message):
    __slots__ = ("progress", "outcome", "annotated")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    ANNOTATED_FIELD_NUMBER: _ClassVar[int]
    progress: _common_pb2.Progress
    outcome: ImportOutcome
    annotated: bytes
    def __init__(self, progress: _Optional[_Union[_common_pb2.Progress, _Mapping]] = ..., outcome: _Optional[_Union[ImportOutcome, _Mapping]] = ..., annotated: _Optional[bytes] = ...) -> None: ...

class ImportOutcome(_message.Message):
    __slots__ = ("reports", "skipped", "notes")
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    reports: _containers.RepeatedCompositeFieldContainer[ImportReport]
    skipped: _containers.RepeatedScalarFieldContainer[str]
    notes: _containers.RepeatedCompositeFieldContainer[ImportNote]
    def __init__(self, reports: _Optional[_Iterable[_Union[ImportReport, _Mapping]]] = ..., skipped: _Optional[_Iterable[str]] = ..., notes: _Optional[_Iterable[_Union[ImportNote, _Mapping]]] = ...) -> None: ...

class ImportNote(_message.Message):
    __slots__ = ("code", "sheet", "column", "first_rows", "count", "text", "attention")
    CODE_FIELD_NUMBER: _ClassVar[int]
    SHEET_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    FIRST_ROWS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    ATTENTION_FIELD_NUMBER: _ClassVar[int]
    code: str
    sheet: str
    column: str
    first_rows: _containers.RepeatedScalarFieldContainer[int]
    count: int
    text: _common_pb2.Label
    attention: bool
    def __init__(self, code: _Optional[str] = ..., sheet: _Optional[str] = ..., column: _Optional[str] = ..., first_rows: _Optional[_Iterable[int]] = ..., count: _Optional[int] = ..., text: _Optional[_Union[_common_pb2.Label, _Mapping]] = ..., attention: _Optional[bool] = ...) -> None: ...

class ImportReport(_message.Message):
    __slots__ = ("register", "sheet", "done", "read", "new", "changed", "unchanged", "refused", "faults", "faults_total", "summary", "unknown_headers", "encoding", "notes")
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    SHEET_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    READ_FIELD_NUMBER: _ClassVar[int]
    NEW_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    FAULTS_FIELD_NUMBER: _ClassVar[int]
    FAULTS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_HEADERS_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    register: str
    sheet: str
    done: bool
    read: int
    new: int
    changed: int
    unchanged: int
    refused: int
    faults: _containers.RepeatedCompositeFieldContainer[RowFault]
    faults_total: int
    summary: _containers.RepeatedCompositeFieldContainer[FaultGroup]
    unknown_headers: _containers.RepeatedCompositeFieldContainer[UnknownHeader]
    encoding: str
    notes: _containers.RepeatedCompositeFieldContainer[ImportNote]
    def __init__(self, register: _Optional[str] = ..., sheet: _Optional[str] = ..., done: _Optional[bool] = ..., read: _Optional[int] = ..., new: _Optional[int] = ..., changed: _Optional[int] = ..., unchanged: _Optional[int] = ..., refused: _Optional[int] = ..., faults: _Optional[_Iterable[_Union[RowFault, _Mapping]]] = ..., faults_total: _Optional[int] = ..., summary: _Optional[_Iterable[_Union[FaultGroup, _Mapping]]] = ..., unknown_headers: _Optional[_Iterable[_Union[UnknownHeader, _Mapping]]] = ..., encoding: _Optional[str] = ..., notes: _Optional[_Iterable[_Union[ImportNote, _Mapping]]] = ...) -> None: ...

class FaultGroup(_message.Message):
    __slots__ = ("code", "field", "column", "count", "first_rows", "text")
    CODE_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    FIRST_ROWS_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    code: str
    field: str
    column: str
    count: int
    first_rows: _containers.RepeatedScalarFieldContainer[int]
    text: _common_pb2.Label
    def __init__(self, code: _Optional[str] = ..., field: _Optional[str] = ..., column: _Optional[str] = ..., count: _Optional[int] = ..., first_rows: _Optional[_Iterable[int]] = ..., text: _Optional[_Union[_common_pb2.Label, _Mapping]] = ...) -> None: ...

class UnknownHeader(_message.Message):
    __slots__ = ("column", "text", "nearest")
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    NEAREST_FIELD_NUMBER: _ClassVar[int]
    column: str
    text: str
    nearest: str
    def __init__(self, column: _Optional[str] = ..., text: _Optional[str] = ..., nearest: _Optional[str] = ...) -> None: ...

class RowFault(_message.Message):
    __slots__ = ("row", "column", "field", "code", "text", "suggestion")
    ROW_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SUGGESTION_FIELD_NUMBER: _ClassVar[int]
    row: int
    column: str
    field: str
    code: str
    text: _common_pb2.Label
    suggestion: _common_pb2.Label
    def __init__(self, row: _Optional[int] = ..., column: _Optional[str] = ..., field: _Optional[str] = ..., code: _Optional[str] = ..., text: _Optional[_Union[_common_pb2.Label, _Mapping]] = ..., suggestion: _Optional[_Union[_common_pb2.Label, _Mapping]] = ...) -> None: ...

class ExportRecordsRequest(_message.Message):
    __slots__ = ("register", "format", "template", "unit", "subtree", "lang", "conditions", "search", "sort", "columns", "sample")
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    SUBTREE_FIELD_NUMBER: _ClassVar[int]
    LANG_FIELD_NUMBER: _ClassVar[int]
    CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    SEARCH_FIELD_NUMBER: _ClassVar[int]
    SORT_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_FIELD_NUMBER: _ClassVar[int]
    register: str
    format: str
    template: bool
    unit: str
    subtree: bool
    lang: str
    conditions: _containers.RepeatedCompositeFieldContainer[Condition]
    search: str
    sort: _containers.RepeatedScalarFieldContainer[str]
    columns: _containers.RepeatedScalarFieldContainer[str]
    sample: bool
    def __init__(self, register: _Optional[str] = ..., format: _Optional[str] = ..., template: _Optional[bool] = ..., unit: _Optional[str] = ..., subtree: _Optional[bool] = ..., lang: _Optional[str] = ..., conditions: _Optional[_Iterable[_Union[Condition, _Mapping]]] = ..., search: _Optional[str] = ..., sort: _Optional[_Iterable[str]] = ..., columns: _Optional[_Iterable[str]] = ..., sample: _Optional[bool] = ...) -> None: ...

class ExportRecordsResponse(_message.Message):
    __slots__ = ("data", "filename", "records")
    DATA_FIELD_NUMBER: _ClassVar[int]
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    filename: str
    records: int
    def __init__(self, data: _Optional[bytes] = ..., filename: _Optional[str] = ..., records: _Optional[int] = ...) -> None: ...
