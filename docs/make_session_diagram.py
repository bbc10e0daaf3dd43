"""Draws docs/session.md from the session itself, so that the picture is always right.

    .venv/bin/python docs/make_session_diagram.py           write docs/session.md
    .venv/bin/python docs/make_session_diagram.py --check   exit 1 if it is not fresh

The table `sync.link.session.TRANSITIONS` says which event may come in which state; the handler
decides where it leads. So every reachable session is fed every event that its state has an entry
for, in a few variants each, and the page lists the state that follows.
"""

from __future__ import annotations

import copy
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from sync.link import messages as c
from sync.link import session as s
from sync.model.change import Batch
from sync.model.limits import BATCH_BYTES_MIN
from sync.model.schema import Lane

TARGET = Path(__file__).with_name("session.md")
LANES = tuple(Lane)
FAR = 1_000_000  # past every position that the walk reaches
# Numbers that grow without end; they never change which state comes next in the picture.
UNSHOWN = {
    "attempt", "reason", "verdict", "acked_by_parent", "applied_from_parent", "_read_to",
    "_control_run",
}  # fmt: skip

HEAD = """# The session as a picture

`docs/make_session_diagram.py` made this page from `sync/link/session.py`; a test compares the two.
Do not edit it. [protocol.md](protocol.md#a-session) explains the terms.

"""


def variants(kind: type, session: s.Session) -> Iterator[tuple[str, object]]:
    """Yield (what to call it, event) for one kind of event; several where the outcome differs."""
    looking = session._in_progress
    lane = looking[0] if looking else Lane.CONTROL
    some = Batch(lane, 1, 0, FAR, (b"x",), (FAR,))
    none = Batch(lane, 1, 0, FAR)
    made: dict[type, list[tuple[str, object]]] = {
        c.WorkAvailable: [("WorkAvailable", c.WorkAvailable(frozenset(LANES), frozenset(LANES)))],
        c.HandshakeDone: [
            *(
                (f"HandshakeDone {v.name}", c.HandshakeDone(v, waiting=frozenset(w)))
                for v in c.Verdict
                for w in ((), LANES)
            ),
            (
                "HandshakeDone ACCEPTED, by a parent under another incarnation",
                c.HandshakeDone(c.Verdict.ACCEPTED, restore_parent=True),
            ),
            (
                "HandshakeDone ACCEPTED, and our log begins too late",
                c.HandshakeDone(c.Verdict.ACCEPTED, upload_due=True),
            ),
            (
                "HandshakeDone SNAPSHOT, by a parent under another incarnation",
                c.HandshakeDone(c.Verdict.SNAPSHOT, restore_parent=True),
            ),
            (
                "HandshakeDone RESTORED, a snapshot follows",
                c.HandshakeDone(c.Verdict.RESTORED, snapshot_follows=True),
            ),
        ],
        c.BatchRead: [("BatchRead", c.BatchRead(some)), ("BatchRead, empty", c.BatchRead(none))],
        c.Pushed: [
            ("Pushed", c.Pushed(lane, session.acked_by_parent.get(lane, 0) + 1)),
            ("Pushed, no progress", c.Pushed(lane, 0)),
        ],
        c.Pulled: [("Pulled", c.Pulled(some)), ("Pulled, empty", c.Pulled(none))],
        c.AppliedHere: [("AppliedHere", c.AppliedHere(lane, FAR))],
        c.Recovered: [
            ("Recovered", c.Recovered()),
            ("Recovered, more follows", c.Recovered(more=True)),
        ],
        c.ChunkJoined: [
            ("ChunkJoined", c.ChunkJoined()),
            ("ChunkJoined, more follows", c.ChunkJoined(more=True)),
        ],
        c.Uploaded: [
            ("Uploaded", c.Uploaded()),
            ("Uploaded, more follows", c.Uploaded(more=True)),
        ],
        c.Compared: [
            ("Compared", c.Compared()),
            ("Compared, more follows", c.Compared(more=True)),
            ("Compared, something waits", c.Compared(more=True, waiting=frozenset(LANES))),
        ],
        c.Woken: [("Woken", c.Woken())],
        c.Failed: [
            ("Failed, may pass", c.Failed("unavailable", retryable=True)),
            ("Failed, will not pass", c.Failed("unauthorised", retryable=False)),
            ("Failed, too large", c.Failed("resource_exhausted", retryable=True, oversized=True)),
        ],
    }
    yield from made[kind]


def key(session: s.Session) -> str:
    """Return what decides the session's next steps, as far as the picture shows them."""
    facts: dict[str, object] = {n: v for n, v in vars(session).items() if n not in UNSHOWN}
    facts["_bytes_max"] = session._bytes_max > BATCH_BYTES_MIN
    facts["_recoveries"] = min(session._recoveries, s.RECOVERIES_MAX + 1)
    return repr([sorted(v, key=repr) if isinstance(v, set) else v for v in facts.values()])


def copied(session: s.Session) -> s.Session:
    """Return a session of its own: what it can change is copied, and that is one level deep."""
    after = copy.copy(session)
    for name, value in vars(session).items():
        if isinstance(value, dict | set):
            setattr(after, name, value.copy())
    return after


def steps(session: s.Session) -> Iterator[tuple[str, s.Session]]:
    """Yield (label, session afterwards) of everything that can happen to a session now."""
    for state, kind in s.TRANSITIONS:
        if state is session.state:
            for label, event in variants(kind, session):
                after = copied(session)
                after.on(event)  # type: ignore[arg-type]
                yield label, after
    after = copied(session)
    if session.state is s.State.OFFLINE:
        after.start()
        yield "start", after
    elif session.state is s.State.IDLE:
        after.renew_handshake()
        yield "renew_handshake", after
        after = copied(session)
        after.compare()
        after.start()
        yield "compare", after
        after = copied(session)
        after.broken(c.Failed("unavailable", retryable=True))
        yield "broken (Watch failed)", after


def edges() -> dict[tuple[s.State, s.State], list[str]]:
    """Walk every reachable session; return (from, to) -> labels."""
    first = s.Session()
    gone = UNSHOWN - vars(first).keys()
    assert not gone, f"the walk would not end: a session has no {sorted(gone)}"
    waiting, seen = deque([first]), {key(first)}
    found: dict[tuple[s.State, s.State], list[str]] = {}
    while waiting:
        session = waiting.popleft()
        for label, after in steps(session):
            labels = found.setdefault((session.state, after.state), [])
            if label not in labels:
                labels.append(label)
            if key(after) not in seen:
                seen.add(key(after))
                waiting.append(after)
    return found


def page() -> str:
    """Return the text of docs/session.md."""
    order = {state: i for i, state in enumerate(s.State)}
    found = sorted(edges().items(), key=lambda item: (order[item[0][0]], order[item[0][1]]))
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> OFFLINE"]
    rows = ["| state | what happened | next state |", "| --- | --- | --- |"]
    for (before, after), labels in found:
        named = sorted(labels)
        lines.append(f"    {before.name} --> {after.name}: {_short(named)}")
        rows.append(f"| {before.name} | {'; '.join(named)} | {after.name} |")
    return HEAD + "\n".join([*lines, "```", "", "## The same as a table", "", *rows]) + "\n"


def _short(labels: list[str]) -> str:
    """Return the kinds of events only: a picture has little room."""
    kinds = dict.fromkeys(label.partition(",")[0] for label in labels)
    return " / ".join(kinds)


def main() -> int:
    """Write the page, or compare it."""
    fresh = page()
    if "--check" in sys.argv[1:]:
        if TARGET.exists() and TARGET.read_text(encoding="utf-8") == fresh:
            return 0
        print("docs/session.md is not fresh: run docs/make_session_diagram.py", file=sys.stderr)
        return 1
    TARGET.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
