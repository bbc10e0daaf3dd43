"""today: what waits for this office, each with the command that does it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from hub.cli.labels import SEVERITIES, SOURCES, WORK_STATES, labelled
from hub.cli.terminal import Terminal
from hub.cli.verb import verb
from hub.client.pages import every_page
from node.domain.assignment_texts import allowed_text
from node.domain.days import day_text

if TYPE_CHECKING:
    from sync.wire.office.v1 import daily_pb2 as pb


def register(app: typer.Typer) -> None:
    verb(app)(today)


def today(terminal: Terminal) -> None:
    """Everything that waits for this office, by deadline, and the command for each. 今日待办"""
    with terminal.office() as office:
        tasks = [task for page in every_page(office.list_tasks) for task in page.tasks]

    def human() -> None:
        for task in tasks:
            _print(terminal, task)
        late = sum(task.late for task in tasks)
        terminal.note(
            f"共 {len(tasks)} 项待办，其中 {late} 项已逾期",
            f"{len(tasks)} to do, {late} of them late",
        )

    terminal.show(tasks, human)


def _print(terminal: Terminal, task: pb.Task) -> None:
    """Print what is to do, and below it the complete command, so that it can be copied."""
    due = day_text(task.due_ms) if task.HasField("due_ms") else "-"
    remarks = [task.unit.name, _state(terminal, task)]
    if task.late:
        remarks.append(terminal.localized("已逾期", "late"))
    shown = [remark for remark in remarks if remark]
    kind, title = labelled(terminal, SOURCES, task.source), terminal.label(task.title)
    terminal.line(
        f"{due:<10} {kind} {title}（{'，'.join(shown)}）",
        f"{due:<10} {kind}: {title} ({', '.join(shown)})",
    )
    command = command_of(terminal, task)
    terminal.line(f"    {command}", f"    {command}")
    if task.steps:
        allowed, allowed_zh = allowed_text(task.steps)
        terminal.line(f"    {allowed_zh}", f"    {allowed}")


def _state(terminal: Terminal, task: pb.Task) -> str:
    if task.source == "work":
        return labelled(terminal, WORK_STATES, task.code)
    return labelled(terminal, SEVERITIES, task.severity)


def command_of(terminal: Terminal, task: pb.Task) -> str:
    """Return the command to type, in this office's folder or from anywhere."""
    anywhere = terminal.folder == Path() or task.command[0] == "explain"  # it needs no office
    where = () if anywhere else ("--dir", str(terminal.folder))
    return shlex.join(("silian", *task.command, *where))
