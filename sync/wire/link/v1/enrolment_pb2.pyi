from sync.wire.link.v1 import link_pb2 as _link_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CertificateRequest(_message.Message):
    __slots__ = ("unit", "csr", "public_key", "signature", "authority_csr")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    CSR_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    AUTHORITY_CSR_FIELD_NUMBER: _ClassVar[int]
    unit: int
    csr: bytes
    public_key: bytes
    signature: bytes
    authority_csr: bytes
    def __init__(self, unit: _Optional[int] = ..., csr: _Optional[bytes] = ..., public_key: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., authority_csr: _Optional[bytes] = ...) -> None: ...

class EnrolRequest(_message.Message):
    __slots__ = ("parent", "secret", "request")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    SECRET_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    parent: int
    secret: bytes
    request: CertificateRequest
    def __init__(self, parent: _Optional[int] = ..., secret: _Optional[bytes] = ..., request: _Optional[_Union[CertificateRequest, _Mapping]] = ...) -> None: ...

class EnrolResponse(_message.Message):
    __slots__ = ("chain", "authority", "revocations")
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    AUTHORITY_FIELD_NUMBER: _ClassVar[int]
    REVOCATIONS_FIELD_NUMBER: _ClassVar[int]
    chain: _containers.RepeatedScalarFieldContainer[bytes]
    authority: bytes
    revocations: _containers.RepeatedCompositeFieldContainer[_link_pb2.RevocationList]
    def __init__(self, chain: _Optional[_Iterable[bytes]] = ..., authority: _Optional[bytes] = ..., revocations: _Optional[_Iterable[_Union[_link_pb2.RevocationList, _Mapping]]] = ...) -> None: ...

class CertifyRequest(_message.Message):
    __slots__ = ("parent", "chain", "request", "signature")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    parent: int
    chain: _containers.RepeatedScalarFieldContainer[bytes]
    request: CertificateRequest
    signature: bytes
    def __init__(self, parent: _Optional[int] = ..., chain: _Optional[_Iterable[bytes]] = ..., request: _Optional[_Union[CertificateRequest, _Mapping]] = ..., signature: _Optional[bytes] = ...) -> None: ...

class CertifyResponse(_message.Message):
    __slots__ = ("chain", "authority")
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    AUTHORITY_FIELD_NUMBER: _ClassVar[int]
    chain: _containers.RepeatedScalarFieldContainer[bytes]
    authority: bytes
    def __init__(self, chain: _Optional[_Iterable[bytes]] = ..., authority: _Optional[bytes] = ...) -> None: ...
