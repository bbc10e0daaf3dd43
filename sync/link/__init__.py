"""The link between a parent and a child: both ends, their tables and their messages.

Face: what this module exports.
"""

from sync.link.admission import BULK_WAITING_MAX, OVERLOADED_WAIT_MS
from sync.link.child import ChildEnd
from sync.link.dialer import CLOSE_AFTER_S, Dialer
from sync.link.handshake import Hello, HelloAnswer
from sync.link.keys import exchange_keys, take_keys
from sync.link.lines import Line, Lines, dial
from sync.link.messages import Verdict
from sync.link.parent import Parent
from sync.link.sessions import SessionUnknown

__all__ = [
    "BULK_WAITING_MAX",
    "CLOSE_AFTER_S",
    "OVERLOADED_WAIT_MS",
    "ChildEnd",
    "Dialer",
    "Hello",
    "HelloAnswer",
    "Line",
    "Lines",
    "Parent",
    "SessionUnknown",
    "Verdict",
    "dial",
    "exchange_keys",
    "take_keys",
]
