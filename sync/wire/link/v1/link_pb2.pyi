from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Lane(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LANE_UNSPECIFIED: _ClassVar[Lane]
    LANE_CONTROL: _ClassVar[Lane]
    LANE_BULK: _ClassVar[Lane]

class Operation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OPERATION_UNSPECIFIED: _ClassVar[Operation]
    OPERATION_CREATE: _ClassVar[Operation]
    OPERATION_UPDATE: _ClassVar[Operation]
    OPERATION_DELETE: _ClassVar[Operation]

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    VERDICT_ACCEPTED: _ClassVar[Verdict]
    VERDICT_SNAPSHOT: _ClassVar[Verdict]
    VERDICT_RESTORED: _ClassVar[Verdict]
    VERDICT_CLONE: _ClassVar[Verdict]
    VERDICT_WRONG_PARENT: _ClassVar[Verdict]
    VERDICT_UPGRADE_FIRST: _ClassVar[Verdict]
    VERDICT_BACK_OFF: _ClassVar[Verdict]
    VERDICT_CHALLENGE: _ClassVar[Verdict]
LANE_UNSPECIFIED: Lane
LANE_CONTROL: Lane
LANE_BULK: Lane
OPERATION_UNSPECIFIED: Operation
OPERATION_CREATE: Operation
OPERATION_UPDATE: Operation
OPERATION_DELETE: Operation
VERDICT_UNSPECIFIED: Verdict
VERDICT_ACCEPTED: Verdict
VERDICT_SNAPSHOT: Verdict
VERDICT_RESTORED: Verdict
VERDICT_CLONE: Verdict
VERDICT_WRONG_PARENT: Verdict
VERDICT_UPGRADE_FIRST: Verdict
VERDICT_BACK_OFF: Verdict
VERDICT_CHALLENGE: Verdict

class Entry(_message.Message):
    __slots__ = ("incarnation", "unit", "level", "audience", "lane", "seq", "prev_hash", "hlc", "changes", "payload", "original_incarnation", "actor", "reason")
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    AUDIENCE_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    PREV_HASH_FIELD_NUMBER: _ClassVar[int]
    HLC_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_INCARNATION_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    incarnation: int
    unit: int
    level: int
    audience: str
    lane: Lane
    seq: int
    prev_hash: bytes
    hlc: int
    changes: int
    payload: bytes
    original_incarnation: int
    actor: str
    reason: str
    def __init__(self, incarnation: _Optional[int] = ..., unit: _Optional[int] = ..., level: _Optional[int] = ..., audience: _Optional[str] = ..., lane: _Optional[_Union[Lane, str]] = ..., seq: _Optional[int] = ..., prev_hash: _Optional[bytes] = ..., hlc: _Optional[int] = ..., changes: _Optional[int] = ..., payload: _Optional[bytes] = ..., original_incarnation: _Optional[int] = ..., actor: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class Body(_message.Message):
    __slots__ = ("blocks",)
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    blocks: _containers.RepeatedCompositeFieldContainer[Block]
    def __init__(self, blocks: _Optional[_Iterable[_Union[Block, _Mapping]]] = ...) -> None: ...

class Block(_message.Message):
    __slots__ = ("register", "unit", "operation", "ids", "fields", "columns", "bases", "versions", "causal_length", "resolved", "lives")
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    BASES_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    CAUSAL_LENGTH_FIELD_NUMBER: _ClassVar[int]
    RESOLVED_FIELD_NUMBER: _ClassVar[int]
    LIVES_FIELD_NUMBER: _ClassVar[int]
    register: str
    unit: int
    operation: Operation
    ids: bytes
    fields: _containers.RepeatedScalarFieldContainer[str]
    columns: _containers.RepeatedCompositeFieldContainer[Column]
    bases: _containers.RepeatedCompositeFieldContainer[BaseColumn]
    versions: bytes
    causal_length: int
    resolved: _containers.RepeatedCompositeFieldContainer[Resolved]
    lives: BaseColumn
    def __init__(self, register: _Optional[str] = ..., unit: _Optional[int] = ..., operation: _Optional[_Union[Operation, str]] = ..., ids: _Optional[bytes] = ..., fields: _Optional[_Iterable[str]] = ..., columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ..., bases: _Optional[_Iterable[_Union[BaseColumn, _Mapping]]] = ..., versions: _Optional[bytes] = ..., causal_length: _Optional[int] = ..., resolved: _Optional[_Iterable[_Union[Resolved, _Mapping]]] = ..., lives: _Optional[_Union[BaseColumn, _Mapping]] = ...) -> None: ...

class Column(_message.Message):
    __slots__ = ("texts", "ints", "nulls", "is_int")
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    INTS_FIELD_NUMBER: _ClassVar[int]
    NULLS_FIELD_NUMBER: _ClassVar[int]
    IS_INT_FIELD_NUMBER: _ClassVar[int]
    texts: _containers.RepeatedScalarFieldContainer[str]
    ints: _containers.RepeatedScalarFieldContainer[int]
    nulls: bytes
    is_int: bool
    def __init__(self, texts: _Optional[_Iterable[str]] = ..., ints: _Optional[_Iterable[int]] = ..., nulls: _Optional[bytes] = ..., is_int: _Optional[bool] = ...) -> None: ...

class BaseColumn(_message.Message):
    __slots__ = ("index",)
    INDEX_FIELD_NUMBER: _ClassVar[int]
    index: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, index: _Optional[_Iterable[int]] = ...) -> None: ...

class Resolved(_message.Message):
    __slots__ = ("record", "field", "version")
    RECORD_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    record: int
    field: str
    version: bytes
    def __init__(self, record: _Optional[int] = ..., field: _Optional[str] = ..., version: _Optional[bytes] = ...) -> None: ...

class Batch(_message.Message):
    __slots__ = ("lane", "incarnation", "after", "upto", "entries", "positions", "signatures", "log_signature")
    LANE_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    UPTO_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    SIGNATURES_FIELD_NUMBER: _ClassVar[int]
    LOG_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    lane: Lane
    incarnation: int
    after: int
    upto: int
    entries: _containers.RepeatedScalarFieldContainer[bytes]
    positions: _containers.RepeatedScalarFieldContainer[int]
    signatures: _containers.RepeatedCompositeFieldContainer[Signature]
    log_signature: bytes
    def __init__(self, lane: _Optional[_Union[Lane, str]] = ..., incarnation: _Optional[int] = ..., after: _Optional[int] = ..., upto: _Optional[int] = ..., entries: _Optional[_Iterable[bytes]] = ..., positions: _Optional[_Iterable[int]] = ..., signatures: _Optional[_Iterable[_Union[Signature, _Mapping]]] = ..., log_signature: _Optional[bytes] = ...) -> None: ...

class Signature(_message.Message):
    __slots__ = ("incarnation", "audience", "lane", "seq", "signature", "public_key", "certificates")
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    AUDIENCE_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATES_FIELD_NUMBER: _ClassVar[int]
    incarnation: int
    audience: str
    lane: Lane
    seq: int
    signature: bytes
    public_key: bytes
    certificates: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, incarnation: _Optional[int] = ..., audience: _Optional[str] = ..., lane: _Optional[_Union[Lane, str]] = ..., seq: _Optional[int] = ..., signature: _Optional[bytes] = ..., public_key: _Optional[bytes] = ..., certificates: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Cursor(_message.Message):
    __slots__ = ("lane", "incarnation", "position")
    LANE_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    lane: Lane
    incarnation: int
    position: int
    def __init__(self, lane: _Optional[_Union[Lane, str]] = ..., incarnation: _Optional[int] = ..., position: _Optional[int] = ...) -> None: ...

class OfficeStatus(_message.Message):
    __slots__ = ("unit", "last_contact_ms", "connected", "waiting_down", "signed")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    LAST_CONTACT_MS_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    WAITING_DOWN_FIELD_NUMBER: _ClassVar[int]
    SIGNED_FIELD_NUMBER: _ClassVar[int]
    unit: int
    last_contact_ms: int
    connected: bool
    waiting_down: int
    signed: SignedStatement
    def __init__(self, unit: _Optional[int] = ..., last_contact_ms: _Optional[int] = ..., connected: _Optional[bool] = ..., waiting_down: _Optional[int] = ..., signed: _Optional[_Union[SignedStatement, _Mapping]] = ...) -> None: ...

class SignedStatement(_message.Message):
    __slots__ = ("statement", "signature", "public_key")
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    statement: bytes
    signature: bytes
    public_key: bytes
    def __init__(self, statement: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., public_key: _Optional[bytes] = ...) -> None: ...

class Statement(_message.Message):
    __slots__ = ("unit", "at_ms", "incarnation", "bulk_seq", "bulk_hash", "waiting_up", "waiting_age_ms", "conflicts", "quarantined", "program", "from_parent")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    BULK_SEQ_FIELD_NUMBER: _ClassVar[int]
    BULK_HASH_FIELD_NUMBER: _ClassVar[int]
    WAITING_UP_FIELD_NUMBER: _ClassVar[int]
    WAITING_AGE_MS_FIELD_NUMBER: _ClassVar[int]
    CONFLICTS_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_FIELD_NUMBER: _ClassVar[int]
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    FROM_PARENT_FIELD_NUMBER: _ClassVar[int]
    unit: int
    at_ms: int
    incarnation: int
    bulk_seq: int
    bulk_hash: bytes
    waiting_up: int
    waiting_age_ms: int
    conflicts: int
    quarantined: int
    program: str
    from_parent: _containers.RepeatedCompositeFieldContainer[ReceivedHead]
    def __init__(self, unit: _Optional[int] = ..., at_ms: _Optional[int] = ..., incarnation: _Optional[int] = ..., bulk_seq: _Optional[int] = ..., bulk_hash: _Optional[bytes] = ..., waiting_up: _Optional[int] = ..., waiting_age_ms: _Optional[int] = ..., conflicts: _Optional[int] = ..., quarantined: _Optional[int] = ..., program: _Optional[str] = ..., from_parent: _Optional[_Iterable[_Union[ReceivedHead, _Mapping]]] = ...) -> None: ...

class ReceivedHead(_message.Message):
    __slots__ = ("head", "signature")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    head: StreamHead
    signature: bytes
    def __init__(self, head: _Optional[_Union[StreamHead, _Mapping]] = ..., signature: _Optional[bytes] = ...) -> None: ...

class DurablePosition(_message.Message):
    __slots__ = ("level", "lane", "position")
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    level: int
    lane: Lane
    position: int
    def __init__(self, level: _Optional[int] = ..., lane: _Optional[_Union[Lane, str]] = ..., position: _Optional[int] = ...) -> None: ...

class SignedReceipt(_message.Message):
    __slots__ = ("receipt", "signature", "public_key")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    receipt: bytes
    signature: bytes
    public_key: bytes
    def __init__(self, receipt: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., public_key: _Optional[bytes] = ...) -> None: ...

class Receipt(_message.Message):
    __slots__ = ("holder", "incarnation", "unit", "at_ms", "heads")
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    HEADS_FIELD_NUMBER: _ClassVar[int]
    holder: int
    incarnation: int
    unit: int
    at_ms: int
    heads: _containers.RepeatedCompositeFieldContainer[StreamHead]
    def __init__(self, holder: _Optional[int] = ..., incarnation: _Optional[int] = ..., unit: _Optional[int] = ..., at_ms: _Optional[int] = ..., heads: _Optional[_Iterable[_Union[StreamHead, _Mapping]]] = ...) -> None: ...

class HelloRequest(_message.Message):
    __slots__ = ("unit", "level", "incarnation", "protocol_min", "protocol_max", "log_position", "heads", "cursors", "token", "now_ms", "public_key", "offices", "program", "catalogue", "continues", "process", "required_heads", "snapshot_under_way", "challenge", "signed_challenge", "signature", "certificates", "revocations", "keys", "logs")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_MIN_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_MAX_FIELD_NUMBER: _ClassVar[int]
    LOG_POSITION_FIELD_NUMBER: _ClassVar[int]
    HEADS_FIELD_NUMBER: _ClassVar[int]
    CURSORS_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    NOW_MS_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    OFFICES_FIELD_NUMBER: _ClassVar[int]
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    CATALOGUE_FIELD_NUMBER: _ClassVar[int]
    CONTINUES_FIELD_NUMBER: _ClassVar[int]
    PROCESS_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_HEADS_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_UNDER_WAY_FIELD_NUMBER: _ClassVar[int]
    CHALLENGE_FIELD_NUMBER: _ClassVar[int]
    SIGNED_CHALLENGE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATES_FIELD_NUMBER: _ClassVar[int]
    REVOCATIONS_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    LOGS_FIELD_NUMBER: _ClassVar[int]
    unit: int
    level: int
    incarnation: int
    protocol_min: int
    protocol_max: int
    log_position: int
    heads: _containers.RepeatedCompositeFieldContainer[StreamHead]
    cursors: _containers.RepeatedCompositeFieldContainer[Cursor]
    token: bytes
    now_ms: int
    public_key: bytes
    offices: _containers.RepeatedCompositeFieldContainer[OfficeStatus]
    program: str
    catalogue: str
    continues: int
    process: int
    required_heads: _containers.RepeatedCompositeFieldContainer[RequiredHead]
    snapshot_under_way: bool
    challenge: bytes
    signed_challenge: bytes
    signature: bytes
    certificates: _containers.RepeatedScalarFieldContainer[bytes]
    revocations: _containers.RepeatedCompositeFieldContainer[RevocationNumber]
    keys: _containers.RepeatedCompositeFieldContainer[CertifiedKey]
    logs: _containers.RepeatedCompositeFieldContainer[LogSubmission]
    def __init__(self, unit: _Optional[int] = ..., level: _Optional[int] = ..., incarnation: _Optional[int] = ..., protocol_min: _Optional[int] = ..., protocol_max: _Optional[int] = ..., log_position: _Optional[int] = ..., heads: _Optional[_Iterable[_Union[StreamHead, _Mapping]]] = ..., cursors: _Optional[_Iterable[_Union[Cursor, _Mapping]]] = ..., token: _Optional[bytes] = ..., now_ms: _Optional[int] = ..., public_key: _Optional[bytes] = ..., offices: _Optional[_Iterable[_Union[OfficeStatus, _Mapping]]] = ..., program: _Optional[str] = ..., catalogue: _Optional[str] = ..., continues: _Optional[int] = ..., process: _Optional[int] = ..., required_heads: _Optional[_Iterable[_Union[RequiredHead, _Mapping]]] = ..., snapshot_under_way: _Optional[bool] = ..., challenge: _Optional[bytes] = ..., signed_challenge: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., certificates: _Optional[_Iterable[bytes]] = ..., revocations: _Optional[_Iterable[_Union[RevocationNumber, _Mapping]]] = ..., keys: _Optional[_Iterable[_Union[CertifiedKey, _Mapping]]] = ..., logs: _Optional[_Iterable[_Union[LogSubmission, _Mapping]]] = ...) -> None: ...

class LogSubmission(_message.Message):
    __slots__ = ("unit", "checkpoint", "public_key", "proofs")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    PROOFS_FIELD_NUMBER: _ClassVar[int]
    unit: int
    checkpoint: str
    public_key: bytes
    proofs: _containers.RepeatedCompositeFieldContainer[LogProof]
    def __init__(self, unit: _Optional[int] = ..., checkpoint: _Optional[str] = ..., public_key: _Optional[bytes] = ..., proofs: _Optional[_Iterable[_Union[LogProof, _Mapping]]] = ...) -> None: ...

class LogProof(_message.Message):
    __slots__ = ("size", "hashes")
    SIZE_FIELD_NUMBER: _ClassVar[int]
    HASHES_FIELD_NUMBER: _ClassVar[int]
    size: int
    hashes: bytes
    def __init__(self, size: _Optional[int] = ..., hashes: _Optional[bytes] = ...) -> None: ...

class LogAnswer(_message.Message):
    __slots__ = ("unit", "witness", "size", "signature", "public_key", "code")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    WITNESS_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    unit: int
    witness: int
    size: int
    signature: bytes
    public_key: bytes
    code: str
    def __init__(self, unit: _Optional[int] = ..., witness: _Optional[int] = ..., size: _Optional[int] = ..., signature: _Optional[bytes] = ..., public_key: _Optional[bytes] = ..., code: _Optional[str] = ...) -> None: ...

class RevocationList(_message.Message):
    __slots__ = ("list", "authority")
    LIST_FIELD_NUMBER: _ClassVar[int]
    AUTHORITY_FIELD_NUMBER: _ClassVar[int]
    list: bytes
    authority: bytes
    def __init__(self, list: _Optional[bytes] = ..., authority: _Optional[bytes] = ...) -> None: ...

class RevocationNumber(_message.Message):
    __slots__ = ("issuer", "number")
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    issuer: str
    number: int
    def __init__(self, issuer: _Optional[str] = ..., number: _Optional[int] = ...) -> None: ...

class StreamHead(_message.Message):
    __slots__ = ("incarnation", "audience", "lane", "seq", "hash")
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    AUDIENCE_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    incarnation: int
    audience: str
    lane: Lane
    seq: int
    hash: bytes
    def __init__(self, incarnation: _Optional[int] = ..., audience: _Optional[str] = ..., lane: _Optional[_Union[Lane, str]] = ..., seq: _Optional[int] = ..., hash: _Optional[bytes] = ...) -> None: ...

class RequiredHead(_message.Message):
    __slots__ = ("head", "position", "signature")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    head: StreamHead
    position: int
    signature: bytes
    def __init__(self, head: _Optional[_Union[StreamHead, _Mapping]] = ..., position: _Optional[int] = ..., signature: _Optional[bytes] = ...) -> None: ...

class HelloResponse(_message.Message):
    __slots__ = ("verdict", "unit", "incarnation", "cursors", "now_ms", "token", "protocol", "retry_after_ms", "reason", "durable_above", "session", "waiting", "required_heads", "public_key", "snapshot_follows", "challenge", "signature", "receipts", "certificates", "revocations", "keys", "logs")
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    CURSORS_FIELD_NUMBER: _ClassVar[int]
    NOW_MS_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DURABLE_ABOVE_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_HEADS_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FOLLOWS_FIELD_NUMBER: _ClassVar[int]
    CHALLENGE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    RECEIPTS_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATES_FIELD_NUMBER: _ClassVar[int]
    REVOCATIONS_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    LOGS_FIELD_NUMBER: _ClassVar[int]
    verdict: Verdict
    unit: int
    incarnation: int
    cursors: _containers.RepeatedCompositeFieldContainer[Cursor]
    now_ms: int
    token: bytes
    protocol: int
    retry_after_ms: int
    reason: str
    durable_above: _containers.RepeatedCompositeFieldContainer[DurablePosition]
    session: int
    waiting: _containers.RepeatedScalarFieldContainer[Lane]
    required_heads: _containers.RepeatedCompositeFieldContainer[RequiredHead]
    public_key: bytes
    snapshot_follows: bool
    challenge: bytes
    signature: bytes
    receipts: _containers.RepeatedCompositeFieldContainer[SignedReceipt]
    certificates: _containers.RepeatedScalarFieldContainer[bytes]
    revocations: _containers.RepeatedCompositeFieldContainer[RevocationList]
    keys: _containers.RepeatedCompositeFieldContainer[CertifiedKey]
    logs: _containers.RepeatedCompositeFieldContainer[LogAnswer]
    def __init__(self, verdict: _Optional[_Union[Verdict, str]] = ..., unit: _Optional[int] = ..., incarnation: _Optional[int] = ..., cursors: _Optional[_Iterable[_Union[Cursor, _Mapping]]] = ..., now_ms: _Optional[int] = ..., token: _Optional[bytes] = ..., protocol: _Optional[int] = ..., retry_after_ms: _Optional[int] = ..., reason: _Optional[str] = ..., durable_above: _Optional[_Iterable[_Union[DurablePosition, _Mapping]]] = ..., session: _Optional[int] = ..., waiting: _Optional[_Iterable[_Union[Lane, str]]] = ..., required_heads: _Optional[_Iterable[_Union[RequiredHead, _Mapping]]] = ..., public_key: _Optional[bytes] = ..., snapshot_follows: _Optional[bool] = ..., challenge: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., receipts: _Optional[_Iterable[_Union[SignedReceipt, _Mapping]]] = ..., certificates: _Optional[_Iterable[bytes]] = ..., revocations: _Optional[_Iterable[_Union[RevocationList, _Mapping]]] = ..., keys: _Optional[_Iterable[_Union[CertifiedKey, _Mapping]]] = ..., logs: _Optional[_Iterable[_Union[LogAnswer, _Mapping]]] = ...) -> None: ...

class PushRequest(_message.Message):
    __slots__ = ("session", "batch", "unit")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    session: int
    batch: Batch
    unit: int
    def __init__(self, session: _Optional[int] = ..., batch: _Optional[_Union[Batch, _Mapping]] = ..., unit: _Optional[int] = ...) -> None: ...

class PushResponse(_message.Message):
    __slots__ = ("durable", "durable_above", "receipts")
    DURABLE_FIELD_NUMBER: _ClassVar[int]
    DURABLE_ABOVE_FIELD_NUMBER: _ClassVar[int]
    RECEIPTS_FIELD_NUMBER: _ClassVar[int]
    durable: Cursor
    durable_above: _containers.RepeatedCompositeFieldContainer[DurablePosition]
    receipts: _containers.RepeatedCompositeFieldContainer[SignedReceipt]
    def __init__(self, durable: _Optional[_Union[Cursor, _Mapping]] = ..., durable_above: _Optional[_Iterable[_Union[DurablePosition, _Mapping]]] = ..., receipts: _Optional[_Iterable[_Union[SignedReceipt, _Mapping]]] = ...) -> None: ...

class PullRequest(_message.Message):
    __slots__ = ("session", "unit", "cursor", "bytes_max")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    session: int
    unit: int
    cursor: Cursor
    bytes_max: int
    def __init__(self, session: _Optional[int] = ..., unit: _Optional[int] = ..., cursor: _Optional[_Union[Cursor, _Mapping]] = ..., bytes_max: _Optional[int] = ...) -> None: ...

class PullResponse(_message.Message):
    __slots__ = ("batch",)
    BATCH_FIELD_NUMBER: _ClassVar[int]
    batch: Batch
    def __init__(self, batch: _Optional[_Union[Batch, _Mapping]] = ...) -> None: ...

class ReplayRequest(_message.Message):
    __slots__ = ("session", "unit", "probes", "common", "cursors", "after", "bytes_max", "probing")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    PROBES_FIELD_NUMBER: _ClassVar[int]
    COMMON_FIELD_NUMBER: _ClassVar[int]
    CURSORS_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    PROBING_FIELD_NUMBER: _ClassVar[int]
    session: int
    unit: int
    probes: _containers.RepeatedCompositeFieldContainer[StreamHead]
    common: _containers.RepeatedCompositeFieldContainer[StreamHead]
    cursors: _containers.RepeatedCompositeFieldContainer[Cursor]
    after: int
    bytes_max: int
    probing: bool
    def __init__(self, session: _Optional[int] = ..., unit: _Optional[int] = ..., probes: _Optional[_Iterable[_Union[StreamHead, _Mapping]]] = ..., common: _Optional[_Iterable[_Union[StreamHead, _Mapping]]] = ..., cursors: _Optional[_Iterable[_Union[Cursor, _Mapping]]] = ..., after: _Optional[int] = ..., bytes_max: _Optional[int] = ..., probing: _Optional[bool] = ...) -> None: ...

class ReplayResponse(_message.Message):
    __slots__ = ("known", "heads", "cursors", "entries", "upto", "more", "signatures", "truncated")
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    HEADS_FIELD_NUMBER: _ClassVar[int]
    CURSORS_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    UPTO_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURES_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    known: _containers.RepeatedScalarFieldContainer[bool]
    heads: _containers.RepeatedCompositeFieldContainer[StreamHead]
    cursors: _containers.RepeatedCompositeFieldContainer[Cursor]
    entries: _containers.RepeatedScalarFieldContainer[bytes]
    upto: int
    more: bool
    signatures: _containers.RepeatedCompositeFieldContainer[Signature]
    truncated: _containers.RepeatedCompositeFieldContainer[StreamHead]
    def __init__(self, known: _Optional[_Iterable[bool]] = ..., heads: _Optional[_Iterable[_Union[StreamHead, _Mapping]]] = ..., cursors: _Optional[_Iterable[_Union[Cursor, _Mapping]]] = ..., entries: _Optional[_Iterable[bytes]] = ..., upto: _Optional[int] = ..., more: _Optional[bool] = ..., signatures: _Optional[_Iterable[_Union[Signature, _Mapping]]] = ..., truncated: _Optional[_Iterable[_Union[StreamHead, _Mapping]]] = ...) -> None: ...

class RestoreParentRequest(_message.Message):
    __slots__ = ("session", "unit", "entries", "last", "signatures")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    SIGNATURES_FIELD_NUMBER: _ClassVar[int]
    session: int
    unit: int
    entries: _containers.RepeatedScalarFieldContainer[bytes]
    last: bool
    signatures: _containers.RepeatedCompositeFieldContainer[Signature]
    def __init__(self, session: _Optional[int] = ..., unit: _Optional[int] = ..., entries: _Optional[_Iterable[bytes]] = ..., last: _Optional[bool] = ..., signatures: _Optional[_Iterable[_Union[Signature, _Mapping]]] = ...) -> None: ...

class RestoreParentResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ("session", "unit", "cursors")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    CURSORS_FIELD_NUMBER: _ClassVar[int]
    session: int
    unit: int
    cursors: _containers.RepeatedCompositeFieldContainer[Cursor]
    def __init__(self, session: _Optional[int] = ..., unit: _Optional[int] = ..., cursors: _Optional[_Iterable[_Union[Cursor, _Mapping]]] = ...) -> None: ...

class WatchResponse(_message.Message):
    __slots__ = ("lanes", "durable_above")
    LANES_FIELD_NUMBER: _ClassVar[int]
    DURABLE_ABOVE_FIELD_NUMBER: _ClassVar[int]
    lanes: _containers.RepeatedScalarFieldContainer[Lane]
    durable_above: _containers.RepeatedCompositeFieldContainer[DurablePosition]
    def __init__(self, lanes: _Optional[_Iterable[_Union[Lane, str]]] = ..., durable_above: _Optional[_Iterable[_Union[DurablePosition, _Mapping]]] = ...) -> None: ...

class SnapshotRequest(_message.Message):
    __slots__ = ("session", "unit", "after")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    session: int
    unit: int
    after: bytes
    def __init__(self, session: _Optional[int] = ..., unit: _Optional[int] = ..., after: _Optional[bytes] = ...) -> None: ...

class SnapshotResponse(_message.Message):
    __slots__ = ("payload", "next", "done", "total")
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    payload: bytes
    next: bytes
    done: int
    total: int
    def __init__(self, payload: _Optional[bytes] = ..., next: _Optional[bytes] = ..., done: _Optional[int] = ..., total: _Optional[int] = ...) -> None: ...

class SnapshotChunk(_message.Message):
    __slots__ = ("rows", "heads", "cursors", "incarnations", "received", "acked")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    HEADS_FIELD_NUMBER: _ClassVar[int]
    CURSORS_FIELD_NUMBER: _ClassVar[int]
    INCARNATIONS_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    ACKED_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[SnapshotRows]
    heads: _containers.RepeatedCompositeFieldContainer[SnapshotHead]
    cursors: _containers.RepeatedCompositeFieldContainer[Cursor]
    incarnations: _containers.RepeatedCompositeFieldContainer[Incarnation]
    received: _containers.RepeatedCompositeFieldContainer[ReceivedUpTo]
    acked: _containers.RepeatedCompositeFieldContainer[Cursor]
    def __init__(self, rows: _Optional[_Iterable[_Union[SnapshotRows, _Mapping]]] = ..., heads: _Optional[_Iterable[_Union[SnapshotHead, _Mapping]]] = ..., cursors: _Optional[_Iterable[_Union[Cursor, _Mapping]]] = ..., incarnations: _Optional[_Iterable[_Union[Incarnation, _Mapping]]] = ..., received: _Optional[_Iterable[_Union[ReceivedUpTo, _Mapping]]] = ..., acked: _Optional[_Iterable[_Union[Cursor, _Mapping]]] = ...) -> None: ...

class SnapshotHead(_message.Message):
    __slots__ = ("head", "hlc", "signed_seq", "signature")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    HLC_FIELD_NUMBER: _ClassVar[int]
    SIGNED_SEQ_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    head: StreamHead
    hlc: int
    signed_seq: int
    signature: bytes
    def __init__(self, head: _Optional[_Union[StreamHead, _Mapping]] = ..., hlc: _Optional[int] = ..., signed_seq: _Optional[int] = ..., signature: _Optional[bytes] = ...) -> None: ...

class ReceivedUpTo(_message.Message):
    __slots__ = ("incarnation", "lane", "hlc")
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    HLC_FIELD_NUMBER: _ClassVar[int]
    incarnation: int
    lane: Lane
    hlc: int
    def __init__(self, incarnation: _Optional[int] = ..., lane: _Optional[_Union[Lane, str]] = ..., hlc: _Optional[int] = ...) -> None: ...

class UploadSnapshotRequest(_message.Message):
    __slots__ = ("session", "unit", "payload")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    session: int
    unit: int
    payload: bytes
    def __init__(self, session: _Optional[int] = ..., unit: _Optional[int] = ..., payload: _Optional[bytes] = ...) -> None: ...

class UploadSnapshotResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SnapshotRows(_message.Message):
    __slots__ = ("register", "unit", "ids", "created", "causal_length", "causal_length_version", "fields", "columns", "field_versions", "versions", "losers", "survived_delete", "quarantined")
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    CAUSAL_LENGTH_FIELD_NUMBER: _ClassVar[int]
    CAUSAL_LENGTH_VERSION_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    FIELD_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    LOSERS_FIELD_NUMBER: _ClassVar[int]
    SURVIVED_DELETE_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_FIELD_NUMBER: _ClassVar[int]
    register: str
    unit: int
    ids: bytes
    created: _containers.RepeatedScalarFieldContainer[int]
    causal_length: _containers.RepeatedScalarFieldContainer[int]
    causal_length_version: _containers.RepeatedScalarFieldContainer[int]
    fields: _containers.RepeatedScalarFieldContainer[str]
    columns: _containers.RepeatedCompositeFieldContainer[Column]
    field_versions: _containers.RepeatedCompositeFieldContainer[BaseColumn]
    versions: bytes
    losers: _containers.RepeatedCompositeFieldContainer[Loser]
    survived_delete: _containers.RepeatedCompositeFieldContainer[Mark]
    quarantined: _containers.RepeatedCompositeFieldContainer[Mark]
    def __init__(self, register: _Optional[str] = ..., unit: _Optional[int] = ..., ids: _Optional[bytes] = ..., created: _Optional[_Iterable[int]] = ..., causal_length: _Optional[_Iterable[int]] = ..., causal_length_version: _Optional[_Iterable[int]] = ..., fields: _Optional[_Iterable[str]] = ..., columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ..., field_versions: _Optional[_Iterable[_Union[BaseColumn, _Mapping]]] = ..., versions: _Optional[bytes] = ..., losers: _Optional[_Iterable[_Union[Loser, _Mapping]]] = ..., survived_delete: _Optional[_Iterable[_Union[Mark, _Mapping]]] = ..., quarantined: _Optional[_Iterable[_Union[Mark, _Mapping]]] = ...) -> None: ...

class Mark(_message.Message):
    __slots__ = ("record", "field", "version")
    RECORD_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    record: int
    field: str
    version: bytes
    def __init__(self, record: _Optional[int] = ..., field: _Optional[str] = ..., version: _Optional[bytes] = ...) -> None: ...

class Loser(_message.Message):
    __slots__ = ("id", "field", "version", "value", "level")
    ID_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    field: str
    version: bytes
    value: str
    level: int
    def __init__(self, id: _Optional[bytes] = ..., field: _Optional[str] = ..., version: _Optional[bytes] = ..., value: _Optional[str] = ..., level: _Optional[int] = ...) -> None: ...

class Incarnation(_message.Message):
    __slots__ = ("id", "unit", "level", "public_key", "certificates")
    ID_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATES_FIELD_NUMBER: _ClassVar[int]
    id: int
    unit: int
    level: int
    public_key: bytes
    certificates: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, id: _Optional[int] = ..., unit: _Optional[int] = ..., level: _Optional[int] = ..., public_key: _Optional[bytes] = ..., certificates: _Optional[_Iterable[bytes]] = ...) -> None: ...

class CertifiedKey(_message.Message):
    __slots__ = ("unit", "public_key", "certificates")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATES_FIELD_NUMBER: _ClassVar[int]
    unit: int
    public_key: bytes
    certificates: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, unit: _Optional[int] = ..., public_key: _Optional[bytes] = ..., certificates: _Optional[_Iterable[bytes]] = ...) -> None: ...

class DigestRequest(_message.Message):
    __slots__ = ("session", "unit", "sent", "acked", "units", "buckets", "parts", "copies")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    SENT_FIELD_NUMBER: _ClassVar[int]
    ACKED_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    BUCKETS_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    COPIES_FIELD_NUMBER: _ClassVar[int]
    session: int
    unit: int
    sent: _containers.RepeatedCompositeFieldContainer[Cursor]
    acked: _containers.RepeatedCompositeFieldContainer[Cursor]
    units: DigestUnits
    buckets: DigestBuckets
    parts: DigestParts
    copies: DigestCopies
    def __init__(self, session: _Optional[int] = ..., unit: _Optional[int] = ..., sent: _Optional[_Iterable[_Union[Cursor, _Mapping]]] = ..., acked: _Optional[_Iterable[_Union[Cursor, _Mapping]]] = ..., units: _Optional[_Union[DigestUnits, _Mapping]] = ..., buckets: _Optional[_Union[DigestBuckets, _Mapping]] = ..., parts: _Optional[_Union[DigestParts, _Mapping]] = ..., copies: _Optional[_Union[DigestCopies, _Mapping]] = ...) -> None: ...

class DigestUnits(_message.Message):
    __slots__ = ("registers",)
    REGISTERS_FIELD_NUMBER: _ClassVar[int]
    registers: _containers.RepeatedCompositeFieldContainer[RegisterSums]
    def __init__(self, registers: _Optional[_Iterable[_Union[RegisterSums, _Mapping]]] = ...) -> None: ...

class RegisterSums(_message.Message):
    __slots__ = ("register", "schema", "units", "counts", "sums")
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    SUMS_FIELD_NUMBER: _ClassVar[int]
    register: str
    schema: bytes
    units: _containers.RepeatedScalarFieldContainer[int]
    counts: _containers.RepeatedScalarFieldContainer[int]
    sums: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, register: _Optional[str] = ..., schema: _Optional[bytes] = ..., units: _Optional[_Iterable[int]] = ..., counts: _Optional[_Iterable[int]] = ..., sums: _Optional[_Iterable[int]] = ...) -> None: ...

class DigestBuckets(_message.Message):
    __slots__ = ("units",)
    UNITS_FIELD_NUMBER: _ClassVar[int]
    units: _containers.RepeatedCompositeFieldContainer[UnitBuckets]
    def __init__(self, units: _Optional[_Iterable[_Union[UnitBuckets, _Mapping]]] = ...) -> None: ...

class UnitBuckets(_message.Message):
    __slots__ = ("register", "unit", "buckets", "counts", "sums")
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    BUCKETS_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    SUMS_FIELD_NUMBER: _ClassVar[int]
    register: str
    unit: int
    buckets: _containers.RepeatedScalarFieldContainer[int]
    counts: _containers.RepeatedScalarFieldContainer[int]
    sums: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, register: _Optional[str] = ..., unit: _Optional[int] = ..., buckets: _Optional[_Iterable[int]] = ..., counts: _Optional[_Iterable[int]] = ..., sums: _Optional[_Iterable[int]] = ...) -> None: ...

class DigestParts(_message.Message):
    __slots__ = ("buckets",)
    BUCKETS_FIELD_NUMBER: _ClassVar[int]
    buckets: _containers.RepeatedCompositeFieldContainer[BucketParts]
    def __init__(self, buckets: _Optional[_Iterable[_Union[BucketParts, _Mapping]]] = ...) -> None: ...

class BucketParts(_message.Message):
    __slots__ = ("register", "unit", "bucket", "sums")
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    SUMS_FIELD_NUMBER: _ClassVar[int]
    register: str
    unit: int
    bucket: int
    sums: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, register: _Optional[str] = ..., unit: _Optional[int] = ..., bucket: _Optional[int] = ..., sums: _Optional[_Iterable[int]] = ...) -> None: ...

class DigestCopies(_message.Message):
    __slots__ = ("copies", "proofs")
    COPIES_FIELD_NUMBER: _ClassVar[int]
    PROOFS_FIELD_NUMBER: _ClassVar[int]
    copies: _containers.RepeatedCompositeFieldContainer[RecordCopy]
    proofs: _containers.RepeatedCompositeFieldContainer[SignedEntries]
    def __init__(self, copies: _Optional[_Iterable[_Union[RecordCopy, _Mapping]]] = ..., proofs: _Optional[_Iterable[_Union[SignedEntries, _Mapping]]] = ...) -> None: ...

class SignedEntries(_message.Message):
    __slots__ = ("entries", "signature")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedScalarFieldContainer[bytes]
    signature: Signature
    def __init__(self, entries: _Optional[_Iterable[bytes]] = ..., signature: _Optional[_Union[Signature, _Mapping]] = ...) -> None: ...

class RecordCopy(_message.Message):
    __slots__ = ("register", "unit", "id", "absent", "created", "causal_length", "causal_length_version", "heads", "reason", "changed", "checksum", "overwritten", "causal_length_logged", "written")
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    ABSENT_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    CAUSAL_LENGTH_FIELD_NUMBER: _ClassVar[int]
    CAUSAL_LENGTH_VERSION_FIELD_NUMBER: _ClassVar[int]
    HEADS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    CHECKSUM_FIELD_NUMBER: _ClassVar[int]
    OVERWRITTEN_FIELD_NUMBER: _ClassVar[int]
    CAUSAL_LENGTH_LOGGED_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_FIELD_NUMBER: _ClassVar[int]
    register: str
    unit: int
    id: bytes
    absent: bool
    created: bytes
    causal_length: int
    causal_length_version: bytes
    heads: _containers.RepeatedCompositeFieldContainer[CopyHead]
    reason: str
    changed: bool
    checksum: int
    overwritten: _containers.RepeatedCompositeFieldContainer[CopyOverwritten]
    causal_length_logged: bool
    written: _containers.RepeatedCompositeFieldContainer[CopyHead]
    def __init__(self, register: _Optional[str] = ..., unit: _Optional[int] = ..., id: _Optional[bytes] = ..., absent: _Optional[bool] = ..., created: _Optional[bytes] = ..., causal_length: _Optional[int] = ..., causal_length_version: _Optional[bytes] = ..., heads: _Optional[_Iterable[_Union[CopyHead, _Mapping]]] = ..., reason: _Optional[str] = ..., changed: _Optional[bool] = ..., checksum: _Optional[int] = ..., overwritten: _Optional[_Iterable[_Union[CopyOverwritten, _Mapping]]] = ..., causal_length_logged: _Optional[bool] = ..., written: _Optional[_Iterable[_Union[CopyHead, _Mapping]]] = ...) -> None: ...

class CopyOverwritten(_message.Message):
    __slots__ = ("field", "versions")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    field: str
    versions: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, field: _Optional[str] = ..., versions: _Optional[_Iterable[bytes]] = ...) -> None: ...

class CopyHead(_message.Message):
    __slots__ = ("field", "version", "text", "number", "survived_delete")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SURVIVED_DELETE_FIELD_NUMBER: _ClassVar[int]
    field: str
    version: bytes
    text: str
    number: int
    survived_delete: bool
    def __init__(self, field: _Optional[str] = ..., version: _Optional[bytes] = ..., text: _Optional[str] = ..., number: _Optional[int] = ..., survived_delete: _Optional[bool] = ...) -> None: ...

class DigestResponse(_message.Message):
    __slots__ = ("comparable", "other_catalogue", "units", "buckets", "rows", "waiting", "copies", "proofs")
    COMPARABLE_FIELD_NUMBER: _ClassVar[int]
    OTHER_CATALOGUE_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    BUCKETS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    COPIES_FIELD_NUMBER: _ClassVar[int]
    PROOFS_FIELD_NUMBER: _ClassVar[int]
    comparable: bool
    other_catalogue: _containers.RepeatedScalarFieldContainer[str]
    units: _containers.RepeatedCompositeFieldContainer[RegisterSums]
    buckets: _containers.RepeatedCompositeFieldContainer[UnitBuckets]
    rows: _containers.RepeatedCompositeFieldContainer[BucketRows]
    waiting: _containers.RepeatedScalarFieldContainer[Lane]
    copies: _containers.RepeatedCompositeFieldContainer[RecordCopy]
    proofs: _containers.RepeatedCompositeFieldContainer[SignedEntries]
    def __init__(self, comparable: _Optional[bool] = ..., other_catalogue: _Optional[_Iterable[str]] = ..., units: _Optional[_Iterable[_Union[RegisterSums, _Mapping]]] = ..., buckets: _Optional[_Iterable[_Union[UnitBuckets, _Mapping]]] = ..., rows: _Optional[_Iterable[_Union[BucketRows, _Mapping]]] = ..., waiting: _Optional[_Iterable[_Union[Lane, str]]] = ..., copies: _Optional[_Iterable[_Union[RecordCopy, _Mapping]]] = ..., proofs: _Optional[_Iterable[_Union[SignedEntries, _Mapping]]] = ...) -> None: ...

class BucketRows(_message.Message):
    __slots__ = ("register", "unit", "bucket", "parts", "ids", "checksums", "more", "fixed", "inconsistent")
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    CHECKSUMS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    FIXED_FIELD_NUMBER: _ClassVar[int]
    INCONSISTENT_FIELD_NUMBER: _ClassVar[int]
    register: str
    unit: int
    bucket: int
    parts: _containers.RepeatedScalarFieldContainer[int]
    ids: bytes
    checksums: _containers.RepeatedScalarFieldContainer[int]
    more: bool
    fixed: bool
    inconsistent: bool
    def __init__(self, register: _Optional[str] = ..., unit: _Optional[int] = ..., bucket: _Optional[int] = ..., parts: _Optional[_Iterable[int]] = ..., ids: _Optional[bytes] = ..., checksums: _Optional[_Iterable[int]] = ..., more: _Optional[bool] = ..., fixed: _Optional[bool] = ..., inconsistent: _Optional[bool] = ...) -> None: ...
