"""Open an office: the composition root. It prepares the store and connects the parts."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection

from node.audiences import TreeRoutes
from node.audit import state
from node.bad_config import BadConfig
from node.china import china_time
from node.config import OfficeConfig, load_config
from node.domain.catalogue import Catalogue, load_catalogue
from node.domain.norms import Norms
from node.domain.units import Unit
from node.folds.context import FoldContext
from node.folds.folds import Folds
from node.host import LinkedOffice
from node.ids import new_incarnation
from node.keys import KEY_FILE, KeyOfAnother, signer_of
from node.office import Parts, read_identity
from node.private import close_to_others
from node.services.upkeep.quarantine import retry_deferred
from node.services.upkeep.rebuild import pending_cells, pending_derived
from node.setup import store_url
from node.store import meta, migrate
from node.store.engine import NotAStore, Store, open_store, read_commit_mark
from node.store.folder_lock import FolderLock
from node.store.schema import catalogue_tables
from node.store.units import first_day as first_tree_day
from node.store.units import readable_units, whole_tree_on
from sync.apply import applier
from sync.apply.replica import Replica
from sync.codec.signing import Signer
from sync.compare import digests
from sync.log import entries as log
from sync.log import signatures
from sync.model.version import HybridClock
from sync.recovery.reissue import rotate_incarnation
from sync.store.registers import RegisterTables


def open_office(
    folder: Path,
    *,
    wall_ms: Callable[[], int],
    rng: random.Random,
    catalogue: Catalogue | None = None,
    **store_options: Any,
) -> LinkedOffice:
    """Open the office in `folder` for this process alone.

    The folder is first closed to the machine's other accounts.
    Raises: BadConfig, KeyOfAnother, StoreUnavailable, NewerSchema, OlderSchema, OfficeBusy, and
    those of `node.store.refusals`.
    """
    config = load_config(folder)
    folder_lock = FolderLock.acquire(folder)
    try:
        closed, _ = close_to_others(folder)
        if closed:
            structlog.get_logger().warning("closed_to_others", paths=list(map(str, closed)))
        store = open_store(store_url(folder, config), **store_options)
        try:
            if store.is_sqlite:
                migrate.upgrade_with_backup(store, folder)
            migrate.check(store)
            me = must_be_the_store_of(config.unit, store)
            signer = signer_of(folder, rng, me.unit_id)
            must_be_nobody_elses(signer, folder, me, store)
            extra = [folder / name for name in config.extra_catalogue]
            return assemble(
                config, folder, store,
                catalogue if catalogue is not None and not extra else load_catalogue(extra),
                wall_ms=wall_ms, rng=rng, folder_lock=folder_lock, signer=signer,
            )  # fmt: skip
        except BaseException:
            store.close()
            raise
    except BaseException:
        folder_lock.release()
        raise


def assemble(
    config: OfficeConfig,
    folder: Path,
    store: Store,
    catalogue: Catalogue,
    *,
    wall_ms: Callable[[], int],
    rng: random.Random,
    signer: Signer,
    folder_lock: FolderLock | None = None,
) -> LinkedOffice:
    """Put an office together around its open store, and bring the store to this catalogue."""
    tables = catalogue_tables(catalogue)
    store.marked(read_commit_mark)
    store.write(lambda tx: _bind_key(tx, signer, rng))
    with store.read() as tx:
        identity = read_identity(tx)
        clock = HybridClock(wall_ms, last_hlc=log.newest_stamp(tx))
        newly_built = meta.get(tx, meta.CATALOGUE) != catalogue.version
        first_day = meta.get(tx, meta.TREE_FROM)
        earliest = first_tree_day(tx)
        fenced = meta.get(tx, meta.FENCED)
        unjudged = meta.get(tx, meta.UNJUDGED)
        undivided = meta.get(tx, meta.UNDIVIDED)
        auto_relay = meta.get(tx, meta.RELAY)
    if newly_built:
        store.write(lambda tx: _build_tables(tx, tables, catalogue.version))
    if auto_relay != config.auto_relay:
        store.write(lambda tx: meta.put(tx, meta.RELAY, config.auto_relay))
    with store.read() as tx:
        today = max(china_time(clock.now_ms()).date(), earliest)
        tree, left_out = whole_tree_on(tx, today)
    routes = TreeRoutes(tree, identity.unit)
    context = FoldContext(
        unit=identity.unit, level=identity.level, catalogue=catalogue, tables=tables,
        norms=Norms(), routes=routes, clock=clock, first_day=first_day,
        first_tree_day=earliest,
        log=structlog.get_logger().bind(office=tree.get(identity.unit).code),
    )  # fmt: skip
    folds = Folds(context)
    replica = Replica(tables, identity, routes, clock, signer, folds=folds.in_order())
    parts = Parts(
        config=config, folder=folder, store=store, context=context, folds=folds, replica=replica,
        rng=rng, folder_lock=folder_lock, fenced=fenced,
    )  # fmt: skip
    office = LinkedOffice(parts, rebuild=pending_derived)
    _note_start(office)
    office.tree_fault, office.tree_due = left_out, bool(left_out)
    office.clock_leap_ms = -clock.ahead_ms() if clock.last else 0
    _ensure_indexes(office)
    if newly_built:
        retry_deferred(office)  # what the older catalogue did not know
    if unjudged:
        store.write(lambda tx: _judge_postings(tx, office))
    if undivided:
        store.write(lambda tx: _divide_cells(tx, office))
    return office


def _note_start(office: LinkedOffice) -> None:
    """Record in the audit log what has changed since the last start."""
    known = (office.config, office.catalogue_version)
    with office.store.read() as tx:
        changed = state.is_changed(tx, *known)
    if changed:
        office.store.write(lambda tx: state.note_start(tx, office.audit, *known))


def must_be_the_store_of(asked: str, store: Store) -> Unit:
    """Return the unit of a store, if it is the one that the settings name.

    Another office's store, or its backup in this folder, must not work under this one's name.
    Raises: BadConfig, NotAStore.
    """
    try:
        with store.read() as tx:
            me = read_identity(tx).unit
            own = [unit for unit in readable_units(tx) if unit.unit_id == me]
    except NotAStore as error:
        raise NotAStore(store.shown, "its tree of units is damaged", "行政区划已损坏") from error
    known = {name for unit in own for name in (unit.code, unit.name)}
    last = own[-1]
    if asked.strip().rpartition("/")[2].strip() not in known:
        raise BadConfig(
            store.shown, f"this is the store of {last.code} {last.name}, and `unit` is {asked}",
            f"该数据库属于 {last.code} {last.name}，而设置的 unit 是 {asked}",
            "Put the right unit into office.toml, or the right store into the folder.",
            "请更正 office.toml 中的 unit，或将本单位的数据库放回该目录。",
        )  # fmt: skip
    return last


def must_be_nobody_elses(signer: Signer, folder: Path, me: Unit, store: Store) -> None:
    """Refuse a key that this store knows as another office's. Raises: KeyOfAnother."""
    with store.read() as tx:
        whose = signatures.unit_of_key(tx, signer.public_key)
    if whose - {me.unit_id}:
        raise KeyOfAnother(folder / KEY_FILE, me.unit_id, min(whose - {me.unit_id}))


def _bind_key(tx: Connection, signer: Signer, rng: random.Random) -> None:
    """Bind the key to the store's incarnation; if another key is bound, begin another incarnation.

    The key file was lost, or the store was moved to another folder without it. Nothing else was
    lost: the log keeps its numbers, and what waits is sent as it was signed. What an older program
    wrote and did not sign is signed now.
    """
    me = read_identity(tx)
    known = signatures.key_known(tx, me.incarnation)
    if not known:  # the first start of a program that signs
        log.register_incarnations(tx, [(me.incarnation, me.unit, me.level)])
        signatures.own_key(tx, me.incarnation, signer)
    if known in (b"", signer.public_key):
        if count := signatures.sign_own_past(tx, signer):
            structlog.get_logger().info("own_entries_signed", entries=count)
        return
    incarnation = new_incarnation(rng)
    rotate_incarnation(tx, me.unit, me.level, incarnation, signer)
    meta.put(tx, meta.CONTINUES, me.incarnation)


def _judge_postings(tx: Connection, office: LinkedOffice) -> None:
    """Judge every posting once: an older program counted all of them."""
    edits = office.folds.judge_again(tx, every=True)
    applier.apply_derived(office.replica, tx, edits)
    meta.put(tx, meta.UNJUDGED, False)


def _divide_cells(tx: Connection, office: LinkedOffice) -> None:
    """Count persons in private cells: an older program sent every value above."""
    applier.apply_derived(office.replica, tx, pending_cells(office, tx))
    meta.put(tx, meta.UNDIVIDED, False)


def _build_tables(tx: Connection, tables: RegisterTables, version: str) -> None:
    """Bring the tables to this catalogue, and the digests of registers whose fields differ.

    An existing column proves nothing: a program may have been rolled back in between.
    """
    added = tables.create(tx, indexes=not meta.get(tx, meta.BOOTSTRAP))
    other = {name.partition(".")[0].removeprefix("r_") for name in added}
    printed = meta.get(tx, meta.FIELDS)
    fields = {table.schema.name: list(table.schema.names) for table in tables}
    for name, names in fields.items():
        if name in other or printed.get(name, names) != names:
            digests.rebuild(tx, tables[name])
    meta.put(tx, meta.FIELDS, fields)
    meta.put(tx, meta.CATALOGUE, version)


def _ensure_indexes(office: LinkedOffice) -> None:
    """Leave secondary indexes out, or build those that a first import left out."""
    with office.store.read() as tx:
        missing = meta.get(tx, meta.BOOTSTRAP)
    if missing == office.config.bootstrap:
        return

    def write(tx: Connection) -> None:
        if missing:
            office.tables.create_indexes(tx)
        else:
            office.tables.drop_indexes(tx)
        meta.put(tx, meta.BOOTSTRAP, not missing)

    office.store.write(write)
    office.log.info("indexes_built" if missing else "indexes_dropped")
