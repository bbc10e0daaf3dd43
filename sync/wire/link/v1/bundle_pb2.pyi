from sync.wire.link.v1 import link_pb2 as _link_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BundleHeader(_message.Message):
    __slots__ = ("sender", "level", "incarnation", "continues", "receiver", "set", "part", "written_ms", "starts", "acks", "durable_above", "heads", "required_heads", "offices", "public_key", "program", "catalogue", "sender_name", "receiver_name", "receipts", "certificates", "revocations", "logs", "log_answers")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    CONTINUES_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    SET_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_MS_FIELD_NUMBER: _ClassVar[int]
    STARTS_FIELD_NUMBER: _ClassVar[int]
    ACKS_FIELD_NUMBER: _ClassVar[int]
    DURABLE_ABOVE_FIELD_NUMBER: _ClassVar[int]
    HEADS_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_HEADS_FIELD_NUMBER: _ClassVar[int]
    OFFICES_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    CATALOGUE_FIELD_NUMBER: _ClassVar[int]
    SENDER_NAME_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_NAME_FIELD_NUMBER: _ClassVar[int]
    RECEIPTS_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATES_FIELD_NUMBER: _ClassVar[int]
    REVOCATIONS_FIELD_NUMBER: _ClassVar[int]
    LOGS_FIELD_NUMBER: _ClassVar[int]
    LOG_ANSWERS_FIELD_NUMBER: _ClassVar[int]
    sender: int
    level: int
    incarnation: int
    continues: int
    receiver: int
    set: int
    part: int
    written_ms: int
    starts: _containers.RepeatedCompositeFieldContainer[_link_pb2.Cursor]
    acks: _containers.RepeatedCompositeFieldContainer[_link_pb2.Cursor]
    durable_above: _containers.RepeatedCompositeFieldContainer[_link_pb2.DurablePosition]
    heads: _containers.RepeatedCompositeFieldContainer[_link_pb2.StreamHead]
    required_heads: _containers.RepeatedCompositeFieldContainer[_link_pb2.RequiredHead]
    offices: _containers.RepeatedCompositeFieldContainer[_link_pb2.OfficeStatus]
    public_key: bytes
    program: str
    catalogue: str
    sender_name: str
    receiver_name: str
    receipts: _containers.RepeatedCompositeFieldContainer[_link_pb2.SignedReceipt]
    certificates: _containers.RepeatedScalarFieldContainer[bytes]
    revocations: _containers.RepeatedCompositeFieldContainer[_link_pb2.RevocationList]
    logs: _containers.RepeatedCompositeFieldContainer[_link_pb2.LogSubmission]
    log_answers: _containers.RepeatedCompositeFieldContainer[_link_pb2.LogAnswer]
    def __init__(self, sender: _Optional[int] = ..., level: _Optional[int] = ..., incarnation: _Optional[int] = ..., continues: _Optional[int] = ..., receiver: _Optional[int] = ..., set: _Optional[int] = ..., part: _Optional[int] = ..., written_ms: _Optional[int] = ..., starts: _Optional[_Iterable[_Union[_link_pb2.Cursor, _Mapping]]] = ..., acks: _Optional[_Iterable[_Union[_link_pb2.Cursor, _Mapping]]] = ..., durable_above: _Optional[_Iterable[_Union[_link_pb2.DurablePosition, _Mapping]]] = ..., heads: _Optional[_Iterable[_Union[_link_pb2.StreamHead, _Mapping]]] = ..., required_heads: _Optional[_Iterable[_Union[_link_pb2.RequiredHead, _Mapping]]] = ..., offices: _Optional[_Iterable[_Union[_link_pb2.OfficeStatus, _Mapping]]] = ..., public_key: _Optional[bytes] = ..., program: _Optional[str] = ..., catalogue: _Optional[str] = ..., sender_name: _Optional[str] = ..., receiver_name: _Optional[str] = ..., receipts: _Optional[_Iterable[_Union[_link_pb2.SignedReceipt, _Mapping]]] = ..., certificates: _Optional[_Iterable[bytes]] = ..., revocations: _Optional[_Iterable[_Union[_link_pb2.RevocationList, _Mapping]]] = ..., logs: _Optional[_Iterable[_Union[_link_pb2.LogSubmission, _Mapping]]] = ..., log_answers: _Optional[_Iterable[_Union[_link_pb2.LogAnswer, _Mapping]]] = ...) -> None: ...
