"""Mutants that open a check against hostile peers again (docs/security.md)."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        "any message brings anything from anybody", "authority", "sync/model/authority.py",
        "    if rule is None:\n        raise Unauthorised(",
        "    if rule is None:\n        return writer\n        raise Unauthorised(",
        "tests/storage/test_authority_contract.py",
    ),
    Mutant(
        "what nobody asked for is taken", "authority", "sync/model/authority.py",
        "    if rule.when is When.RECOVERING and not ground.recovering:",
        "    if False:", "tests/storage/test_authority_contract.py",
    ),
    Mutant(
        "a unit writes at any level", "authority", "sync/model/authority.py",
        "    if ground.routes.level(claim.unit) != claim.level:",
        "    if False:", "tests/storage/test_authority_contract.py",
    ),
    Mutant(
        "an incarnation is anybody's", "authority", "sync/model/authority.py",
        "        if bound != here or not incarnation:",
        "        if False:", "tests/storage/test_authority_contract.py",
    ),
    Mutant(
        "an entry goes any way", "authority", "sync/model/authority.py",
        "    if not fits:\n",
        "    if False:\n", "tests/storage/test_authority_contract.py",
    ),
    Mutant(
        "one batch gives an incarnation to two units", "authority", "sync/apply/authority.py",
        "            if bound.setdefault(incarnation, (entry.unit, entry.level))[0] != entry.unit:",
        "            if False:", "tests/storage/test_authority_contract.py",
    ),
    Mutant(
        "a snapshot writes in anybody's name", "authority", "sync/apply/authority.py",
        "                elif mine is None or head.version not in received:",
        "                elif False:", "tests/storage/test_authority_contract.py",
    ),
    Mutant(
        "a repair writes in anybody's name", "authority", "sync/apply/authority.py",
        "                if not in_log and self._is_foreign(head.version):",
        "                if False:", "tests/storage/test_repair.py",
    ),
    Mutant(
        "a repair brings what nothing proves", "proof", "sync/compare/repair.py",
        '    return UNPROVEN if proof is Proof.NONE else ""\n',
        '    return ""\n', "tests/storage/test_repair.py",
    ),
    Mutant(
        "what was forgotten counts from anybody", "proof", "sync/apply/authority.py",
        "        return self.writers[incarnation_of(version)][0] == self.ground.peer",
        "        return True", "tests/storage/test_repair.py",
    ),
    Mutant(
        "what was shown is not shown on", "proof", "sync/log/shown.py",
        'f"UNION ALL SELECT {_COLUMNS} FROM shown_entry WHERE hlc IN ({marks})",',
        'f"UNION ALL SELECT {_COLUMNS} FROM shown_entry WHERE hlc IN ({marks}) AND seq < 0",',
        "tests/storage/test_repair.py",
    ),
    Mutant(
        "an entry that is shown counts under any signature", "proof", "sync/log/shown.py",
        "        if not is_signed(public_key, STREAM, last.hash, one.signature.signature):",
        "        if False:", "tests/storage/test_repair.py",
    ),
    Mutant(
        "entries that are shown need not follow one another", "proof", "sync/log/shown.py",
        "    if not follow or len(streams) > 1 or ",
        "    if len(streams) > 1 or ", "tests/storage/test_repair.py",
    ),
    Mutant(
        "an answer takes back the end of a record", "INV-22", "sync/compare/repair.py",
        "    return ours and after.causal_length < before.causal_length",
        "    return False", "tests/storage/test_repair.py",
    ),
    Mutant(
        "what was shown stays when the log is truncated", "INV-22", "sync/retention/truncate.py",
        "    if rows:  # what neighbours",
        "    if False:  # what neighbours", "tests/storage/test_repair.py",
    ),
    Mutant(
        "a parent takes itself for restored on a child's word", "proof", "sync/link/handshake.py",
        "        lost = [each for each in missing if was_here(host.replica.signer, mine, each)]",
        "        lost = [*missing]", "tests/integration/test_hostile_peers.py",
    ),
    Mutant(
        "a parent does not sign what its log has", "INV-25", "sync/recovery/proof.py",
        "    return replace(batch, log_signature=signature)",
        "    return replace(batch, log_signature=signature[:0])",
        "tests/integration/test_hostile_peers.py",
    ),
    Mutant(
        "a child is let in without its key", "possession", "sync/link/possession.py",
        "        return Possession.SHOWN if shown else Possession.FALSE",
        "        return Possession.SHOWN", "tests/integration/test_hostile_peers.py",
    ),
    Mutant(
        "a challenge counts twice", "possession", "sync/link/possession.py",
        "waiting.pop(challenge, 0) if waiting else 0",
        "waiting.get(challenge, 0) if waiting else 0", "tests/integration/test_hostile_peers.py",
    ),
    Mutant(
        "any key fits a neighbour", "pinned keys", "sync/store/peers.py",
        "    return bool(public_key) and public_key.hex().startswith(pinned)",
        "    return bool(public_key) or bool(pinned)", "tests/integration/test_hostile_peers.py",
    ),
    Mutant(
        "a key of small order is a key", "pinned keys", "sync/codec/signing.py",
        "    return y % _P not in _SMALL_ORDER",
        "    return y >= 0", "tests/unit/sync/test_signatures.py",
    ),
    Mutant(
        "a parent acknowledges what was never written", "INV-4", "sync/link/child.py",
        "        if position > written:",
        "        if False:", "tests/integration/test_hostile_peers.py",
    ),
    Mutant(
        "anybody's token shows that a parent was restored", "INV-25", "sync/recovery/clones.py",
        "    if not is_signed(public_key, TOKEN, ",
        "    if False and not is_signed(public_key, TOKEN, ", "tests/unit/sync/test_clones.py",
    ),
    Mutant(
        "a record comes in any lane", "INV-14", "sync/model/access.py",
        "    if entry.lane is not register.lane:",
        "    if False:", "tests/unit/node/test_values_of_children.py",
    ),
    Mutant(
        "money past its account counts", "INV-17", "node/domain/posting_judge.py",
        "                    self._faults[budget.outs[place]] = Fault.OVERDRAWN",
        "                    pass", "tests/property/test_posting_judge_laws.py",
    ),
    Mutant(
        "a child takes as much as it likes", "quotas", "sync/link/quota.py",
        "        if asked > allowed:",
        "        if False:", "tests/integration/test_peer_limits.py",
    ),
    Mutant(
        "a batch is as large as its sender likes", "quotas", "sync/codec/entry.py",
        "    if len(entries) > LISTED_MAX or (len(entries) > 1 and size > BATCH_BYTES_MAX):",
        "    if False:", "tests/unit/sync/test_receive.py",
    ),
)  # fmt: skip
