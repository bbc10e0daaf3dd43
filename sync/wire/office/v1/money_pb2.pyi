from sync.wire.office.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Posting(_message.Message):
    __slots__ = ("id", "transfer", "kind", "unit", "peer", "fund", "year", "amount_fen", "debit", "credit", "at_ms", "category", "assignment", "counted_fen", "note", "actor")
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
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    id: str
    transfer: str
    kind: str
    unit: _common_pb2.Unit
    peer: _common_pb2.Unit
    fund: str
    year: int
    amount_fen: int
    debit: str
    credit: str
    at_ms: int
    category: str
    assignment: str
    counted_fen: int
    note: str
    actor: str
    def __init__(self, id: _Optional[str] = ..., transfer: _Optional[str] = ..., kind: _Optional[str] = ..., unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., peer: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., fund: _Optional[str] = ..., year: _Optional[int] = ..., amount_fen: _Optional[int] = ..., debit: _Optional[str] = ..., credit: _Optional[str] = ..., at_ms: _Optional[int] = ..., category: _Optional[str] = ..., assignment: _Optional[str] = ..., counted_fen: _Optional[int] = ..., note: _Optional[str] = ..., actor: _Optional[str] = ...) -> None: ...

class AppropriateMoneyRequest(_message.Message):
    __slots__ = ("fund", "year", "amount_fen", "note", "transfer", "assignment", "actor")
    FUND_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    fund: str
    year: int
    amount_fen: int
    note: str
    transfer: str
    assignment: str
    actor: str
    def __init__(self, fund: _Optional[str] = ..., year: _Optional[int] = ..., amount_fen: _Optional[int] = ..., note: _Optional[str] = ..., transfer: _Optional[str] = ..., assignment: _Optional[str] = ..., actor: _Optional[str] = ...) -> None: ...

class AppropriateMoneyResponse(_message.Message):
    __slots__ = ("posting",)
    POSTING_FIELD_NUMBER: _ClassVar[int]
    posting: Posting
    def __init__(self, posting: _Optional[_Union[Posting, _Mapping]] = ...) -> None: ...

class ReleaseMoneyRequest(_message.Message):
    __slots__ = ("to", "fund", "year", "amount_fen", "note", "transfer", "assignment", "actor")
    TO_FIELD_NUMBER: _ClassVar[int]
    FUND_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    to: str
    fund: str
    year: int
    amount_fen: int
    note: str
    transfer: str
    assignment: str
    actor: str
    def __init__(self, to: _Optional[str] = ..., fund: _Optional[str] = ..., year: _Optional[int] = ..., amount_fen: _Optional[int] = ..., note: _Optional[str] = ..., transfer: _Optional[str] = ..., assignment: _Optional[str] = ..., actor: _Optional[str] = ...) -> None: ...

class ReleaseMoneyResponse(_message.Message):
    __slots__ = ("posting",)
    POSTING_FIELD_NUMBER: _ClassVar[int]
    posting: Posting
    def __init__(self, posting: _Optional[_Union[Posting, _Mapping]] = ...) -> None: ...

class ReceiveMoneyRequest(_message.Message):
    __slots__ = ("transfer", "counted_fen", "note", "actor", "fund", "year")
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    COUNTED_FEN_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    FUND_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    transfer: str
    counted_fen: int
    note: str
    actor: str
    fund: str
    year: int
    def __init__(self, transfer: _Optional[str] = ..., counted_fen: _Optional[int] = ..., note: _Optional[str] = ..., actor: _Optional[str] = ..., fund: _Optional[str] = ..., year: _Optional[int] = ...) -> None: ...

class ReceiveMoneyResponse(_message.Message):
    __slots__ = ("postings",)
    POSTINGS_FIELD_NUMBER: _ClassVar[int]
    postings: _containers.RepeatedCompositeFieldContainer[Posting]
    def __init__(self, postings: _Optional[_Iterable[_Union[Posting, _Mapping]]] = ...) -> None: ...

class MatchMoneyRequest(_message.Message):
    __slots__ = ("year", "amount_fen", "note", "transfer", "actor")
    YEAR_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    year: int
    amount_fen: int
    note: str
    transfer: str
    actor: str
    def __init__(self, year: _Optional[int] = ..., amount_fen: _Optional[int] = ..., note: _Optional[str] = ..., transfer: _Optional[str] = ..., actor: _Optional[str] = ...) -> None: ...

class MatchMoneyResponse(_message.Message):
    __slots__ = ("posting",)
    POSTING_FIELD_NUMBER: _ClassVar[int]
    posting: Posting
    def __init__(self, posting: _Optional[_Union[Posting, _Mapping]] = ...) -> None: ...

class ReversePostingRequest(_message.Message):
    __slots__ = ("posting", "note", "actor")
    POSTING_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    posting: str
    note: str
    actor: str
    def __init__(self, posting: _Optional[str] = ..., note: _Optional[str] = ..., actor: _Optional[str] = ...) -> None: ...

class ReversePostingResponse(_message.Message):
    __slots__ = ("posting",)
    POSTING_FIELD_NUMBER: _ClassVar[int]
    posting: Posting
    def __init__(self, posting: _Optional[_Union[Posting, _Mapping]] = ...) -> None: ...

class ReturnMoneyRequest(_message.Message):
    __slots__ = ("transfer", "fund", "year", "amount_fen", "reason", "actor", "new_transfer", "assignment")
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    FUND_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    NEW_TRANSFER_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    transfer: str
    fund: str
    year: int
    amount_fen: int
    reason: str
    actor: str
    new_transfer: str
    assignment: str
    def __init__(self, transfer: _Optional[str] = ..., fund: _Optional[str] = ..., year: _Optional[int] = ..., amount_fen: _Optional[int] = ..., reason: _Optional[str] = ..., actor: _Optional[str] = ..., new_transfer: _Optional[str] = ..., assignment: _Optional[str] = ...) -> None: ...

class ReturnMoneyResponse(_message.Message):
    __slots__ = ("posting",)
    POSTING_FIELD_NUMBER: _ClassVar[int]
    posting: Posting
    def __init__(self, posting: _Optional[_Union[Posting, _Mapping]] = ...) -> None: ...

class SpendMoneyRequest(_message.Message):
    __slots__ = ("fund", "year", "amount_fen", "category", "note", "transfer", "assignment", "actor")
    FUND_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    fund: str
    year: int
    amount_fen: int
    category: str
    note: str
    transfer: str
    assignment: str
    actor: str
    def __init__(self, fund: _Optional[str] = ..., year: _Optional[int] = ..., amount_fen: _Optional[int] = ..., category: _Optional[str] = ..., note: _Optional[str] = ..., transfer: _Optional[str] = ..., assignment: _Optional[str] = ..., actor: _Optional[str] = ...) -> None: ...

class SpendMoneyResponse(_message.Message):
    __slots__ = ("posting",)
    POSTING_FIELD_NUMBER: _ClassVar[int]
    posting: Posting
    def __init__(self, posting: _Optional[_Union[Posting, _Mapping]] = ...) -> None: ...

class Balance(_message.Message):
    __slots__ = ("unit", "fund", "year", "account", "fen", "peer")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    FUND_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    FEN_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    unit: _common_pb2.Unit
    fund: str
    year: int
    account: str
    fen: int
    peer: _common_pb2.Unit
    def __init__(self, unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., fund: _Optional[str] = ..., year: _Optional[int] = ..., account: _Optional[str] = ..., fen: _Optional[int] = ..., peer: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ...) -> None: ...

class ListBalancesRequest(_message.Message):
    __slots__ = ("unit", "subtree", "fund", "year", "page_size", "page_token")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    SUBTREE_FIELD_NUMBER: _ClassVar[int]
    FUND_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    unit: str
    subtree: bool
    fund: str
    year: int
    page_size: int
    page_token: str
    def __init__(self, unit: _Optional[str] = ..., subtree: _Optional[bool] = ..., fund: _Optional[str] = ..., year: _Optional[int] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListBalancesResponse(_message.Message):
    __slots__ = ("balances", "total_size", "next_page_token")
    BALANCES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    balances: _containers.RepeatedCompositeFieldContainer[Balance]
    total_size: int
    next_page_token: str
    def __init__(self, balances: _Optional[_Iterable[_Union[Balance, _Mapping]]] = ..., total_size: _Optional[int] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CheckConservationRequest(_message.Message):
    __slots__ = ("fund", "year")
    FUND_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    fund: str
    year: int
    def __init__(self, fund: _Optional[str] = ..., year: _Optional[int] = ...) -> None: ...

class ConservationLine(_message.Message):
    __slots__ = ("fund", "year", "appropriated_fen", "from_above_fen", "held_fen", "spent_fen", "in_transit_fen", "disputed_fen", "difference_fen")
    FUND_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    APPROPRIATED_FEN_FIELD_NUMBER: _ClassVar[int]
    FROM_ABOVE_FEN_FIELD_NUMBER: _ClassVar[int]
    HELD_FEN_FIELD_NUMBER: _ClassVar[int]
    SPENT_FEN_FIELD_NUMBER: _ClassVar[int]
    IN_TRANSIT_FEN_FIELD_NUMBER: _ClassVar[int]
    DISPUTED_FEN_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCE_FEN_FIELD_NUMBER: _ClassVar[int]
    fund: str
    year: int
    appropriated_fen: int
    from_above_fen: int
    held_fen: int
    spent_fen: int
    in_transit_fen: int
    disputed_fen: int
    difference_fen: int
    def __init__(self, fund: _Optional[str] = ..., year: _Optional[int] = ..., appropriated_fen: _Optional[int] = ..., from_above_fen: _Optional[int] = ..., held_fen: _Optional[int] = ..., spent_fen: _Optional[int] = ..., in_transit_fen: _Optional[int] = ..., disputed_fen: _Optional[int] = ..., difference_fen: _Optional[int] = ...) -> None: ...

class CheckConservationResponse(_message.Message):
    __slots__ = ("lines", "holds", "partial")
    LINES_FIELD_NUMBER: _ClassVar[int]
    HOLDS_FIELD_NUMBER: _ClassVar[int]
    PARTIAL_FIELD_NUMBER: _ClassVar[int]
    lines: _containers.RepeatedCompositeFieldContainer[ConservationLine]
    holds: bool
    partial: bool
    def __init__(self, lines: _Optional[_Iterable[_Union[ConservationLine, _Mapping]]] = ..., holds: _Optional[bool] = ..., partial: _Optional[bool] = ...) -> None: ...

class ListPostingsRequest(_message.Message):
    __slots__ = ("unit", "fund", "year", "kind", "page_size", "page_token")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    FUND_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    unit: str
    fund: str
    year: int
    kind: str
    page_size: int
    page_token: str
    def __init__(self, unit: _Optional[str] = ..., fund: _Optional[str] = ..., year: _Optional[int] = ..., kind: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListPostingsResponse(_message.Message):
    __slots__ = ("postings", "total_size", "next_page_token")
    POSTINGS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    postings: _containers.RepeatedCompositeFieldContainer[Posting]
    total_size: int
    next_page_token: str
    def __init__(self, postings: _Optional[_Iterable[_Union[Posting, _Mapping]]] = ..., total_size: _Optional[int] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Transfer(_message.Message):
    __slots__ = ("id", "sender", "receiver", "fund", "year", "amount_fen", "state", "given_back", "counted_fen", "sent_ms", "answered_ms", "assignment", "note", "answer_note")
    ID_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    FUND_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    GIVEN_BACK_FIELD_NUMBER: _ClassVar[int]
    COUNTED_FEN_FIELD_NUMBER: _ClassVar[int]
    SENT_MS_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_MS_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    ANSWER_NOTE_FIELD_NUMBER: _ClassVar[int]
    id: str
    sender: _common_pb2.Unit
    receiver: _common_pb2.Unit
    fund: str
    year: int
    amount_fen: int
    state: str
    given_back: bool
    counted_fen: int
    sent_ms: int
    answered_ms: int
    assignment: str
    note: str
    answer_note: str
    def __init__(self, id: _Optional[str] = ..., sender: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., receiver: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., fund: _Optional[str] = ..., year: _Optional[int] = ..., amount_fen: _Optional[int] = ..., state: _Optional[str] = ..., given_back: _Optional[bool] = ..., counted_fen: _Optional[int] = ..., sent_ms: _Optional[int] = ..., answered_ms: _Optional[int] = ..., assignment: _Optional[str] = ..., note: _Optional[str] = ..., answer_note: _Optional[str] = ...) -> None: ...

class ListTransfersRequest(_message.Message):
    __slots__ = ("direction", "state", "fund", "year", "page_size", "page_token")
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    FUND_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    direction: str
    state: str
    fund: str
    year: int
    page_size: int
    page_token: str
    def __init__(self, direction: _Optional[str] = ..., state: _Optional[str] = ..., fund: _Optional[str] = ..., year: _Optional[int] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTransfersResponse(_message.Message):
    __slots__ = ("transfers", "total_size", "next_page_token")
    TRANSFERS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    transfers: _containers.RepeatedCompositeFieldContainer[Transfer]
    total_size: int
    next_page_token: str
    def __init__(self, transfers: _Optional[_Iterable[_Union[Transfer, _Mapping]]] = ..., total_size: _Optional[int] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class PlanMoneyRequest(_message.Message):
    __slots__ = ("year", "funds", "step", "budget_fen", "note", "actor")
    class BudgetFenEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    YEAR_FIELD_NUMBER: _ClassVar[int]
    FUNDS_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    BUDGET_FEN_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    year: int
    funds: _containers.RepeatedScalarFieldContainer[str]
    step: str
    budget_fen: _containers.ScalarMap[str, int]
    note: str
    actor: str
    def __init__(self, year: _Optional[int] = ..., funds: _Optional[_Iterable[str]] = ..., step: _Optional[str] = ..., budget_fen: _Optional[_Mapping[str, int]] = ..., note: _Optional[str] = ..., actor: _Optional[str] = ...) -> None: ...

class PlanMoneyResponse(_message.Message):
    __slots__ = ("funds", "lines", "frozen", "postings", "norms")
    FUNDS_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    FROZEN_FIELD_NUMBER: _ClassVar[int]
    POSTINGS_FIELD_NUMBER: _ClassVar[int]
    NORMS_FIELD_NUMBER: _ClassVar[int]
    funds: _containers.RepeatedCompositeFieldContainer[PlannedFund]
    lines: _containers.RepeatedCompositeFieldContainer[PlannedLine]
    frozen: bool
    postings: _containers.RepeatedCompositeFieldContainer[Posting]
    norms: str
    def __init__(self, funds: _Optional[_Iterable[_Union[PlannedFund, _Mapping]]] = ..., lines: _Optional[_Iterable[_Union[PlannedLine, _Mapping]]] = ..., frozen: _Optional[bool] = ..., postings: _Optional[_Iterable[_Union[Posting, _Mapping]]] = ..., norms: _Optional[str] = ...) -> None: ...

class PlannedFund(_message.Message):
    __slots__ = ("fund", "own_fen", "due_fen", "available_fen", "appropriated_fen", "released_fen", "short_fen")
    FUND_FIELD_NUMBER: _ClassVar[int]
    OWN_FEN_FIELD_NUMBER: _ClassVar[int]
    DUE_FEN_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FEN_FIELD_NUMBER: _ClassVar[int]
    APPROPRIATED_FEN_FIELD_NUMBER: _ClassVar[int]
    RELEASED_FEN_FIELD_NUMBER: _ClassVar[int]
    SHORT_FEN_FIELD_NUMBER: _ClassVar[int]
    fund: str
    own_fen: int
    due_fen: int
    available_fen: int
    appropriated_fen: int
    released_fen: int
    short_fen: int
    def __init__(self, fund: _Optional[str] = ..., own_fen: _Optional[int] = ..., due_fen: _Optional[int] = ..., available_fen: _Optional[int] = ..., appropriated_fen: _Optional[int] = ..., released_fen: _Optional[int] = ..., short_fen: _Optional[int] = ...) -> None: ...

class PlannedLine(_message.Message):
    __slots__ = ("unit", "fund", "due_fen", "share_fen", "households", "party_members", "committee", "frozen", "households_withheld")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    FUND_FIELD_NUMBER: _ClassVar[int]
    DUE_FEN_FIELD_NUMBER: _ClassVar[int]
    SHARE_FEN_FIELD_NUMBER: _ClassVar[int]
    HOUSEHOLDS_FIELD_NUMBER: _ClassVar[int]
    PARTY_MEMBERS_FIELD_NUMBER: _ClassVar[int]
    COMMITTEE_FIELD_NUMBER: _ClassVar[int]
    FROZEN_FIELD_NUMBER: _ClassVar[int]
    HOUSEHOLDS_WITHHELD_FIELD_NUMBER: _ClassVar[int]
    unit: _common_pb2.Unit
    fund: str
    due_fen: int
    share_fen: int
    households: int
    party_members: int
    committee: bool
    frozen: bool
    households_withheld: bool
    def __init__(self, unit: _Optional[_Union[_common_pb2.Unit, _Mapping]] = ..., fund: _Optional[str] = ..., due_fen: _Optional[int] = ..., share_fen: _Optional[int] = ..., households: _Optional[int] = ..., party_members: _Optional[int] = ..., committee: _Optional[bool] = ..., frozen: _Optional[bool] = ..., households_withheld: _Optional[bool] = ...) -> None: ...
