"""Authority: which message may bring what from whom. One table, and the one function that asks it.

Every way by which entries, streams and copies come into a store asks `check` or, for the values
of copies, `speaks_for`; what no row of `RULES` allows is refused. Statuses and the handshake are
checked elsewhere (docs/security.md lists what is not checked yet). That page shows the same table,
and a test compares the two. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from sync.model import audience
from sync.model.access import Identity, Routes, Unauthorised
from sync.model.change import Entry


class Message(Enum):
    """What a neighbour sends. A bundle has the batches of a push or of a pull."""

    PUSH = "Push"
    PULL = "Pull"
    REPLAY = "Replay"
    RESTORE_PARENT = "RestoreParent"
    SNAPSHOT = "Snapshot"
    UPLOAD_SNAPSHOT = "UploadSnapshot"
    COMPARE = "Digest, a child's copies"
    COMPARED = "Digest, the parent's copies"

    @property
    def from_child(self) -> bool:
        return self in _FROM_CHILD


_FROM_CHILD = frozenset(
    {Message.PUSH, Message.RESTORE_PARENT, Message.UPLOAD_SNAPSHOT, Message.COMPARE}
)


class Item(Enum):
    """What a message brings."""

    ENTRY = "entry"  # of a stream: a transaction as its office wrote it
    HEAD = "head of a stream"  # after which a stream goes on, its entries left out
    VALUE = "value of a copy"  # that this office does not know yet


class Writer(Enum):
    """Who wrote it, seen from the receiver."""

    OWN = "this office"
    BELOW = "below"  # from a child: that child and its units; from the parent: units below here
    ABOVE = "above"  # the parent and the offices above it
    ELSEWHERE = "elsewhere"


class Way(Enum):
    """To whom its stream goes; None in a rule: the item has no stream."""

    UP = "up: to this office or above"
    DOWN = "down: to this office or below"
    DOWN_TO_PEER = "down: to this child"


class When(Enum):
    """What must be true at the receiver."""

    ALWAYS = "always"
    RECOVERING = "while this office takes back what its store lost"
    IN_LOG = "only what the own log says"


class Rule(NamedTuple):
    """One row: this message may bring this item of these writers."""

    message: Message
    item: Item
    writer: Writer
    way: Way | None = None
    when: When = When.ALWAYS


_M, _I, _W = Message, Item, Writer
RULES = (
    Rule(_M.PUSH, _I.ENTRY, _W.BELOW, Way.UP),
    Rule(_M.PULL, _I.ENTRY, _W.ABOVE, Way.DOWN),
    Rule(_M.REPLAY, _I.ENTRY, _W.OWN, Way.UP, When.RECOVERING),
    Rule(_M.REPLAY, _I.ENTRY, _W.BELOW, Way.UP, When.RECOVERING),
    Rule(_M.REPLAY, _I.ENTRY, _W.ABOVE, Way.DOWN, When.RECOVERING),
    Rule(_M.RESTORE_PARENT, _I.ENTRY, _W.OWN, Way.DOWN_TO_PEER, When.RECOVERING),
    Rule(_M.SNAPSHOT, _I.HEAD, _W.ABOVE, Way.DOWN),
    Rule(_M.SNAPSHOT, _I.HEAD, _W.OWN, Way.UP),
    Rule(_M.SNAPSHOT, _I.HEAD, _W.BELOW, Way.UP),
    Rule(_M.SNAPSHOT, _I.VALUE, _W.ABOVE),
    Rule(_M.SNAPSHOT, _I.VALUE, _W.OWN, when=When.RECOVERING),
    Rule(_M.SNAPSHOT, _I.VALUE, _W.BELOW, when=When.RECOVERING),
    Rule(_M.UPLOAD_SNAPSHOT, _I.HEAD, _W.BELOW, Way.UP),
    Rule(_M.UPLOAD_SNAPSHOT, _I.VALUE, _W.BELOW),
    Rule(_M.UPLOAD_SNAPSHOT, _I.VALUE, _W.OWN, when=When.RECOVERING),
    Rule(_M.COMPARE, _I.VALUE, _W.BELOW),
    Rule(_M.COMPARE, _I.VALUE, _W.OWN, when=When.IN_LOG),
    Rule(_M.COMPARE, _I.VALUE, _W.ABOVE, when=When.IN_LOG),
    Rule(_M.COMPARE, _I.VALUE, _W.ELSEWHERE, when=When.IN_LOG),
    Rule(_M.COMPARED, _I.VALUE, _W.ABOVE),
    Rule(_M.COMPARED, _I.VALUE, _W.OWN, when=When.IN_LOG),
    Rule(_M.COMPARED, _I.VALUE, _W.BELOW, when=When.IN_LOG),
    Rule(_M.COMPARED, _I.VALUE, _W.ELSEWHERE, when=When.IN_LOG),
)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a message is judged by: who received it from whom, and what is known here."""

    message: Message
    peer: int
    me: Identity
    routes: Routes
    # Incarnation -> unit and level, of every incarnation that the message names and we know.
    bound: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    recovering: bool = False

    def writer(self, unit: int) -> Writer:
        """Return where in the tree a unit is, seen from here."""
        if unit == self.me.unit:
            return Writer.OWN
        hop = self.routes.hop(unit)
        if hop is not None:
            return Writer.BELOW if hop == self.peer or not self.message.from_child else _ELSEWHERE
        return Writer.ABOVE if self.routes.covers(unit, self.me.unit) else _ELSEWHERE


_ELSEWHERE = Writer.ELSEWHERE
# What a child sends up ends at this office or above; a parent's log gives back all that it has.
_ENDS_HERE = (Message.PUSH, Message.UPLOAD_SNAPSHOT)
_BY_KEY: Mapping[tuple[Message, Item, Writer], Rule] = {rule[:3]: rule for rule in RULES}


class Claim(NamedTuple):
    """Who is named as an item's writer, under which incarnation, and for whom it is."""

    unit: int
    level: int
    incarnation: int
    audience: str = ""  # empty: the item has no stream
    original_incarnation: int = 0


def check(item: Item, claim: Claim, ground: Ground) -> Writer:
    """Refuse what this message may not bring; return who wrote it.

    Raises: Unauthorised, BadAudience.
    """
    writer = ground.writer(claim.unit)
    rule = _BY_KEY.get((ground.message, item, writer))
    if rule is None:
        raise Unauthorised(
            f"{ground.message.value} brings: {item.value}, written by {writer.value}",
            f"对方无权在此类报文中转发该单位的数据（单位编号 {claim.unit}）",
        )
    if rule.when is When.RECOVERING and not ground.recovering:
        raise Unauthorised(
            f"{ground.message.value} brings what this office did not ask for",
            "本单位未在恢复数据，对方发来了未经请求的内容",
        )
    if rule.way is not None:
        _check_way(claim.audience, rule.way, ground)
    check_binding(claim, ground)
    return writer


def speaks_for(unit: int, ground: Ground) -> bool:
    """Return whether the sender of copies may bring values of this writer that are new here."""
    rule = _BY_KEY.get((ground.message, Item.VALUE, ground.writer(unit)))
    return rule is not None and (
        rule.when is When.ALWAYS or (rule.when is When.RECOVERING and ground.recovering)
    )


def check_binding(claim: Claim, ground: Ground) -> None:
    """Check that an incarnation stays with one unit, at the level of that unit in the tree.

    Raises: Unauthorised.
    """
    if ground.routes.level(claim.unit) != claim.level:
        raise Unauthorised(
            f"unit {claim.unit} is not of level {claim.level} in the tree",
            f"单位 {claim.unit} 的层级与隶属关系不符",
        )
    here = (claim.unit, claim.level)
    for incarnation in (claim.incarnation, claim.original_incarnation or claim.incarnation):
        mine = incarnation == ground.me.incarnation
        bound = (ground.me.unit, ground.me.level) if mine else ground.bound.get(incarnation, here)
        if bound != here or not incarnation:
            raise Unauthorised(
                f"incarnation {incarnation:x} is not of unit {claim.unit}",
                f"存续期 {incarnation:x} 不属于单位 {claim.unit}",
            )


def _check_way(name: str, way: Way, ground: Ground) -> None:
    target = audience.parse(name)
    if way is Way.UP:
        fits = target.up_to is not None and (
            ground.message not in _ENDS_HERE or target.up_to <= ground.me.level
        )
    elif way is Way.DOWN:
        fits = target.up_to is None
    else:
        fits = target.down_all or (
            target.down_to is not None and ground.routes.hop(target.down_to) == ground.peer
        )
    if not fits:
        raise Unauthorised(
            f"an audience that does not go this way: {name}", f"送达范围与传送方向不符：{name}"
        )


def claim_of(entry: Entry) -> Claim:
    """Return what an entry states of its writer."""
    return Claim(
        entry.unit, entry.level, entry.incarnation, entry.audience, entry.original_incarnation
    )
