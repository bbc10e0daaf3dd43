"""Sealed backups of this office: a copy of its store that its parent keeps and cannot read.

Only an office that has records which never leave it needs one: everything else comes back from its
parent. A backup is made once a day, and waits in the folder until the parent has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING

import zstandard
from sqlalchemy import Connection, select

from node.china import DAY_MS
from node.private import make_file, make_folder, naming, sync_folder
from node.sealed import recovery_key
from node.sealed.kept import FOLDER, MIB, Kept, Limits
from node.sealed.recovery_key import RecoveryKey
from node.sealed.sealed_file import SALT_BYTES, Header, seal
from node.services.enrolment.errors import NotEnrolled
from node.setup import store_url
from node.store import meta
from node.store.engine import copy_database
from sync.model.audience import LOCAL
from sync.model.errors import ErrorKind, Malformed, SilianError

if TYPE_CHECKING:
    from node.office import Office

OWN = "own"  # below FOLDER: what this office has made
LATE_MS = 3 * DAY_MS  # the parent has had none for so long: somebody should look
AHEAD_MAX = 1 << 20  # so many backups a lost store can have been ahead
LEVEL = 6


class SealedPostgreSQL(SilianError):
    """Sealed backups are made of SQLite stores only."""

    code = "sealed_postgresql"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self) -> None:
        super().__init__(
            "a PostgreSQL store cannot be sealed", "PostgreSQL 数据库不支持密封备份",
            remedy_en="Back it up with pg_dump, encrypt the file, and keep it in another house.",
            remedy_zh="请用 `pg_dump` 备份，加密后异地保存。",
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SealedState:
    """What this office knows of its sealed backups. Moments: 0 for never."""

    due: bool  # it has records that no other office has, and a parent
    has_key: bool
    number: int  # of the newest that was made
    sent_number: int  # of the newest that the parent has
    sent_ms: int  # when that one was made


def state(office: Office) -> SealedState:
    with office.store.read() as tx:
        number, sent = meta.get(tx, meta.SEALED), meta.get(tx, meta.SEALED_SENT)
        due = office.parent_unit is not None and has_local_records(tx, office)
    return SealedState(due, recovery_key.is_there(office.folder), number, sent[0], sent[1])


def has_local_records(tx: Connection, office: Office) -> bool:
    """Return whether this office has records that no other office has."""
    for name, register in office.catalogue.registers.items():
        if register.audience == LOCAL:
            table = office.tables[name].table
            if tx.execute(select(table.c.id).limit(1)).first() is not None:
                return True
    return False


def kept(office: Office) -> Kept:
    """Return what this office keeps for its children."""
    config = office.config
    return Kept(office.folder, Limits(config.sealed_mib * MIB, config.disk_free_mib * MIB))


def waiting(office: Office) -> Path | None:
    """Return the sealed backup that waits to be sent; None: none does."""
    return max(_own(office).glob("*.sealed"), default=None)


def make_if_due(office: Office) -> str:
    """Seal a backup for the parent, if this office needs one and can; return what was done."""
    now = state(office)
    if not (now.due and now.has_key and office.certificates.enrolled and office.store.is_sqlite):
        return ""
    return make(office).name


def make(office: Office, after: int = 0) -> Path:
    """Seal a backup of the store; return its file. `after`: a number that the parent has.

    Raises: RecoveryKeyMissing, BadRecoveryKey, SealedPostgreSQL, Malformed; as `copy_database`.
    """
    key = recovery_key.load(office.folder)
    if not office.store.is_sqlite:
        raise SealedPostgreSQL
    with office.sealing:
        return _made(office, key, office.store.write(lambda tx: _next_number(tx, after)))


def _made(office: Office, key: RecoveryKey, number: int) -> Path:
    home = _own(office)
    make_folder(home)
    with _scratch(home, "store") as copy, _scratch(home, "content") as content:
        copy_database(Path(str(store_url(office.folder, office.config).database)), copy)
        hashed = _compress(copy, content)
        header = Header(
            unit=office.identity.unit, incarnation=office.identity.incarnation, number=number,
            made_ms=office.clock.now_ms(), size=content.stat().st_size,
            store_size=copy.stat().st_size, content_hash=hashed,
            salt=office.rng.getrandbits(8 * SALT_BYTES).to_bytes(SALT_BYTES, "big"),
            key_number=key.number,
        )  # fmt: skip
        with _scratch(home, "sealed") as part:
            make_file(part)
            with naming(part), content.open("rb") as plain, part.open("r+b") as file:
                seal(plain, file, header, key)
            made = part.replace(home / f"{number:019d}.sealed")
    sync_folder(home)
    for older in home.glob("*.sealed"):
        if older != made:
            older.unlink()
    office.log.info("backup_sealed", number=number, bytes=header.file_bytes)
    return made


def sent(office: Office, file: Path, header: Header) -> None:
    """Note that the parent has a backup; it need not wait here any more."""
    office.store.write(lambda tx: meta.put(tx, meta.SEALED_SENT, (header.number, header.made_ms)))
    file.unlink(missing_ok=True)
    office.log.info("sealed_backup_sent", number=header.number)


def must_be_sendable(office: Office) -> None:
    """Raises: NotEnrolled."""
    if office.certificates.credentials is None or office.parent_unit is None:
        raise NotEnrolled


def _next_number(tx: Connection, after: int) -> int:
    own = meta.get(tx, meta.SEALED)
    if after > own + AHEAD_MAX:
        raise Malformed(f"a sealed backup of this office with number {after}, and {own} were made")
    number = max(own, after) + 1
    meta.put(tx, meta.SEALED, number)
    return number


def _own(office: Office) -> Path:
    return office.folder / FOLDER / OWN


@contextmanager
def _scratch(home: Path, name: str) -> Iterator[Path]:
    """Yield the name of a file that is not there, and remove what is there at the end."""
    path = home / f".{name}"
    path.unlink(missing_ok=True)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _compress(source: Path, target: Path) -> bytes:
    """Compress a file into a new one; return the SHA-256 of that."""
    make_file(target)
    with naming(target), source.open("rb") as plain, target.open("r+b") as file:
        zstandard.ZstdCompressor(level=LEVEL).copy_stream(plain, file)
    with target.open("rb") as file:
        return file_digest(file, "sha256").digest()
