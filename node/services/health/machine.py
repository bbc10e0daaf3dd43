"""The machine and the settings as `status` checks them: disk, store, files, address, parent; and
what it measures of them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

from node.domain.units import Level
from node.identity.authority import moment
from node.private import readable_by_others

if TYPE_CHECKING:
    from node.office import Office

MIB = 1 << 20
CERTIFICATE_DAYS_MIN = 25  # renewal begins 30 days before the end


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that is wrong: a key of `problems.TEXTS` and what fills it in."""

    code: str
    n: int = 0
    why: str = ""
    why_zh: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What an office measures of itself. None: it does not know, which is not 0."""

    certificate_days: int | None  # below 0: it has ended
    store_bytes: int | None  # with the side files of SQLite
    disk_free_bytes: int | None  # on the fullest of its disks
    clock_offset_ms: int | None  # the parent's clock minus this machine's, since the start


def measure(office: Office, tx: Connection) -> Machine:
    """Return what an office measures of itself now."""
    clock = office.clock
    return Machine(
        certificate_days=days_left(office),
        store_bytes=_store_bytes(office, tx),
        disk_free_bytes=_free_bytes(office),
        clock_offset_ms=clock.offset_ms if clock.compared else None,
    )


def look(office: Office, *, linked: bool) -> Iterator[Seen]:
    """Yield what is wrong around an office. `linked`: a dialer serves its link upward."""
    config = office.config
    if office.fenced:
        yield Seen("fenced")
    refused = office.store.refused
    if refused is not None:
        yield Seen("store", why=refused.en, why_zh=refused.zh)
    elif office.store.lost():
        yield Seen(
            "store", why=f"its file {office.store.shown} is gone or is another now",
            why_zh=f"数据库文件 {office.store.shown} 已被删除或替换",
        )  # fmt: skip
    free = free_mib(office)
    if free < config.disk_free_mib:
        yield Seen("disk", n=free)
    if opened := readable_by_others(office.folder):
        yield Seen("files_open", n=len(opened), why=str(opened[0]))
    if not config.parent and not linked and office.level is not Level.CITY:
        yield Seen("no_parent")
    left = days_left(office)
    if left is not None and left < CERTIFICATE_DAYS_MIN:
        yield Seen("certificate_ending", n=max(0, left))


def days_left(office: Office) -> int | None:
    """Return how many whole days the office's certificate is valid; None: it has none."""
    credentials = office.certificates.credentials
    if credentials is None:
        return None
    left = credentials.office.not_valid_after_utc - moment(office.clock.now_ms())
    return left.days


def free_mib(office: Office) -> int:
    """Return the free space, in MiB, of the fullest of the disks that the office writes to."""
    return (_free_bytes(office) or 0) // MIB


def _free_bytes(office: Office) -> int | None:
    """Return the free space of the fullest disk; None: there is none of the folders any more."""
    places = [office.folder]
    if office.store.is_sqlite:
        places.append(_store_file(office).parent)
    return min((shutil.disk_usage(each).free for each in places if each.is_dir()), default=None)


def _store_bytes(office: Office, tx: Connection) -> int | None:
    """Return how large the store is; None: its file is gone."""
    if not office.store.is_sqlite:
        found = tx.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
        return int(found)
    file = _store_file(office)
    if not file.exists():
        return None
    parts = (file, *(file.with_name(file.name + end) for end in ("-wal", "-shm")))
    return sum(part.stat().st_size for part in parts if part.exists())


def _store_file(office: Office) -> Path:
    return Path(office.store.url.database or "").absolute()
