"""The machine and the settings as `status` checks them: disk, store, files, address, parent."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from node.address import address
from node.domain.units import Level
from node.private import readable_by_others

if TYPE_CHECKING:
    from node.office import Office

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that is wrong: a key of `problems.TEXTS` and what fills it in."""

    code: str
    n: int = 0
    why: str = ""
    why_zh: str = ""


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
    if config.allow_plaintext and not address(config.listen, any_port=True).loopback:
        yield Seen("plaintext", why=config.listen)


def free_mib(office: Office) -> int:
    """Return the free space, in MiB, of the fullest of the disks that the office writes to."""
    places = [office.folder]
    if office.store.is_sqlite:
        places.append(Path(office.store.url.database or "").absolute().parent)
    return min(shutil.disk_usage(place).free for place in places if place.is_dir()) // MIB
