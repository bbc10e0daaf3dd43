from sync.wire.office.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ApplyRetentionRequest(_message.Message):
    __slots__ = ("dry_run",)
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    dry_run: bool
    def __init__(self, dry_run: _Optional[bool] = ...) -> None: ...

class ApplyRetentionResponse(_message.Message):
    __slots__ = ("low_water_mark", "end", "entries", "bytes", "oldest_ms", "truncated_entries", "truncated_bytes", "holds", "log_days", "lease_days", "tombstone_days", "ended_with_values", "redacted", "redacted_now", "kept", "local_entries", "cut_local_entries")
    LOW_WATER_MARK_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    OLDEST_MS_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_ENTRIES_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_BYTES_FIELD_NUMBER: _ClassVar[int]
    HOLDS_FIELD_NUMBER: _ClassVar[int]
    LOG_DAYS_FIELD_NUMBER: _ClassVar[int]
    LEASE_DAYS_FIELD_NUMBER: _ClassVar[int]
    TOMBSTONE_DAYS_FIELD_NUMBER: _ClassVar[int]
    ENDED_WITH_VALUES_FIELD_NUMBER: _ClassVar[int]
    REDACTED_FIELD_NUMBER: _ClassVar[int]
    REDACTED_NOW_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    LOCAL_ENTRIES_FIELD_NUMBER: _ClassVar[int]
    CUT_LOCAL_ENTRIES_FIELD_NUMBER: _ClassVar[int]
    low_water_mark: int
    end: int
    entries: int
    bytes: int
    oldest_ms: int
    truncated_entries: int
    truncated_bytes: int
    holds: _containers.RepeatedCompositeFieldContainer[LogHold]
    log_days: int
    lease_days: int
    tombstone_days: int
    ended_with_values: int
    redacted: int
    redacted_now: int
    kept: _containers.RepeatedCompositeFieldContainer[ValuesKept]
    local_entries: int
    cut_local_entries: int
    def __init__(self, low_water_mark: _Optional[int] = ..., end: _Optional[int] = ..., entries: _Optional[int] = ..., bytes: _Optional[int] = ..., oldest_ms: _Optional[int] = ..., truncated_entries: _Optional[int] = ..., truncated_bytes: _Optional[int] = ..., holds: _Optional[_Iterable[_Union[LogHold, _Mapping]]] = ..., log_days: _Optional[int] = ..., lease_days: _Optional[int] = ..., tombstone_days: _Optional[int] = ..., ended_with_values: _Optional[int] = ..., redacted: _Optional[int] = ..., redacted_now: _Optional[int] = ..., kept: _Optional[_Iterable[_Union[ValuesKept, _Mapping]]] = ..., local_entries: _Optional[int] = ..., cut_local_entries: _Optional[int] = ...) -> None: ...

class ValuesKept(_message.Message):
    __slots__ = ("why", "records")
    WHY_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    why: str
    records: int
    def __init__(self, why: _Optional[str] = ..., records: _Optional[int] = ...) -> None: ...

class LogHold(_message.Message):
    __slots__ = ("why", "first", "unit", "last_contact_ms", "lease_left_ms")
    WHY_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    LAST_CONTACT_MS_FIELD_NUMBER: _ClassVar[int]
    LEASE_LEFT_MS_FIELD_NUMBER: _ClassVar[int]
    why: str
    first: int
    unit: _common_pb2.Unit
    last_contact_ms: int
    lease_left_ms: int
    def __init__(self, why: _Optional[str] = ..., first: _Optional[int] = ..., unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., last_contact_ms: _Optional[int] = ..., lease_left_ms: _Optional[int] = ...) -> None: ...
