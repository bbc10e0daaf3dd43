"""Pages to print for letters of invitation: what a person does, and what is compared by telephone.

The secret is not on them: it stays in the letter's file, which is handed over with the page.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from hub.cli.letters import Letter

if TYPE_CHECKING:
    from hub.cli.terminal import Terminal

HEAD = """<!DOCTYPE html>
<html lang="{lang}"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font-family: sans-serif; margin: 2cm; }}
section {{ break-after: page; }}
td {{ padding: 0.2em 1em 0.2em 0; vertical-align: top; }}
code {{ overflow-wrap: anywhere; }}
</style></head><body>
"""
FOOT = "</body></html>\n"


def printed(terminal: Terminal, letters: Iterable[Letter]) -> str:
    """Return a page of HTML for each letter, in the language of the terminal."""
    title = terminal.localized("入网通知书", "Invitation to enrol")
    head = HEAD.format(lang=terminal.localized("zh-CN", "en"), title=escape(title))
    return head + "".join(_page(terminal, title, each) for each in letters) + FOOT


def _page(terminal: Terminal, title: str, letter: Letter) -> str:
    file = f"{letter.unit}.invite"
    rows = (
        (("单位", "Office"), f"{letter.unit} {letter.name}"),
        (("有效至", "Valid until"), letter.expires),
        (("随附文件", "File handed over with this page"), file),
        (("在本单位运行", "Run at the office"), f"silian join {file} --dir DIR"),
        (("上级地址", "Parent's address"), letter.parent),
        (("入网地址", "Enrols at"), letter.enrolment),
        (("市级颁发机构指纹", "City's authority"), letter.fingerprint),
        (("上级密钥", "Parent's key"), letter.parent_key or "-"),
    )  # fmt: skip
    lines = "\n".join(
        f"<tr><td>{escape(terminal.localized(*label))}</td><td><code>{escape(value)}</code></td></tr>"
        for label, value in rows
    )
    advice = terminal.localized(
        "办理时请与上级电话核对指纹和密钥。随附文件仅限本单位使用一次，请勿转发。",
        "Compare the fingerprint and the key with the parent by telephone. The file is for this "
        "office and one use; do not pass it on.",
    )
    signed = terminal.localized("经办人：　　　　　　日期：", "Done by:               Date:")
    return (
        f"<section><h1>{escape(title)}</h1>\n<table>\n{lines}\n</table>\n<p>{escape(advice)}</p>\n"
        f"<p>{escape(signed)}</p></section>\n"
    )
