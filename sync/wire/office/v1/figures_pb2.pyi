from sync.wire.office.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class IndicatorDescription(_message.Message):
    __slots__ = ("id", "label", "unit", "type", "dimensions", "level", "target", "dimension_labels")
    ID_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    DIMENSION_LABELS_FIELD_NUMBER: _ClassVar[int]
    id: str
    label: _common_pb2.Label
    unit: str
    type: str
    dimensions: _containers.RepeatedScalarFieldContainer[str]
    level: int
    target: str
    dimension_labels: _containers.RepeatedCompositeFieldContainer[_common_pb2.Label]
    def __init__(self, id: _Optional[str] = ..., label: _Optional[_Union[_common_pb2.Label, _Mapping]] = ..., unit: _Optional[str] = ..., type: _Optional[str] = ..., dimensions: _Optional[_Iterable[str]] = ..., level: _Optional[int] = ..., target: _Optional[str] = ..., dimension_labels: _Optional[_Iterable[_Union[_common_pb2.Label, _Mapping]]] = ...) -> None: ...

class ListIndicatorsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListIndicatorsResponse(_message.Message):
    __slots__ = ("indicators", "total_size", "next_page_token")
    INDICATORS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    indicators: _containers.RepeatedCompositeFieldContainer[IndicatorDescription]
    total_size: int
    next_page_token: str
    def __init__(self, indicators: _Optional[_Iterable[_Union[IndicatorDescription, _Mapping]]] = ..., total_size: _Optional[int] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Figure(_message.Message):
    __slots__ = ("numerator", "denominator", "value", "display", "met", "suppressed", "unknown", "numerator_undecided", "denominator_undecided", "withheld_offices")
    NUMERATOR_FIELD_NUMBER: _ClassVar[int]
    DENOMINATOR_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_FIELD_NUMBER: _ClassVar[int]
    MET_FIELD_NUMBER: _ClassVar[int]
    SUPPRESSED_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    NUMERATOR_UNDECIDED_FIELD_NUMBER: _ClassVar[int]
    DENOMINATOR_UNDECIDED_FIELD_NUMBER: _ClassVar[int]
    WITHHELD_OFFICES_FIELD_NUMBER: _ClassVar[int]
    numerator: int
    denominator: int
    value: str
    display: str
    met: bool
    suppressed: bool
    unknown: bool
    numerator_undecided: int
    denominator_undecided: int
    withheld_offices: int
    def __init__(self, numerator: _Optional[int] = ..., denominator: _Optional[int] = ..., value: _Optional[str] = ..., display: _Optional[str] = ..., met: _Optional[bool] = ..., suppressed: _Optional[bool] = ..., unknown: _Optional[bool] = ..., numerator_undecided: _Optional[int] = ..., denominator_undecided: _Optional[int] = ..., withheld_offices: _Optional[int] = ...) -> None: ...

class OfficeCounts(_message.Message):
    __slots__ = ("expected", "received", "reported", "complete")
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    REPORTED_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    expected: int
    received: int
    reported: int
    complete: int
    def __init__(self, expected: _Optional[int] = ..., received: _Optional[int] = ..., reported: _Optional[int] = ..., complete: _Optional[int] = ...) -> None: ...

class RegisterCounts(_message.Message):
    __slots__ = ("register", "label", "expected", "with_records", "with_none")
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    WITH_RECORDS_FIELD_NUMBER: _ClassVar[int]
    WITH_NONE_FIELD_NUMBER: _ClassVar[int]
    register: str
    label: _common_pb2.Label
    expected: int
    with_records: int
    with_none: int
    def __init__(self, register: _Optional[str] = ..., label: _Optional[_Union[_common_pb2.Label, _Mapping]] = ..., expected: _Optional[int] = ..., with_records: _Optional[int] = ..., with_none: _Optional[int] = ...) -> None: ...

class FigureGroup(_message.Message):
    __slots__ = ("key", "label", "figure", "unit", "own", "counts")
    KEY_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    FIGURE_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    OWN_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    key: str
    label: _common_pb2.Label
    figure: Figure
    unit: _common_pb2.Unit
    own: bool
    counts: OfficeCounts
    def __init__(self, key: _Optional[str] = ..., label: _Optional[_Union[_common_pb2.Label, _Mapping]] = ..., figure: _Optional[_Union[Figure, _Mapping]] = ..., unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., own: _Optional[bool] = ..., counts: _Optional[_Union[OfficeCounts, _Mapping]] = ...) -> None: ...

class Laggard(_message.Message):
    __slots__ = ("unit", "lag", "exact_ms", "quarantined", "label", "missing")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    LAG_FIELD_NUMBER: _ClassVar[int]
    EXACT_MS_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    unit: _common_pb2.Unit
    lag: str
    exact_ms: int
    quarantined: int
    label: _common_pb2.Label
    missing: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., lag: _Optional[str] = ..., exact_ms: _Optional[int] = ..., quarantined: _Optional[int] = ..., label: _Optional[_Union[_common_pb2.Label, _Mapping]] = ..., missing: _Optional[_Iterable[str]] = ...) -> None: ...

class Completeness(_message.Message):
    __slots__ = ("level", "expected", "reported", "laggards", "laggards_total", "oldest_ms", "quarantined", "complete", "counts", "registers")
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    REPORTED_FIELD_NUMBER: _ClassVar[int]
    LAGGARDS_FIELD_NUMBER: _ClassVar[int]
    LAGGARDS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    OLDEST_MS_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    REGISTERS_FIELD_NUMBER: _ClassVar[int]
    level: int
    expected: int
    reported: int
    laggards: _containers.RepeatedCompositeFieldContainer[Laggard]
    laggards_total: int
    oldest_ms: int
    quarantined: int
    complete: bool
    counts: OfficeCounts
    registers: _containers.RepeatedCompositeFieldContainer[RegisterCounts]
    def __init__(self, level: _Optional[int] = ..., expected: _Optional[int] = ..., reported: _Optional[int] = ..., laggards: _Optional[_Iterable[_Union[Laggard, _Mapping]]] = ..., laggards_total: _Optional[int] = ..., oldest_ms: _Optional[int] = ..., quarantined: _Optional[int] = ..., complete: _Optional[bool] = ..., counts: _Optional[_Union[OfficeCounts, _Mapping]] = ..., registers: _Optional[_Iterable[_Union[RegisterCounts, _Mapping]]] = ...) -> None: ...

class GetRollupRequest(_message.Message):
    __slots__ = ("indicator", "unit", "by", "as_of", "history", "laggards_limit")
    INDICATOR_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    LAGGARDS_LIMIT_FIELD_NUMBER: _ClassVar[int]
    indicator: str
    unit: str
    by: str
    as_of: str
    history: str
    laggards_limit: int
    def __init__(self, indicator: _Optional[str] = ..., unit: _Optional[str] = ..., by: _Optional[str] = ..., as_of: _Optional[str] = ..., history: _Optional[str] = ..., laggards_limit: _Optional[int] = ...) -> None: ...

class GetRollupResponse(_message.Message):
    __slots__ = ("indicator", "unit", "as_of", "figure", "groups", "completeness", "closing", "answered_ms", "history")
    INDICATOR_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    FIGURE_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    COMPLETENESS_FIELD_NUMBER: _ClassVar[int]
    CLOSING_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_MS_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    indicator: IndicatorDescription
    unit: _common_pb2.Unit
    as_of: str
    figure: Figure
    groups: _containers.RepeatedCompositeFieldContainer[FigureGroup]
    completeness: Completeness
    closing: str
    answered_ms: int
    history: str
    def __init__(self, indicator: _Optional[_Union[IndicatorDescription, _Mapping]] = ..., unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., as_of: _Optional[str] = ..., figure: _Optional[_Union[Figure, _Mapping]] = ..., groups: _Optional[_Iterable[_Union[FigureGroup, _Mapping]]] = ..., completeness: _Optional[_Union[Completeness, _Mapping]] = ..., closing: _Optional[str] = ..., answered_ms: _Optional[int] = ..., history: _Optional[str] = ...) -> None: ...

class VerifyOfficeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class VerifyOfficeResponse(_message.Message):
    __slots__ = ("progress", "report")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    progress: _common_pb2.Progress
    report: VerifyReport
    def __init__(self, progress: _Optional[_Union[_common_pb2.Progress, _Mapping]] = ..., report: _Optional[_Union[VerifyReport, _Mapping]] = ...) -> None: ...

class VerifyReport(_message.Message):
    __slots__ = ("sound", "compared", "different", "differences")
    class ComparedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    SOUND_FIELD_NUMBER: _ClassVar[int]
    COMPARED_FIELD_NUMBER: _ClassVar[int]
    DIFFERENT_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    sound: bool
    compared: _containers.ScalarMap[str, int]
    different: int
    differences: _containers.RepeatedCompositeFieldContainer[Difference]
    def __init__(self, sound: _Optional[bool] = ..., compared: _Optional[_Mapping[str, int]] = ..., different: _Optional[int] = ..., differences: _Optional[_Iterable[_Union[Difference, _Mapping]]] = ...) -> None: ...

class Difference(_message.Message):
    __slots__ = ("check", "where", "kept", "recomputed")
    CHECK_FIELD_NUMBER: _ClassVar[int]
    WHERE_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    RECOMPUTED_FIELD_NUMBER: _ClassVar[int]
    check: str
    where: str
    kept: str
    recomputed: str
    def __init__(self, check: _Optional[str] = ..., where: _Optional[str] = ..., kept: _Optional[str] = ..., recomputed: _Optional[str] = ...) -> None: ...
