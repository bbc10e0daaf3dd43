"""Stores put back from a backup, lost with their disk, or copied while the office goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from node.identity.files import CA_FILE, ROOTS_FILE, TLS_FILE
from node.keys import KEY_FILE
from node.services.peers import clones
from node.setup import DATABASE
from sync.link.messages import Verdict
from tests.simulation import process as processes
from tests.simulation import sites

if TYPE_CHECKING:
    from tests.simulation.process import Process
    from tests.simulation.world import World


OF_CERTIFICATES = (TLS_FILE, ROOTS_FILE, CA_FILE)
FORGIVEN_MS = 70 * 60_000  # when nothing that the stopped store has said is under way any more


@dataclass(frozen=True, slots=True)
class Backup:
    """A store as it was, and the edits that are in it."""

    content: bytes
    edits: list[int]
    incarnation: int


def backup_of(world: World, process: Process) -> Backup:
    """Write a backup as the office does, while it works."""
    content = content_of_backup(world, process)
    edits = list(world.oracle.restores.written[process.store])
    return Backup(content, edits, world.incarnations[process.index])


def content_of_backup(world: World, process: Process) -> bytes:
    """Have an office write a backup; return its bytes, and leave no file."""
    target = world.folder / f"{process.store}.backup"
    process.office.store.backup(target)
    content = target.read_bytes()
    target.unlink()
    if world.disk is not None:  # it was written there, under the name that it has until it is whole
        files = world.disk.files
        (part,) = (path for path in files if Path(path).name.startswith(f".{target.name}."))
        content = bytes(files.pop(part).seen)
    return content


def restore(world: World, index: int, backup: Backup, kind: str) -> None:
    """Stop an office and go on with a store from a backup.

    `kind`: of the fault. One that is `put_back` has its key file whatever the plan says of keys:
    nothing but what others hold tells it what it is.
    """
    world.ledger.note("fault", kind)
    decide(world, index)
    _stop(world, index)
    store = _placed(world, index, backup, with_key=world.plan.keys or kind == "put_back")
    _moves_in(world, index, store, backup.edits)


def lose_disk(world: World, index: int) -> None:
    """The disk is gone with all that was on it; the office begins on a new one."""
    world.ledger.note("fault", "lost_disk")
    decide(world, index)
    _stop(world, index)
    store = _name(world, index)
    tree = sites.tree_csv(world.plan)
    world.incarnations[index] = sites.make(
        world.folder / store, world.units[index], tree, world.rng, disk=world.disk
    )
    _moves_in(world, index, store, [])


def copy(world: World, index: int, backup: Backup) -> Callable[[], None]:
    """Start a clone of an office; returns what a person does about it in the end."""
    world.ledger.note("fault", "copy")
    world.oracle.restores.began(index)
    store = _placed(world, index, backup, with_key=world.plan.keys)
    world.oracle.restores.inherits(store, backup.edits)
    clone = processes.Process(world, index, store=store)
    world.clones[index] = clone
    clone.start()
    return lambda: decide(world, index)


def decide(world: World, index: int) -> None:
    """A person stops one of two stores: the one that the parent listens to goes on."""
    clone = world.clones.pop(index, None)
    restores = world.oracle.restores
    if clone is None or not clone.alive:
        return
    first = world.processes.get(index)
    if restores.last_acked(index) == clone.store or (_fenced(first) and not _fenced(clone)):
        world.ledger.note("copy", "the copy went on")
        _stop(world, index)
        world.stores[index] = clone.store
        world.processes[index] = clone
        clone.clone = False
        world.oracle.forget(index)
    else:
        world.ledger.note("copy", "the first went on")
        clone.die()
    restores.decided(index, world.stores[index])
    world.to_forgive.add(index)
    world.clockwork.later(FORGIVEN_MS, f"forgive {index}", lambda: forgive(world))


def forgive(world: World) -> None:
    """Let the parents forget which store was there last, where a person has stopped the other.

    Not while another clone of it runs again: nobody has decided between these.
    """
    fenced = {i for i in world.oracle.restores.offices if _fenced(world.processes.get(i))}
    for index in sorted((world.to_forgive | fenced) - world.clones.keys()):
        parent = world.processes.get(world.plan.parents[index])
        if parent is not None and not parent.intruder:
            world.to_forgive.discard(index)
            unit = world.units[index].unit_id
            world.attempt(
                parent,
                "forget copy",
                partial(_reset_clone, parent, unit),
            )


def _reset_clone(parent: Process, unit: int) -> None:
    clones.reset_clone(parent.office, unit, actor="丁", reason="核实")
    parent.parent.forget_session(unit)


def let_keys_in(process: Process) -> None:
    """A person lets neighbours in that lost their key: those whose own process has the new one."""
    for unit, key in process.office.signature_refusals.refused_keys().items():
        index = next(i for i, each in enumerate(process.world.units) if each.unit_id == unit)
        if index == process.index and key in process.world.keys[index]:
            process.world.ledger.note("key", "a person knew it as a former one")
            process.world.attempt(process, "let own key in", partial(_reset_clone, process, unit))
            continue
        there = process.world.processes.get(index)
        signer = there.office.replica.signer if there is not None else None
        if signer is not None and signer.public_key == key:
            process.world.ledger.note("key", "a person let it in")
            process.world.attempt(process, "let key in", partial(_reset_clone, process, unit))


def _fenced(process: Process | None) -> bool:
    return (
        process is not None
        and process.dialer is not None
        and process.dialer.session.verdict is Verdict.CLONE
    )


def _stop(world: World, index: int) -> None:
    process = world.processes.get(index)
    if process is not None:
        process.die()
        world.processes[index] = None


def _name(world: World, index: int) -> str:
    return f"{index}-{next(world.store_numbers)}"


def _placed(world: World, index: int, backup: Backup, *, with_key: bool) -> str:
    store = _name(world, index)
    folder = world.folder / store
    folder.mkdir()
    if with_key:
        for name in (KEY_FILE, *(OF_CERTIFICATES if world.authorities is not None else ())):
            if (file := world.folder / world.stores[index] / name).exists():
                shutil.copy(file, folder / name)
    (folder / DATABASE).write_bytes(backup.content)
    if world.disk is not None:
        world.disk.load(str(folder / DATABASE), backup.content)
    return store


def _moves_in(world: World, index: int, store: str, edits: list[int]) -> None:
    world.oracle.restores.began(index)
    world.oracle.restores.inherits(store, edits)
    world.stores[index] = store
    world.people.forget(index)
    # An old backup that is put back once more is taken for a copy: a person looks after it.
    world.clockwork.later(FORGIVEN_MS, f"forgive {index}", lambda: forgive(world))
    world.start_later(index, world.rng.randrange(1, 600_000))
