"""Audit entries: what is recorded of an event, and its bytes in the log.

An entry names kinds, keys, fields and numbers. It has no value of a record and no text that a
person typed, except the name under which somebody acts (INV-34).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Fact = str | int


class EventKind(StrEnum):
    """What happened. The names are in the log for good: none is ever used for something else."""

    LOG_BEGUN = "log_begun"
    CALLER_REFUSED = "caller_refused"
    KEY_ACCEPTED = "key_accepted"
    KEY_REFUSED = "key_refused"
    AUTHORITY_FOUNDED = "authority_founded"
    CERTIFICATE_ISSUED = "certificate_issued"
    CERTIFICATE_RECEIVED = "certificate_received"
    CERTIFICATE_REVOKED = "certificate_revoked"
    UNIT_INVITED = "unit_invited"
    INVITATION_USED = "invitation_used"
    RECORDS_READ = "records_read"
    RECORDS_EXPORTED = "records_exported"
    BUNDLE_WRITTEN = "bundle_written"
    EDIT_FORCED = "edit_forced"
    CONFLICT_RESOLVED = "conflict_resolved"
    QUARANTINE_CLOSED = "quarantine_closed"
    CLONE_RESET = "clone_reset"
    TREE_IMPORTED = "tree_imported"
    SETTINGS_CHANGED = "settings_changed"
    CATALOGUE_CHANGED = "catalogue_changed"
    ENTRIES_PRUNED = "entries_pruned"
    LOG_REFUSED = "log_refused"
    LOG_ACCEPTED = "log_accepted"
    FIGURE_PROVEN = "figure_proven"
    PAYMENT_PROVEN = "payment_proven"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One event, before it is an entry. `unit`: about which office; 0: about none.

    `by`: who acts, by the name given; "": the program, or nobody who could be named.
    """

    event: EventKind
    by: str = ""
    unit: int = 0
    register: str = ""
    record: bytes = b""
    fields: tuple[str, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)


def entry_bytes(event: AuditEvent, at_ms: int) -> bytes:
    """Return an entry as the log has it: JSON in UTF-8, names in order, no blanks.

    Numbers of units are texts: readers of JSON keep whole numbers up to 2 to the power of 53 only.
    """
    content: dict[str, object] = {"at_ms": at_ms, "event": event.event.value}
    if event.by:
        content["by"] = event.by
    if event.unit:
        content["unit"] = str(event.unit)
    if event.register:
        content["register"] = event.register
    if event.record:
        content["record"] = event.record.hex()
    if event.fields:
        content["fields"] = list(event.fields)
    if event.facts:
        content["facts"] = dict(event.facts)
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()
