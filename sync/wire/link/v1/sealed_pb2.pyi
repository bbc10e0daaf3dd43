from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SealedBackup(_message.Message):
    __slots__ = ("unit", "incarnation", "number", "made_ms", "size", "key_number")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    MADE_MS_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    KEY_NUMBER_FIELD_NUMBER: _ClassVar[int]
    unit: int
    incarnation: int
    number: int
    made_ms: int
    size: int
    key_number: bytes
    def __init__(self, unit: _Optional[int] = ..., incarnation: _Optional[int] = ..., number: _Optional[int] = ..., made_ms: _Optional[int] = ..., size: _Optional[int] = ..., key_number: _Optional[bytes] = ...) -> None: ...

class ListSealedRequest(_message.Message):
    __slots__ = ("parent", "unit")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    parent: int
    unit: int
    def __init__(self, parent: _Optional[int] = ..., unit: _Optional[int] = ...) -> None: ...

class ListSealedResponse(_message.Message):
    __slots__ = ("backups",)
    BACKUPS_FIELD_NUMBER: _ClassVar[int]
    backups: _containers.RepeatedCompositeFieldContainer[SealedBackup]
    def __init__(self, backups: _Optional[_Iterable[_Union[SealedBackup, _Mapping]]] = ...) -> None: ...

class PutSealedRequest(_message.Message):
    __slots__ = ("parent", "unit", "number", "size", "digest", "offset", "data")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    parent: int
    unit: int
    number: int
    size: int
    digest: bytes
    offset: int
    data: bytes
    def __init__(self, parent: _Optional[int] = ..., unit: _Optional[int] = ..., number: _Optional[int] = ..., size: _Optional[int] = ..., digest: _Optional[bytes] = ..., offset: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...

class PutSealedResponse(_message.Message):
    __slots__ = ("received",)
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    received: int
    def __init__(self, received: _Optional[int] = ...) -> None: ...

class GetSealedRequest(_message.Message):
    __slots__ = ("parent", "unit", "number", "offset")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    parent: int
    unit: int
    number: int
    offset: int
    def __init__(self, parent: _Optional[int] = ..., unit: _Optional[int] = ..., number: _Optional[int] = ..., offset: _Optional[int] = ...) -> None: ...

class GetSealedResponse(_message.Message):
    __slots__ = ("data",)
    DATA_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    def __init__(self, data: _Optional[bytes] = ...) -> None: ...
