from sync.wire.v1 import office_common_pb2 as _office_common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Hole(_message.Message):
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
    id: bytes
    arrival: int
    writer: _office_common_pb2.Unit
    register: str
    unit: _office_common_pb2.Unit
    records: _containers.RepeatedScalarFieldContainer[bytes]
    reason: str
    detail: str
    state: str
    at_ms: int
    tries: int
    note: str
    def __init__(self, id: _Optional[bytes] = ..., arrival: _Optional[int] = ..., writer: _Optional[_Union[_office_common_pb2.Unit, _Mapping]] = ..., register: _Optional[str] = ..., unit: _Optional[_Union[_office_common_pb2.Unit, _Mapping]] = ..., records: _Optional[_Iterable[bytes]] = ..., reason: _Optional[str] = ..., detail: _Optional[str] = ..., state: _Optional[str] = ..., at_ms: _Optional[int] = ..., tries: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class ListHolesRequest(_message.Message):
    __slots__ = ("all", "limit", "after")
    ALL_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    all: bool
    limit: int
    after: str
    def __init__(self, all: _Optional[bool] = ..., limit: _Optional[int] = ..., after: _Optional[str] = ...) -> None: ...

class ListHolesResponse(_message.Message):
    __slots__ = ("holes", "total", "next")
    HOLES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    holes: _containers.RepeatedCompositeFieldContainer[Hole]
    total: int
    next: str
    def __init__(self, holes: _Optional[_Iterable[_Union[Hole, _Mapping]]] = ..., total: _Optional[int] = ..., next: _Optional[str] = ...) -> None: ...

class GetHoleRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    def __init__(self, id: _Optional[bytes] = ...) -> None: ...

class GetHoleResponse(_message.Message):
    __slots__ = ("hole", "audience", "seq", "operation", "fields")
    HOLE_FIELD_NUMBER: _ClassVar[int]
    AUDIENCE_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    hole: Hole
    audience: str
    seq: int
    operation: str
    fields: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, hole: _Optional[_Union[Hole, _Mapping]] = ..., audience: _Optional[str] = ..., seq: _Optional[int] = ..., operation: _Optional[str] = ..., fields: _Optional[_Iterable[str]] = ...) -> None: ...

class RetryHolesRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    def __init__(self, id: _Optional[bytes] = ...) -> None: ...

class RetryHolesResponse(_message.Message):
    __slots__ = ("tried", "healed")
    TRIED_FIELD_NUMBER: _ClassVar[int]
    HEALED_FIELD_NUMBER: _ClassVar[int]
    tried: int
    healed: int
    def __init__(self, tried: _Optional[int] = ..., healed: _Optional[int] = ...) -> None: ...

class CloseHoleRequest(_message.Message):
    __slots__ = ("id", "reason", "actor")
    ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    reason: str
    actor: str
    def __init__(self, id: _Optional[bytes] = ..., reason: _Optional[str] = ..., actor: _Optional[str] = ...) -> None: ...

class CloseHoleResponse(_message.Message):
    __slots__ = ("hole", "healed")
    HOLE_FIELD_NUMBER: _ClassVar[int]
    HEALED_FIELD_NUMBER: _ClassVar[int]
    hole: Hole
    healed: int
    def __init__(self, hole: _Optional[_Union[Hole, _Mapping]] = ..., healed: _Optional[int] = ...) -> None: ...

class ListCopiesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CopyForgotten(_message.Message):
    __slots__ = ("at_ms", "actor", "reason")
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    at_ms: int
    actor: str
    reason: str
    def __init__(self, at_ms: _Optional[int] = ..., actor: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class CopiedOffice(_message.Message):
    __slots__ = ("unit", "flagged", "decisions")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    FLAGGED_FIELD_NUMBER: _ClassVar[int]
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    unit: _office_common_pb2.Unit
    flagged: bool
    decisions: _containers.RepeatedCompositeFieldContainer[CopyForgotten]
    def __init__(self, unit: _Optional[_Union[_office_common_pb2.Unit, _Mapping]] = ..., flagged: _Optional[bool] = ..., decisions: _Optional[_Iterable[_Union[CopyForgotten, _Mapping]]] = ...) -> None: ...

class ListCopiesResponse(_message.Message):
    __slots__ = ("offices",)
    OFFICES_FIELD_NUMBER: _ClassVar[int]
    offices: _containers.RepeatedCompositeFieldContainer[CopiedOffice]
    def __init__(self, offices: _Optional[_Iterable[_Union[CopiedOffice, _Mapping]]] = ...) -> None: ...

class ForgetCopyRequest(_message.Message):
    __slots__ = ("unit", "reason", "actor")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    unit: str
    reason: str
    actor: str
    def __init__(self, unit: _Optional[str] = ..., reason: _Optional[str] = ..., actor: _Optional[str] = ...) -> None: ...

class ForgetCopyResponse(_message.Message):
    __slots__ = ("office",)
    OFFICE_FIELD_NUMBER: _ClassVar[int]
    office: CopiedOffice
    def __init__(self, office: _Optional[_Union[CopiedOffice, _Mapping]] = ...) -> None: ...
