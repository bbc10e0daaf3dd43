"""Rules of work assignments as tables: kinds of events, transitions, order of concurrent events.

One assignment is one hop from an issuer to an assignee. Each has its own kinds of events, so that
neither ever edits what the other wrote. `assignment.py` reads these tables.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

Writer = Literal["issuer", "assignee"]


class Duty(StrEnum):
    """How a piece of work may reach a community; the issuer states it when drafting."""

    UNDERTAKES = "undertakes"  # 社区承担: the community's own, dispatched directly
    ASSISTS = "assists"  # 社区协助: only with the community's explicit consent
    UNLISTED = "unlisted"  # not in the duty catalogue: the city must approve it, then as ASSISTS
    DEPARTMENT = "department"  # 部门承担: never dispatched to a community
    OFFICE = "office"  # between offices, or upward: no community, no approval, no consent


class EventKind(StrEnum):
    """A step. Each kind belongs to one of the two writers, see ISSUER_KINDS, ASSIGNEE_KINDS."""

    # the issuer's
    DRAFT = "draft"
    SUBMIT = "submit"
    ADMIT = "admit"
    REFUSE = "refuse"
    SEND_BACK = "send_back"
    DISPATCH = "dispatch"
    ADJUDICATE = "adjudicate"  # dispatched again by a binding ruling from above
    EXPIRE_CONSENT = "expire_consent"
    EXTEND = "extend"
    RECALL = "recall"
    TAKE_BACK = "take_back"  # agrees to a hand-back
    VERIFY = "verify"
    REWORK = "rework"
    APPRAISE_RESULT = "appraise_result"
    CLOSE = "close"
    # the assignee's
    RECEIPT = "receipt"
    CONSENT = "consent"
    DECLINE = "decline"
    ACCEPT = "accept"
    RETURN = "return"
    RELAY = "relay"
    PROGRESS = "progress"
    CLAIM = "claim"
    HAND_BACK = "hand_back"  # asks the issuer to take back accepted work
    APPRAISE_ORDER = "appraise_order"


class State(StrEnum):
    """The state of an assignment, in the usual order."""

    NONE = "none"
    DRAFT = "draft"
    SCREENING = "screening"
    READY = "ready"
    REFUSED = "refused"
    DISPATCHED = "dispatched"
    DELIVERED = "delivered"
    CONSENTED = "consented"
    CONSENT_EXPIRED = "consent_expired"
    DECLINED = "declined"
    RETURNED = "returned"
    ACCEPTED = "accepted"
    RELAYED = "relayed"
    IN_PROGRESS = "in_progress"
    CLAIMED = "claimed"
    VERIFIED = "verified"
    APPRAISED = "appraised"
    CLOSED = "closed"
    RECALLED = "recalled"


K, S = EventKind, State

ASSIGNEE_KINDS = frozenset(
    {K.RECEIPT, K.CONSENT, K.DECLINE, K.ACCEPT, K.RETURN, K.RELAY, K.PROGRESS, K.CLAIM}
    | {K.HAND_BACK, K.APPRAISE_ORDER}
)
ISSUER_KINDS = frozenset(EventKind) - ASSIGNEE_KINDS

TERMINAL = frozenset({S.REFUSED, S.DECLINED, S.RECALLED, S.CLOSED})
# Work with the assignee: the time counts from the dispatch, not from the acceptance.
WITH_ASSIGNEE = frozenset(
    {S.DISPATCHED, S.DELIVERED, S.CONSENTED, S.ACCEPTED, S.RELAYED, S.IN_PROGRESS}
)
BACK_WITH_ISSUER = frozenset({S.RETURNED, S.CONSENT_EXPIRED})
DONE = frozenset({S.CLAIMED, S.VERIFIED, S.APPRAISED, S.CLOSED})
BEFORE_CLAIM = WITH_ASSIGNEE | BACK_WITH_ISSUER | {S.DRAFT, S.SCREENING, S.READY}

# (from, event) -> to. Every other pair is illegal. `assignment.py` adds the conditions.
TRANSITIONS: dict[tuple[State, EventKind], State] = {
    (S.NONE, K.DRAFT): S.DRAFT,
    (S.DRAFT, K.DRAFT): S.DRAFT,  # amended, after the city sent it back
    (S.DRAFT, K.SUBMIT): S.READY,  # or SCREENING or REFUSED, by SUBMITTED
    (S.SCREENING, K.ADMIT): S.READY,
    (S.SCREENING, K.REFUSE): S.REFUSED,
    (S.SCREENING, K.SEND_BACK): S.DRAFT,
    (S.READY, K.DISPATCH): S.DISPATCHED,
    (S.RETURNED, K.DISPATCH): S.DISPATCHED,
    (S.CONSENT_EXPIRED, K.DISPATCH): S.DISPATCHED,
    (S.RETURNED, K.ADJUDICATE): S.DISPATCHED,
    (S.DISPATCHED, K.RECEIPT): S.DELIVERED,
    (S.DELIVERED, K.CONSENT): S.CONSENTED,
    (S.DELIVERED, K.DECLINE): S.DECLINED,
    (S.DELIVERED, K.EXPIRE_CONSENT): S.CONSENT_EXPIRED,
    (S.CONSENT_EXPIRED, K.DECLINE): S.DECLINED,  # a late no is still a no; a late yes is not
    (S.CONSENT_EXPIRED, K.RETURN): S.RETURNED,
    (S.DELIVERED, K.ACCEPT): S.ACCEPTED,
    (S.CONSENTED, K.ACCEPT): S.ACCEPTED,
    (S.DELIVERED, K.RETURN): S.RETURNED,
    # Once no part is open: what came to the wrong office goes to another, or is claimed here.
    (S.ACCEPTED, K.RELAY): S.RELAYED,
    (S.RELAYED, K.RELAY): S.RELAYED,
    (S.IN_PROGRESS, K.RELAY): S.IN_PROGRESS,
    (S.ACCEPTED, K.PROGRESS): S.IN_PROGRESS,
    (S.RELAYED, K.PROGRESS): S.IN_PROGRESS,
    (S.IN_PROGRESS, K.PROGRESS): S.IN_PROGRESS,
    (S.CLAIMED, K.PROGRESS): S.CLAIMED,  # a note: the claim is still valid
    (S.RELAYED, K.CLAIM): S.CLAIMED,
    (S.IN_PROGRESS, K.CLAIM): S.CLAIMED,
    (S.ACCEPTED, K.HAND_BACK): S.ACCEPTED,
    (S.RELAYED, K.HAND_BACK): S.RELAYED,
    (S.IN_PROGRESS, K.HAND_BACK): S.IN_PROGRESS,
    (S.ACCEPTED, K.TAKE_BACK): S.RETURNED,
    (S.RELAYED, K.TAKE_BACK): S.RETURNED,
    (S.IN_PROGRESS, K.TAKE_BACK): S.RETURNED,
    (S.CLAIMED, K.VERIFY): S.VERIFIED,
    (S.CLAIMED, K.REWORK): S.IN_PROGRESS,
    (S.VERIFIED, K.APPRAISE_RESULT): S.APPRAISED,
    (S.APPRAISED, K.APPRAISE_RESULT): S.APPRAISED,
    (S.VERIFIED, K.APPRAISE_ORDER): S.APPRAISED,
    (S.APPRAISED, K.APPRAISE_ORDER): S.APPRAISED,
    (S.VERIFIED, K.CLOSE): S.CLOSED,  # without an appraisal in time
    (S.APPRAISED, K.CLOSE): S.CLOSED,
    **{(state, K.RECALL): S.RECALLED for state in BEFORE_CLAIM},
    **{(state, K.EXTEND): state for state in BEFORE_CLAIM},
}
SUBMITTED: dict[Duty, State] = {
    Duty.UNDERTAKES: S.READY,
    Duty.ASSISTS: S.READY,
    Duty.OFFICE: S.READY,
    Duty.UNLISTED: S.SCREENING,
    Duty.DEPARTMENT: S.REFUSED,
}

# Concurrent events: which counts first. The issuer's does, except:
# - Work done or answered counts before a recall, a take-back, a consent timer or a closing. A
#   recall then still ends work in progress, and comes too late for work that was claimed.
# - A refusal or return counts after a recall, so that both offices end with "recalled". It also
#   counts after the consent timer: else a recall written after the timer would count after it.
_ASSIGNEE_FIRST: dict[EventKind, frozenset[EventKind]] = {
    K.RECALL: ASSIGNEE_KINDS - {K.DECLINE, K.RETURN},
    K.EXPIRE_CONSENT: ASSIGNEE_KINDS - {K.DECLINE, K.RETURN},
    K.TAKE_BACK: ASSIGNEE_KINDS,
    K.CLOSE: ASSIGNEE_KINDS,
}
PRECEDENCE: dict[tuple[EventKind, EventKind], Writer] = {
    (ours, theirs): "assignee" if theirs in _ASSIGNEE_FIRST.get(ours, ()) else "issuer"
    for ours in ISSUER_KINDS
    for theirs in ASSIGNEE_KINDS
}

NEEDS_REASON = frozenset(
    {K.REFUSE, K.SEND_BACK, K.ADJUDICATE, K.DECLINE, K.RETURN, K.HAND_BACK, K.REWORK}
)
NEEDS_PERCENT = frozenset({K.PROGRESS, K.APPRAISE_RESULT, K.APPRAISE_ORDER})
