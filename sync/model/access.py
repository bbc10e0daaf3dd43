"""Access: who may write and relay what. The writer checks each change, every receiver too. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sync.model import audience
from sync.model.change import Block, Entry, Operation
from sync.model.errors import ErrorKind, SilianError
from sync.model.schema import RegisterSchema

if TYPE_CHECKING:
    from sync.merge.record import RecordState

APPEND_ONLY = "append_only"
WRONG_LANE = "wrong_lane"
WRONG_AUDIENCE = "wrong_audience"


class Routes(Protocol):
    """What the engine asks of the tree of units."""

    def hop(self, unit: int) -> int | None:
        """Return our child on the way to `unit`; None when it is not below us."""

    def covers(self, upper: int, lower: int) -> bool:
        """Return whether `upper` is `lower` or one of its ancestors."""

    def level(self, unit: int) -> int | None:
        """Return the level of a unit; None when it is not in the tree."""


def denial_reason(
    block: Block, register: RegisterSchema, *, writer: int, level: int, routes: Routes
) -> str | None:
    """Return why a writer may not make this change, as a reason of quarantine; None if it may.

    An office writes records of its own unit and of units below it, and of a record only the
    fields that its level owns (INV-14, INV-31); it adds none to a register that it owns nothing of.
    A record of `own` is one office's statement, as an event is: no other office writes it. One
    that is only appended, as a posting is, is never changed or ended, by its own writer neither.
    """
    if (register.own and writer != block.unit) or not routes.covers(writer, block.unit):
        return "foreign_unit"
    if register.append_only and block.operation is not Operation.CREATE:
        return APPEND_ONLY
    if block.operation is Operation.DELETE:
        return None if writer == block.unit else "not_owner"
    by_name = register.by_name
    if block.operation is Operation.CREATE and not any(
        level in field.owners for field in register.fields
    ):
        return "not_owner"  # else any office could add an empty record, for example a unit
    for name, column in zip(block.fields, block.columns, strict=True):
        field = by_name.get(name)
        if field is None or level in field.owners:
            continue
        if block.operation is Operation.CREATE and all(value is None for value in column):
            continue
        return "not_owner"
    return None


def refusal_of(block: Block, register: RegisterSchema, entry: Entry, routes: Routes) -> str | None:
    """Return why an entry's block is not accepted here, as a reason of quarantine."""
    return denial_reason(
        block, register, writer=entry.unit, level=entry.level, routes=routes
    ) or _misdirection(block, register, entry)


def _misdirection(block: Block, register: RegisterSchema, entry: Entry) -> str | None:
    """Return why a change reached others than its register says: by its lane, or its audience.

    What an upper office writes of a lower one's record goes down to that office, too.
    """
    if entry.lane is not register.lane:
        return WRONG_LANE
    if register.audience in ("", entry.audience):
        return None
    down_to_it = audience.parse(entry.audience).down_to == block.unit
    goes_up = register.audience.startswith("up:")
    return None if goes_up and down_to_it else WRONG_AUDIENCE


def is_rewritten(copy: RecordState, register: RegisterSchema) -> bool:
    """Return whether a copy of a record that is only appended was changed or ended by somebody.

    Its writer wrote all of its fields at once; one that the writer's program did not know is empty.
    """
    if not register.append_only:
        return False
    shown = [heads.shown for heads in copy.fields.values()]
    made = {h.version for h in shown if h.value is not None or h.version != copy.created}
    return not copy.alive or len(made) > 1


def rewrites(before: RecordState | None, after: RecordState, register: RegisterSchema) -> bool:
    """Return whether a value of such a record would be replaced by another one.

    Of two that were made independently under one id both stay, and the earlier one is shown.
    """
    if before is None or not register.append_only:
        return False
    for name, heads in before.fields.items():
        now = after.fields.get(name)
        if now is None or now.shown.value == heads.shown.value:
            continue
        if all(head.version != heads.shown.version for head in now.all):
            return True
    return False


class Unauthorised(SilianError):
    """A neighbour sent something that it may not write or relay. This office refused the whole
    message.
    """

    code = "unauthorised"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(self, why: str, why_zh: str) -> None:
        super().__init__(
            f"refused: {why}",
            f"拒绝接收：{why_zh}",
            remedy_en="Check the peer's unit and its place in the tree.",
            remedy_zh="请核对对方单位及其隶属关系。",
        )


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose store this is."""

    unit: int
    level: int
    incarnation: int
