from sync.wire.office.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WriteBundleRequest(_message.Message):
    __slots__ = ("to", "max_bytes", "start_over")
    TO_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    START_OVER_FIELD_NUMBER: _ClassVar[int]
    to: str
    max_bytes: int
    start_over: bool
    def __init__(self, to: _Optional[str] = ..., max_bytes: _Optional[int] = ..., start_over: _Optional[bool] = ...) -> None: ...

class WriteBundleResponse(_message.Message):
    __slots__ = ("progress", "part", "data", "written")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_FIELD_NUMBER: _ClassVar[int]
    progress: _common_pb2.Progress
    part: int
    data: bytes
    written: BundleWritten
    def __init__(self, progress: _Optional[_Union[_common_pb2.Progress, _Mapping]] = ..., part: _Optional[int] = ..., data: _Optional[bytes] = ..., written: _Optional[_Union[BundleWritten, _Mapping]] = ...) -> None: ...

class BundleWritten(_message.Message):
    __slots__ = ("to", "parts", "control", "bulk", "changes", "key")
    TO_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    CONTROL_FIELD_NUMBER: _ClassVar[int]
    BULK_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    to: _common_pb2.Unit
    parts: int
    control: int
    bulk: int
    changes: int
    key: str
    def __init__(self, to: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., parts: _Optional[int] = ..., control: _Optional[int] = ..., bulk: _Optional[int] = ..., changes: _Optional[int] = ..., key: _Optional[str] = ...) -> None: ...

class ReadBundleRequest(_message.Message):
    __slots__ = ("filename", "data", "dry_run", "trust")
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    TRUST_FIELD_NUMBER: _ClassVar[int]
    filename: str
    data: bytes
    dry_run: bool
    trust: str
    def __init__(self, filename: _Optional[str] = ..., data: _Optional[bytes] = ..., dry_run: _Optional[bool] = ..., trust: _Optional[str] = ...) -> None: ...

class ReadBundleResponse(_message.Message):
    __slots__ = ("progress", "outcome")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    progress: _common_pb2.Progress
    outcome: BundleOutcome
    def __init__(self, progress: _Optional[_Union[_common_pb2.Progress, _Mapping]] = ..., outcome: _Optional[_Union[BundleOutcome, _Mapping]] = ...) -> None: ...

class BundleLane(_message.Message):
    __slots__ = ("lane", "new", "known", "applied", "acked")
    LANE_FIELD_NUMBER: _ClassVar[int]
    NEW_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    ACKED_FIELD_NUMBER: _ClassVar[int]
    lane: str
    new: int
    known: int
    applied: int
    acked: int
    def __init__(self, lane: _Optional[str] = ..., new: _Optional[int] = ..., known: _Optional[int] = ..., applied: _Optional[int] = ..., acked: _Optional[int] = ...) -> None: ...

class BundleOutcome(_message.Message):
    __slots__ = ("sender", "done", "files", "lanes", "changes", "quarantined", "written_ms", "key", "key_is_new")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    LANES_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_MS_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    KEY_IS_NEW_FIELD_NUMBER: _ClassVar[int]
    sender: _common_pb2.Unit
    done: bool
    files: int
    lanes: _containers.RepeatedCompositeFieldContainer[BundleLane]
    changes: int
    quarantined: int
    written_ms: int
    key: str
    key_is_new: bool
    def __init__(self, sender: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., done: _Optional[bool] = ..., files: _Optional[int] = ..., lanes: _Optional[_Iterable[_Union[BundleLane, _Mapping]]] = ..., changes: _Optional[int] = ..., quarantined: _Optional[int] = ..., written_ms: _Optional[int] = ..., key: _Optional[str] = ..., key_is_new: _Optional[bool] = ...) -> None: ...
