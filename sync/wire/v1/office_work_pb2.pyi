from sync.wire.v1 import office_common_pb2 as _office_common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Assignment(_message.Message):
    __slots__ = ("id", "work_order", "parent", "issuer", "assignee", "title", "state", "percent", "duty", "due_ms", "updated_ms", "flag", "overdue", "steps", "body")
    ID_FIELD_NUMBER: _ClassVar[int]
    WORK_ORDER_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    ASSIGNEE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    DUTY_FIELD_NUMBER: _ClassVar[int]
    DUE_MS_FIELD_NUMBER: _ClassVar[int]
    UPDATED_MS_FIELD_NUMBER: _ClassVar[int]
    FLAG_FIELD_NUMBER: _ClassVar[int]
    OVERDUE_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    work_order: bytes
    parent: bytes
    issuer: _office_common_pb2.Unit
    assignee: _office_common_pb2.Unit
    title: str
    state: str
    percent: int
    duty: str
    due_ms: int
    updated_ms: int
    flag: str
    overdue: bool
    steps: _containers.RepeatedScalarFieldContainer[str]
    body: str
    def __init__(self, id: _Optional[bytes] = ..., work_order: _Optional[bytes] = ..., parent: _Optional[bytes] = ..., issuer: _Optional[_Union[_office_common_pb2.Unit, _Mapping]] = ..., assignee: _Optional[_Union[_office_common_pb2.Unit, _Mapping]] = ..., title: _Optional[str] = ..., state: _Optional[str] = ..., percent: _Optional[int] = ..., duty: _Optional[str] = ..., due_ms: _Optional[int] = ..., updated_ms: _Optional[int] = ..., flag: _Optional[str] = ..., overdue: _Optional[bool] = ..., steps: _Optional[_Iterable[str]] = ..., body: _Optional[str] = ...) -> None: ...

class AssignmentEvent(_message.Message):
    __slots__ = ("kind", "by", "unit", "at_ms", "actor", "reason", "percent", "note", "before", "after", "ignored")
    KIND_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    IGNORED_FIELD_NUMBER: _ClassVar[int]
    kind: str
    by: str
    unit: _office_common_pb2.Unit
    at_ms: int
    actor: str
    reason: str
    percent: int
    note: str
    before: str
    after: str
    ignored: str
    def __init__(self, kind: _Optional[str] = ..., by: _Optional[str] = ..., unit: _Optional[_Union[_office_common_pb2.Unit, _Mapping]] = ..., at_ms: _Optional[int] = ..., actor: _Optional[str] = ..., reason: _Optional[str] = ..., percent: _Optional[int] = ..., note: _Optional[str] = ..., before: _Optional[str] = ..., after: _Optional[str] = ..., ignored: _Optional[str] = ...) -> None: ...

class IssueWorkRequest(_message.Message):
    __slots__ = ("title", "body", "targets", "duty", "due_ms", "fee_fen", "department", "item_no", "actor", "nature", "workload_days", "duration_days", "draft")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    DUTY_FIELD_NUMBER: _ClassVar[int]
    DUE_MS_FIELD_NUMBER: _ClassVar[int]
    FEE_FEN_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    ITEM_NO_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    NATURE_FIELD_NUMBER: _ClassVar[int]
    WORKLOAD_DAYS_FIELD_NUMBER: _ClassVar[int]
    DURATION_DAYS_FIELD_NUMBER: _ClassVar[int]
    DRAFT_FIELD_NUMBER: _ClassVar[int]
    title: str
    body: str
    targets: _containers.RepeatedScalarFieldContainer[str]
    duty: str
    due_ms: int
    fee_fen: int
    department: str
    item_no: str
    actor: str
    nature: str
    workload_days: int
    duration_days: int
    draft: bool
    def __init__(self, title: _Optional[str] = ..., body: _Optional[str] = ..., targets: _Optional[_Iterable[str]] = ..., duty: _Optional[str] = ..., due_ms: _Optional[int] = ..., fee_fen: _Optional[int] = ..., department: _Optional[str] = ..., item_no: _Optional[str] = ..., actor: _Optional[str] = ..., nature: _Optional[str] = ..., workload_days: _Optional[int] = ..., duration_days: _Optional[int] = ..., draft: _Optional[bool] = ...) -> None: ...

class IssueWorkResponse(_message.Message):
    __slots__ = ("work_order", "assignments")
    WORK_ORDER_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENTS_FIELD_NUMBER: _ClassVar[int]
    work_order: bytes
    assignments: _containers.RepeatedCompositeFieldContainer[Assignment]
    def __init__(self, work_order: _Optional[bytes] = ..., assignments: _Optional[_Iterable[_Union[Assignment, _Mapping]]] = ...) -> None: ...

class ActOnAssignmentRequest(_message.Message):
    __slots__ = ("id", "step", "actor", "reason", "percent", "due_ms", "note", "targets")
    ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    DUE_MS_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    step: str
    actor: str
    reason: str
    percent: int
    due_ms: int
    note: str
    targets: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, id: _Optional[bytes] = ..., step: _Optional[str] = ..., actor: _Optional[str] = ..., reason: _Optional[str] = ..., percent: _Optional[int] = ..., due_ms: _Optional[int] = ..., note: _Optional[str] = ..., targets: _Optional[_Iterable[str]] = ...) -> None: ...

class ActOnAssignmentResponse(_message.Message):
    __slots__ = ("assignment", "parts")
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    assignment: Assignment
    parts: _containers.RepeatedCompositeFieldContainer[Assignment]
    def __init__(self, assignment: _Optional[_Union[Assignment, _Mapping]] = ..., parts: _Optional[_Iterable[_Union[Assignment, _Mapping]]] = ...) -> None: ...

class ListAssignmentsRequest(_message.Message):
    __slots__ = ("box", "states", "overdue", "work_order", "limit", "after")
    BOX_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    OVERDUE_FIELD_NUMBER: _ClassVar[int]
    WORK_ORDER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    box: str
    states: _containers.RepeatedScalarFieldContainer[str]
    overdue: bool
    work_order: bytes
    limit: int
    after: str
    def __init__(self, box: _Optional[str] = ..., states: _Optional[_Iterable[str]] = ..., overdue: _Optional[bool] = ..., work_order: _Optional[bytes] = ..., limit: _Optional[int] = ..., after: _Optional[str] = ...) -> None: ...

class ListAssignmentsResponse(_message.Message):
    __slots__ = ("assignments", "total", "next")
    ASSIGNMENTS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    assignments: _containers.RepeatedCompositeFieldContainer[Assignment]
    total: int
    next: str
    def __init__(self, assignments: _Optional[_Iterable[_Union[Assignment, _Mapping]]] = ..., total: _Optional[int] = ..., next: _Optional[str] = ...) -> None: ...

class GetAssignmentRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    def __init__(self, id: _Optional[bytes] = ...) -> None: ...

class GetAssignmentResponse(_message.Message):
    __slots__ = ("assignment", "history")
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    assignment: Assignment
    history: _containers.RepeatedCompositeFieldContainer[AssignmentEvent]
    def __init__(self, assignment: _Optional[_Union[Assignment, _Mapping]] = ..., history: _Optional[_Iterable[_Union[AssignmentEvent, _Mapping]]] = ...) -> None: ...

class GetWorkOrderRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    def __init__(self, id: _Optional[bytes] = ...) -> None: ...

class GetWorkOrderResponse(_message.Message):
    __slots__ = ("assignments", "states", "percent")
    class StatesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    ASSIGNMENTS_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    assignments: _containers.RepeatedCompositeFieldContainer[Assignment]
    states: _containers.ScalarMap[str, int]
    percent: int
    def __init__(self, assignments: _Optional[_Iterable[_Union[Assignment, _Mapping]]] = ..., states: _Optional[_Mapping[str, int]] = ..., percent: _Optional[int] = ...) -> None: ...
