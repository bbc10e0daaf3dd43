"""Detect clones and backups: a parent recognises a child's store by a token. Pure.

The answer to every accepted handshake has a fresh token, which the next handshake must show. So
two stores that run in turn under one identity are found: each shows a token that the other's
handshake has replaced. Tokens are numbered and signed by the parent that issues them: one with a
higher number than the parent remembers shows that the parent's own store is the older one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import Enum
from hashlib import blake2b

from sync.codec.signing import KEY_BYTES, SIGNATURE_BYTES, TOKEN, Signer, is_signed

REVOKED_MAX = 16  # revoked tokens that are remembered
NUMBER_BYTES = 8
DRAWN_BYTES = 16  # drawn by chance: a store put back issues others under the same numbers
TOKEN_BYTES = NUMBER_BYTES + DRAWN_BYTES + SIGNATURE_BYTES


class TokenCheck(Enum):
    """What a token shows about the store that has it."""

    EXPECTED = "expected"  # the newest, or the one before it: then our answer was lost
    STALE = "stale"  # none that we remember: a backup was restored
    AHEAD = "ahead"  # issued after the newest that we remember: our own store was restored
    REVOKED = "void"  # replaced after another store's handshake: two stores are in use


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a parent remembers of one child's tokens."""

    incarnation: int = 0  # that the tokens were issued to
    newest: bytes = b""
    before: bytes = b""
    revoked: tuple[bytes, ...] = ()
    process: int = 0  # that the newest was issued to
    accept_next: bool = False  # an operator reset the tokens: the next handshake is accepted
    shared: bool = False  # `before` was shown by two processes: they may have two stores
    number: int = 0  # of the newest; it only rises

    def reset(self) -> Tokens:
        """Return what to remember once a person has stopped all but one of several stores.

        The next handshake is accepted, whatever token it shows; every other token that is in use is
        revoked then.
        """
        return replace(self, accept_next=True)

    def check(self, token: bytes, incarnation: int, number: int = 0) -> TokenCheck:
        """Return what a handshake's token means. `number`: the token's, by `number_of`."""
        if self.accept_next:
            return TokenCheck.EXPECTED
        known = bool(self.newest) and incarnation == self.incarnation
        if known and token in (self.newest, self.before):
            return TokenCheck.EXPECTED
        if token and token in self.revoked:
            return TokenCheck.REVOKED
        if number > self.number:
            return TokenCheck.AHEAD
        return (
            TokenCheck.STALE if known else TokenCheck.EXPECTED
        )  # a first one, at least of this incarnation

    def goes_on(self, token: bytes, incarnation: int, process: int) -> bool:
        """Return whether the process that received the newest token shows it again."""
        newest = bool(token) and token == self.newest and not self.accept_next and not self.shared
        return newest and (incarnation, process) == (self.incarnation, self.process)

    def issued(self, token: bytes, incarnation: int, process: int, fresh: bytes) -> Tokens:
        """Return what to remember as `after`, with `fresh` numbered one higher than the newest."""
        after = self.after(token, incarnation, process, fresh)
        return replace(after, number=self.number + 1) if after.newest == fresh else after

    def after(self, token: bytes, incarnation: int, process: int, fresh: bytes) -> Tokens:
        """Return what to remember after a handshake was answered; `newest` is the token to answer.

        That is `fresh`, except for a handshake that is repeated or late: the process that received
        the newest gets it again. Another token would make it look like a clone of itself.
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
            # One store continues. If two showed the token before this one, the other's is revoked.
            revoked = self._revoked(self.before) if self.shared else self.revoked
            return replace(
                self, newest=fresh, before=token, revoked=revoked, process=process, shared=False
            )
        if process == self.process:
            return self
        # Our answer was lost. If the lost token is shown later, another process has it.
        revoked = self._revoked(self.newest)
        return replace(self, newest=fresh, revoked=revoked, process=process, shared=True)

    def _revoked(self, *tokens: bytes) -> tuple[bytes, ...]:
        return (*self.revoked, *(t for t in tokens if t))[-REVOKED_MAX:]

    def to_text(self) -> str:
        return json.dumps({
            "incarnation": self.incarnation, "newest": self.newest.hex(),
            "before": self.before.hex(), "void": [t.hex() for t in self.revoked],
            "process": self.process, "open": self.accept_next, "twice": self.shared,
            "number": self.number,
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
            found.get("number", 0),
        )


def issue(signer: Signer, unit: int, incarnation: int, number: int, drawn: bytes) -> bytes:
    """Return a token for a child. `incarnation`: ours; `drawn`: 16 bytes by chance."""
    numbered = number.to_bytes(NUMBER_BYTES, "big") + drawn
    return numbered + signer.sign(TOKEN, _hash_of(unit, incarnation, numbered))


def number_of(public_key: bytes, unit: int, incarnation: int, token: bytes) -> int:
    """Return the number of a token that this office issued to a child; 0 for any other."""
    if len(token) != TOKEN_BYTES or len(public_key) != KEY_BYTES:
        return 0
    numbered, signature = token[:-SIGNATURE_BYTES], token[-SIGNATURE_BYTES:]
    if not is_signed(public_key, TOKEN, _hash_of(unit, incarnation, numbered), signature):
        return 0
    return int.from_bytes(numbered[:NUMBER_BYTES], "big")


def _hash_of(unit: int, incarnation: int, numbered: bytes) -> bytes:
    ids = unit.to_bytes(8, "big") + incarnation.to_bytes(8, "big")
    return blake2b(ids + numbered, digest_size=32).digest()
