"""Copied offices: two stores under one name, and a person's word about which of them stays."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.services.common.reason import REASON_CHARS_MAX, stated_reason
from sync.model.errors import ErrorKind, SilianError
from sync.recovery.clones import Tokens
from sync.store import peers

if TYPE_CHECKING:
    from node.office import Office


class NotCloned(SilianError):
    """No two stores were seen at work under that office's name; there is nothing to forget."""

    code = "not_cloned"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} is not flagged as copied here",
            f"{path} 未被标记为重复运行",
            remedy_en="Look at `silian clone ls` at the office's parent.",
            remedy_zh="请在其上级单位用 silian clone ls 查看。",
        )


@dataclass(frozen=True, slots=True)
class CloneDecision:
    """One decision: who let the office forget, when and why."""

    at_ms: int
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Clone:
    """An office under whose name two stores were seen. `flagged`: one of them is kept out now."""

    unit: int
    flagged: bool
    decisions: tuple[CloneDecision, ...]


def list_clones(office: Office) -> tuple[Clone, ...]:
    """Return the offices that are flagged now, and those about which somebody decided."""
    flagged = office.peer_status.clones()
    with office.store.read() as tx:
        known = peers.load_all(tx)
    decided = {u: _decisions(peer.clone_decisions) for u, peer in known.items()
               if peer.clone_decisions}  # fmt: skip
    return tuple(
        Clone(unit, unit in flagged, decided.get(unit, ()))
        for unit in sorted(flagged | decided.keys())
    )


def reset_clone(office: Office, unit: int, *, actor: str, reason: str) -> Clone:
    """Take the next store that comes under a child's name for the right one.

    The reason is kept in this office for good. Whoever asks has stopped the other store before:
    if both still run, they are flagged again when they meet.
    Raises: ReasonMissing, NotCopied.
    """
    why = stated_reason(reason)[:REASON_CHARS_MAX]
    if unit not in office.peer_status.clones():
        raise NotCloned(office.tree.path(unit) if unit in office.tree else f"#{unit}")
    decision = CloneDecision(office.clock.now_ms(), actor, why)

    def write(tx: Connection) -> tuple[CloneDecision, ...]:
        known = peers.load(tx, unit)
        decisions = (*_decisions(known.clone_decisions), decision)
        peers.update(
            tx, unit,
            clone_decisions=json.dumps([asdict(d) for d in decisions], ensure_ascii=False),
            token_issued=Tokens.from_text(known.token_issued).reset().to_text(),
        )  # fmt: skip
        return decisions

    decisions = office.store.write(write)
    office.peer_status.flag_clone(unit, no_more=True)
    office.log.warning("clone_reset", child=unit, actor=actor, reason=decision.reason)
    return Clone(unit, False, decisions)


def _decisions(text: str | None) -> tuple[CloneDecision, ...]:
    return tuple(CloneDecision(**each) for each in json.loads(text or "[]"))
