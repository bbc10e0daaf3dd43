from sync.wire.office.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ProposedChange(_message.Message):
    __slots__ = ("field", "now", "asked_when", "proposed_value", "moved")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    ASKED_WHEN_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_VALUE_FIELD_NUMBER: _ClassVar[int]
    MOVED_FIELD_NUMBER: _ClassVar[int]
    field: str
    now: _common_pb2.Value
    asked_when: _common_pb2.Value
    proposed_value: _common_pb2.Value
    moved: bool
    def __init__(self, field: _Optional[str] = ..., now: _Optional[_Union[_common_pb2.Value, _Mapping]] = ..., asked_when: _Optional[_Union[_common_pb2.Value, _Mapping]] = ..., proposed_value: _Optional[_Union[_common_pb2.Value, _Mapping]] = ..., moved: _Optional[bool] = ...) -> None: ...

class Correction(_message.Message):
    __slots__ = ("id", "register", "unit", "record", "applicant", "owner", "state", "proposed", "reason", "asked_by", "asked_ms", "due_on", "late", "answer", "closed_by", "closed_ms", "record_state", "may_answer", "may_withdraw", "version_token")
    ID_FIELD_NUMBER: _ClassVar[int]
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    APPLICANT_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ASKED_BY_FIELD_NUMBER: _ClassVar[int]
    ASKED_MS_FIELD_NUMBER: _ClassVar[int]
    DUE_ON_FIELD_NUMBER: _ClassVar[int]
    LATE_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    CLOSED_BY_FIELD_NUMBER: _ClassVar[int]
    CLOSED_MS_FIELD_NUMBER: _ClassVar[int]
    RECORD_STATE_FIELD_NUMBER: _ClassVar[int]
    MAY_ANSWER_FIELD_NUMBER: _ClassVar[int]
    MAY_WITHDRAW_FIELD_NUMBER: _ClassVar[int]
    VERSION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    id: str
    register: str
    unit: _common_pb2.Unit
    record: str
    applicant: _common_pb2.Unit
    owner: _common_pb2.Unit
    state: str
    proposed: _containers.RepeatedCompositeFieldContainer[ProposedChange]
    reason: str
    asked_by: str
    asked_ms: int
    due_on: str
    late: bool
    answer: str
    closed_by: str
    closed_ms: int
    record_state: str
    may_answer: bool
    may_withdraw: bool
    version_token: str
    def __init__(self, id: _Optional[str] = ..., register: _Optional[str] = ..., unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., record: _Optional[str] = ..., applicant: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., owner: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., state: _Optional[str] = ..., proposed: _Optional[_Iterable[_Union[ProposedChange, _Mapping]]] = ..., reason: _Optional[str] = ..., asked_by: _Optional[str] = ..., asked_ms: _Optional[int] = ..., due_on: _Optional[str] = ..., late: _Optional[bool] = ..., answer: _Optional[str] = ..., closed_by: _Optional[str] = ..., closed_ms: _Optional[int] = ..., record_state: _Optional[str] = ..., may_answer: _Optional[bool] = ..., may_withdraw: _Optional[bool] = ..., version_token: _Optional[str] = ...) -> None: ...

class CreateCorrectionRequest(_message.Message):
    __slots__ = ("register", "unit", "id", "values", "reason", "actor", "due_on")
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
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    DUE_ON_FIELD_NUMBER: _ClassVar[int]
    register: str
    unit: str
    id: str
    values: _containers.ScalarMap[str, str]
    reason: str
    actor: str
    due_on: str
    def __init__(self, register: _Optional[str] = ..., unit: _Optional[str] = ..., id: _Optional[str] = ..., values: _Optional[_Mapping[str, str]] = ..., reason: _Optional[str] = ..., actor: _Optional[str] = ..., due_on: _Optional[str] = ...) -> None: ...

class CreateCorrectionResponse(_message.Message):
    __slots__ = ("correction",)
    CORRECTION_FIELD_NUMBER: _ClassVar[int]
    correction: Correction
    def __init__(self, correction: _Optional[_Union[Correction, _Mapping]] = ...) -> None: ...

class ListCorrectionsRequest(_message.Message):
    __slots__ = ("box", "open_only", "page_size", "page_token")
    BOX_FIELD_NUMBER: _ClassVar[int]
    OPEN_ONLY_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    box: str
    open_only: bool
    page_size: int
    page_token: str
    def __init__(self, box: _Optional[str] = ..., open_only: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListCorrectionsResponse(_message.Message):
    __slots__ = ("corrections", "total_size", "next_page_token")
    CORRECTIONS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    corrections: _containers.RepeatedCompositeFieldContainer[Correction]
    total_size: int
    next_page_token: str
    def __init__(self, corrections: _Optional[_Iterable[_Union[Correction, _Mapping]]] = ..., total_size: _Optional[int] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetCorrectionRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class GetCorrectionResponse(_message.Message):
    __slots__ = ("correction",)
    CORRECTION_FIELD_NUMBER: _ClassVar[int]
    correction: Correction
    def __init__(self, correction: _Optional[_Union[Correction, _Mapping]] = ...) -> None: ...

class AnswerCorrectionRequest(_message.Message):
    __slots__ = ("id", "answer", "reason", "actor", "version_token", "force")
    ID_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    VERSION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    id: str
    answer: str
    reason: str
    actor: str
    version_token: str
    force: bool
    def __init__(self, id: _Optional[str] = ..., answer: _Optional[str] = ..., reason: _Optional[str] = ..., actor: _Optional[str] = ..., version_token: _Optional[str] = ..., force: _Optional[bool] = ...) -> None: ...

class AnswerCorrectionResponse(_message.Message):
    __slots__ = ("correction",)
    CORRECTION_FIELD_NUMBER: _ClassVar[int]
    correction: Correction
    def __init__(self, correction: _Optional[_Union[Correction, _Mapping]] = ...) -> None: ...

class WithdrawCorrectionRequest(_message.Message):
    __slots__ = ("id", "reason", "actor")
    ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    id: str
    reason: str
    actor: str
    def __init__(self, id: _Optional[str] = ..., reason: _Optional[str] = ..., actor: _Optional[str] = ...) -> None: ...

class WithdrawCorrectionResponse(_message.Message):
    __slots__ = ("correction",)
    CORRECTION_FIELD_NUMBER: _ClassVar[int]
    correction: Correction
    def __init__(self, correction: _Optional[_Union[Correction, _Mapping]] = ...) -> None: ...
