from sync.wire.office.v1 import common_pb2 as _common_pb2
from sync.wire.office.v1 import figures_pb2 as _figures_pb2
from sync.wire.office.v1 import registers_pb2 as _registers_pb2
from sync.wire.office.v1 import work_pb2 as _work_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListTasksRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class Task(_message.Message):
    __slots__ = ("source", "id", "code", "title", "unit", "due_ms", "since_ms", "late", "command", "steps", "severity")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    DUE_MS_FIELD_NUMBER: _ClassVar[int]
    SINCE_MS_FIELD_NUMBER: _ClassVar[int]
    LATE_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    source: str
    id: str
    code: str
    title: _common_pb2.Label
    unit: _common_pb2.Unit
    due_ms: int
    since_ms: int
    late: bool
    command: _containers.RepeatedScalarFieldContainer[str]
    steps: _containers.RepeatedScalarFieldContainer[str]
    severity: str
    def __init__(self, source: _Optional[str] = ..., id: _Optional[str] = ..., code: _Optional[str] = ..., title: _Optional[_Union[_common_pb2.Label, _Mapping]] = ..., unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., due_ms: _Optional[int] = ..., since_ms: _Optional[int] = ..., late: _Optional[bool] = ..., command: _Optional[_Iterable[str]] = ..., steps: _Optional[_Iterable[str]] = ..., severity: _Optional[str] = ...) -> None: ...

class ListTasksResponse(_message.Message):
    __slots__ = ("tasks", "next_page_token", "total_size")
    TASKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[Task]
    next_page_token: str
    total_size: int
    def __init__(self, tasks: _Optional[_Iterable[_Union[Task, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total_size: _Optional[int] = ...) -> None: ...

class ListWorkTargetsRequest(_message.Message):
    __slots__ = ("below", "level", "conditions", "register", "page_size", "page_token")
    BELOW_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    below: str
    level: int
    conditions: _containers.RepeatedCompositeFieldContainer[_registers_pb2.Condition]
    register: str
    page_size: int
    page_token: str
    def __init__(self, below: _Optional[str] = ..., level: _Optional[int] = ..., conditions: _Optional[_Iterable[_Union[_registers_pb2.Condition, _Mapping]]] = ..., register: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListWorkTargetsResponse(_message.Message):
    __slots__ = ("units", "next_page_token", "total_size")
    UNITS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    units: _containers.RepeatedCompositeFieldContainer[_common_pb2.Unit]
    next_page_token: str
    total_size: int
    def __init__(self, units: _Optional[_Iterable[_Union[_common_pb2.Unit, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total_size: _Optional[int] = ...) -> None: ...

class ListOrdersRequest(_message.Message):
    __slots__ = ("text", "open", "page_size", "page_token")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    text: str
    open: bool
    page_size: int
    page_token: str
    def __init__(self, text: _Optional[str] = ..., open: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class OrderSummary(_message.Message):
    __slots__ = ("id", "title", "issuer", "due_ms", "targets", "done", "ended", "late", "never_received", "updated_ms")
    ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    DUE_MS_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    LATE_FIELD_NUMBER: _ClassVar[int]
    NEVER_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    UPDATED_MS_FIELD_NUMBER: _ClassVar[int]
    id: str
    title: str
    issuer: _common_pb2.Unit
    due_ms: int
    targets: int
    done: int
    ended: int
    late: int
    never_received: int
    updated_ms: int
    def __init__(self, id: _Optional[str] = ..., title: _Optional[str] = ..., issuer: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., due_ms: _Optional[int] = ..., targets: _Optional[int] = ..., done: _Optional[int] = ..., ended: _Optional[int] = ..., late: _Optional[int] = ..., never_received: _Optional[int] = ..., updated_ms: _Optional[int] = ...) -> None: ...

class ListOrdersResponse(_message.Message):
    __slots__ = ("orders", "next_page_token", "total_size")
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    orders: _containers.RepeatedCompositeFieldContainer[OrderSummary]
    next_page_token: str
    total_size: int
    def __init__(self, orders: _Optional[_Iterable[_Union[OrderSummary, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total_size: _Optional[int] = ...) -> None: ...

class GetOrderRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class OrderTarget(_message.Message):
    __slots__ = ("unit", "assignment", "state", "at", "percent", "due_ms", "late", "received", "done")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    DUE_MS_FIELD_NUMBER: _ClassVar[int]
    LATE_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    unit: _common_pb2.Unit
    assignment: str
    state: str
    at: _common_pb2.Unit
    percent: int
    due_ms: int
    late: bool
    received: bool
    done: bool
    def __init__(self, unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., assignment: _Optional[str] = ..., state: _Optional[str] = ..., at: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., percent: _Optional[int] = ..., due_ms: _Optional[int] = ..., late: _Optional[bool] = ..., received: _Optional[bool] = ..., done: _Optional[bool] = ...) -> None: ...

class GetOrderResponse(_message.Message):
    __slots__ = ("order", "targets", "assignments", "counts", "closed")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENTS_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    order: OrderSummary
    targets: _containers.RepeatedCompositeFieldContainer[OrderTarget]
    assignments: _containers.RepeatedCompositeFieldContainer[_work_pb2.Assignment]
    counts: _containers.RepeatedCompositeFieldContainer[_work_pb2.StateCount]
    closed: bool
    def __init__(self, order: _Optional[_Union[OrderSummary, _Mapping]] = ..., targets: _Optional[_Iterable[_Union[OrderTarget, _Mapping]]] = ..., assignments: _Optional[_Iterable[_Union[_work_pb2.Assignment, _Mapping]]] = ..., counts: _Optional[_Iterable[_Union[_work_pb2.StateCount, _Mapping]]] = ..., closed: _Optional[bool] = ...) -> None: ...

class GetReportRequest(_message.Message):
    __slots__ = ("unit", "level", "indicators", "months", "as_was")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    INDICATORS_FIELD_NUMBER: _ClassVar[int]
    MONTHS_FIELD_NUMBER: _ClassVar[int]
    AS_WAS_FIELD_NUMBER: _ClassVar[int]
    unit: str
    level: int
    indicators: _containers.RepeatedScalarFieldContainer[str]
    months: _containers.RepeatedScalarFieldContainer[str]
    as_was: bool
    def __init__(self, unit: _Optional[str] = ..., level: _Optional[int] = ..., indicators: _Optional[_Iterable[str]] = ..., months: _Optional[_Iterable[str]] = ..., as_was: _Optional[bool] = ...) -> None: ...

class ReportColumn(_message.Message):
    __slots__ = ("indicator", "month", "closing", "total", "counts", "complete", "oldest_ms", "missing")
    INDICATOR_FIELD_NUMBER: _ClassVar[int]
    MONTH_FIELD_NUMBER: _ClassVar[int]
    CLOSING_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    OLDEST_MS_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    indicator: _figures_pb2.IndicatorDescription
    month: str
    closing: str
    total: _figures_pb2.Figure
    counts: _figures_pb2.OfficeCounts
    complete: bool
    oldest_ms: int
    missing: str
    def __init__(self, indicator: _Optional[_Union[_figures_pb2.IndicatorDescription, _Mapping]] = ..., month: _Optional[str] = ..., closing: _Optional[str] = ..., total: _Optional[_Union[_figures_pb2.Figure, _Mapping]] = ..., counts: _Optional[_Union[_figures_pb2.OfficeCounts, _Mapping]] = ..., complete: _Optional[bool] = ..., oldest_ms: _Optional[int] = ..., missing: _Optional[str] = ...) -> None: ...

class ReportCell(_message.Message):
    __slots__ = ("figure", "counts")
    FIGURE_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    figure: _figures_pb2.Figure
    counts: _figures_pb2.OfficeCounts
    def __init__(self, figure: _Optional[_Union[_figures_pb2.Figure, _Mapping]] = ..., counts: _Optional[_Union[_figures_pb2.OfficeCounts, _Mapping]] = ...) -> None: ...

class ReportRow(_message.Message):
    __slots__ = ("unit", "cells")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    CELLS_FIELD_NUMBER: _ClassVar[int]
    unit: _common_pb2.Unit
    cells: _containers.RepeatedCompositeFieldContainer[ReportCell]
    def __init__(self, unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., cells: _Optional[_Iterable[_Union[ReportCell, _Mapping]]] = ...) -> None: ...

class GetReportResponse(_message.Message):
    __slots__ = ("unit", "level", "columns", "rows", "answered_ms")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_MS_FIELD_NUMBER: _ClassVar[int]
    unit: _common_pb2.Unit
    level: int
    columns: _containers.RepeatedCompositeFieldContainer[ReportColumn]
    rows: _containers.RepeatedCompositeFieldContainer[ReportRow]
    answered_ms: int
    def __init__(self, unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., level: _Optional[int] = ..., columns: _Optional[_Iterable[_Union[ReportColumn, _Mapping]]] = ..., rows: _Optional[_Iterable[_Union[ReportRow, _Mapping]]] = ..., answered_ms: _Optional[int] = ...) -> None: ...
