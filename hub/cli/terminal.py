"""The terminal of a verb: language, JSON or tables, colours, progress, errors in one line."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub.cli.refusals import WrongUsage
from node.domain.days import time_text
from sync.model.errors import SilianError

if TYPE_CHECKING:
    from rich.console import Console

    from hub.client.client import OfficeClient

PIPE_COLUMNS = 10_000  # no terminal: no line is folded
Cell = str | int


def default_lang() -> str:
    """Return "zh" where the system is set to Chinese, else "en". Raises: Refusal."""
    asked = os.environ.get("SILIAN_LANG", "").lower()
    if asked and not asked.startswith(("zh", "en")):
        raise WrongUsage(
            f"SILIAN_LANG is {asked[:20]!r}, which is no language of this program",
            f"环境变量 SILIAN_LANG 的值“{asked[:20]}”不是本程序支持的语言",
            "Set it to zh or en, or not at all.", "请设为 `zh` 或 `en`，或不设置。",
        )  # fmt: skip
    for name in ("SILIAN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name, ""):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def take_any_character(*, json: bool = False) -> None:
    """Let both outputs replace what their encoding lacks: a terminal in GBK shows `?` for it.

    JSON is always UTF-8; what is no character at all becomes a JSON escape.
    """
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is None:
            continue  # a test or a caller has replaced it
        if json:
            reconfigure(encoding="utf-8", errors="backslashreplace")
        else:
            reconfigure(errors="replace")


def discard_output() -> None:
    """Discard what could not be written, or Python tries again when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        with suppress(OSError, ValueError):  # not a file of the system: in a test
            os.dup2(nowhere, sys.stdout.fileno())
    finally:
        os.close(nowhere)


@dataclass(slots=True)
class Terminal:
    """One run of a verb: where the office is, and how to print."""

    folder: Path
    json: bool
    lang: str

    @property
    def zh(self) -> bool:
        return self.lang == "zh"

    def localized(self, zh: str, en: str) -> str:
        """Return the text in the language of the run."""
        return zh if self.zh else en

    @contextmanager
    def office(self) -> Iterator[OfficeClient]:
        """Open the office, served or not, and close it afterwards."""
        from hub.cli.arguments import person
        from hub.client.client import OfficeClient
        from node.store.folder_lock import lock_info

        if not (lock_info(self.folder) or {}).get("address"):
            from node import logs  # the office will work, and log, in this process

            logs.set_up(level=logs.level_asked("ERROR"))
        actor = person(os.environ.get("SILIAN_ACTOR", ""))
        with OfficeClient.connect(self.folder, actor=actor) as office:
            yield office

    # -- to standard output ----------------------------------------------------------------------

    def show(self, thing: Any, human: Callable[[], None]) -> None:
        """Print one JSON document, an object, or what `human` prints."""
        if not self.json:
            human()
            return
        from hub.cli.to_json import document as document_of

        document = document_of(thing)
        assert isinstance(document, dict), "JSON is one object"
        indent = 2 if sys.stdout.isatty() else None
        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=indent) + "\n")

    def line(self, zh: str, en: str) -> None:
        """Print one line of data for people."""
        sys.stdout.write(self.localized(zh, en) + "\n")

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        """Print a table; numbers to the right, wide characters counted as two columns.

        On a terminal it is as wide as that: `hub.cli.tables` decides what is shortened.
        """
        from rich.table import Table
        from rich.text import Text

        from hub.cli.tables import fitted

        listed = [list(row) for row in rows]
        console = self.console()
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        width = console.width if sys.stdout.isatty() else None
        cells, widths = fitted(heads, listed, width)
        for at, head in enumerate(heads):
            numbers = bool(listed) and all(isinstance(row[at], int) for row in listed)
            table.add_column(
                head, justify="right" if numbers else "left", overflow="fold",
                width=widths[at] if widths else None, no_wrap=not widths,
            )  # fmt: skip
        for row in cells:
            table.add_row(*map(Text, row))
        console.print(table)

    def console(self, *, errors: bool = False) -> Console:
        """Return a console that folds no lines where there is no terminal."""
        from rich.console import Console

        stream = sys.stderr if errors else sys.stdout
        width = None if stream.isatty() else PIPE_COLUMNS
        return Console(file=stream, width=width, highlight=False, soft_wrap=not stream.isatty())

    # -- to standard error -----------------------------------------------------------------------

    def note_page(self, page: Any, measure: str) -> None:
        """Print how many there are in all, and how to get the next page."""
        total, token = page.total_size, page.next_page_token
        self.note(
            f"共 {total} {measure}" + (f"，下一页：--after {token}" if token else ""),
            f"{total} in all" + (f", next page: --after {token}" if token else ""),
        )

    def note_total(self, total: int, measure: str) -> None:
        """Print how many there are in a list that is shown whole."""
        self.note(f"共 {total} {measure}", f"{total} in all")

    def note(self, zh: str, en: str) -> None:
        """Print a note besides the data."""
        sys.stderr.write(self.localized(zh, en) + "\n")

    def error(self, error: SilianError) -> int:
        """Print what went wrong and what to do; return the exit code."""
        if self.json:
            hint = error.remedy_zh if self.zh else error.remedy_en
            message = error.zh if self.zh else error.en
            envelope = {
                "code": error.code, "message": message, "hint": hint,
                "retryable": error.retryable,
            }  # fmt: skip
            sys.stderr.write(json.dumps(envelope, ensure_ascii=False) + "\n")
        else:
            console = self.console(errors=True)
            from rich.text import Text

            text = " ".join(error.text(self.lang).split())
            console.print(Text.assemble((self.localized("错误", "error"), "bold red"),
                                        self.localized("：", ": ") + text))  # fmt: skip
        return int(error.kind.exit)

    @contextmanager
    def progress(self, zh: str, en: str) -> Iterator[Callable[[int, int], None]]:
        """Yield `report(done, total)`; a bar on a terminal, nothing elsewhere."""
        if self.json or not sys.stderr.isatty():
            yield lambda _done, _total: None
            return
        from rich.progress import Progress

        with Progress(console=self.console(errors=True), transient=True) as bar:
            task = bar.add_task(self.localized(zh, en), total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total or None)

    # -- questions -------------------------------------------------------------------------------

    @property
    def asks(self) -> bool:
        """Whether a person can answer: a script is not asked."""
        return not self.json and sys.stdin.isatty() and sys.stderr.isatty()

    def ask(self, zh: str, en: str) -> str:
        """Return what a person types in answer; "" for nothing."""
        sys.stderr.write(f"{self.localized(zh, en)}: ")
        sys.stderr.flush()
        return sys.stdin.readline().strip()

    def confirm(self, zh: str, en: str) -> None:
        """Continue if a person answers yes. Raises: Refusal."""
        answer = self.ask(f"{zh} [y/N]", f"{en} [y/N]").casefold()
        if answer not in ("y", "yes", "是"):
            raise WrongUsage(
                "nothing was done", "未执行", "Answer y to go on.", "输入 y 表示继续。"
            )

    # -- texts ------------------------------------------------------------------------------------

    def time(self, ms: int) -> str:
        """Return a moment as people in China read it; "-" for none."""
        if not ms:
            return "-"
        return time_text(ms, "%Y-%m-%d %H:%M:%S")

    def label(self, label: Any) -> str:
        return str(label.zh if self.zh else label.en)

    def level(self, level: int) -> str:
        names = ("city", "district", "street", "community")
        return ("市", "区", "街道", "社区")[level] if self.zh else names[level]
