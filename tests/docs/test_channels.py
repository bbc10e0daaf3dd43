"""No channel to an office asks a proxy of the environment, wherever it is opened."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.link import lines
from sync.rpc import channel

ROOT = Path(__file__).resolve().parents[2]
OPENERS = {"insecure_channel", "secure_channel"}
KNOWN = {"OPTIONS", "NO_PROXY", "options", "direct"}  # hold the option, see below


def channels() -> Iterator[tuple[Path, ast.Call]]:
    for package in ("hub", "node", "sync", "tests"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if "wire" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in OPENERS:
                    yield path, node


def test_every_channel_is_opened_with_options_that_leave_the_proxy_out() -> None:
    found = list(channels())
    assert len(found) >= 5
    for path, call in found:
        options = [ast.unparse(k.value) for k in call.keywords if k.arg == "options"]
        assert options, f"{path}:{call.lineno} opens a channel without options"
        assert any(name in options[0] for name in KNOWN), f"{path}:{call.lineno}: {options[0]}"


@pytest.mark.parametrize("options", [lines.OPTIONS, channel.OPTIONS])
def test_the_options_of_the_program_leave_the_proxy_out(
    options: tuple[tuple[str, int], ...],
) -> None:
    assert dict(options)["grpc.enable_http_proxy"] == 0
