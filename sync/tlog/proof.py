"""Proof files (C2SP tlog-proof): that an entry is in a log, for who has the log's key only."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

FIRST_LINE = "c2sp.org/tlog-proof@v1"
SUFFIX = ".tlog-proof"


def proof_text(entry: bytes, index: int, path: Sequence[bytes], checkpoint: str) -> str:
    """Return a proof file. It has the entry, too: whoever reads it hashes that."""
    lines = [
        FIRST_LINE, f"extra {b64encode(entry).decode()}", f"index {index}",
        *(b64encode(each).decode() for each in path), "",
    ]  # fmt: skip
    return "\n".join(lines) + "\n" + checkpoint
