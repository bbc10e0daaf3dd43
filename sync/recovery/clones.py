"""Tokens: by which a parent tells a child's store from a copy of it, and from a backup. Pure.

Every greeting that is answered GO_ON hands out a fresh token, which the next one must show. Two
stores that take turns under one identity betray themselves: each shows what the other's greeting
took back.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import Enum

REVOKED_MAX = 16  # tokens that were taken back and are remembered


class TokenCheck(Enum):
    """What a token says of the store that shows it."""

    EXPECTED = "expected"  # the newest, or the one before it: then our answer was lost
    STALE = "stale"  # none that we remember: a backup was put back
    REVOKED = "void"  # one that another store has made void: two stores are alive


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a parent remembers for one child."""

    incarnation: int = 0  # to which the tokens were given
    newest: bytes = b""
    before: bytes = b""
    revoked: tuple[bytes, ...] = ()
    process: int = 0  # to which the newest was given
    accept_next: bool = False  # a person has let it forget: whoever comes next is the right one
    shared: bool = False  # `before` was shown by two processes: each may be a store of its own

    def reset(self) -> Tokens:
        """Return what to remember once a person has stopped all but one of several stores.

        Whichever comes next is taken for that one, whatever it shows; every other token that is
        still about is void from then on.
        """
        return replace(self, accept_next=True)

    def check(self, token: bytes, incarnation: int) -> TokenCheck:
        """Say what a greeting's token means."""
        if self.accept_next:
            return TokenCheck.EXPECTED
        known = bool(self.newest) and incarnation == self.incarnation
        if known and token in (self.newest, self.before):
            return TokenCheck.EXPECTED
        if token and token in self.revoked:
            return TokenCheck.REVOKED
        return (
            TokenCheck.STALE if known else TokenCheck.EXPECTED
        )  # a first one, of this incarnation at least

    def goes_on(self, token: bytes, incarnation: int, process: int) -> bool:
        """Say whether the process that was given the newest token shows it again."""
        newest = bool(token) and token == self.newest and not self.accept_next and not self.shared
        return newest and (incarnation, process) == (self.incarnation, self.process)

    def after(self, token: bytes, incarnation: int, process: int, fresh: bytes) -> Tokens:
        """Return what to remember once a greeting was answered; `newest` is what to answer.

        `fresh` is handed out, but for a greeting that is heard twice, or late: the process that
        was given the newest has the same answer again, or it would betray itself.
        """
        if self.accept_next and (process, incarnation) == (self.process, self.incarnation):
            return replace(self, accept_next=False).after(token, incarnation, process, fresh)
        if self.accept_next:
            others = (t for t in (*self.revoked, self.before, self.newest) if t != token)
            return Tokens(incarnation, fresh, token, Tokens()._revoked(*others), process)
        if incarnation != self.incarnation:
            revoked = self._revoked(self.newest, self.before)
            return Tokens(incarnation, fresh, token, revoked, process)
        if token == self.newest:
            # One goes on. Had another shown the same token before, it is not the one that goes on.
            revoked = self._revoked(self.before) if self.shared else self.revoked
            return replace(
                self, newest=fresh, before=token, revoked=revoked, process=process, shared=False
            )
        if process == self.process:
            return self
        # Our answer was lost. Whoever shows that one after all is not who shows this one.
        revoked = self._revoked(self.newest)
        return replace(self, newest=fresh, revoked=revoked, process=process, shared=True)

    def _revoked(self, *tokens: bytes) -> tuple[bytes, ...]:
        return (*self.revoked, *(t for t in tokens if t))[-REVOKED_MAX:]

    def to_text(self) -> str:
        return json.dumps({
            "incarnation": self.incarnation, "newest": self.newest.hex(),
            "before": self.before.hex(), "void": [t.hex() for t in self.revoked],
            "process": self.process, "open": self.accept_next, "twice": self.shared,
        })  # fmt: skip

    @classmethod
    def from_text(cls, text: str | None) -> Tokens:
        if not text:
            return cls()
        found = json.loads(text)
        return cls(
            found["incarnation"],
            bytes.fromhex(found["newest"]),
            bytes.fromhex(found["before"]),
            tuple(map(bytes.fromhex, found["void"])),
            found.get("process", 0),
            found.get("open", False),
            found.get("twice", False),
        )
