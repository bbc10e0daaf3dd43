"""The mutants: each is one small fault put into the product's code, and the tests that must fail.

`killer`: "seeds" if the simulator must fail within 50 seeds, "crash seeds" if it must fail in crash
mode, else the fast tests that must. A mutant that survives shows that a test is missing.
"""

from __future__ import annotations

from tests.mutants import audit, certificates, delivery, enrolment, hostile, sealed
from tests.mutants.mutant import CRASH, Mutant

MUTANTS = (
    Mutant(
        "an ack claims more than was committed", "INV-4", "hub/link/servicer.py",
        "batch.incarnation, received.position)", "batch.incarnation, received.position + 1)",
    ),
    Mutant(
        "the cursor does not move with its batch", "INV-4", "sync/apply/applier.py",
        "if (known_incarnation, applied_to) != (batch.incarnation, received.position):",
        "if False:",
    ),
    Mutant(
        "a known entry is applied again", "INV-3", "sync/model/stream.py",
        "    if entry.seq < head.seq:\n        return Place.KNOWN",
        "    if entry.seq < head.seq:\n        return Place.NEXT",
    ),
    Mutant(
        "the newest entry of a stream is applied again", "INV-3", "sync/model/stream.py",
        "            raise StreamForked(key, entry.seq)\n        return Place.KNOWN",
        "            raise StreamForked(key, entry.seq)\n        return Place.NEXT",
    ),
    Mutant(
        "a gap in a stream is skipped", "INV-5", "sync/model/stream.py",
        "    if entry.seq > head.seq + 1:", "    if False:", "tests/property/test_stream_laws.py",
    ),
    Mutant(
        "a sender may go on past what is held", "INV-5", "sync/apply/applier.py",
        "    if batch.after > applied_to:", "    if False:",
        "tests/storage/test_apply_contract.py",
    ),
    Mutant(
        "sequence numbers of a stream are used twice", "INV-5", "sync/log/append.py",
        "    log.append(tx, rows)\n    log.save_heads(tx, newest.values())\n",
        "    log.append(tx, rows)\n",
    ),
    Mutant(
        "entries count without a signature of their own office", "INV-31", "sync/log/signatures.py",
        "    if fresh and after.seq < fresh[-1].seq:", "    if False:",
        "tests/storage/test_signature_contract.py",
    ),
    Mutant(
        "own entries come back under any key", "INV-31", "sync/log/signatures.py",
        "        if shown not in own_keys:", "        if False:",
        "tests/storage/test_signature_contract.py",
    ),
    Mutant(
        "an upload goes on although copies came from below", "INV-7", "sync/snapshot/upload.py",
        " or place.round < low_water_mark:", ":",
        "tests/storage/test_snapshot_contract.py",
    ),
    Mutant(
        "a restored office keeps what its own edit overwrote", "INV-15", "sync/apply/applier.py",
        "comes_late=restored or bool(", "comes_late=bool(",
        "tests/storage/test_recovery.py",
    ),
    Mutant(
        "a batch ends where a stream in it is not signed", "INV-31", "sync/log/excerpt.py",
        "            del part[self._signed :]", "            pass",
        "tests/storage/test_signature_contract.py",
    ),
    Mutant(
        "a status counts without the signature of its office", "INV-31", "sync/apply/statements.py",
        "partial(statement.is_genuine, status, shown)", "lambda: True",
        "tests/unit/node/test_signed_status.py",
    ),
    Mutant(
        "a receipt counts without the signature of its holder", "INV-31", "sync/apply/receipts.py",
        "partial(receipts.is_genuine, receipt, receipt.public_key)", "lambda: True",
        "tests/unit/node/test_receipts.py",
    ),
    Mutant(
        "the log is cut on what the parent says of the offices above", "INV-31",
        "node/services/upkeep/log_retention.py",
        "office.peer_status.receipts.positions()", "office.peer_status.durable_above()",
        "tests/unit/node/test_receipts.py",
    ),
    Mutant(
        "a restored parent takes its child for a restored one", "INV-25",
        "sync/link/handshake.py",
        " or facts.token is TokenCheck.AHEAD", "",
        "tests/unit/sync/test_handshake.py",
    ),
    Mutant(
        "the log is read backwards", "INV-8", "sync/log/entries.py",
        'f"AND {entry_filter} ORDER BY arrival LIMIT',
        'f"AND {entry_filter} ORDER BY arrival DESC LIMIT',
    ),
    Mutant(
        "entries before the newest commit are not sent", "INV-9", "sync/log/recent.py",
        "if not self.after <= after < rising[0][0]:", "if after >= rising[0][0]:",
        "tests/storage/test_recent_contract.py",
    ),
    Mutant(
        "a relay packs anew what it passes on", "relayed bytes", "sync/log/append.py",
        "entry.changes, writer.clock.now_ms(), entry.wire,",
        "entry.changes, writer.clock.now_ms(), entry.wire + (b'x\\1' if via else b''),",
    ),
    Mutant(
        "a child receives what is for its sibling", "INV-30", "sync/log/entries.py",
        'return f"down_hop IN ({EVERY_CHILD}, {int(child)}) AND via <> {int(child)}"',
        'return f"down_hop IS NOT NULL AND via <> {int(child)}"',
    ),
    Mutant(
        "private registers travel", "INV-32", "node/audiences.py",
        "    if register.audience == audience.LOCAL:\n        return ()",
        '    if register.audience == audience.LOCAL:\n        return ("up:city",)',
    ),
    Mutant(
        "the later edit wins and the other is lost", "INV-15", "sync/merge/record.py",
        "    replaced = {base, *resolved}", "    replaced = {h.version for h in known}",
    ),
    Mutant(
        "the last to arrive is shown", "INV-7", "sync/merge/record.py",
        "    shown = _shown(schema, heads)", "    shown = heads[-1]",
    ),
    Mutant(
        "a decision does not resolve the conflict", "INV-15", "sync/merge/record.py",
        "    replaced = {base, *resolved}", "    replaced = {base}",
    ),
    Mutant(
        "overwritten values are not stored", "INV-15", "sync/store/conflicts.py",
        "    if saves:\n", "    if False:\n",
    ),
    Mutant(
        "an edit that survived a delete is not listed", "INV-15", "sync/merge/record.py",
        "        survived_delete=survived_delete,\n    )",
        "        survived_delete=frozenset(),\n    )",
        "tests/property/test_merge_laws.py",
    ),
    Mutant(
        "a delete is undone by an edit of an earlier life", "INV-22", "sync/merge/record.py",
        "    if causal_length < state.causal_length:\n        return joined\n"
        "    begun_by = state.causal_length_version\n"
        "    if causal_length > state.causal_length:\n",
        "    begun_by = state.causal_length_version\n"
        "    if causal_length != state.causal_length:\n",
    ),
    Mutant(
        "digests are not updated", "INV-7", "sync/merge/digest.py",
        "moved_factor(name, old, new) for name, old in zip(fields",
        "moved_factor(name, new, new) for name, old in zip(fields",
    ),
    Mutant(
        "a total adds the full value of a changed cell", "INV-20", "node/folds/totals.py",
        "delta = int(new or 0) - int(old or 0)", "delta = int(new or 0)",
    ),
    Mutant(
        "a changed record counts twice", "INV-20", "node/domain/group_key.py",
        "    if old is not None:\n        counts[old] -= 1\n", "",
    ),
    Mutant(
        "an office pays more than its balance", "INV-17", "node/domain/ledger.py",
        "        if posting.amount_fen > held_fen:\n            raise InsufficientFunds(",
        "        if False:\n            raise InsufficientFunds(",
    ),
    Mutant(
        "returned money is not booked", "INV-16", "node/folds/ledger.py",
        "return posting.kind is PostingKind.RETURN and posting.peer_unit == me", "return False",
    ),
    Mutant(
        "a button pressed twice pays twice", "INV-18", "node/services/money/postings.py",
        "    number = transfer or new_transfer(office)\n\n"
        "    def make_posting(session: JournalSession) -> Posting:\n"
        "        return postings.appropriate(",
        "    number = new_transfer(office)\n\n"
        "    def make_posting(session: JournalSession) -> Posting:\n"
        "        return postings.appropriate(", "tests/unit/node/test_service_money.py",
    ),
    Mutant(
        "a clock that is far ahead is followed", "INV-27", "sync/model/version.py",
        "        if (hlc >> COUNTER_BITS) - self.now_ms() > CLOCK_AHEAD_MS_MAX:",
        "        if False:",
    ),
    Mutant(
        "time stamps go back with the clock", "INV-27", "sync/model/version.py",
        "        self._last = max(self._last + 1, self._from_ms() << COUNTER_BITS)",
        "        self._last = self.now_ms() << COUNTER_BITS",
    ),
    Mutant(
        "a watermark promises what has not arrived", "INV-12", "node/peers/status.py",
        "for n in reports if n.bulk_seq <= positions.get(n.incarnation, 0)]", "for n in reports]",
    ),
    Mutant(
        "news covers what is written in its own millisecond", "INV-12", "node/peers/status.py",
        "min(now_ms, before_ms - 1)", "min(now_ms, before_ms)",
        "tests/unit/node/test_service_rollup.py",
    ),
    Mutant(
        "news covers what is being written", "INV-12", "node/peers/status.py",
        "            if not office.store.writing:", "            if True:",
        "tests/unit/node/test_service_rollup.py",
    ),
    Mutant(
        "a clock set back stamps writes before a sent watermark", "INV-12", "sync/model/version.py",
        "if 0 < ahead_ms <= CLOCK_AHEAD_MS_MAX else now_ms", "if False else now_ms",
        "tests/unit/node/test_service_rollup.py",
    ),
    Mutant(
        "what is still queued above counts as durable there", "durable at", "sync/log/entries.py",
        "    return int(row[0]) if row is not None else 0\n",
        "    return int(row[0]) + 1_000 if row is not None else 0\n",
    ),
    Mutant(
        "a repeated handshake is taken for a clone", "INV-8", "sync/recovery/clones.py",
        "        if process == self.process:\n            return self\n", "",
    ),
    Mutant(
        "a store that was restored is believed", "INV-24", "sync/link/handshake.py",
        "if check.applies(facts))",
        "if check.verdict is not Verdict.RESTORED and check.applies(facts))",
    ),
    Mutant(
        "a restored store keeps its incarnation", "INV-24", "sync/recovery/child.py",
        "        if me.incarnation in known or meta.get(tx, meta.RESTORED):", "        if False:",
        "tests/integration/test_recovery.py",
    ),
    Mutant(
        "a clone is taken for a restored backup", "INV-25", "sync/recovery/clones.py",
        "            revoked = self._revoked(self.before) if self.shared else self.revoked",
        "            revoked = self.revoked",
        "tests/unit/sync/test_clones.py",
    ),
    Mutant(
        "a copy is let in", "INV-25", "sync/link/handshake.py",
        "facts.token is TokenCheck.REVOKED", "False",
        "tests/integration/test_recovery.py",
    ),
    Mutant(
        "a failed recovery is not tried again", "INV-8", "sync/link/session.py",
        "        self._recoveries = 0  # after the wait it tries again\n", "",
        "tests/unit/sync/test_session.py",
    ),
    Mutant(
        "what an older program did not know stays unknown", "INV-28", "node/open.py",
        "        retry_deferred(office)  # what the older catalogue did not know",
        "        pass",
    ),
    Mutant(
        "digests forget that a program was rolled back", "INV-7", "node/open.py",
        "        if name in other or printed.get(name, names) != names:",
        "        if name in other:", "tests/unit/node/test_service_quarantine.py",
    ),
    Mutant(
        "whoever comes is a child", "INV-31", "sync/link/handshake.py",
        "    if routes.hop(hello.unit) != hello.unit:",
        "    if routes.hop(hello.unit) is None:", "tests/unit/hub/test_handshake.py",
    ),
    Mutant(
        "a change of a field that its writer does not own is applied", "INV-14",
        "sync/model/access.py",
        "        return \"not_owner\"\n    return None", "        return None\n    return None",
    ),
    Mutant(
        "a commit does not wait for the disk", "INV-1", "node/store/engine.py",
        'f"synchronous={synchronous}",', '"synchronous=NORMAL",', CRASH,
    ),
    Mutant(
        "all children dial again at once", "retry with jitter", "sync/link/backoff.py",
        "    return rng.randrange(ceiling + 1)", "    return ceiling",
        "tests/unit/sync/test_backoff.py",
    ),
    Mutant(
        "what cannot be applied is dropped", "INV-21", "sync/store/quarantine.py",
        '    register = block.register[:60] if block else ""\n', "    return\n",
        "tests/storage/test_apply_contract.py",
    ),
    Mutant(
        "an answer counts after the recall it did not see", "INV-13",
        "node/domain/assignment_rules.py",
        "    K.RECALL: ASSIGNEE_KINDS - {K.DECLINE, K.RETURN},", "    K.RECALL: ASSIGNEE_KINDS,",
        "tests/unit/node/test_assignment.py",
    ),
    Mutant(
        "entries replayed from one neighbour are not republished to the other", "INV-2",
        "sync/recovery/republish.py",
        "    if missing:\n", "    if False:\n", "tests/storage/test_republish.py",
    ),
    Mutant(
        "an entry that comes late becomes a head again", "INV-7", "sync/apply/reissued.py",
        "    if not others:\n", "    if True:\n", "tests/storage/test_republish.py",
    ),
    Mutant(
        "a value that the sender overwrote comes back with its copy", "INV-7",
        "sync/merge/copies.py",
        "            Side(theirs, lambda _name, v: v in received_there),\n",
        "            Side(theirs, lambda _name, _v: False),\n",
        "tests/storage/test_copy_contract.py",
    ),
    Mutant(
        "a value overwritten here comes back with the next copy", "INV-7",
        "sync/apply/copies.py", "    if not asked:\n", "    if True:\n",
        "tests/storage/test_copy_contract.py",
    ),
    Mutant(
        "a deferred edit has overwritten the copy that brings its base", "INV-7",
        "sync/merge/evidence.py", "    wanted = _versions(copy, name)\n    while",
        "    wanted = set(history)\n    while", "tests/storage/test_upgrade_contract.py",
    ),
    Mutant(
        "a deferred edit conflicts with the copy that overwrote it", "INV-7",
        "sync/apply/copies.py", "WHERE state IN ('open','deferred')", "WHERE state='open'",
        "tests/storage/test_upgrade_contract.py",
    ),
    Mutant(
        "an older one of two deferred copies undoes the newest", "INV-7",
        "sync/apply/copies.py", "joined.get(name, EMPTY)", "EMPTY",
        "tests/storage/test_upgrade_contract.py",
    ),
    Mutant(
        "a record changed during a snapshot is not sent again", "INV-2", "sync/snapshot/sender.py",
        "            _note(bytes(wire), to.scope, ids)\n", "",
        "tests/storage/test_snapshot_contract.py",
    ),
    Mutant(
        "a change quarantined at the sender counts as overwritten", "INV-2", "sync/merge/copies.py",
        "        return VersionVector(self.version_vector.get(lane, {})).without(quarantined)",
        "        return VersionVector(self.version_vector.get(lane, {}))",
        "tests/storage/test_copy_contract.py",
    ),
    Mutant(
        "an interrupted snapshot starts over", "INV-8", "sync/snapshot/receiver.py",
        "            after=self._at.next,\n", "            after=b\"\",\n",
        "tests/integration/test_snapshot.py",
    ),
    Mutant(
        "a log with a gap filled by a snapshot serves children", "INV-2", "sync/log/truncation.py",
        "    snapshot_at = meta.get(tx, SNAPSHOT_DOWN) if lane is Lane.BULK else 0\n",
        "    snapshot_at = 0\n", "tests/storage/test_snapshot_contract.py",
    ),
    Mutant(
        "no copies are uploaded where the log begins too late", "INV-2", "sync/snapshot/upload.py",
        "    return acked_by_parent < truncation.low_water_up(tx, Lane.BULK) or bool(",
        "    return bool(", "tests/integration/test_snapshot.py",
    ),
    Mutant(
        "the truncation point is one too high", "INV-5", "sync/retention/plan.py",
        "(hold.first - 1 for hold in holds)", "(hold.first for hold in holds)",
        "tests/property/test_retention_laws.py",
    ),
    Mutant(
        "a lease never ends", "a silent child does not hold the log back for ever",
        "sync/retention/plan.py",
        "    return last_contact_ms > 0 and now_ms - last_contact_ms <= lease_ms",
        "    return last_contact_ms > 0",
        "tests/property/test_retention_laws.py",
    ),
    Mutant(
        "a truncated log is read with a gap", "INV-5", "sync/log/truncation.py",
        "    if after < low_water_mark:\n"
        "        raise LogTruncated(asked=after, low_water_mark=low_water_mark)\n",
        "",
        "tests/storage/test_retention_contract.py",
    ),
    Mutant(
        "any copy of a record releases a quarantined one", "INV-21",
        "sync/store/quarantined_copies.py",
        "            version in vectors[record]\n", "            True\n",
        "tests/storage/test_copy_contract.py",
    ),
    Mutant(
        "what a quarantined copy holds counts as overwritten", "INV-15",
        "sync/apply/read_copies.py",
        "        found.setdefault(record, set()).update(versions)\n", "        pass\n",
        "tests/storage/test_copy_contract.py",
    ),
    Mutant(
        "an office sends a copy without its log's evidence", "INV-7", "sync/compare/repair_log.py",
        "    return {name: evidence_for(copy, edits[name]) for name, copy in known.items()}",
        "    return {}", "tests/storage/test_repair.py",
    ),
    Mutant(
        "evidence received in a repair is not passed on", "INV-7", "sync/compare/repair_log.py",
        "        edits[name] = with_evidence(edits[name], known[name], before)", "        pass",
        "tests/storage/test_repair.py",
    ),
    Mutant(
        "a corrupt value is sent to its writer", "INV-7", "sync/merge/evidence.py",
        "return one if writers.get(incarnation_of(one.version), 0) <= level else other",
        "return one",
        "tests/storage/test_repair.py",
    ),
    Mutant(
        "a peer may overwrite a value without a later edit", "INV-15", "sync/merge/evidence.py",
        "(v for v in versions if v < latest)", "(v for v in versions)",
        "tests/storage/test_repair.py",
    ),
    Mutant(
        "the entry of a closed quarantined change is removed", "INV-21",
        "sync/retention/truncate.py",
        "AND h.state<>'applied')", "AND h.state='open')",
        "tests/storage/test_retention_contract.py",
    ),
    Mutant(
        "values are removed before everybody has received the delete", "INV-22",
        "sync/retention/redact.py", "        if hlc_of(one.end) in above:", "        if False:",
        "tests/storage/test_redaction_contract.py",
    ),
    Mutant(
        "values that rank heads are removed with the others", "INV-7", "sync/retention/redact.py",
        "_RANKED = frozenset({Policy.MAX, Policy.MIN})", "_RANKED = frozenset[Policy]()",
        "tests/storage/test_redaction_contract.py",
    ),
    Mutant(
        "a record restored meanwhile loses its values", "INV-2", "sync/retention/redact.py",
        " AND causal_length % 2 = 0 AND causal_length_version=? AND survived_delete IS NULL",
        " AND causal_length_version>=?",
        "tests/storage/test_redaction_contract.py",
    ),
    Mutant(
        "a redacted record and its full copy compare as different", "INV-7", "sync/merge/digest.py",
        'None if causal_length % 2 else set(survived_delete.split(","))', "None",
        "tests/storage/test_redaction_contract.py",
    ),
    Mutant(
        "an edit before a delete conflicts with the next life", "INV-7", "sync/apply/compose.py",
        "            begins = operation is Operation.UPDATE and not state.alive",
        "            begins = False", "tests/storage/test_redaction_contract.py",
    ),
    Mutant(
        "calls that wait are made all at once", "bounded calls", "sync/link/lines.py",
        "            if self._left:", "            if True:", "tests/unit/sync/test_lines.py",
    ),
    Mutant(
        "the first line that is closed takes the channel with it", "a shared channel",
        "sync/link/lines.py", "            if shared.lines:\n                return",
        "            if False:\n                return", "tests/unit/sync/test_lines.py",
    ),
    Mutant(
        "a connection allows as many calls as a constant says", "every child has a line",
        "hub/serve/capacity.py", "streams=PROGRAM_CALLS + 2 * units", "streams=2",
        "tests/unit/hub/test_capacity.py",
    ),
    Mutant(
        "every heartbeat renews its token", "an idle city writes nothing", "sync/link/parent.py",
        "        if facts.noted and child.log_position == facts.hello.log_position:",
        "        if False:", "tests/integration/test_idle.py",
    ),
    Mutant(
        "no heartbeat renews its token", "INV-25", "sync/link/parent.py",
        "        if facts.noted and child.log_position == facts.hello.log_position:",
        "        if facts.noted:", "tests/integration/test_idle.py",
    ),
    Mutant(
        "news that is only newer is written at every tick", "an idle city writes nothing",
        "node/peers/status.py", "        if moments or item.unit in self._shown:",
        "        if True:", "tests/integration/test_idle.py",
    ),
    Mutant(
        "a watermark that was shown is not written", "INV-12", "node/peers/status.py",
        "            self._shown.update(found)", "            pass",
        "tests/integration/test_idle.py",
    ),
    Mutant(
        "an office in contact counts as reported", "unknown is never empty",
        "node/services/figures/completeness.py",
        "return self.received and not self.missing", "return self.received",
        "tests/unit/node/test_reporting.py",
    ),
    Mutant(
        "what was never heard is zero", "unknown is never zero", "node/services/figures/query.py",
        "nothing = counts.expected > 0 and counts.received == 0 and not any(_sums_of(figure))",
        "nothing = False", "tests/unit/node/test_reporting.py",
    ),
    Mutant(
        "what nobody filled in is zero", "unknown is never zero", "node/services/figures/query.py",
        "(nothing or self._standings.nobody_has_filled(unit, registers))", "nothing",
        "tests/unit/node/test_reporting.py",
    ),
    Mutant(
        "a question asks every office", "cost follows the question",
        "node/services/figures/completeness.py",
        "marks = office.peer_status.watermarks(tx, self._expected)",
        "marks = office.peer_status.watermarks(tx)",
        "tests/unit/node/test_question_cost.py",
    ),
    Mutant(
        "an owner rewrites what is only appended", "INV-17", "sync/model/access.py",
        "    if register.append_only and block.operation is not Operation.CREATE:",
        "    if False:", "tests/storage/test_append_only.py",
    ),
    Mutant(
        "a copy puts another value in the place of one that is there", "INV-17",
        "sync/apply/copies.py",
        "        if rewrites(before, after, table.schema):", "        if False:",
        "tests/storage/test_append_only.py",
    ),
    Mutant(
        "a day that has not come is counted", "INV-20", "node/domain/contribution.py",
        "str(since) <= day", "True", "tests/unit/node/test_days_counted.py",
    ),
    Mutant(
        "a street spends what passes through it", "INV-17", "node/domain/ledger.py",
        "        if self._level not in fund.spenders:", "        if False:",
        "tests/unit/node/test_ledger.py",
    ),
    Mutant(
        "one person releases money and receives it", "INV-17",
        "node/services/money/receipts.py",
        "    if is_same_person(released.actor, actor):", "    if False:",
        "tests/unit/node/test_service_money.py",
    ),
    Mutant(
        "any year is open", "INV-17", "node/domain/fiscal.py",
        "        if years is not None and year not in years:", "        if False:",
        "tests/unit/node/test_service_money.py",
    ),
    Mutant(
        "an amount's commas are struck out", "INV-17", "node/domain/numbers.py",
        "not _NUMBER.fullmatch(narrow)", 'not _NUMBER.fullmatch(narrow.replace(",", ""))',
        "tests/unit/node/test_numbers_and_days.py",
    ),
    Mutant(
        "work is passed on while a part is open", "INV-18", "node/domain/assignment.py",
        "    ends_parts = kind in (EventKind.CLAIM, EventKind.RELAY)",
        "    ends_parts = kind is EventKind.CLAIM", "tests/unit/node/test_service_work.py",
    ),
    *hostile.MUTANTS,
    *certificates.MUTANTS,
    *enrolment.MUTANTS,
    *delivery.MUTANTS,
    *audit.MUTANTS,
    *sealed.MUTANTS,
)  # fmt: skip
