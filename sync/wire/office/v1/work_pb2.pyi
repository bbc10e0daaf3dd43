from sync.wire.office.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Assignment(_message.Message):
    __slots__ = ("id", "work_order", "parent", "issuer", "assignee", "title", "state", "percent", "duty", "due_ms", "updated_ms", "flag", "escalated", "depth")
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
    ESCALATED_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    id: str
    work_order: str
    parent: str
    issuer: _common_pb2.Unit
    assignee: _common_pb2.Unit
    title: str
    state: str
    percent: int
    duty: str
    due_ms: int
    updated_ms: int
    flag: str
    escalated: int
    depth: int
    def __init__(self, id: _Optional[str] = ..., work_order: _Optional[str] = ..., parent: _Optional[str] = ..., issuer: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., assignee: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., title: _Optional[str] = ..., state: _Optional[str] = ..., percent: _Optional[int] = ..., duty: _Optional[str] = ..., due_ms: _Optional[int] = ..., updated_ms: _Optional[int] = ..., flag: _Optional[str] = ..., escalated: _Optional[int] = ..., depth: _Optional[int] = ...) -> None: ...

class AssignmentEvent(_message.Message):
    __slots__ = ("kind", "unit", "at_ms", "actor", "reason", "percent", "due_ms", "note", "evidence", "before", "after", "ignored")
    KIND_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    DUE_MS_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    IGNORED_FIELD_NUMBER: _ClassVar[int]
    kind: str
    unit: _common_pb2.Unit
    at_ms: int
    actor: str
    reason: str
    percent: int
    due_ms: int
    note: str
    evidence: str
    before: str
    after: str
    ignored: str
    def __init__(self, kind: _Optional[str] = ..., unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., at_ms: _Optional[int] = ..., actor: _Optional[str] = ..., reason: _Optional[str] = ..., percent: _Optional[int] = ..., due_ms: _Optional[int] = ..., note: _Optional[str] = ..., evidence: _Optional[str] = ..., before: _Optional[str] = ..., after: _Optional[str] = ..., ignored: _Optional[str] = ...) -> None: ...

class IssueWorkOrderRequest(_message.Message):
    __slots__ = ("title", "body", "targets", "duty", "due_ms", "fee_fen", "department", "item_no", "actor", "nature", "workload_days", "duration_days", "work_order")
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
    WORK_ORDER_FIELD_NUMBER: _ClassVar[int]
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
    work_order: str
    def __init__(self, title: _Optional[str] = ..., body: _Optional[str] = ..., targets: _Optional[_Iterable[str]] = ..., duty: _Optional[str] = ..., due_ms: _Optional[int] = ..., fee_fen: _Optional[int] = ..., department: _Optional[str] = ..., item_no: _Optional[str] = ..., actor: _Optional[str] = ..., nature: _Optional[str] = ..., workload_days: _Optional[int] = ..., duration_days: _Optional[int] = ..., work_order: _Optional[str] = ...) -> None: ...

class IssueWorkOrderResponse(_message.Message):
    __slots__ = ("work_order", "assignments")
    WORK_ORDER_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENTS_FIELD_NUMBER: _ClassVar[int]
    work_order: str
    assignments: _containers.RepeatedCompositeFieldContainer[Assignment]
    def __init__(self, work_order: _Optional[str] = ..., assignments: _Optional[_Iterable[_Union[Assignment, _Mapping]]] = ...) -> None: ...

class TransitionAssignmentRequest(_message.Message):
    __slots__ = ("id", "step", "actor", "reason", "percent", "due_ms", "note", "evidence", "targets", "title", "body")
    ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    DUE_MS_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    id: str
    step: str
    actor: str
    reason: str
    percent: int
    due_ms: int
    note: str
    evidence: str
    targets: _containers.RepeatedScalarFieldContainer[str]
    title: str
    body: str
    def __init__(self, id: _Optional[str] = ..., step: _Optional[str] = ..., actor: _Optional[str] = ..., reason: _Optional[str] = ..., percent: _Optional[int] = ..., due_ms: _Optional[int] = ..., note: _Optional[str] = ..., evidence: _Optional[str] = ..., targets: _Optional[_Iterable[str]] = ..., title: _Optional[str] = ..., body: _Optional[str] = ...) -> None: ...

class TransitionAssignmentResponse(_message.Message):
    __slots__ = ("assignment", "parts")
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    assignment: Assignment
    parts: _containers.RepeatedCompositeFieldContainer[Assignment]
    def __init__(self, assignment: _Optional[_Union[Assignment, _Mapping]] = ..., parts: _Optional[_Iterable[_Union[Assignment, _Mapping]]] = ...) -> None: ...

class ListAssignmentsRequest(_message.Message):
    __slots__ = ("box", "states", "flagged", "text", "page_size", "page_token")
    BOX_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    FLAGGED_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    box: str
    states: _containers.RepeatedScalarFieldContainer[str]
    flagged: bool
    text: str
    page_size: int
    page_token: str
    def __init__(self, box: _Optional[str] = ..., states: _Optional[_Iterable[str]] = ..., flagged: _Optional[bool] = ..., text: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListAssignmentsResponse(_message.Message):
    __slots__ = ("assignments", "total_size", "next_page_token")
    ASSIGNMENTS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    assignments: _containers.RepeatedCompositeFieldContainer[Assignment]
    total_size: int
    next_page_token: str
    def __init__(self, assignments: _Optional[_Iterable[_Union[Assignment, _Mapping]]] = ..., total_size: _Optional[int] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetAssignmentRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class GetAssignmentResponse(_message.Message):
    __slots__ = ("assignment", "history", "body", "fee_fen", "waiting", "steps")
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    FEE_FEN_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    assignment: Assignment
    history: _containers.RepeatedCompositeFieldContainer[AssignmentEvent]
    body: str
    fee_fen: int
    waiting: int
    steps: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, assignment: _Optional[_Union[Assignment, _Mapping]] = ..., history: _Optional[_Iterable[_Union[AssignmentEvent, _Mapping]]] = ..., body: _Optional[str] = ..., fee_fen: _Optional[int] = ..., waiting: _Optional[int] = ..., steps: _Optional[_Iterable[str]] = ...) -> None: ...

class StateCount(_message.Message):
    __slots__ = ("level", "state", "count")
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    level: int
    state: str
    count: int
    def __init__(self, level: _Optional[int] = ..., state: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...
