"""bundle: what waits for a parent or a child without a connection, as files carried by hand."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from hub.cli.labels import LANES, audience_name, labelled
from hub.cli.outputs import Force, fresh, must_be_free, put
from hub.cli.terminal import Terminal
from hub.cli.verb import verb
from hub.client.files import bundle_pieces
from node.domain.english import counted
from node.private import naming

if TYPE_CHECKING:
    from sync.wire.office.v1 import bundle_pb2 as pb


def register(app: typer.Typer) -> None:
    bundle = typer.Typer(help="Files carried by hand. 离线包", no_args_is_help=True)
    app.add_typer(bundle, name="bundle")
    verb(bundle)(write)
    verb(bundle)(read)
    verb(bundle, folder=False)(show)


def write(
    terminal: Terminal,
    file: Annotated[Path, typer.Argument(help="File to write. 目标文件")],
    to: Annotated[str, typer.Option("--to", help="Parent or child. 上级或直接下级")],
    max_bytes: Annotated[
        int,
        typer.Option(
            "--max-bytes", min=0, help="Split into files of at most this many bytes. 每个文件的上限"
        ),
    ] = 0,
    start_over: Annotated[
        bool,
        typer.Option("--start-over", help="Write everything from the start of the log. 从头开始"),
    ] = False,
    force: Force = False,
) -> None:
    """Write the changes that the other office has not confirmed into a file. 生成离线包"""
    written: Any = None
    with (
        _Files(file, force=force) as files,
        terminal.office() as office,
        terminal.progress("生成", "writing") as report,
    ):
        for update in office.write_bundle(to=to, max_bytes=max_bytes, start_over=start_over):
            match update.WhichOneof("news"):
                case "progress":
                    report(update.progress.done, update.progress.total)
                case "part":
                    files.begin()
                case "data":
                    files.write(update.data)
                case "written":
                    written = update.written
        names = files.finish()
    facts = {
        "to": written.to, "files": [str(name) for name in names], "control": written.control,
        "bulk": written.bulk, "changes": written.changes, "key": written.key,
    }  # fmt: skip

    def human() -> None:
        for name in names:
            terminal.line(str(name), str(name))
        terminal.line(
            f"致 {written.to.name}：控制 {written.control} 条，台账 {written.bulk} 条，"
            f"共 {written.changes} 项变更；密钥 {written.key}",
            f"for {written.to.name}: transactions: {written.control} in control, "
            f"{written.bulk} in bulk, {counted(written.changes, 'change')}; key {written.key}",
        )

    terminal.show(facts, human)


def read(
    terminal: Terminal,
    files: Annotated[list[Path], typer.Argument(help="One file or a whole set. 一个或整套文件")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check only. 仅检查")] = False,
    trust: Annotated[
        str, typer.Option("--trust", help="Key that you compared by telephone. 已电话核对的新密钥")
    ] = "",
) -> None:
    """Check and import files from a parent or a child. 读取离线包"""
    outcome: Any = None
    with terminal.office() as office, terminal.progress("读取", "reading") as report:
        for update in office.read_bundle(bundle_pieces(files, dry_run=dry_run, trust=trust)):
            match update.WhichOneof("news"):
                case "progress":
                    report(update.progress.done, update.progress.total)
                case "outcome":
                    outcome = update.outcome
    terminal.show(outcome, lambda: _print_outcome(terminal, outcome))


def show(
    terminal: Terminal,
    file: Annotated[Path, typer.Argument(help="A bundle. 离线包")],
) -> None:
    """Show what a file contains; nothing is imported. 查看离线包"""
    from sync.bundle.file import open_bundle

    with file.open("rb") as source:
        facts = _facts(open_bundle(source))

    def human() -> None:
        terminal.line(
            f"{facts['from']} → {facts['to']}，{terminal.time(facts['written_ms'])}，"
            f"第 {facts['part']} 个文件{'' if facts['last'] else '（还有后续）'}，"
            f"密钥 {facts['key']}",
            f"{facts['from']} -> {facts['to']}, {terminal.time(facts['written_ms'])}, "
            f"file {facts['part']}{'' if facts['last'] else ' (more follow)'}, "
            f"key {facts['key']}",
        )
        heads = (
            ("通道", "单位", "送达范围", "条数", "变更", "从", "到") if terminal.zh
            else ("LANE", "UNIT", "AUDIENCE", "ENTRIES", "CHANGES", "FROM", "TO")
        )  # fmt: skip
        terminal.table(heads, [
            (labelled(terminal, LANES, stream["lane"]), stream["unit"],
             audience_name(terminal, stream["audience"]), stream["entries"], stream["changes"],
             stream["first"], stream["last"])
            for stream in facts["streams"]
        ])  # fmt: skip
        for ack in facts["acks"]:
            lane = labelled(terminal, LANES, ack["lane"])
            terminal.line(
                f"已收到对方{lane}通道至第 {ack['position']} 条",
                f"has received the other's {lane} log up to {ack['position']}",
            )

    terminal.show(facts, human)


def _facts(bundle: Any) -> dict[str, Any]:
    from sync.codec import entry as codec
    from sync.codec.signing import fingerprint

    def position(cursor: Any) -> dict[str, Any]:
        lane = codec.lane_from_wire(cursor.lane)
        return {"lane": lane.name.lower(), "position": cursor.position}

    header = bundle.header
    spans: dict[tuple[str, str, str], list[int]] = {}
    changes: Counter[tuple[str, str, str]] = Counter()
    for batch in bundle.batches():
        for wire in batch.entries:
            entry = codec.entry_from_wire(wire)
            key = (entry.lane.name.lower(), str(entry.unit), entry.audience)
            spans.setdefault(key, []).append(entry.seq)
            changes[key] += entry.changes
    return {
        "from": header.sender_name,
        "to": header.receiver_name,
        "written_ms": header.written_ms,
        "set": f"{header.set:016x}",
        "part": header.part,
        "last": not bundle.more,
        "program": header.program,
        "key": fingerprint(header.public_key),
        "starts": [*map(position, header.starts)],
        "acks": [*map(position, header.acks)],
        "streams": [
            {
                "lane": lane, "unit": unit, "audience": audience, "entries": len(seqs),
                "changes": changes[lane, unit, audience], "first": min(seqs), "last": max(seqs),
            }
            for (lane, unit, audience), seqs in sorted(spans.items())
        ],
    }  # fmt: skip


def _print_outcome(terminal: Terminal, outcome: pb.BundleOutcome) -> None:
    new = sum(lane.new for lane in outcome.lanes)
    who = f"{outcome.sender.code} {outcome.sender.name}"
    if outcome.done:
        terminal.line(f"已读取 {who} 的离线包", f"imported from {who}")
    else:
        terminal.line(f"{who} 的离线包完好，未导入", f"from {who}: intact, nothing imported")
    heads = (
        ("通道", "新收", "已有", "对方日志收到", "对方已收本单位") if terminal.zh
        else ("LANE", "NEW", "KNOWN", "HELD HERE", "OURS HELD THERE")
    )  # fmt: skip
    rows = [
        (labelled(terminal, LANES, lane.lane), lane.new, lane.known, lane.applied, lane.acked)
        for lane in outcome.lanes
    ]
    terminal.table(heads, rows)
    if not new:
        terminal.line("没有新内容", "nothing new in it")
    if outcome.quarantined:
        terminal.note(
            f"{outcome.quarantined} 项未能入库",
            f"{counted(outcome.quarantined, 'change is', 'changes are')} in quarantine",
        )
    if outcome.key_is_new:
        terminal.note(
            f"首次收到其密钥 {outcome.key}，请电话核对",
            f"its key {outcome.key} is new here: compare it by telephone",
        )


class _Files:
    """The files of a set: written under temporary names, complete on the disk before renaming."""

    def __init__(self, target: Path, *, force: bool) -> None:
        self._target = target
        self._force = force
        self._fresh: list[Path] = []
        self._open: BinaryIO | None = None

    def __enter__(self) -> _Files:
        must_be_free(self._target, force=self._force)  # first: a folder has no numbered files
        must_be_free(self._numbered(1), force=self._force)
        return self

    def __exit__(self, *_: object) -> None:
        if self._open is not None:
            with suppress(OSError):  # it is discarded, and fails again like the write before it
                self._open.close()
        for path in self._fresh:
            path.unlink(missing_ok=True)

    def begin(self) -> None:
        self._end()
        self._fresh.append(fresh(self._target))
        self._open = self._fresh[-1].open("r+b")

    def write(self, data: bytes) -> None:
        assert self._open is not None, "a file has begun"
        with naming(self._target):
            self._open.write(data)

    def finish(self) -> list[Path]:
        """Give every file its name; return the names."""
        self._end()
        one = len(self._fresh) == 1
        names = [self._target if one else self._numbered(i + 1) for i in range(len(self._fresh))]
        put(self._fresh, names, force=self._force)
        self._drop_rest_of_older_set(names)
        return names

    def _drop_rest_of_older_set(self, names: list[Path]) -> None:
        """Under --force: a file of the overwritten set must not be carried with the new one."""
        if not self._force:
            return
        older = [self._target]
        while (path := self._numbered(len(older))).is_file():
            older.append(path)
        for path in older:
            if path not in names:
                path.unlink(missing_ok=True)

    def _numbered(self, number: int) -> Path:
        return self._target.with_name(f"{self._target.name}.{number:03d}")

    def _end(self) -> None:
        if self._open is not None:
            with naming(self._target):
                self._open.close()
            self._open = None
