"""seal: sealed backups, which lie at the parent and which only this office can open."""

from __future__ import annotations

import random
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.outputs import Force
from hub.cli.terminal import Terminal
from hub.cli.verb import verb

if TYPE_CHECKING:
    from sync.wire.office.v1 import sealed_pb2 as pb

Number = Annotated[
    int, typer.Option("--number", min=0, help="Which one; 0: the newest. 编号，0 为最新")
]


def register(app: typer.Typer) -> None:
    seal = typer.Typer(help="Sealed backups at the parent. 密封备份", no_args_is_help=True)
    app.add_typer(seal, name="seal")
    for function in (key, send, ls, restore, write, give, take):
        verb(seal)(function)


def key(
    terminal: Terminal,
    again: Annotated[
        bool, typer.Option("--again", help="Print the present key again. 重新打印现有密钥")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write it into a file to print. 写入文件以便打印")
    ] = None,
    force: Force = False,
) -> None:
    """Make this office's recovery key and print it, for the safe. 生成并打印恢复密钥"""
    from hub.cli.outputs import must_be_free, written
    from node.config import load_config
    from node.sealed import recovery_key

    load_config(terminal.folder)  # or there is no office here
    if out is not None:
        must_be_free(out, force=force)
    if again:
        found = recovery_key.load(terminal.folder)
    else:
        found = recovery_key.make(terminal.folder, random.SystemRandom())
    number = found.number.hex()
    name = terminal.folder.resolve().name
    remark_zh = f"# 恢复密钥，编号 {number}（{name}）：用于打开本单位的密封备份，请存入保险柜。"
    remark_en = f"# Recovery key no. {number} of {name}: it opens this office's sealed backups."
    if out is not None:
        with written(out, force=force) as file:
            file.write(f"{remark_zh}\n{remark_en}\n{found.text()}\n".encode())
    shown = {"number": number, "key": None if out else found.text(), "file": str(out or "")}

    def human() -> None:
        if out is None:
            terminal.line(remark_zh, remark_en)
        shown_line = found.text() if out is None else str(out)
        terminal.line(shown_line, shown_line)

    terminal.show(shown, human)
    terminal.note(
        "请打印后存入保险柜。硬盘损坏后，没有它任何人都无法恢复居民等仅存本单位的数据。",
        "Print it and put it into the safe. When the disk is lost, nobody can bring back residents "
        "and whatever else only this office has without it.",
    )


def send(terminal: Terminal) -> None:
    """Seal a backup now and send it to the parent; each night it is done by itself. 密封并发送"""
    made = _sealed(terminal, send=True)
    terminal.show(
        made,
        lambda: terminal.line(
            f"上级已保存第 {made.number} 号密封备份，{made.size} 字节",
            f"the parent has sealed backup {made.number}, {made.size} bytes",
        ),
    )


def write(
    terminal: Terminal,
    target: Annotated[Path, typer.Argument(help="File to write. 目标文件")],
    force: Force = False,
) -> None:
    """Seal a backup now and write it into a file, to carry it. 密封并写成文件"""
    from hub.cli.outputs import must_be_free

    must_be_free(target, force=force)
    made = _sealed(terminal, send=False)
    _copied(terminal, made, target, force=force)


def ls(
    terminal: Terminal,
    parent: Annotated[
        bool, typer.Option("--parent", help="Also ask the parent. 同时向上级查询")
    ] = False,
) -> None:
    """List sealed backups: this office's, and those kept for offices below. 密封备份列表"""
    with terminal.office() as office:
        found = office.list_sealed(parent=parent)

    def human() -> None:
        print_own(terminal, found.own if found.HasField("own") else None)
        listed = [
            *(("上级保存", "at the parent", each) for each in found.at_parent),
            *(("代下级保存", "kept here", each) for each in found.kept),
        ]
        heads = (
            ("位置", "单位", "编号", "时间", "字节", "密钥编号")
            if terminal.zh
            else ("WHERE", "OFFICE", "NUMBER", "MADE", "BYTES", "KEY")
        )
        terminal.table(heads, [
            (terminal.localized(zh, en), each.unit.name or str(each.unit.unit_id), each.number,
             terminal.time(each.made_ms), each.size, each.key_number)
            for zh, en, each in listed
        ])  # fmt: skip

    terminal.show(found, human)


def print_own(terminal: Terminal, own: pb.SealedStatus | None) -> None:
    """Print how an office is provided for that has records which no other office has."""
    if own is None:
        terminal.line("本单位没有仅存本级的数据", "this office has no records that stay here only")
    elif own.sent_number:
        terminal.line(
            f"上级保存的密封备份：第 {own.sent_number} 号，{terminal.time(own.sent_ms)}",
            f"sealed backup {own.sent_number} at the parent, of {terminal.time(own.sent_ms)}",
        )
    else:
        terminal.line("上级尚无本单位的密封备份", "the parent has no sealed backup of this office")


def restore(
    terminal: Terminal,
    source: Annotated[
        Path | None, typer.Argument(help="A file; without one, the parent's. 文件，默认取自上级")
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option("--key", help="File with the recovery key, from the safe. 恢复密钥文件"),
    ] = None,
    number: Number = 0,
    older: Annotated[
        bool, typer.Option("--older", help="Older than the newest known. 允许早于已知最新编号")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Rename the present files and keep them. 原文件改名保留")
    ] = False,
) -> None:
    """Get the sealed backup from the parent, open it, and put it back. 恢复密封备份"""
    from hub.cli.unsealed import Asked
    from hub.cli.unsealed import restore as put_back

    header, aside = put_back(
        terminal.folder, Asked(source, key, number=number, older=older, force=force)
    )
    facts = {
        "number": header.number, "made_ms": header.made_ms, "aside": [str(path) for path in aside]
    }  # fmt: skip
    made = terminal.time(header.made_ms)

    def human() -> None:
        terminal.line(
            f"已恢复第 {header.number} 号密封备份，{made}",
            f"restored sealed backup {header.number}, of {made}",
        )
        for path in aside:
            terminal.line(f"原文件保留为 {path}", f"what was there is kept as {path}")

    terminal.show(facts, human)
    folder = shlex.quote(str(terminal.folder))
    terminal.note(
        f"下一步：silian serve --dir {folder}；其余缺少的数据会从上级取回。"
        "仅存本单位的数据如在该时间之后有修改，请重新录入。",
        f"Next: silian serve --dir {folder}. The parent sends back what else is missing. What only "
        "this office has, and was entered after that time, must be entered again.",
    )


def give(
    terminal: Terminal,
    unit: Annotated[str, typer.Argument(help="The office below. 下级单位")],
    target: Annotated[Path, typer.Argument(help="File to write. 目标文件")],
    number: Number = 0,
    force: Force = False,
) -> None:
    """Write an office's sealed backup that is kept here into a file, to carry it. 交还下级"""
    from hub.cli.outputs import must_be_free
    from node.sealed.errors import SealedMissing

    must_be_free(target, force=force)
    with terminal.office() as office:
        found = [
            each
            for each in office.list_sealed().kept
            if unit in (each.unit.code, each.unit.name, each.unit.path)
            and number in (0, each.number)
        ]
    if not found:
        raise SealedMissing(unit, number)
    _copied(terminal, found[0], target, force=force)


def take(
    terminal: Terminal,
    source: Annotated[Path, typer.Argument(help="A child's file. 下级的密封备份文件")],
) -> None:
    """Keep an office's sealed backup that was carried here. 代下级保存"""
    from node.sealed.kept import announce, chunks
    from node.sealed.sealed_file import read_header

    with source.open("rb") as file:
        header = read_header(file)
    what = announce(source)
    header_values: dict[str, Any] = {
        "unit_id": header.unit, "number": what.number, "size": what.size, "digest": what.digest
    }  # fmt: skip
    with terminal.office() as office, terminal.progress("读取", "reading") as report:
        for offset, data in chunks(source, office.keep_sealed(**header_values).received):
            report(
                office.keep_sealed(**header_values, offset=offset, data=data).received, what.size
            )
    terminal.show(
        {"number": what.number, "size": what.size},
        lambda: terminal.line(
            f"已保存第 {what.number} 号密封备份", f"sealed backup {what.number} is kept"
        ),
    )


def _sealed(terminal: Terminal, *, send: bool) -> pb.SealedFile:
    made: Any = None
    with terminal.office() as office:
        for update in office.seal_backup(send=send):
            if update.HasField("backup"):
                made = update.backup
    found: pb.SealedFile = made
    return found


def _copied(terminal: Terminal, made: pb.SealedFile, target: Path, *, force: bool) -> None:
    from hub.cli.outputs import written
    from node.sealed.kept import chunks

    with written(target, force=force) as file:
        for _, data in chunks(terminal.folder / made.file, 0):
            file.write(data)
    terminal.show(
        {"file": str(target), "number": made.number, "size": made.size},
        lambda: terminal.line(
            f"{target}：第 {made.number} 号，{made.size} 字节",
            f"{target}: number {made.number}, {made.size} bytes",
        ),
    )
