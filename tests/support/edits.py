"""What an office of a test writes, past the services: one record, one change."""

from __future__ import annotations

from collections.abc import Mapping

from hub.client.client import wall_ms
from node.audiences import audiences_of
from node.domain.assignment import Duty
from node.domain.units import Level
from node.ids import uuid7
from node.office import Office
from node.services.work import actions
from node.services.work.checks import Order
from sync.model.change import Edit, Operation, RecordKey, Value


def premises(office: Office, name: str, area_m2: int = 100) -> bytes:
    values: dict[str, Value] = {
        "name": name, "use": "office", "area_m2": area_m2, "tenure": "owned",
    }  # fmt: skip
    return _create(office, "premises", values)


def outlet(office: Office, name: str) -> bytes:
    """Create a record that a street may have as well as a community."""
    kind = office.catalogue.registers["service_outlet"].fields["kind"]
    return _create(office, "service_outlet", {"name": name, "kind": next(iter(kind.choices))})


def enlarge(office: Office, record: bytes, area_m2: int) -> None:
    """Correct the area of own premises."""
    key = RecordKey("premises", office.identity.unit, record)
    _commit(office, key, Operation.UPDATE, {"area_m2": area_m2})


def move_to(office: Office, unit: int, record: bytes, address: str) -> None:
    """Correct an address of a lower office's premises."""
    _commit(office, RecordKey("premises", unit, record), Operation.UPDATE, {"address": address})


def _create(office: Office, register: str, values: Mapping[str, Value]) -> bytes:
    record = uuid7(wall_ms(), office.rng)
    key = RecordKey(register, office.identity.unit, record)
    _commit(office, key, Operation.CREATE, values)
    return record


def _commit(
    office: Office, key: RecordKey, operation: Operation, values: Mapping[str, Value]
) -> None:
    audiences = audiences_of(
        office.catalogue.registers[key.register], unit=key.unit, writer=office.identity.unit,
        level=office.level,
    )  # fmt: skip
    edit = Edit(key=key, operation=operation, values=dict(values), audiences=audiences)
    office.commit(lambda _tx: [edit])


def addresses(office: Office) -> dict[bytes, str]:
    """Return the addresses of premises that have one."""
    with office.store.read() as tx:
        rows = tx.exec_driver_sql("SELECT id, f_address FROM r_premises").fetchall()
    return {bytes(r[0]): r[1] for r in rows if r[1]}


def ask(office: Office, title: str, *targets: int) -> None:
    """Have an office ask work of others."""
    community = any(office.tree.level(unit) == Level.COMMUNITY for unit in targets)
    duty = Duty.UNDERTAKES if community else Duty.OFFICE
    order = Order(title=title, targets=targets, due_ms=wall_ms() + 86_400_000, duty=duty)
    actions.issue(office, order, actor="x")
