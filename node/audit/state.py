"""What an office goes by: settings, catalogue, certificate. A change since the last start is an
entry.
"""

from __future__ import annotations

import json
from hashlib import sha256

from sqlalchemy import Connection

from node.audit.log import AuditLog
from node.config import OfficeConfig
from node.domain.audit import AuditEvent, EventKind
from sync.store import meta
from sync.store.meta import Key

# Each setting by the hash of its value: an address may be nobody's business.
SETTINGS: Key[dict[str, str]] = Key("audit_settings", json.loads, {}, json.dumps)
CATALOGUE = meta.text("audit_catalogue")
CERTIFICATE = meta.text("audit_certificate")
SECRET = frozenset({"store_password"})


def note_start(tx: Connection, audit: AuditLog, config: OfficeConfig, catalogue: str) -> None:
    """Record what has changed since the last start. At the first nothing has."""
    settings, known = _hashes(config), meta.get(tx, SETTINGS)
    before = meta.get(tx, CATALOGUE)
    events = []
    if known and known != settings:
        names = settings.keys() | known.keys()
        changed = tuple(sorted(n for n in names if settings.get(n) != known.get(n)))
        events.append(AuditEvent(event=EventKind.SETTINGS_CHANGED, fields=changed))
    if before and before != catalogue:
        facts = {"before": before, "after": catalogue}
        events.append(AuditEvent(event=EventKind.CATALOGUE_CHANGED, facts=facts))
    audit.append(tx, *events)
    meta.put(tx, SETTINGS, settings)
    meta.put(tx, CATALOGUE, catalogue)


def is_changed(tx: Connection, config: OfficeConfig, catalogue: str) -> bool:
    """Return whether `note_start` has anything to record."""
    known = (meta.get(tx, SETTINGS), meta.get(tx, CATALOGUE))
    return known != (_hashes(config), catalogue)


def note_certificate(tx: Connection, audit: AuditLog, unit: int, serial: str) -> None:
    """Record that this office has another certificate than before."""
    if meta.get(tx, CERTIFICATE) != serial:
        event = AuditEvent(
            event=EventKind.CERTIFICATE_RECEIVED, unit=unit, facts={"serial": serial}
        )
        audit.append(tx, event)
        meta.put(tx, CERTIFICATE, serial)


def _hashes(config: OfficeConfig) -> dict[str, str]:
    values = config.model_dump(mode="json")
    return {
        name: sha256(json.dumps(value).encode()).hexdigest()
        for name, value in values.items()
        if name not in SECRET
    }
