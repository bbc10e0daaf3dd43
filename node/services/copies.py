"""Copied offices: two stores under one name, and a person's word about which of them stays."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.services.holes import REASON_CHARS_MAX, NoReason
from sync import facts
from sync.errors import SilianError
from sync.statements import run
from sync.tokens import Tokens

if TYPE_CHECKING:
    from node.app import Office

FORGOTTEN = "copy_forgotten:"  # + unit: what persons decided about it, as JSON


class NotCopied(SilianError):
    """No two stores were seen at work under that office's name; there is nothing to forget."""

    code = "not_copied"

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} is not flagged as copied here",
            f"{path} 未被标记为重复运行",
            remedy_en="Look at `silian copies ls` at the office's parent.",
            remedy_zh="请在其上级单位用 silian copies ls 查看。",
        )


@dataclass(frozen=True, slots=True)
class Forgotten:
    """One decision: who let the office forget, when and why."""

    at_ms: int
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Copied:
    """An office under whose name two stores were seen. `flagged`: one of them is kept out now."""

    unit: int
    flagged: bool
    decisions: tuple[Forgotten, ...]


def list_copies(office: Office) -> tuple[Copied, ...]:
    """Return the offices that are flagged now, and those about which somebody decided."""
    flagged = office.news.copies()
    with office.store.read() as tx:
        rows = run(tx, "SELECT key, value FROM meta WHERE key LIKE ?", (f"{FORGOTTEN}%",))
        decided = {int(key.removeprefix(FORGOTTEN)): _decisions(value) for key, value in rows}
    return tuple(
        Copied(unit, unit in flagged, decided.get(unit, ()))
        for unit in sorted(flagged | decided.keys())
    )


def forget_copy(office: Office, unit: int, *, actor: str, reason: str) -> Copied:
    """Take the next store that comes under a child's name for the right one.

    The reason is kept in this office for good. Whoever asks has stopped the other store before:
    if both still run, they are flagged again when they meet.
    Raises: NoReason, NotCopied.
    """
    if not reason.strip():
        raise NoReason
    if unit not in office.news.copies():
        raise NotCopied(office.tree.path(unit) if unit in office.tree else f"#{unit}")
    word = Forgotten(office.clock.now_ms(), actor, reason.strip()[:REASON_CHARS_MAX])

    def write(tx: Connection) -> tuple[Forgotten, ...]:
        said = (*_decisions(facts.get(tx, f"{FORGOTTEN}{unit}")), word)
        text = json.dumps([asdict(each) for each in said], ensure_ascii=False)
        facts.put(tx, f"{FORGOTTEN}{unit}", text)
        key = f"{facts.GIVEN}{unit}"
        facts.put(tx, key, Tokens.from_text(facts.get(tx, key)).forgotten().to_text())
        return said

    said = office.store.write(write)
    office.news.copied(unit, no_more=True)
    office.log.warning("copy_forgotten", child=unit, actor=actor, reason=word.reason)
    return Copied(unit, False, said)


def _decisions(text: str | None) -> tuple[Forgotten, ...]:
    return tuple(Forgotten(**each) for each in json.loads(text or "[]"))
