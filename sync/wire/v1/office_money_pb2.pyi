from sync.wire.v1 import office_common_pb2 as _office_common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Posting(_message.Message):
    __slots__ = ("id", "transfer", "kind", "unit", "peer", "fund", "year", "amount_fen", "debit", "credit", "at_ms", "category", "assignment", "counted_fen", "note")
    ID_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    FUND_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    DEBIT_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    COUNTED_FEN_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    transfer: bytes
    kind: str
    unit: _office_common_pb2.Unit
    peer: _office_common_pb2.Unit
    fund: str
    year: int
    amount_fen: int
    debit: str
    credit: str
    at_ms: int
    category: str
    assignment: bytes
    counted_fen: int
    note: str
    def __init__(self, id: _Optional[bytes] = ..., transfer: _Optional[bytes] = ..., kind: _Optional[str] = ..., unit: _Optional[_Union[_office_common_pb2.Unit, _Mapping]] = ..., peer: _Optional[_Union[_office_common_pb2.Unit, _Mapping]] = ..., fund: _Optional[str] = ..., year: _Optional[int] = ..., amount_fen: _Optional[int] = ..., debit: _Optional[str] = ..., credit: _Optional[str] = ..., at_ms: _Optional[int] = ..., category: _Optional[str] = ..., assignment: _Optional[bytes] = ..., counted_fen: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class AppropriateRequest(_message.Message):
    __slots__ = ("fund", "year", "amount_fen", "note", "transfer", "assignment")
    FUND_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    fund: str
    year: int
    amount_fen: int
    note: str
    transfer: bytes
    assignment: bytes
    def __init__(self, fund: _Optional[str] = ..., year: _Optional[int] = ..., amount_fen: _Optional[int] = ..., note: _Optional[str] = ..., transfer: _Optional[bytes] = ..., assignment: _Optional[bytes] = ...) -> None: ...

class AppropriateResponse(_message.Message):
    __slots__ = ("posting",)
    POSTING_FIELD_NUMBER: _ClassVar[int]
    posting: Posting
    def __init__(self, posting: _Optional[_Union[Posting, _Mapping]] = ...) -> None: ...

class ReleaseRequest(_message.Message):
    __slots__ = ("to", "fund", "year", "amount_fen", "note", "transfer", "assignment")
    TO_FIELD_NUMBER: _ClassVar[int]
    FUND_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    to: str
    fund: str
    year: int
    amount_fen: int
    note: str
    transfer: bytes
    assignment: bytes
    def __init__(self, to: _Optional[str] = ..., fund: _Optional[str] = ..., year: _Optional[int] = ..., amount_fen: _Optional[int] = ..., note: _Optional[str] = ..., transfer: _Optional[bytes] = ..., assignment: _Optional[bytes] = ...) -> None: ...

class ReleaseResponse(_message.Message):
    __slots__ = ("posting",)
    POSTING_FIELD_NUMBER: _ClassVar[int]
    posting: Posting
    def __init__(self, posting: _Optional[_Union[Posting, _Mapping]] = ...) -> None: ...

class ReceiveRequest(_message.Message):
    __slots__ = ("transfer", "counted_fen", "note")
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    COUNTED_FEN_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    transfer: bytes
    counted_fen: int
    note: str
    def __init__(self, transfer: _Optional[bytes] = ..., counted_fen: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class ReceiveResponse(_message.Message):
    __slots__ = ("posting",)
    POSTING_FIELD_NUMBER: _ClassVar[int]
    posting: Posting
    def __init__(self, posting: _Optional[_Union[Posting, _Mapping]] = ...) -> None: ...

class ReturnMoneyRequest(_message.Message):
    __slots__ = ("transfer", "fund", "year", "amount_fen", "note")
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    FUND_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    transfer: bytes
    fund: str
    year: int
    amount_fen: int
    note: str
    def __init__(self, transfer: _Optional[bytes] = ..., fund: _Optional[str] = ..., year: _Optional[int] = ..., amount_fen: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class ReturnMoneyResponse(_message.Message):
    __slots__ = ("posting",)
    POSTING_FIELD_NUMBER: _ClassVar[int]
    posting: Posting
    def __init__(self, posting: _Optional[_Union[Posting, _Mapping]] = ...) -> None: ...

class SpendRequest(_message.Message):
    __slots__ = ("fund", "year", "amount_fen", "category", "note", "transfer", "assignment")
    FUND_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    fund: str
    year: int
    amount_fen: int
    category: str
    note: str
    transfer: bytes
    assignment: bytes
    def __init__(self, fund: _Optional[str] = ..., year: _Optional[int] = ..., amount_fen: _Optional[int] = ..., category: _Optional[str] = ..., note: _Optional[str] = ..., transfer: _Optional[bytes] = ..., assignment: _Optional[bytes] = ...) -> None: ...

class SpendResponse(_message.Message):
    __slots__ = ("posting",)
    POSTING_FIELD_NUMBER: _ClassVar[int]
    posting: Posting
    def __init__(self, posting: _Optional[_Union[Posting, _Mapping]] = ...) -> None: ...

class Balance(_message.Message):
    __slots__ = ("unit", "fund", "year", "account", "fen")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    FUND_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    FEN_FIELD_NUMBER: _ClassVar[int]
    unit: _office_common_pb2.Unit
    fund: str
    year: int
    account: str
    fen: int
    def __init__(self, unit: _Optional[_Union[_office_common_pb2.Unit, _Mapping]] = ..., fund: _Optional[str] = ..., year: _Optional[int] = ..., account: _Optional[str] = ..., fen: _Optional[int] = ...) -> None: ...

class ListBalancesRequest(_message.Message):
    __slots__ = ("unit", "subtree", "fund", "year")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    SUBTREE_FIELD_NUMBER: _ClassVar[int]
    FUND_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    unit: str
    subtree: bool
    fund: str
    year: int
    def __init__(self, unit: _Optional[str] = ..., subtree: _Optional[bool] = ..., fund: _Optional[str] = ..., year: _Optional[int] = ...) -> None: ...

class ListBalancesResponse(_message.Message):
    __slots__ = ("balances",)
    BALANCES_FIELD_NUMBER: _ClassVar[int]
    balances: _containers.RepeatedCompositeFieldContainer[Balance]
    def __init__(self, balances: _Optional[_Iterable[_Union[Balance, _Mapping]]] = ...) -> None: ...

class CheckConservationRequest(_message.Message):
    __slots__ = ("fund", "year")
    FUND_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    fund: str
    year: int
    def __init__(self, fund: _Optional[str] = ..., year: _Optional[int] = ...) -> None: ...

class ConservationLine(_message.Message):
    __slots__ = ("fund", "year", "granted_fen", "held_fen", "spent_fen", "in_transit_fen", "difference_fen", "from_above_fen", "holds")
    FUND_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    GRANTED_FEN_FIELD_NUMBER: _ClassVar[int]
    HELD_FEN_FIELD_NUMBER: _ClassVar[int]
    SPENT_FEN_FIELD_NUMBER: _ClassVar[int]
    IN_TRANSIT_FEN_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCE_FEN_FIELD_NUMBER: _ClassVar[int]
    FROM_ABOVE_FEN_FIELD_NUMBER: _ClassVar[int]
    HOLDS_FIELD_NUMBER: _ClassVar[int]
    fund: str
    year: int
    granted_fen: int
    held_fen: int
    spent_fen: int
    in_transit_fen: int
    difference_fen: int
    from_above_fen: int
    holds: bool
    def __init__(self, fund: _Optional[str] = ..., year: _Optional[int] = ..., granted_fen: _Optional[int] = ..., held_fen: _Optional[int] = ..., spent_fen: _Optional[int] = ..., in_transit_fen: _Optional[int] = ..., difference_fen: _Optional[int] = ..., from_above_fen: _Optional[int] = ..., holds: _Optional[bool] = ...) -> None: ...

class CheckConservationResponse(_message.Message):
    __slots__ = ("lines",)
    LINES_FIELD_NUMBER: _ClassVar[int]
    lines: _containers.RepeatedCompositeFieldContainer[ConservationLine]
    def __init__(self, lines: _Optional[_Iterable[_Union[ConservationLine, _Mapping]]] = ...) -> None: ...

class ListPostingsRequest(_message.Message):
    __slots__ = ("unit", "fund", "year", "open", "limit")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    FUND_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    unit: str
    fund: str
    year: int
    open: bool
    limit: int
    def __init__(self, unit: _Optional[str] = ..., fund: _Optional[str] = ..., year: _Optional[int] = ..., open: _Optional[bool] = ..., limit: _Optional[int] = ...) -> None: ...

class ListPostingsResponse(_message.Message):
    __slots__ = ("postings",)
    POSTINGS_FIELD_NUMBER: _ClassVar[int]
    postings: _containers.RepeatedCompositeFieldContainer[Posting]
    def __init__(self, postings: _Optional[_Iterable[_Union[Posting, _Mapping]]] = ...) -> None: ...
