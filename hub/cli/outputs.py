"""Output files of verbs: never over another unless asked, complete or not at all, owner only.

Every verb that writes a file has a `Force` option and writes through `written` (or `fresh` and
`put`, where one run makes several files).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from hub.cli.arguments import usage
from hub.cli.refusals import FileExists, FolderMissing, Refusal
from node.private import naming
from sync.model.errors import SilianError

MODE = 0o600  # records of residents, or references to them
Force = Annotated[bool, typer.Option("--force", help="Overwrite the file. 覆盖已有文件")]


def must_be_free(target: Path, *, force: bool) -> None:
    """Check before the work begins. Raises: Refusal, for a place where a file cannot be written."""
    if target.is_dir():
        raise _not_a_file(target, "is a folder", "是文件夹")
    if not target.parent.is_dir():
        raise FolderMissing(
            f"the folder {target.parent} does not exist",
            f"文件夹 {target.parent} 不存在", "Make it first, or choose another.",
            "请先新建该文件夹，或另选位置。",
        )  # fmt: skip
    if target.exists() and not target.is_file():
        raise _not_a_file(target, "is a device or a pipe", "是设备或管道")
    if not force and os.path.lexists(target):
        raise taken(target)


def _not_a_file(target: Path, en: str, zh: str) -> SilianError:
    from node.trouble import NotAFile  # it loads the databases

    return NotAFile(str(target), en, zh)


def kind_by_name(out: Path | None, asked: str = "", kinds: Sequence[str] = ("xlsx",)) -> str:
    """Return the kind of spreadsheet to write: that which was asked for, or that of the name.

    Raises: Refusal for a name that says another kind: nothing would open such a file.
    """
    named = "" if out is None or str(out) == "-" else out.suffix.lower().lstrip(".") or "?"
    allowed = (asked,) if asked in kinds else kinds
    if named and named not in allowed:
        ends = [f".{kind}" for kind in allowed]
        raise usage(
            f"the name {out} does not end in {' or '.join(ends)}",
            f"文件名“{out}”的结尾不是 {' 或 '.join(ends)}",
            f"End the name with {' or '.join(ends)}.", f"文件名请以 {' 或 '.join(ends)} 结尾。",
        )  # fmt: skip
    return asked or named or kinds[0]


@contextmanager
def written(target: Path, *, force: bool) -> Iterator[BinaryIO]:
    """Yield a file to write; it takes the name of `target` when the block has ended well.

    Raises: Refusal, at the beginning or if another took the name meanwhile.
    """
    must_be_free(target, force=force)
    part = fresh(target)
    try:
        with naming(target), part.open("r+b") as file:
            yield file
        put([part], [target], force=force)
    finally:
        part.unlink(missing_ok=True)


def fresh(target: Path) -> Path:
    """Make an empty temporary file next to `target`, private; the caller removes it."""
    for number in range(1_000):
        part = target.with_name(f".silian-{os.getpid()}-{number}.part")
        try:
            os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE))
        except FileExistsError:
            continue
        return part
    raise taken(target.with_name(f".silian-{os.getpid()}-*.part"))


def put(parts: Sequence[Path], targets: Sequence[Path], *, force: bool) -> None:
    """Rename files when they are safe on the disk: all of them, or none if one name is taken.

    Raises: Refusal.
    """
    for part in parts:
        _synced(part)
    named: list[Path] = []
    try:
        for part, target in zip(parts, targets, strict=True):
            _name(part, target, force=force)
            named.append(target)
    except BaseException:
        if not force:
            for target in named:
                target.unlink(missing_ok=True)
        raise
    for folder in {target.parent for target in targets}:
        _synced(folder)


def taken(path: Path) -> Refusal:
    return FileExists(
        f"{path} exists already", f"{path} 已存在",
        "Choose another name, or overwrite it with --force.",
        "请另选文件名，或加 --force 覆盖。",
    )  # fmt: skip


def _name(part: Path, target: Path, *, force: bool) -> None:
    if force:
        os.replace(part, target.resolve())  # a link stays one: its target is replaced
        return
    try:
        os.link(part, target)  # unlike a rename it never takes the place of another file
    except FileExistsError:
        raise taken(target) from None
    except OSError:
        if os.path.lexists(target):  # a file system without links, as sticks have
            raise taken(target) from None
        os.rename(part, target)


def _synced(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
