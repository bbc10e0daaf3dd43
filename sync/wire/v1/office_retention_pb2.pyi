from sync.wire.v1 import office_common_pb2 as _office_common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RetainRequest(_message.Message):
    __slots__ = ("dry_run",)
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    dry_run: bool
    def __init__(self, dry_run: _Optional[bool] = ...) -> None: ...

class RetainResponse(_message.Message):
    __slots__ = ("floor", "end", "entries", "bytes", "oldest_ms", "cut_entries", "cut_bytes", "holds", "log_days", "lease_days", "tombstone_days", "ended_with_values", "stubs", "reduced", "kept")
    FLOOR_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    OLDEST_MS_FIELD_NUMBER: _ClassVar[int]
    CUT_ENTRIES_FIELD_NUMBER: _ClassVar[int]
    CUT_BYTES_FIELD_NUMBER: _ClassVar[int]
    HOLDS_FIELD_NUMBER: _ClassVar[int]
    LOG_DAYS_FIELD_NUMBER: _ClassVar[int]
    LEASE_DAYS_FIELD_NUMBER: _ClassVar[int]
    TOMBSTONE_DAYS_FIELD_NUMBER: _ClassVar[int]
    ENDED_WITH_VALUES_FIELD_NUMBER: _ClassVar[int]
    STUBS_FIELD_NUMBER: _ClassVar[int]
    REDUCED_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    floor: int
    end: int
    entries: int
    bytes: int
    oldest_ms: int
    cut_entries: int
    cut_bytes: int
    holds: _containers.RepeatedCompositeFieldContainer[LogHold]
    log_days: int
    lease_days: int
    tombstone_days: int
    ended_with_values: int
    stubs: int
    reduced: int
    kept: _containers.RepeatedCompositeFieldContainer[ValuesKept]
    def __init__(self, floor: _Optional[int] = ..., end: _Optional[int] = ..., entries: _Optional[int] = ..., bytes: _Optional[int] = ..., oldest_ms: _Optional[int] = ..., cut_entries: _Optional[int] = ..., cut_bytes: _Optional[int] = ..., holds: _Optional[_Iterable[_Union[LogHold, _Mapping]]] = ..., log_days: _Optional[int] = ..., lease_days: _Optional[int] = ..., tombstone_days: _Optional[int] = ..., ended_with_values: _Optional[int] = ..., stubs: _Optional[int] = ..., reduced: _Optional[int] = ..., kept: _Optional[_Iterable[_Union[ValuesKept, _Mapping]]] = ...) -> None: ...

class ValuesKept(_message.Message):
    __slots__ = ("why", "records")
    WHY_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    why: str
    records: int
    def __init__(self, why: _Optional[str] = ..., records: _Optional[int] = ...) -> None: ...

class LogHold(_message.Message):
    __slots__ = ("why", "first", "unit", "heard_ms", "lease_left_ms")
    WHY_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    HEARD_MS_FIELD_NUMBER: _ClassVar[int]
    LEASE_LEFT_MS_FIELD_NUMBER: _ClassVar[int]
    why: str
    first: int
    unit: _office_common_pb2.Unit
    heard_ms: int
    lease_left_ms: int
    def __init__(self, why: _Optional[str] = ..., first: _Optional[int] = ..., unit: _Optional[_Union[_office_common_pb2.Unit, _Mapping]] = ..., heard_ms: _Optional[int] = ..., lease_left_ms: _Optional[int] = ...) -> None: ...
