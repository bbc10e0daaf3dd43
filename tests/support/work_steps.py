"""Steps of work by their names: the office that takes one, the work, who acts."""

from __future__ import annotations

from functools import partial

from node.domain.assignment import EventKind
from node.office import Office
from node.services.work.actions import act
from node.store import meta

accept = partial(act, kind=EventKind.ACCEPT)
consent = partial(act, kind=EventKind.CONSENT)
decline = partial(act, kind=EventKind.DECLINE)
give_back = partial(act, kind=EventKind.RETURN)
hand_back = partial(act, kind=EventKind.HAND_BACK)
take_back = partial(act, kind=EventKind.TAKE_BACK)
progress = partial(act, kind=EventKind.PROGRESS)
claim = partial(act, kind=EventKind.CLAIM)
verify = partial(act, kind=EventKind.VERIFY)
rework = partial(act, kind=EventKind.REWORK)
recall = partial(act, kind=EventKind.RECALL)
extend = partial(act, kind=EventKind.EXTEND)
close = partial(act, kind=EventKind.CLOSE)
dispatch = partial(act, kind=EventKind.DISPATCH)


def set_relay(office: Office, *, auto: bool) -> None:
    """Choose at once what the setting `auto_relay` chooses at a start."""
    office.store.write(lambda tx: meta.put(tx, meta.RELAY, auto))
