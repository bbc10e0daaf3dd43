"""Refusals: neighbours whose newest message was refused, for `status`: signatures, or rights."""

from __future__ import annotations

import threading

from sqlalchemy import Connection

from node.domain.audit import AuditEvent, EventKind, Fact
from node.peers.context import PeerContext
from sync.codec.signing import fingerprint
from sync.log.signatures import KeyRefused, OwnKeyRefused
from sync.model.errors import SilianError
from sync.store import peers

SHOWN_MS = 3_600_000  # so long `status` shows that a child was sent away
AGAIN_MS = 60_000  # so often the log says it of one child


class QuotaRefusals:
    """Children that asked for more than their share in the last hour, by the limit. Not kept."""

    def __init__(self, office: PeerContext) -> None:
        self._office = office
        self._lock = threading.Lock()
        self._newest: dict[int, tuple[int, str]] = {}

    def note(self, unit: int, error: SilianError) -> None:
        """A child was refused a call."""
        now_ms = self._office.clock.now_ms()
        with self._lock:
            before_ms, _ = self._newest.get(unit, (0, ""))
            self._newest[unit] = (now_ms, getattr(error, "limit", error.code))
        if now_ms - before_ms >= AGAIN_MS:
            self._office.log.warning("over_quota", peer=unit, reason=error.en)

    def recent(self) -> dict[int, str]:
        """Return unit -> name of the limit."""
        now_ms = self._office.clock.now_ms()
        with self._lock:
            return {u: limit for u, (at, limit) in self._newest.items() if now_ms - at < SHOWN_MS}


KEY_CODES = (KeyRefused.code, OwnKeyRefused.code)  # a person may accept the key


class SignatureRefusals:
    """Neighbours whose newest batch was refused; each until it sends what is in order."""

    def __init__(self, office: PeerContext) -> None:
        self._office = office
        self._lock = threading.Lock()
        with office.store.read() as tx:
            known = peers.load_all(tx)
        self._codes = {unit: peer.refusal for unit, peer in known.items() if peer.refusal}
        self._keys = {
            unit: bytes.fromhex(peer.key_refused)
            for unit, peer in known.items()
            if peer.refusal in KEY_CODES
        }

    def note(self, unit: int, error: SilianError) -> None:
        """Record a neighbour that sent what its origin has not signed, or what it may not send."""
        self._office.log.error("signature_refused", peer=unit, code=error.code, reason=error.en)
        self._set(unit, error.code, error.shown if isinstance(error, KeyRefused) else b"")

    def clear(self, unit: int) -> None:
        """Clear a neighbour that sent what is in order; called after every batch."""
        if unit in self._codes:
            self._set(unit, "", b"")

    def open(self) -> dict[int, str]:
        """Return unit -> code of the refusal."""
        with self._lock:
            return dict(self._codes)

    def refused_keys(self) -> dict[int, bytes]:
        """Return unit -> the key under which it came and was refused; empty: it showed none."""
        with self._lock:
            return dict(self._keys)

    def forget(self, unit: int) -> None:
        """Forget a refusal that the store has no more: a person has accepted the key."""
        with self._lock:
            self._codes.pop(unit, None)
            self._keys.pop(unit, None)

    def _set(self, unit: int, code: str, key: bytes) -> None:
        with self._lock:
            before = self._codes.pop(unit, ""), self._keys.pop(unit, b"")
            if code:
                self._codes[unit] = code
            if code in KEY_CODES:
                self._keys[unit] = key
            if before == (code, key):
                return

        def write(tx: Connection) -> None:
            peers.update(tx, unit, refusal=code, key_refused=key.hex())
            if code:
                self._office.audit.append(tx, _event(unit, code, key))

        self._office.store.write(write)


def _event(unit: int, code: str, key: bytes) -> AuditEvent:
    facts: dict[str, Fact] = {"code": code}
    if code not in KEY_CODES:
        return AuditEvent(event=EventKind.CALLER_REFUSED, unit=unit, facts=facts)
    facts["key"] = fingerprint(key) if key else ""
    return AuditEvent(event=EventKind.KEY_REFUSED, unit=unit, facts=facts)
