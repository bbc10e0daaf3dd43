from sync.wire.office.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Certificate(_message.Message):
    __slots__ = ("serial", "unit", "kind", "issued_ms", "not_after_ms", "revoked_ms", "reason", "fingerprint", "office_key")
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ISSUED_MS_FIELD_NUMBER: _ClassVar[int]
    NOT_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    REVOKED_MS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    OFFICE_KEY_FIELD_NUMBER: _ClassVar[int]
    serial: str
    unit: _common_pb2.Unit
    kind: str
    issued_ms: int
    not_after_ms: int
    revoked_ms: int
    reason: str
    fingerprint: str
    office_key: str
    def __init__(self, serial: _Optional[str] = ..., unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., kind: _Optional[str] = ..., issued_ms: _Optional[int] = ..., not_after_ms: _Optional[int] = ..., revoked_ms: _Optional[int] = ..., reason: _Optional[str] = ..., fingerprint: _Optional[str] = ..., office_key: _Optional[str] = ...) -> None: ...

class ListCertificatesRequest(_message.Message):
    __slots__ = ("within_days",)
    WITHIN_DAYS_FIELD_NUMBER: _ClassVar[int]
    within_days: int
    def __init__(self, within_days: _Optional[int] = ...) -> None: ...

class ListCertificatesResponse(_message.Message):
    __slots__ = ("certificates",)
    CERTIFICATES_FIELD_NUMBER: _ClassVar[int]
    certificates: _containers.RepeatedCompositeFieldContainer[Certificate]
    def __init__(self, certificates: _Optional[_Iterable[_Union[Certificate, _Mapping]]] = ...) -> None: ...

class GetCertificateRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class KnownRevocations(_message.Message):
    __slots__ = ("issuer", "number")
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    issuer: str
    number: int
    def __init__(self, issuer: _Optional[str] = ..., number: _Optional[int] = ...) -> None: ...

class GetCertificateResponse(_message.Message):
    __slots__ = ("certificate", "uri", "issuer", "authority", "revocations")
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    URI_FIELD_NUMBER: _ClassVar[int]
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    AUTHORITY_FIELD_NUMBER: _ClassVar[int]
    REVOCATIONS_FIELD_NUMBER: _ClassVar[int]
    certificate: Certificate
    uri: str
    issuer: str
    authority: str
    revocations: _containers.RepeatedCompositeFieldContainer[KnownRevocations]
    def __init__(self, certificate: _Optional[_Union[Certificate, _Mapping]] = ..., uri: _Optional[str] = ..., issuer: _Optional[str] = ..., authority: _Optional[str] = ..., revocations: _Optional[_Iterable[_Union[KnownRevocations, _Mapping]]] = ...) -> None: ...

class FoundAuthorityRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class FoundAuthorityResponse(_message.Message):
    __slots__ = ("certificate",)
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    certificate: GetCertificateResponse
    def __init__(self, certificate: _Optional[_Union[GetCertificateResponse, _Mapping]] = ...) -> None: ...

class RenewCertificateRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RenewCertificateResponse(_message.Message):
    __slots__ = ("certificate",)
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    certificate: GetCertificateResponse
    def __init__(self, certificate: _Optional[_Union[GetCertificateResponse, _Mapping]] = ...) -> None: ...

class RevokeCertificatesRequest(_message.Message):
    __slots__ = ("which", "reason")
    WHICH_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    which: str
    reason: str
    def __init__(self, which: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class RevokeCertificatesResponse(_message.Message):
    __slots__ = ("certificates",)
    CERTIFICATES_FIELD_NUMBER: _ClassVar[int]
    certificates: _containers.RepeatedCompositeFieldContainer[Certificate]
    def __init__(self, certificates: _Optional[_Iterable[_Union[Certificate, _Mapping]]] = ...) -> None: ...

class InvitedPlace(_message.Message):
    __slots__ = ("unit", "address")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    unit: str
    address: str
    def __init__(self, unit: _Optional[str] = ..., address: _Optional[str] = ...) -> None: ...

class InviteUnitsRequest(_message.Message):
    __slots__ = ("units", "all_below", "hours", "replaces", "host", "places", "again")
    UNITS_FIELD_NUMBER: _ClassVar[int]
    ALL_BELOW_FIELD_NUMBER: _ClassVar[int]
    HOURS_FIELD_NUMBER: _ClassVar[int]
    REPLACES_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PLACES_FIELD_NUMBER: _ClassVar[int]
    AGAIN_FIELD_NUMBER: _ClassVar[int]
    units: _containers.RepeatedScalarFieldContainer[str]
    all_below: bool
    hours: int
    replaces: bool
    host: str
    places: _containers.RepeatedCompositeFieldContainer[InvitedPlace]
    again: bool
    def __init__(self, units: _Optional[_Iterable[str]] = ..., all_below: _Optional[bool] = ..., hours: _Optional[int] = ..., replaces: _Optional[bool] = ..., host: _Optional[str] = ..., places: _Optional[_Iterable[_Union[InvitedPlace, _Mapping]]] = ..., again: _Optional[bool] = ...) -> None: ...

class Invitation(_message.Message):
    __slots__ = ("unit", "secret", "expires_ms", "parent_unit", "parent", "parent_enrolment", "parent_tls_name", "parent_key", "recovered_ms")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    SECRET_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_MS_FIELD_NUMBER: _ClassVar[int]
    PARENT_UNIT_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PARENT_ENROLMENT_FIELD_NUMBER: _ClassVar[int]
    PARENT_TLS_NAME_FIELD_NUMBER: _ClassVar[int]
    PARENT_KEY_FIELD_NUMBER: _ClassVar[int]
    RECOVERED_MS_FIELD_NUMBER: _ClassVar[int]
    unit: _common_pb2.Unit
    secret: bytes
    expires_ms: int
    parent_unit: _common_pb2.Unit
    parent: str
    parent_enrolment: str
    parent_tls_name: str
    parent_key: str
    recovered_ms: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., secret: _Optional[bytes] = ..., expires_ms: _Optional[int] = ..., parent_unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., parent: _Optional[str] = ..., parent_enrolment: _Optional[str] = ..., parent_tls_name: _Optional[str] = ..., parent_key: _Optional[str] = ..., recovered_ms: _Optional[_Iterable[int]] = ...) -> None: ...

class InviteUnitsResponse(_message.Message):
    __slots__ = ("invitations", "parent", "enrolment", "tls_name", "parent_key", "authority", "authority_fingerprint")
    INVITATIONS_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    ENROLMENT_FIELD_NUMBER: _ClassVar[int]
    TLS_NAME_FIELD_NUMBER: _ClassVar[int]
    PARENT_KEY_FIELD_NUMBER: _ClassVar[int]
    AUTHORITY_FIELD_NUMBER: _ClassVar[int]
    AUTHORITY_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    invitations: _containers.RepeatedCompositeFieldContainer[Invitation]
    parent: str
    enrolment: str
    tls_name: str
    parent_key: str
    authority: str
    authority_fingerprint: str
    def __init__(self, invitations: _Optional[_Iterable[_Union[Invitation, _Mapping]]] = ..., parent: _Optional[str] = ..., enrolment: _Optional[str] = ..., tls_name: _Optional[str] = ..., parent_key: _Optional[str] = ..., authority: _Optional[str] = ..., authority_fingerprint: _Optional[str] = ...) -> None: ...
