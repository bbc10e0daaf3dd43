"""What a parent keeps for its children: their newest two sealed backups, as files.

They lie in the office's folder, outside its store and its backups. A parent can read their headers
and nothing more. A child's number only rises here: a backup that is older never takes the place of
a newer one.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

from node.private import make_file, make_folder, naming, sync_folder
from node.sealed.errors import (
    SealedDamaged,
    SealedMissing,
    SealedNoRoom,
    SealedOfAnother,
    SealedOlder,
    SealedTooLarge,
)
from node.sealed.sealed_file import HEADER_BYTES, Header, read_header
from sync.model.errors import Malformed

FOLDER = "sealed"
KEEP = 2  # whole ones of each child
CHUNK_BYTES = 1 << 20  # of one call
NUMBER_MAX = (1 << 63) - 1
DIGEST_BYTES = 32
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Announced:
    """A sealed backup that a child sends: its number, its size, and the SHA-256 of the file."""

    number: int
    size: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Limits:
    """How large one may be, and how much must stay free on the disk."""

    size_max: int
    free_min: int


_WRITING = threading.Lock()  # one piece at a time: a piece is small


class Kept:
    """The sealed backups of an office's children."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._folder = folder / FOLDER
        self._limits = limits

    def units(self) -> list[int]:
        """Return for which units something is kept."""
        found = self._folder.glob("[0-9a-f]" * 16)
        return sorted(int(path.name, 16) for path in found if path.is_dir())

    def of(self, unit: int) -> list[Header]:
        """Return what is kept whole of a unit, the newest first."""
        return [_header_of(path) for path in self._files(unit)]

    def path(self, unit: int, number: int = 0) -> Path:
        """Return the file of a backup; 0: the newest. Raises: SealedMissing."""
        for path in self._files(unit):
            if number in (0, _number_of(path)):
                return path
        raise SealedMissing(str(unit), number)

    def receive(self, unit: int, what: Announced, offset: int, data: bytes) -> int:
        """Keep a piece of what a unit sends; return how much of it is here now.

        A piece from another place than that is left alone: the sender goes on from there.
        Raises: SealedOlder, SealedTooLarge, SealedNoRoom, SealedDamaged, SealedOfAnother;
        Malformed.
        """
        if not 0 < what.number <= NUMBER_MAX or len(what.digest) != DIGEST_BYTES:
            raise Malformed("a sealed backup without a number or a digest")
        if len(data) > CHUNK_BYTES or what.size < HEADER_BYTES:
            raise Malformed("a piece of a sealed backup of a wrong size")
        with _WRITING:
            for newest in self._files(unit)[:1]:
                if _number_of(newest) == what.number and _digest(newest) == what.digest:
                    return what.size  # it came whole, and the answer was lost
                if _number_of(newest) >= what.number:
                    raise SealedOlder(what.number, _number_of(newest))
            if what.size > self._limits.size_max:
                raise SealedTooLarge(what.size, self._limits.size_max)
            return self._append(unit, what, offset, data)

    def _append(self, unit: int, what: Announced, offset: int, data: bytes) -> int:
        home = self._home(unit)
        part = home / f"{what.number:019d}.{what.digest.hex()[:16]}.part"
        make_folder(home)
        for other in home.glob("*.part"):
            if other != part:
                other.unlink()
        here = part.stat().st_size if part.exists() else 0
        if offset != here:
            return here
        if here + len(data) > what.size:
            raise Malformed("a sealed backup longer than announced")
        if shutil.disk_usage(home).free < what.size - here + self._limits.free_min:
            raise SealedNoRoom
        if not part.exists():
            make_file(part)
        with naming(part), part.open("ab") as file:
            file.write(data)
            file.flush()
            if here + len(data) == what.size:
                os.fsync(file.fileno())
        if here + len(data) == what.size:
            self._complete(unit, what, part)
        return here + len(data)

    def _complete(self, unit: int, what: Announced, part: Path) -> None:
        """Give a whole file its name, if it is what was announced; remove what is too old."""
        try:
            if _digest(part) != what.digest:
                raise SealedDamaged("it was changed on the way", "传输中内容发生变化")
            header = _header_of(part)
            if header.unit != unit:
                raise SealedOfAnother(unit, header.unit)
            if (header.number, header.file_bytes) != (what.number, what.size):
                raise SealedDamaged("it is not what its header says", "内容与文件头不符")
        except BaseException:
            part.unlink()
            raise
        part.replace(self._home(unit) / f"{what.number:019d}.sealed")
        sync_folder(part.parent)
        for old in self._files(unit)[KEEP:]:
            old.unlink()

    def _home(self, unit: int) -> Path:
        return self._folder / f"{unit:016x}"

    def _files(self, unit: int) -> list[Path]:
        """Return the whole ones, the newest first."""
        return sorted(self._home(unit).glob("*.sealed"), reverse=True)


def announce(path: Path) -> Announced:
    """Return what a sealed backup's file is announced as. Raises: SealedDamaged; OSError."""
    return Announced(_header_of(path).number, path.stat().st_size, _digest(path))


def chunks(path: Path, offset: int) -> Iterator[tuple[int, bytes]]:
    """Yield a file from a place on, each chunk with its place."""
    with path.open("rb") as file:
        file.seek(offset)
        while data := file.read(CHUNK_BYTES):
            yield offset, data
            offset += len(data)


def _header_of(path: Path) -> Header:
    with path.open("rb") as file:
        return read_header(file)


def _number_of(path: Path) -> int:
    return int(path.name.partition(".")[0])


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return file_digest(file, "sha256").digest()
