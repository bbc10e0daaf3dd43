"""The link between a parent and a child: both ends, their tables and their messages.

Face: what this module exports.
"""

from sync.link.admission import BULK_WAITING_MAX, OVERLOADED_WAIT_MS
from sync.link.child import ChildEnd
from sync.link.dialer import CLOSE_AFTER_S, Dialer
from sync.link.handshake import Hello, HelloAnswer
from sync.link.lines import NO_PROXY, Lines
from sync.link.messages import Verdict
from sync.link.parent import Parent
from sync.link.sessions import SessionUnknown
from sync.link.status import STATUS_ZH, RemoteRefusal, read_refusal, to_grpc

__all__ = [
    "BULK_WAITING_MAX",
    "CLOSE_AFTER_S",
    "NO_PROXY",
    "OVERLOADED_WAIT_MS",
    "STATUS_ZH",
    "ChildEnd",
    "Dialer",
    "Hello",
    "HelloAnswer",
    "Lines",
    "Parent",
    "RemoteRefusal",
    "SessionUnknown",
    "Verdict",
    "read_refusal",
    "to_grpc",
]
