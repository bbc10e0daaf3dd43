"""Lies in an entry of the liar's own log, under its own key: quarantined by all who receive them.

Each bears its reason in its record's id, as poison does: the same checks find it everywhere.
"""

from __future__ import annotations

from typing import Any

from node.domain.posting import PostingKind, posting_id_for
from sync.codec import entry as codec
from sync.model import audience
from sync.model.change import Block, Operation
from sync.model.schema import Lane
from tests.simulation.lie import DOWN, End, How, Lies, Role, Scene, Way
from tests.simulation.poison import SIGNED_REASONS, append_as, signed_id

LIES = Lies()


def writes(role: Role, falsifies: str, reason: str) -> Any:
    assert reason in SIGNED_REASONS, reason
    return LIES.add(role, "entry", falsifies, End(How.QUARANTINED, reason), Way.WRITTEN)


def _write(
    scene: Scene, reason: str, register: str, values: dict[str, Any], *, unit: int = 0,
    operation: Operation = Operation.CREATE, to: str = "", twice: bool = False,
    lane: Lane | None = None,
) -> bytes:  # fmt: skip
    """Write one record; return its id."""
    record = signed_id(reason, scene.rng)
    block = Block(
        register, unit or scene.me.unit, operation, [record], tuple(values),
        [[value] for value in values.values()],
        causal_length=0 if operation is Operation.CREATE else 1,
    )  # fmt: skip
    payload = codec.pack([block, block]) if twice else None
    lane = lane or scene.teller.office.tables[register].schema.lane
    append_as(scene.teller, [block], payload, lane, to or audience.up(0))
    return record


PREMISES = {"name": "假", "use": "office", "area_m2": 100}


def child(falsifies: str, reason: str) -> Any:
    return writes(Role.CHILD, falsifies, reason)


def hub(falsifies: str, reason: str) -> Any:
    return writes(Role.HUB, falsifies, reason)


# -- a tampered child ------------------------------------------------------------------------------


@child("the tree: a unit of its own making", "not_owner")
def a_unit_of_its_own_making(scene: Scene) -> Any:
    return _write(scene, "not_owner", "unit", {"unit_id": 1, "name": "假", "level": 3})


@child("the rules of money: a fund's setting", "not_owner")
def a_setting_of_a_fund(scene: Scene) -> Any:
    return _write(scene, "not_owner", "fund_setting", {"fund": "F1", "year": 2026, "name": "x"})


@child("a record of another branch", "foreign_unit")
def a_record_of_another_branch(scene: Scene) -> Any:
    other = scene.elsewhere()
    return other and _write(scene, "foreign_unit", "premises", PREMISES, unit=other.unit_id)


@child("a record of its parent", "foreign_unit")
def a_record_of_its_parent(scene: Scene) -> Any:
    return _write(scene, "foreign_unit", "premises", PREMISES, unit=scene.them.unit)


@child("a posting in its parent's books", "foreign_unit")
def a_posting_of_its_parent(scene: Scene) -> Any:
    values = {"kind": "spend", "fund": "F1", "year": 2026, "amount_fen": 100}
    return _write(scene, "foreign_unit", "posting", values, unit=scene.them.unit)


@child("the end of a record that nobody has", "missing_record")
def the_end_of_no_record(scene: Scene) -> Any:
    return _write(scene, "missing_record", "premises", {}, operation=Operation.DELETE)


@child("the end of a posting", "append_only")
def the_end_of_a_posting(scene: Scene) -> Any:
    return _write(scene, "append_only", "posting", {}, operation=Operation.DELETE)


@child("a cell at the end of its range", "invalid_value")
def a_cell_at_the_end_of_its_range(scene: Scene) -> Any:
    values = {"measure": "premises_area", "period": "", "dims": "", "amount": (1 << 63) - 1}
    return _write(scene, "invalid_value", "cell", values)


@child("an area below zero", "invalid_value")
def an_area_below_zero(scene: Scene) -> Any:
    return scene.me.level == 3 and _write(
        scene, "invalid_value", "premises", {**PREMISES, "area_m2": -1}
    )


@child("a cell without its amount", "invalid_value")
def a_cell_without_an_amount(scene: Scene) -> Any:
    values = {"measure": "premises_area", "period": "", "dims": ""}
    return _write(scene, "invalid_value", "cell", values)


@child("a text where a number belongs", "wrong_kind")
def a_text_for_a_number(scene: Scene) -> Any:
    return scene.me.level == 3 and _write(
        scene, "wrong_kind", "premises", {**PREMISES, "area_m2": "多"}
    )


@child("personal data: the city as its audience", "wrong_audience")
def personal_data_for_the_city(scene: Scene) -> Any:
    values = {"id_number": "假", "name": "假"}
    return scene.me.level == 3 and _write(scene, "wrong_audience", "resident", values)


@child("for whom a record is: its parent only", "wrong_audience")
def a_record_that_ends_at_its_parent(scene: Scene) -> Any:
    to = audience.up(scene.them.level)
    return (
        scene.me.level == 3 and scene.them.level
        and _write(scene, "wrong_audience", "premises", PREMISES, to=to)
    )  # fmt: skip


@child("the lane: a record before all money and work", "wrong_lane")
def a_record_in_the_control_lane(scene: Scene) -> Any:
    return scene.me.level == 3 and _write(
        scene, "wrong_lane", "premises", PREMISES, lane=Lane.CONTROL
    )


@child("how many records an entry has", "malformed")
def another_count_than_its_body(scene: Scene) -> Any:
    return _write(scene, "malformed", "premises", PREMISES, twice=True)


# -- money -----------------------------------------------------------------------------------------


def books(falsifies: str, reason: str) -> Any:
    return LIES.add(Role.CHILD, "entry", falsifies, End(How.QUARANTINED, reason), Way.WRITTEN)


def _post(scene: Scene, kind: PostingKind, **values: Any) -> bytes | None:
    """Write a posting of a community into its log, but not into its own books."""
    if scene.me.level != 3:
        return None
    transfer = scene.rng.randbytes(16)
    fields = {
        "kind": kind.value, "fund": "F1", "year": 2026, "transfer": transfer.hex(),
        "debit": "spent:office", "credit": "held", "amount_fen": 10**12, "level": 3,
        "at_ms": scene.world.clockwork.now_ms, "peer": None, "peer_level": None, **values,
    }  # fmt: skip
    record = posting_id_for(scene.me.unit, kind, transfer)
    columns = [[value] for value in fields.values()]
    block = Block("posting", scene.me.unit, Operation.CREATE, [record], tuple(fields), columns)
    append_as(scene.teller, [block], None, Lane.CONTROL, audience.up(0))
    return record


@books("money: more than its account has", "overdrawn")
def more_money_than_there_is(scene: Scene) -> Any:
    return _post(scene, PostingKind.SPEND, category="office")


@books("money: an appropriation of its own", "not_entitled")
def an_appropriation_of_its_own(scene: Scene) -> Any:
    return _post(scene, PostingKind.APPROPRIATE, debit="held", credit="source")


@books("money: from an account into itself", "bad_posting")
def money_into_the_same_account(scene: Scene) -> Any:
    return _post(scene, PostingKind.SPEND, debit="held", category="office")


# -- a lying hub -----------------------------------------------------------------------------------


def _child_of(scene: Scene) -> int:
    children = scene.world.children(scene.teller.index)
    return scene.world.units[scene.rng.choice(children)].unit_id


@hub("a record of its child, with what only the child may write", "not_owner")
def a_record_in_its_childs_name(scene: Scene) -> Any:
    if scene.me.level != 2:
        return None
    return _write(scene, "not_owner", "premises", PREMISES, unit=_child_of(scene), to=DOWN)


@hub("the end of its child's record", "not_owner")
def the_end_of_its_childs_record(scene: Scene) -> Any:
    return _write(
        scene, "not_owner", "premises", {}, unit=_child_of(scene), to=DOWN,
        operation=Operation.DELETE,
    )  # fmt: skip


@hub("the tree: a unit below it", "not_owner")
def a_unit_below_a_hub(scene: Scene) -> Any:
    if not scene.me.level:
        return None
    return _write(
        scene, "not_owner", "unit", {"unit_id": 1, "name": "假", "level": 3}, unit=_child_of(scene),
        to=DOWN,
    )  # fmt: skip


@hub("a record of another branch, handed down", "foreign_unit")
def a_record_of_another_branch_handed_down(scene: Scene) -> Any:
    other = scene.elsewhere()
    return other and _write(
        scene, "foreign_unit", "premises", PREMISES, unit=other.unit_id, to=DOWN
    )


@hub("a posting in its child's books", "foreign_unit")
def a_posting_of_its_child(scene: Scene) -> Any:
    values = {"kind": "spend", "fund": "F1", "year": 2026, "amount_fen": 100}
    return _write(scene, "foreign_unit", "posting", values, unit=_child_of(scene), to=DOWN)


@hub("for whom a setting is: one child only", "wrong_audience")
def a_setting_for_one_child(scene: Scene) -> Any:
    if scene.me.level:
        return None
    values = {"fund": "F1", "year": 2026, "name": "x"}
    to = audience.down(_child_of(scene))
    return _write(scene, "wrong_audience", "fund_setting", values, to=to)


@hub("how many records an entry has, handed down", "malformed")
def another_count_than_its_body_handed_down(scene: Scene) -> Any:
    return _write(
        scene, "malformed", "premises", PREMISES, unit=_child_of(scene), to=DOWN, twice=True
    )
