from sync.wire.office.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class QuarantinedChange(_message.Message):
    __slots__ = ("id", "arrival", "writer", "register", "unit", "records", "reason", "detail", "state", "at_ms", "tries", "note")
    ID_FIELD_NUMBER: _ClassVar[int]
    ARRIVAL_FIELD_NUMBER: _ClassVar[int]
    WRITER_FIELD_NUMBER: _ClassVar[int]
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    TRIES_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    id: str
    arrival: int
    writer: _common_pb2.Unit
    register: str
    unit: _common_pb2.Unit
    records: _containers.RepeatedScalarFieldContainer[str]
    reason: str
    detail: str
    state: str
    at_ms: int
    tries: int
    note: str
    def __init__(self, id: _Optional[str] = ..., arrival: _Optional[int] = ..., writer: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., register: _Optional[str] = ..., unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., records: _Optional[_Iterable[str]] = ..., reason: _Optional[str] = ..., detail: _Optional[str] = ..., state: _Optional[str] = ..., at_ms: _Optional[int] = ..., tries: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class ListQuarantinedChangesRequest(_message.Message):
    __slots__ = ("all", "page_size", "page_token")
    ALL_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    all: bool
    page_size: int
    page_token: str
    def __init__(self, all: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListQuarantinedChangesResponse(_message.Message):
    __slots__ = ("quarantined_changes", "total_size", "next_page_token")
    QUARANTINED_CHANGES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    quarantined_changes: _containers.RepeatedCompositeFieldContainer[QuarantinedChange]
    total_size: int
    next_page_token: str
    def __init__(self, quarantined_changes: _Optional[_Iterable[_Union[QuarantinedChange, _Mapping]]] = ..., total_size: _Optional[int] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetQuarantinedChangeRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class GetQuarantinedChangeResponse(_message.Message):
    __slots__ = ("quarantined_change", "audience", "seq", "operation", "fields")
    QUARANTINED_CHANGE_FIELD_NUMBER: _ClassVar[int]
    AUDIENCE_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    quarantined_change: QuarantinedChange
    audience: str
    seq: int
    operation: str
    fields: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, quarantined_change: _Optional[_Union[QuarantinedChange, _Mapping]] = ..., audience: _Optional[str] = ..., seq: _Optional[int] = ..., operation: _Optional[str] = ..., fields: _Optional[_Iterable[str]] = ...) -> None: ...

class RetryQuarantinedChangesRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class RetryQuarantinedChangesResponse(_message.Message):
    __slots__ = ("tried", "applied")
    TRIED_FIELD_NUMBER: _ClassVar[int]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    tried: int
    applied: int
    def __init__(self, tried: _Optional[int] = ..., applied: _Optional[int] = ...) -> None: ...

class CloseQuarantinedChangeRequest(_message.Message):
    __slots__ = ("id", "reason", "actor")
    ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    id: str
    reason: str
    actor: str
    def __init__(self, id: _Optional[str] = ..., reason: _Optional[str] = ..., actor: _Optional[str] = ...) -> None: ...

class CloseQuarantinedChangeResponse(_message.Message):
    __slots__ = ("quarantined_change", "applied")
    QUARANTINED_CHANGE_FIELD_NUMBER: _ClassVar[int]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    quarantined_change: QuarantinedChange
    applied: int
    def __init__(self, quarantined_change: _Optional[_Union[QuarantinedChange, _Mapping]] = ..., applied: _Optional[int] = ...) -> None: ...

class ListClonedOfficesRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class CloneReset(_message.Message):
    __slots__ = ("at_ms", "actor", "reason")
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    at_ms: int
    actor: str
    reason: str
    def __init__(self, at_ms: _Optional[int] = ..., actor: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ClonedOffice(_message.Message):
    __slots__ = ("unit", "flagged", "decisions")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    FLAGGED_FIELD_NUMBER: _ClassVar[int]
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    unit: _common_pb2.Unit
    flagged: bool
    decisions: _containers.RepeatedCompositeFieldContainer[CloneReset]
    def __init__(self, unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., flagged: _Optional[bool] = ..., decisions: _Optional[_Iterable[_Union[CloneReset, _Mapping]]] = ...) -> None: ...

class ListClonedOfficesResponse(_message.Message):
    __slots__ = ("cloned_offices", "total_size", "next_page_token")
    CLONED_OFFICES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    cloned_offices: _containers.RepeatedCompositeFieldContainer[ClonedOffice]
    total_size: int
    next_page_token: str
    def __init__(self, cloned_offices: _Optional[_Iterable[_Union[ClonedOffice, _Mapping]]] = ..., total_size: _Optional[int] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ResetClonedOfficeRequest(_message.Message):
    __slots__ = ("unit", "reason", "actor")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    unit: str
    reason: str
    actor: str
    def __init__(self, unit: _Optional[str] = ..., reason: _Optional[str] = ..., actor: _Optional[str] = ...) -> None: ...

class ResetClonedOfficeResponse(_message.Message):
    __slots__ = ("office",)
    OFFICE_FIELD_NUMBER: _ClassVar[int]
    office: ClonedOffice
    def __init__(self, office: _Optional[_Union[ClonedOffice, _Mapping]] = ...) -> None: ...
