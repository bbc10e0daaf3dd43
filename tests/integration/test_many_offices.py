"""Hundreds of offices in one process come up at one parent's address, over one connection."""

from __future__ import annotations

import random
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from hub.client.client import wall_ms
from hub.serve.process import LINK_WORKERS_MAX, Process
from node.domain.assignment import Duty
from node.open import open_office
from node.services.work.actions import issue
from node.services.work.checks import Order
from sync.link.dialer import Dialer
from sync.link.lines import Lines
from sync.link.session import State
from tests.integration.test_herd import HandshakeClient, Hub, Rests
from tests.support.edits import outlet
from tests.support.many import communities, make_communities, make_street
from tests.support.tier import eventually
from tests.unit.node.offices import CATALOGUE, STREET, Clock

CHILDREN = 300
DEAF = 12
LONG_S = 60.0


def served(folders: list[Path], closing: ExitStack) -> Process:
    process = Process(folders, wall_ms=wall_ms, rng=random.Random(4), synchronous="OFF")
    closing.callback(process.stop)
    process.start()
    return process


def test_three_hundred_offices_of_one_process_come_up_at_one_address_and_are_received_and_answered(
    tmp_path: Path,
) -> None:
    codes = communities(CHILDREN)
    with ExitStack() as closing:
        above = served([make_street(tmp_path / STREET, codes)], closing)
        (street,) = above.served.values()
        units = {code: street.office.tree.find(code).unit_id for code in codes}
        below = served(make_communities(tmp_path, units, above.server.address), closing)
        lines = {unit: each.dialer for unit, each in below.served.items()}
        assert lines.keys() == set(units.values())

        eventually(lambda: all(each and each.state is State.IDLE for each in lines.values()))
        assert below.lines.counts() == {above.server.address: CHILDREN}
        workers = [t for t in threading.enumerate() if t.name.startswith("link")]
        assert len(workers) <= 2 * LINK_WORKERS_MAX  # of both processes, whatever their offices

        made = {unit: outlet(each.office, "网点") for unit, each in below.served.items()}

        def arrived() -> dict[int, bytes]:
            with street.office.store.read() as tx:
                rows = tx.exec_driver_sql("SELECT unit, id FROM r_service_outlet").fetchall()
            return {row[0]: bytes(row[1]) for row in rows}

        eventually(lambda: arrived() == made)
        order = Order(title="清查", targets=tuple(made), duty=Duty.ASSISTS)
        issue(street.office, order, actor="clerk")

        def receipts() -> int:
            with street.office.store.read() as tx:
                statement = "SELECT count(*) FROM assignment WHERE state='delivered'"
                return int(tx.exec_driver_sql(statement).scalar_one())

        eventually(lambda: receipts() == CHILDREN)
        assert all(each and each.connected for each in lines.values())


def test_offices_whose_parent_never_answers_keep_no_other_office_from_its_own(
    tmp_path: Path,
) -> None:
    with ExitStack() as closing:
        deaf = closing.enter_context(socket.create_server(("127.0.0.1", 0)))
        nobody = f"127.0.0.1:{deaf.getsockname()[1]}"
        office = open_office(
            make_street(tmp_path, communities(1)), wall_ms=Clock(), rng=random.Random(5),
            catalogue=CATALOGUE, synchronous="OFF",
        )  # fmt: skip
        closing.callback(office.close)
        hub, rests, lines = Hub(office), Rests(), Lines()
        hub.start()
        closing.callback(hub.stop)
        worker = ThreadPoolExecutor(1)  # for all
        closing.callback(worker.shutdown)

        def dial(address: str) -> Dialer:
            (unit,) = office.tree.children(office.identity.unit)
            line = Dialer(
                HandshakeClient(unit),  # type: ignore[arg-type]
                connect=lambda: lines.connect(address), workers=worker, later=rests,
                rng=random.Random(1),
            )  # fmt: skip
            closing.callback(line.close, 0)
            line.start()
            return line

        waiting = [dial(nobody) for _ in range(DEAF)]
        assert dial(hub.address).wait_idle(LONG_S)
        assert {line.state for line in waiting} == {State.HANDSHAKE}
        assert lines.counts() == {nobody: DEAF, hub.address: 1}
