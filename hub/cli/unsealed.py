"""Putting a sealed backup back: get it, prove it, unpack it, and only then touch the office."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import zstandard
from sqlalchemy import Connection

from hub.cli import store as stores
from hub.client.client import wall_ms
from hub.link import sealer
from node.config import load_config
from node.private import make_file, make_folder, naming
from node.sealed import recovery_key
from node.sealed.errors import SealedDamaged, SealedOfAnother, SealedOlder
from node.sealed.kept import FOLDER
from node.sealed.recovery_key import RecoveryKey
from node.sealed.sealed_file import Header, read_header, unseal
from node.setup import store_url
from node.store import meta
from node.store.engine import SIDE_FILES
from sync.log import entries as log

READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says. `source`: a file; None: the parent's. `number`: 0 for newest."""

    source: Path | None
    key: Path | None
    number: int = 0
    older: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class _Present:
    """The store that is in the folder now."""

    unit: int
    newest: int  # number of a sealed backup that it knows
    empty: bool  # nothing was ever written there


def restore(folder: Path, asked: Asked) -> tuple[Header, list[Path]]:
    """Replace an office's store by a sealed backup; return its header, and what was moved aside.

    A store in which nothing was written yet, as after `silian join`, makes room without `force`.
    Raises: those of `node.sealed.errors`, NotEnrolled, SealedUnreachable; as `stores.restore`.
    """
    key = recovery_key.read_file(asked.key) if asked.key else recovery_key.load(folder)
    present = _present(folder)
    with ExitStack() as stack:
        work = folder / FOLDER
        source = asked.source or stack.enter_context(_fetched(folder, work, asked.number))
        with source.open("rb") as file:
            header = read_header(file)
        _must_fit(header, present, asked)
        make_folder(work)
        database = stack.enter_context(_unpacked(source, work, header, key))
        force = asked.force or (present is not None and present.empty)
        aside = stores.restore(folder, database, force=force)
    if not recovery_key.is_there(folder):
        recovery_key.save(folder, key)
    return header, aside


def _present(folder: Path) -> _Present | None:
    """Return what is in the folder; None: no store. Raises: as `stores.locked_store`."""
    url = store_url(folder, load_config(folder))
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        return None
    with stores.locked_store(folder) as store, store.read() as tx:
        return _Present(meta.get(tx, meta.UNIT), _newest(tx), log.position(tx) == 0)


def _newest(tx: Connection) -> int:
    return max(meta.get(tx, meta.SEALED), meta.get(tx, meta.SEALED_SENT)[0])


def _must_fit(header: Header, present: _Present | None, asked: Asked) -> None:
    """Raises: SealedOfAnother, SealedOlder."""
    if present is not None and header.unit != present.unit:
        raise SealedOfAnother(present.unit, header.unit)
    if asked.number and header.number != asked.number:
        raise SealedOlder(header.number, asked.number)
    if present is not None and header.number < present.newest and not asked.older:
        raise SealedOlder(header.number, present.newest)


@contextmanager
def _fetched(folder: Path, work: Path, number: int) -> Iterator[Path]:
    """Yield a file with a sealed backup that the parent keeps; the office is not served."""
    from node.open import open_office

    with closing(open_office(folder, wall_ms=wall_ms, rng=random.SystemRandom())) as office:
        make_folder(work)
        with _scratch(work / ".fetched") as path:
            with naming(path), path.open("r+b") as file:
                found = sealer.fetch(office, file, number)
            with path.open("rb") as file:
                if read_header(file).number != found:
                    raise SealedDamaged(
                        "it is not the number that the parent named", "编号与上级所述不符"
                    )
            office.close()
            yield path


@contextmanager
def _unpacked(source: Path, work: Path, header: Header, key: RecoveryKey) -> Iterator[Path]:
    """Yield the store of a sealed backup; nothing of it is used before all of it is proven."""
    with _scratch(work / ".content") as content, _scratch(work / ".store") as database:
        with source.open("rb") as file, naming(content), content.open("r+b") as out:
            out.writelines(unseal(file, key))
        with content.open("rb") as packed, naming(database), database.open("r+b") as out:
            out.writelines(_within(_unzipped(packed), header.store_size))
        yield database


def _unzipped(packed: BinaryIO) -> Iterator[bytes]:
    with zstandard.ZstdDecompressor().stream_reader(packed) as reader:
        while piece := reader.read(READ_BYTES):
            yield piece


def _within(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Yield pieces that have `size` bytes together. Raises: SealedDamaged."""
    left = size
    try:
        for piece in pieces:
            left -= len(piece)
            if left < 0:
                break
            yield piece
    except zstandard.ZstdError:
        left = -1
    if left:
        raise SealedDamaged("it does not unpack", "无法解压")


@contextmanager
def _scratch(path: Path) -> Iterator[Path]:
    """Yield an empty private file; it is removed at the end, with a database's other files."""
    names = [path.with_name(path.name + end) for end in ("", *SIDE_FILES)]
    for each in names:
        each.unlink(missing_ok=True)
    try:
        make_file(path)
        yield path
    finally:
        for each in names:
            each.unlink(missing_ok=True)
