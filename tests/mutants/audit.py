"""Checks of the audit log, opened again."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

CONTRACT = "tests/storage/test_audit_contract.py"
FORMATS = "tests/unit/sync/test_tlog.py"
LAWS = "tests/property/test_tlog_laws.py"
SERVED = "tests/integration/test_audit.py"
WITNESS = "tests/unit/node/test_witness.py"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        "a leaf is hashed as a node may be",
        "INV-33",
        "sync/tlog/tree.py",
        'sha256(b"\\0" + entry)',
        "sha256(entry)",
        FORMATS,
    ),
    Mutant(
        "a node's children are hashed the other way round",
        "INV-33",
        "sync/tlog/tree.py",
        'sha256(b"\\1" + left + right)',
        'sha256(b"\\1" + right + left)',
        FORMATS,
    ),
    Mutant(
        "a consistency proof shows nothing of the older log",
        "INV-33",
        "sync/tlog/tree.py",
        "return not last and (before, after) == (old_root, new_root)",
        "return not last and after == new_root",
        LAWS,
    ),
    Mutant(
        "a witness takes a shorter log",
        "INV-33",
        "sync/tlog/witness.py",
        "    if shown.size < seen.size:\n        return Verdict.TRUNCATED",
        "    if shown.size < seen.size:\n        return Verdict.KNOWN",
        WITNESS,
    ),
    Mutant(
        "a witness takes another log of the same length",
        "INV-33",
        "sync/tlog/witness.py",
        "Verdict.KNOWN if shown.root == seen.root else Verdict.FORKED",
        "Verdict.KNOWN",
        WITNESS,
    ),
    Mutant(
        "a witness takes a log that does not go on",
        "INV-33",
        "sync/tlog/witness.py",
        "Verdict.ACCEPTED if fits else Verdict.REWRITTEN",
        "Verdict.ACCEPTED",
        WITNESS,
    ),
    Mutant(
        "a refused log is taken at the next handshake",
        "INV-33",
        "node/audit/witness.py",
        "        if row is not None and row.refused:\n            return self._answer(row), None",
        "        if False:\n            return self._answer(row), None",
        WITNESS,
    ),
    Mutant(
        "an old head that a hub hands on counts",
        "INV-33",
        "node/audit/witness.py",
        "(verdict is Verdict.TRUNCATED and not is_own)",
        "False",
        WITNESS,
    ),
    Mutant(
        "a head counts whoever has signed it",
        "INV-33",
        "node/audit/witness.py",
        "is_known and is_of(submission.note, NoteKey(origin_of(unit), shown))",
        "is_known",
        WITNESS,
    ),
    Mutant(
        "a cosignature is kept whoever has made it",
        "INV-33",
        "node/audit/witness.py",
        "        if note.is_signed_by(head.text, made, key):",
        "        if answer.signature:",
        WITNESS,
    ),
    Mutant(
        "a changed entry is sound",
        "INV-33",
        "node/services/audit/views.py",
        "            if leaf != row.leaf:",
        "            if False:",
        CONTRACT,
    ),
    Mutant(
        "a log that others have seen longer is sound",
        "INV-33",
        "node/services/audit/views.py",
        "        if seen.size and roots[seen.size] != seen.root:",
        "        if False:",
        WITNESS,
    ),
    Mutant(
        "entries are removed on a clock that is in doubt",
        "INV-33",
        "node/services/upkeep/audit_retention.py",
        "if not days or office.clock_unconfirmed_ms():",
        "if not days:",
        CONTRACT,
    ),
    Mutant(
        "a setting removes entries before half a year",
        "INV-33",
        "node/config.py",
        "    if days and days < AUDIT_DAYS_MIN:",
        "    if False:",
        CONTRACT,
    ),
    Mutant(
        "an invitation is not in the log",
        "INV-33",
        "node/services/enrolment/invitations.py",
        "            office.audit.append(tx, event)\n",
        "",
        CONTRACT,
    ),
    Mutant(
        "persons are shown without an entry",
        "INV-33",
        "hub/api/disclosed.py",
        "        if events:\n",
        "        if False:\n",
        SERVED,
    ),
    Mutant(
        "an export leaves without an entry",
        "INV-33",
        "node/services/records/exporting.py",
        "    office.audit.record(event)\n",
        "",
        SERVED,
    ),
    Mutant(
        "a forced edit is not in the log",
        "INV-33",
        "node/services/records/edits.py",
        "was=was, force=force)\n        if force:\n            _note_forced(",
        "was=was, force=force)\n        if False:\n            _note_forced(",
        SERVED,
    ),
    Mutant(
        "an entry has what was shown in it",
        "INV-34",
        "hub/api/disclosed.py",
        'facts={"call": name,',
        'facts={"call": str(reply),',
        SERVED,
    ),
    Mutant(
        "whoever is refused fills the log",
        "INV-33",
        "node/audit/refused.py",
        "            if now_ms - at_ms < AGAIN_MS:",
        "            if False:",
        SERVED,
    ),
)
