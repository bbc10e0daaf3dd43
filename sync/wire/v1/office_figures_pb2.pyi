from sync.wire.v1 import office_common_pb2 as _office_common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class IndicatorDescription(_message.Message):
    __slots__ = ("id", "label", "unit", "type", "dimensions", "level", "target")
    ID_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    id: str
    label: _office_common_pb2.Label
    unit: str
    type: str
    dimensions: _containers.RepeatedScalarFieldContainer[str]
    level: int
    target: str
    def __init__(self, id: _Optional[str] = ..., label: _Optional[_Union[_office_common_pb2.Label, _Mapping]] = ..., unit: _Optional[str] = ..., type: _Optional[str] = ..., dimensions: _Optional[_Iterable[str]] = ..., level: _Optional[int] = ..., target: _Optional[str] = ...) -> None: ...

class ListIndicatorsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListIndicatorsResponse(_message.Message):
    __slots__ = ("indicators",)
    INDICATORS_FIELD_NUMBER: _ClassVar[int]
    indicators: _containers.RepeatedCompositeFieldContainer[IndicatorDescription]
    def __init__(self, indicators: _Optional[_Iterable[_Union[IndicatorDescription, _Mapping]]] = ...) -> None: ...

class Figure(_message.Message):
    __slots__ = ("numerator", "denominator", "value")
    NUMERATOR_FIELD_NUMBER: _ClassVar[int]
    DENOMINATOR_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    numerator: int
    denominator: int
    value: str
    def __init__(self, numerator: _Optional[int] = ..., denominator: _Optional[int] = ..., value: _Optional[str] = ...) -> None: ...

class FigureGroup(_message.Message):
    __slots__ = ("group", "label", "figure", "withheld", "unit")
    GROUP_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    FIGURE_FIELD_NUMBER: _ClassVar[int]
    WITHHELD_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    group: str
    label: _office_common_pb2.Label
    figure: Figure
    withheld: bool
    unit: _office_common_pb2.Unit
    def __init__(self, group: _Optional[str] = ..., label: _Optional[_Union[_office_common_pb2.Label, _Mapping]] = ..., figure: _Optional[_Union[Figure, _Mapping]] = ..., withheld: _Optional[bool] = ..., unit: _Optional[_Union[_office_common_pb2.Unit, _Mapping]] = ...) -> None: ...

class Laggard(_message.Message):
    __slots__ = ("unit", "reason", "exact_to_ms", "holes")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    EXACT_TO_MS_FIELD_NUMBER: _ClassVar[int]
    HOLES_FIELD_NUMBER: _ClassVar[int]
    unit: _office_common_pb2.Unit
    reason: str
    exact_to_ms: int
    holes: int
    def __init__(self, unit: _Optional[_Union[_office_common_pb2.Unit, _Mapping]] = ..., reason: _Optional[str] = ..., exact_to_ms: _Optional[int] = ..., holes: _Optional[int] = ...) -> None: ...

class Completeness(_message.Message):
    __slots__ = ("expected", "reported", "laggards", "laggards_total", "exact_to_ms", "holes")
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    REPORTED_FIELD_NUMBER: _ClassVar[int]
    LAGGARDS_FIELD_NUMBER: _ClassVar[int]
    LAGGARDS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    EXACT_TO_MS_FIELD_NUMBER: _ClassVar[int]
    HOLES_FIELD_NUMBER: _ClassVar[int]
    expected: int
    reported: int
    laggards: _containers.RepeatedCompositeFieldContainer[Laggard]
    laggards_total: int
    exact_to_ms: int
    holes: int
    def __init__(self, expected: _Optional[int] = ..., reported: _Optional[int] = ..., laggards: _Optional[_Iterable[_Union[Laggard, _Mapping]]] = ..., laggards_total: _Optional[int] = ..., exact_to_ms: _Optional[int] = ..., holes: _Optional[int] = ...) -> None: ...

class GetRollupRequest(_message.Message):
    __slots__ = ("indicator", "unit", "by", "as_of", "as_was")
    INDICATOR_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    AS_WAS_FIELD_NUMBER: _ClassVar[int]
    indicator: str
    unit: str
    by: str
    as_of: str
    as_was: bool
    def __init__(self, indicator: _Optional[str] = ..., unit: _Optional[str] = ..., by: _Optional[str] = ..., as_of: _Optional[str] = ..., as_was: _Optional[bool] = ...) -> None: ...

class GetRollupResponse(_message.Message):
    __slots__ = ("indicator", "unit", "as_of", "figure", "groups", "completeness", "withheld")
    INDICATOR_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    FIGURE_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    COMPLETENESS_FIELD_NUMBER: _ClassVar[int]
    WITHHELD_FIELD_NUMBER: _ClassVar[int]
    indicator: IndicatorDescription
    unit: _office_common_pb2.Unit
    as_of: str
    figure: Figure
    groups: _containers.RepeatedCompositeFieldContainer[FigureGroup]
    completeness: Completeness
    withheld: bool
    def __init__(self, indicator: _Optional[_Union[IndicatorDescription, _Mapping]] = ..., unit: _Optional[_Union[_office_common_pb2.Unit, _Mapping]] = ..., as_of: _Optional[str] = ..., figure: _Optional[_Union[Figure, _Mapping]] = ..., groups: _Optional[_Iterable[_Union[FigureGroup, _Mapping]]] = ..., completeness: _Optional[_Union[Completeness, _Mapping]] = ..., withheld: _Optional[bool] = ...) -> None: ...

class VerifyRequest(_message.Message):
    __slots__ = ("repair",)
    REPAIR_FIELD_NUMBER: _ClassVar[int]
    repair: bool
    def __init__(self, repair: _Optional[bool] = ...) -> None: ...

class VerifyResponse(_message.Message):
    __slots__ = ("progress", "report")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    progress: _office_common_pb2.Progress
    report: VerifyReport
    def __init__(self, progress: _Optional[_Union[_office_common_pb2.Progress, _Mapping]] = ..., report: _Optional[_Union[VerifyReport, _Mapping]] = ...) -> None: ...

class VerifyReport(_message.Message):
    __slots__ = ("holds", "compared", "different", "differences", "repaired")
    HOLDS_FIELD_NUMBER: _ClassVar[int]
    COMPARED_FIELD_NUMBER: _ClassVar[int]
    DIFFERENT_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    REPAIRED_FIELD_NUMBER: _ClassVar[int]
    holds: bool
    compared: int
    different: int
    differences: _containers.RepeatedCompositeFieldContainer[Difference]
    repaired: bool
    def __init__(self, holds: _Optional[bool] = ..., compared: _Optional[int] = ..., different: _Optional[int] = ..., differences: _Optional[_Iterable[_Union[Difference, _Mapping]]] = ..., repaired: _Optional[bool] = ...) -> None: ...

class Difference(_message.Message):
    __slots__ = ("unit", "measure", "period", "dims", "kept", "right", "kind")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    MEASURE_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    DIMS_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    RIGHT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    unit: _office_common_pb2.Unit
    measure: str
    period: str
    dims: str
    kept: int
    right: int
    kind: str
    def __init__(self, unit: _Optional[_Union[_office_common_pb2.Unit, _Mapping]] = ..., measure: _Optional[str] = ..., period: _Optional[str] = ..., dims: _Optional[str] = ..., kept: _Optional[int] = ..., right: _Optional[int] = ..., kind: _Optional[str] = ...) -> None: ...
