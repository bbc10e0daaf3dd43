"""Checkpoints (C2SP tlog-checkpoint): how long a log is and what its root hash is, signed by it."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass

from sync.codec.signing import Signer
from sync.tlog import note


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log. `origin`: the log's name, and that of its key."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"

    def signed(self, signer: Signer) -> str:
        """Return the checkpoint as its log signs it."""
        return note.written(self.text, [note.sign(self.text, self.origin, signer)])
