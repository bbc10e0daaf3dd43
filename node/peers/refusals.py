"""Neighbours whose newest message was refused, for `status`: signatures, or rights."""

from __future__ import annotations

import threading

from node.peers.context import PeerContext
from sync.model.errors import SilianError
from sync.store import peers


class SignatureRefusals:
    """Neighbours whose newest batch was refused; each until it hands over what is in order."""

    def __init__(self, office: PeerContext) -> None:
        self._office = office
        self._lock = threading.Lock()
        with office.store.read() as tx:
            known = peers.load_all(tx)
        self._codes = {unit: peer.refusal for unit, peer in known.items() if peer.refusal}

    def note(self, unit: int, error: SilianError) -> None:
        """A neighbour sent what its origin has not signed, or what it may not send."""
        self._office.log.error("signature_refused", peer=unit, code=error.code, reason=error.en)
        self._set(unit, error.code)

    def clear(self, unit: int) -> None:
        """A neighbour sent what is in order; called after every batch."""
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
        self._office.store.write(lambda tx: peers.update(tx, unit, refusal=code))
