"""Reissued entries: how their receivers handle entries that their writer has published again."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from sync.apply.blocks import Merger
from sync.log.history import load_history
from sync.merge.record import Heads, RecordState, canonical
from sync.model.change import Block, Entry, RecordKey
from sync.model.effect import Effect
from sync.model.version import Version
from sync.store.registers import RegisterTables


@dataclass(slots=True)
class OwnTransaction:
    """One transaction of an office in one lane, with the audiences that its log has it for."""

    sample: Entry
    blocks: list[Block] = field(default_factory=list)
    by_audience: dict[str, list[Block]] = field(default_factory=lambda: defaultdict(list))
    truncated: frozenset[str] = (
        frozenset()
    )  # audiences whose entries of that time are not in the log any more


# -- at a receiver --------------------------------------------------------------------------------


def drop_superseded_heads(
    tx: Connection, merger: Merger, tables: RegisterTables, block: Block, version: Version
) -> list[Effect]:
    """Remove republished values that an edit received earlier had overwritten.

    Merge needs an edit before those that are based on it. A republished edit comes late: who
    received the later ones in the other stream has the earlier value as a concurrent head.
    """
    if block.register not in tables:
        return []
    table = tables[block.register]
    states = merger.states(tx, block.register, block.unit, block.ids)
    named = {record: RecordKey(block.register, block.unit, record) for record in states}
    others = {
        named[record]: {h.version for hs in state.fields.values() for h in hs.all} - {version}
        for record, state in states.items()
        if any(hs.losers and _has(hs, version) for hs in state.fields.values())
    }
    if not others:
        return []
    history = load_history(tx, others)
    pairs: list[tuple[bytes, RecordState | None, RecordState]] = []
    for record, before in states.items():
        edits = history.get(named[record], {})
        overwritten = {
            n
            for one in edits.values()
            for n, versions in one.overwritten.items()
            if version in versions
        }
        late = {n: hs for n, hs in before.fields.items() if n in overwritten and _has(hs, version)}
        late = {n: hs for n, hs in late.items() if hs.losers}
        if not late:
            continue
        fields = dict(before.fields)
        for name, heads in late.items():
            stay = [head for head in heads.all if head.version != version]
            fields[name] = Heads(stay[0], tuple(stay[1:]))
        survived_delete = before.survived_delete - {(name, version) for name in late}
        after = canonical(
            replace(before, fields=fields, survived_delete=survived_delete), table.schema.by_name
        )
        closer = max(head.version for name in late for head in fields[name].all)
        if merger.put(tx, table, block.unit, record, before, after, closed_by=closer):
            pairs.append((record, before, after))
    effect = merger.effect_of(table, block.unit, pairs)
    return [effect] if effect is not None else []


def _has(heads: Heads, version: Version) -> bool:
    return any(head.version == version for head in heads.all)
