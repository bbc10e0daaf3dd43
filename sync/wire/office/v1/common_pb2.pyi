from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Unit(_message.Message):
    __slots__ = ("unit_id", "code", "name", "level", "path")
    UNIT_ID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    unit_id: int
    code: str
    name: str
    level: int
    path: str
    def __init__(self, unit_id: _Optional[int] = ..., code: _Optional[str] = ..., name: _Optional[str] = ..., level: _Optional[int] = ..., path: _Optional[str] = ...) -> None: ...

class Value(_message.Message):
    __slots__ = ("text", "integer")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    INTEGER_FIELD_NUMBER: _ClassVar[int]
    text: str
    integer: int
    def __init__(self, text: _Optional[str] = ..., integer: _Optional[int] = ...) -> None: ...

class Label(_message.Message):
    __slots__ = ("zh", "en")
    ZH_FIELD_NUMBER: _ClassVar[int]
    EN_FIELD_NUMBER: _ClassVar[int]
    zh: str
    en: str
    def __init__(self, zh: _Optional[str] = ..., en: _Optional[str] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("done", "total", "of")
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    OF_FIELD_NUMBER: _ClassVar[int]
    done: int
    total: int
    of: str
    def __init__(self, done: _Optional[int] = ..., total: _Optional[int] = ..., of: _Optional[str] = ...) -> None: ...
