"""What people, scripts and accidents may type for any option: values at and beyond every edge."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from typer.core import TyperGroup

TEXTS = (
    "", " ", "0", "-0", "-1", "1", "1e30", "-1e30", "1e400", "1E+99999", "NaN", "Infinity", "0x10",
    "0.005", "1,50", "1,000,000.5", "1__0", "9" * 19, "9" * 30, "9" * 5_000, str(2**63),
    str(-(2**63) - 1), "１２３", "٣", "²", "½",
    "9999-12-31", "0001-01-01", "10000-01-01", "0000-00-00", "2026-02-30", "2026-11-30T12:00",
    "9999-12", "2026-13", "20261130", "-5-1-1",
    "00" * 16, "ff" * 16, "zz" * 16, "f" * 31, "f" * 33,
    "a=b", "=", "a=", "=b", "name=x", "area_m2=1e400", "area_m2=" + "9" * 40,
    "birth_date=9999-12-31",
    "premises", "resident", "K5", "F1", "万家花园社区", "闸弄口街道", "杭州市", "上城区/闸弄口街道",
    "名" * 3_000, "a\nb", "\x1b[31m红", "\u202eabc", "'; DROP TABLE entry; --", "%s%n{0}{x}",
    "--", "\\",
    "../../etc/passwd", "file:x?mode=ro", "http://127.0.0.1:1", "\ufeffname", "\udcff", "💧",
)  # fmt: skip
NUMBERS = ("0", "1", "-1", str(2**31), str(2**63 - 1), str(2**63), str(-(2**63) - 1), "9" * 30, "x",
           "1.5", "")  # fmt: skip
FLOATS = ("0", "-0.0", "1e308", "1e309", "-1", "nan", "inf", "x", "49.9")
LONG_NAME = "n" * 300
SKIPPED = {"serve", "demo"}  # they run until somebody stops them
ASKS = {"--help", "-h", "--install-completion", "--show-completion", "--version"}


def verbs(group: TyperGroup, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every verb with its words, but those that do not end by themselves."""
    for name, command in group.commands.items():
        stated = (*before, name)
        if isinstance(command, TyperGroup):
            yield from verbs(command, stated)
        elif name not in SKIPPED:
            yield stated, command


def extreme(rng: random.Random, command: Any, folder: Path) -> list[str]:
    """Return arguments for a verb: all that it needs, some of its options, each at an edge."""
    words: list[str] = []
    for parameter in command.params:
        if parameter.name in ("dir", "json", "lang") or set(parameter.opts) & ASKS:
            continue
        if parameter.param_type_name == "argument":
            if parameter.required or rng.random() < 0.7:
                words += [_value(rng, parameter, folder) for _ in range(_how_many(rng, parameter))]
        elif parameter.required or rng.random() < 0.4:
            name = rng.choice(parameter.opts)
            if parameter.is_flag:
                words.append(name)
            else:
                words += [name, _value(rng, parameter, folder)]
    rng.shuffle(words) if rng.random() < 0.05 else None
    return words


def _how_many(rng: random.Random, parameter: Any) -> int:
    return rng.choice((1, 1, 2, 5)) if parameter.nargs == -1 else 1


def _value(rng: random.Random, parameter: Any, folder: Path) -> str:
    kind = parameter.type_descriptor.annotation
    if isinstance(kind, type) and issubclass(kind, Enum) and rng.random() < 0.8:
        return str(rng.choice(list(kind)).value)
    if kind is int:
        return rng.choice(NUMBERS)
    if kind is float:
        return rng.choice(FLOATS)
    if kind is Path or (kind is not str and "Path" in str(kind)):
        return rng.choice(
            (str(folder / "missing" / "x"), str(folder), os.devnull, str(folder / LONG_NAME),
             str(folder / f"new{rng.randrange(10**9)}"), "", "\udcff", str(folder / "text.csv"))
        )  # fmt: skip
    return rng.choice(TEXTS)
