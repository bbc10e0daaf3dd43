from sync.wire.office.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SealedFile(_message.Message):
    __slots__ = ("unit", "number", "made_ms", "size", "key_number", "file")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    MADE_MS_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    KEY_NUMBER_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    unit: _common_pb2.Unit
    number: int
    made_ms: int
    size: int
    key_number: str
    file: str
    def __init__(self, unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., number: _Optional[int] = ..., made_ms: _Optional[int] = ..., size: _Optional[int] = ..., key_number: _Optional[str] = ..., file: _Optional[str] = ...) -> None: ...

class SealedStatus(_message.Message):
    __slots__ = ("has_key", "number", "sent_number", "sent_ms")
    HAS_KEY_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SENT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SENT_MS_FIELD_NUMBER: _ClassVar[int]
    has_key: bool
    number: int
    sent_number: int
    sent_ms: int
    def __init__(self, has_key: _Optional[bool] = ..., number: _Optional[int] = ..., sent_number: _Optional[int] = ..., sent_ms: _Optional[int] = ...) -> None: ...

class ListSealedRequest(_message.Message):
    __slots__ = ("parent",)
    PARENT_FIELD_NUMBER: _ClassVar[int]
    parent: bool
    def __init__(self, parent: _Optional[bool] = ...) -> None: ...

class ListSealedResponse(_message.Message):
    __slots__ = ("own", "at_parent", "kept")
    OWN_FIELD_NUMBER: _ClassVar[int]
    AT_PARENT_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    own: SealedStatus
    at_parent: _containers.RepeatedCompositeFieldContainer[SealedFile]
    kept: _containers.RepeatedCompositeFieldContainer[SealedFile]
    def __init__(self, own: _Optional[_Union[SealedStatus, _Mapping]] = ..., at_parent: _Optional[_Iterable[_Union[SealedFile, _Mapping]]] = ..., kept: _Optional[_Iterable[_Union[SealedFile, _Mapping]]] = ...) -> None: ...

class SealBackupRequest(_message.Message):
    __slots__ = ("send",)
    SEND_FIELD_NUMBER: _ClassVar[int]
    send: bool
    def __init__(self, send: _Optional[bool] = ...) -> None: ...

class SealBackupResponse(_message.Message):
    __slots__ = ("backup",)
    BACKUP_FIELD_NUMBER: _ClassVar[int]
    backup: SealedFile
    def __init__(self, backup: _Optional[_Union[SealedFile, _Mapping]] = ...) -> None: ...

class KeepSealedRequest(_message.Message):
    __slots__ = ("unit_id", "number", "size", "digest", "offset", "data")
    UNIT_ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    unit_id: int
    number: int
    size: int
    digest: bytes
    offset: int
    data: bytes
    def __init__(self, unit_id: _Optional[int] = ..., number: _Optional[int] = ..., size: _Optional[int] = ..., digest: _Optional[bytes] = ..., offset: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...

class KeepSealedResponse(_message.Message):
    __slots__ = ("received",)
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    received: int
    def __init__(self, received: _Optional[int] = ...) -> None: ...
