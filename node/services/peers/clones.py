"""Clones: two stores, or two keys, under one office's name, and a person's decision about them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.domain.audit import AuditEvent, EventKind
from node.services.common.reason import REASON_CHARS_MAX, stated_reason
from sync.codec.signing import fingerprint
from sync.model.errors import ErrorKind, SilianError
from sync.recovery.clones import Tokens
from sync.store import peers

if TYPE_CHECKING:
    from node.office import Office


class NotCloned(SilianError):
    """That office is not marked: this office saw neither a second database nor another key under
    its name.
    """

    code = "not_cloned"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, path: str) -> None:
        super().__init__(
            f"this office saw neither a second database nor another key of {path}",
            f"{path} 未被标记为重复运行，也没有被拒的新密钥",
            remedy_en="Run `silian clone ls` here and at the office's other neighbours.",
            remedy_zh="请在本单位及其相邻单位用 silian clone ls 查看。",
        )


class KeyMissing(SilianError):
    """An office connected without a key, so there is no key to accept."""

    code = "key_missing"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} connected without a key, but this office knows its key",
            f"{path} 未出示密钥，而本单位已登记其密钥",
            remedy_en="Ask that office to start with its key file; without one it creates a key.",
            remedy_zh="请该单位放回密钥文件后启动；密钥文件丢失时会自动生成新密钥。",
        )


@dataclass(frozen=True, slots=True)
class CloneDecision:
    """One decision: who reset the tokens, when and why."""

    at_ms: int
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Clone:
    """An office under whose name two stores or keys came. `flagged`: one is refused now."""

    unit: int
    flagged: bool
    decisions: tuple[CloneDecision, ...]


def list_clones(office: Office) -> tuple[Clone, ...]:
    """Return the offices that are flagged now, and those about which somebody decided."""
    flagged = office.peer_status.clones() | office.signature_refusals.refused_keys().keys()
    with office.store.read() as tx:
        known = peers.load_all(tx)
    decided = {u: _decisions(peer.clone_decisions) for u, peer in known.items()
               if peer.clone_decisions}  # fmt: skip
    return tuple(
        Clone(unit, unit in flagged, decided.get(unit, ()))
        for unit in sorted(flagged | decided.keys())
    )


def reset_clone(office: Office, unit: int, *, actor: str, reason: str) -> Clone:
    """Accept the next store that comes under a child's name as the right one.

    A neighbour that was refused for its key, be it the parent or a child, is accepted under that
    key from now on, and no longer under the former: the caller has compared them. With the unit of
    this office itself, its own entries count that come back under the key of a lost store.
    The reason is kept in this office for good. The caller has stopped the other store before:
    if both still run, they are flagged again.
    Raises: ReasonMissing, NotCloned, KeyMissing.
    """
    why = stated_reason(reason)[:REASON_CHARS_MAX]
    cloned, keys = unit in office.peer_status.clones(), office.signature_refusals.refused_keys()
    if keys.get(unit) == b"":
        raise KeyMissing(office.tree.path(unit))
    if not cloned and unit not in keys:
        raise NotCloned(office.tree.path(unit) if unit in office.tree else f"#{unit}")
    decision = CloneDecision(office.clock.now_ms(), actor, why)

    def write(tx: Connection) -> tuple[CloneDecision, ...]:
        known = peers.load(tx, unit)
        decisions = (*_decisions(known.clone_decisions), decision)
        changes = peers.Changes(
            clone_decisions=json.dumps([asdict(d) for d in decisions], ensure_ascii=False)
        )
        if cloned:
            changes["token_issued"] = Tokens.from_text(known.token_issued).reset().to_text()
        if unit in keys:
            accepted = [keys[unit].hex()]
            if unit == office.identity.unit:  # several of its stores may have been lost
                accepted += [key for key in known.former_keys if key not in accepted]
            changes |= peers.Changes(key_pinned=",".join(accepted), refusal="", key_refused="")
        peers.update(tx, unit, **changes)
        facts = {"key": fingerprint(keys[unit])} if unit in keys else {}
        event = AuditEvent(event=EventKind.CLONE_RESET, by=actor, unit=unit, facts=facts)
        office.audit.append(tx, event)
        return decisions

    decisions = office.store.write(write)
    office.peer_status.flag_clone(unit, no_more=True)
    if unit in keys:
        office.signature_refusals.forget(unit)
    office.log.warning("clone_reset", child=unit, actor=actor, reason=decision.reason)
    return Clone(unit, False, decisions)


def _decisions(text: str | None) -> tuple[CloneDecision, ...]:
    return tuple(CloneDecision(**each) for each in json.loads(text or "[]"))
