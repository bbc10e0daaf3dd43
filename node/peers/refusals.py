"""Doubts: whose words were refused because their signatures do not fit; for `status`."""

from __future__ import annotations

import threading

from node.peers.context import PeerContext
from sync.log.signatures import SignatureError
from sync.store import meta

SIGNATURE_REFUSALS = (
    "doubts"  # the fact: "unit=code,..." of neighbours whose words were refused last
)


class SignatureRefusals:
    """Neighbours whose newest batch was refused; each until it hands over what is in order."""

    def __init__(self, office: PeerContext) -> None:
        self._office = office
        self._lock = threading.Lock()
        with office.store.read() as tx:
            text = meta.get(tx, SIGNATURE_REFUSALS) or ""
        self._codes = {int(u): code for u, _, code in (p.partition("=") for p in text.split(","))
                       if u}  # fmt: skip

    def note(self, unit: int, error: SignatureError) -> None:
        """A neighbour handed over what its origin has not signed so."""
        self._office.log.error("signature_refused", peer=unit, code=error.code, reason=error.en)
        self._set(unit, error.code)

    def clear(self, unit: int) -> None:
        """A neighbour handed over what is in order; called after every batch."""
        if unit in self._codes:
            self._set(unit, "")

    def open(self) -> dict[int, str]:
        """Return unit -> code of the refusal."""
        with self._lock:
            return dict(self._codes)

    def _set(self, unit: int, code: str) -> None:
        with self._lock:
            if self._codes.get(unit, "") == code:
                return
            self._codes.pop(unit, None)
            if code:
                self._codes[unit] = code
            text = ",".join(f"{u}={c}" for u, c in sorted(self._codes.items()))
        self._office.store.write(lambda tx: meta.put(tx, SIGNATURE_REFUSALS, text))
