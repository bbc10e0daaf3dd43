"""Faults: each begins at its time and is undone at its end, and all are undone before the calm."""

from __future__ import annotations

import contextlib
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from node.setup import DATABASE
from node.store.engine import sqlite_driver
from sync.model.limits import PROTOCOL_MAX
from tests.simulation import stores
from tests.simulation.bit_rot import bit_rot
from tests.simulation.plan import DAY_MS, OPERATIONS, Fault
from tests.simulation.process import Armed

if TYPE_CHECKING:
    from tests.simulation.process import Process
    from tests.simulation.world import World

CRASH_OPERATIONS = (  # what a process writes for: each is a place to die at, at each of the points
    "serve Hello", "serve Push", "serve Return", "apply", "hear Hello", "hear Echo", "hear Return",
    "registers", "conflicts", "work", "money", "tree", "upkeep", "poison", "tick",
)  # fmt: skip
ARMED = ("crash_before_commit", "crash_after_commit", "crash_in_transaction")
CLOCKS_MS = {
    "clock_day_ahead": DAY_MS,
    "clock_day_behind": -DAY_MS,
    "clock_far_future": 400 * DAY_MS,
}


def strike(world: World, fault: Fault) -> None:
    """Let a fault happen, and its end at its time."""
    rng = random.Random(fault.seed)
    end = _begin(world, fault, rng)
    if end is not None:
        world.clockwork.later(
            fault.until_ms - fault.at_ms, f"over {fault.kind} {fault.office}", end
        )


def clear_faults(world: World) -> None:
    """Undo everything: lines whole, clocks right, disks free, every office running, once."""
    for index in sorted(world.clones):
        stores.decide(world, index)
    world.network.clear_faults()
    world.protocols.clear()
    for index in [*world.dialled]:
        _dial_right(world, index)
    if world.plan.newer:
        _upgrade_all(world)
    world.frozen_ms.clear()
    world.fuses.clear()
    for index in world.present:
        world.skew_ms[index] = 0
        process = world.processes.get(index)
        if process is None:
            world.open(index)
            continue
        process.armed = None
        process.slow_ms = 0
        process.paused_until_ms = 0
        _free_disk(process)
    world.clockwork.later(stores.FORGIVEN_MS, "forgive", lambda: stores.forgive(world))


def _upgrade_all(world: World) -> None:
    """In the end every office has the newer program: what waited for it is taken up."""
    for index in world.present:
        process = world.processes.get(index)
        if index not in world.newer:
            world.newer.add(index)
            if process is not None:
                world.crashed(process, down_ms=1_000)


def _begin(world: World, fault: Fault, rng: random.Random) -> Any:
    kind, index = fault.kind, fault.office
    process = world.processes.get(index)
    if kind in ARMED:
        if process is not None:  # counted when it dies there
            operation = fault.operation or rng.choice(
                (*CRASH_OPERATIONS, *[""] * len(CRASH_OPERATIONS))
            )
            process.armed = Armed(kind, operation, aimed=bool(fault.operation))
        return None
    if kind in CLOCKS_MS:
        world.ledger.note("fault", kind)
        return _clock(world, index, CLOCKS_MS[kind])
    note = world.ledger.note
    match kind:
        case "crash" if process is not None:
            note("fault", kind)
            world.crashed(process, down_ms=fault.until_ms - fault.at_ms)
        case "power_cut" if process is not None:
            note("fault", kind)
            world.power_fails(process, down_ms=fault.until_ms - fault.at_ms)
        case "power_cut_in_write" | "power_cut_twice":
            note("fault", kind)
            fuses = world.fuses.setdefault(world.path(index), [])
            fuses.append(rng.randrange(1, 40))
            if kind == "power_cut_twice":
                fuses.append(rng.randrange(1, 6))
        case "cut" | "cut_up" | "cut_down" if index:
            note("fault", kind)
            world.network.cut(index, fault, up=kind != "cut_down", down=kind != "cut_up")
            return lambda: world.network.restore_link(index, fault)
        case "half_open" if index:
            note("fault", kind)
            edge = world.network.edges[index]
            edge.up.add(fault)  # nobody is notified; keepalive comes too late for this one
            edge.down.add(fault)
            return lambda: world.network.restore_link(index, fault)
        case "cut_level":
            level = world.plan.levels[index] or 1
            lines = [i for i in world.present if world.plan.levels[i] == level]
            return _cut_all(world, fault, lines)
        case "cut_branch":
            return _cut_all(world, fault, [i for i in world.below(index) if i])
        case "swizzle":
            _swizzle(world, fault, rng)
        case "flap" if index:
            note("fault", kind)
            _flap(world, fault, rng)
        case "noise" if index:
            note("fault", kind)
            edge = world.network.edges[index]
            edge.noise = replace(edge.noise, drop=0.3, duplicate=0.05, delay_ms=2_000, tail=0.1,
                                 corrupt=rng.choice((0.0, 0.05)))  # fmt: skip
            return lambda: setattr(edge, "noise", world.network.quiet)
        case "pause" if process is not None:
            note("fault", kind)
            process.paused_until_ms = world.clockwork.now_ms + fault.until_ms - fault.at_ms
        case "disk_full" | "locked" if process is not None:
            note("fault", kind)
            (_fill_disk if kind == "disk_full" else _lock)(process)
            return lambda: _free_disk(process)
        case "restore" | "put_back" if process is not None:
            backup = stores.backup_of(world, process)
            return lambda: stores.restore(world, index, backup, kind)
        case "lost_disk" if process is not None and (index or _grants_nothing(world)):
            stores.lose_disk(world, index)
        case "copy" if process is not None and index and index not in world.clones:
            return stores.copy(world, index, stores.backup_of(world, process))
        case "slow_disk" if process is not None:
            note("fault", kind)
            process.slow_ms = rng.choice((500, 5_000, 70_000))
            return lambda: setattr(process, "slow_ms", 0)
        case "old_program" if process is not None and index:
            note("fault", kind)
            world.protocols[index] = rng.choice(((0, 0), (0, PROTOCOL_MAX)))
            process.when_awake(process.dialer.renew_handshake)
            return lambda: world.protocols.pop(index, None)
        case "upgrade" | "rollback" if process is not None and world.plan.newer:
            note("fault", kind)
            (world.newer.add if kind == "upgrade" else world.newer.discard)(index)
            world.crashed(process, down_ms=fault.until_ms - fault.at_ms)
        case "wrong_parent" if process is not None and index:
            others = [i for i in world.present if i not in (index, world.plan.parents[index])]
            note("fault", kind)
            world.dialled[index] = rng.choice(others)
            world.crashed(process, down_ms=1_000)
            return lambda: _dial_right(world, index)
        case "clock_frozen":
            note("fault", kind)
            world.frozen_ms[index] = world.clockwork.now_ms
            return lambda: world.frozen_ms.pop(index, None)
        case "clock_jumps":
            note("fault", kind)
            return _clock(world, index, rng.choice((-1, 1)) * rng.randrange(1, 3_600_000))
        case "bit_rot" if process is not None:
            bit_rot(process, rng)
        case "herd":
            note("fault", kind)
            for child in world.present:
                if (found := world.processes.get(child)) is not None and child:
                    found.when_awake(lambda found=found: found.dialer.renew_handshake())
    return None


def _dial_right(world: World, index: int) -> None:
    world.dialled.pop(index, None)
    process = world.processes.get(index)
    if process is not None:
        world.crashed(process, down_ms=1_000)


def _clock(world: World, index: int, by_ms: int) -> Any:
    world.skew_ms[index] += by_ms

    def right() -> None:
        if world.skew_ms[index]:
            world.skew_ms[index] -= by_ms

    return right


def _cut_all(world: World, fault: Fault, lines: list[int]) -> Any:
    if not lines:
        return None
    world.ledger.note("fault", fault.kind)
    for line in lines:
        world.network.cut(line, fault)
    return lambda: [world.network.restore_link(line, fault) for line in lines]


def _swizzle(world: World, fault: Fault, rng: random.Random) -> None:
    """Stop a random set of lines one by one, and start them again in another order."""
    lines = [i for i in world.present if i and rng.random() < 0.6]
    if not lines:
        return
    world.ledger.note("fault", "swizzle")
    lasts_ms = max(2, fault.until_ms - fault.at_ms)
    for line in lines:
        world.clockwork.later(
            rng.randrange(lasts_ms // 2), f"clog {line}",
            lambda line=line: world.network.cut(line, fault),
        )  # fmt: skip
        world.clockwork.later(
            lasts_ms // 2 + rng.randrange(lasts_ms // 2 + 1), f"unclog {line}",
            lambda line=line: world.network.restore_link(line, fault),
        )  # fmt: skip


def _grants_nothing(world: World) -> bool:
    """Return whether a city may lose its disk: grants that nobody has received would be gone."""
    return all(op.kind not in OPERATIONS["money"] for op in world.plan.ops)


def _flap(world: World, fault: Fault, rng: random.Random) -> None:
    """Break the line and mend it, 1 ms to 5 s at a time."""
    at_ms = 0
    for n in range(rng.randrange(2, 12)):
        why = (fault, n)
        world.clockwork.later(
            at_ms, f"flap {fault.office}",
            lambda why=why: world.network.cut(fault.office, why),
        )  # fmt: skip
        at_ms += rng.randrange(1, 5_000)
        world.clockwork.later(
            at_ms, f"flap {fault.office}",
            lambda why=why: world.network.restore_link(fault.office, why),
        )  # fmt: skip
        at_ms += rng.randrange(1, 5_000)


def _writer_does(process: Process, pragma: str) -> None:
    store: Any = process.office.store
    connection = store._writer.raw_connection()
    try:
        connection.cursor().execute(pragma)
    finally:
        connection.close()


def _fill_disk(process: Process) -> None:
    """Let the database file grow no more."""
    _writer_does(process, "PRAGMA max_page_count=1")


def _lock(process: Process) -> None:
    """Another program holds the store's write lock, longer than anybody waits."""
    if process.intruder is not None:
        return
    _writer_does(process, "PRAGMA busy_timeout=0")
    folder = process.world.folder / process.store
    process.intruder = sqlite_driver.connect(folder / DATABASE, isolation_level=None)
    process.intruder.execute("BEGIN IMMEDIATE")


def _free_disk(process: Process) -> None:
    if not process.alive:
        return
    if process.intruder is not None:
        process.intruder.close()
        process.intruder = None
    with contextlib.suppress(Exception):
        _writer_does(process, "PRAGMA max_page_count=1073741823")
