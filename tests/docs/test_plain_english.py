"""English texts for people are plain: no word of the old dialect, nothing that needs guessing."""

from __future__ import annotations

import ast
import re
import tomllib
from typing import Any

from hub.cli.shape import in_language
from node.services.health.problems import TEXTS
from tests.docs.test_chinese import FILES, HELPS, ROOT
from tests.support.chinese import HAN

# Each stood for something that has a plain word: received, applied, quarantined change, create
# again, next to, send, has, state, requested.
RIDDLES = re.compile(
    r"\b(hears?|heard|holes?|heal(s|ed|ing)?|anew|beside|wished|reckon(s|ed)?|vouch\w*|doorbell"
    r"|goes up|comes down|takes? in|taken in|lets? in|let in|says so|tells?|told|never stood"
    r"|by a ruling that binds|is for \S+ to say|whoever|nobody has said)\b",
    re.IGNORECASE,
)
PASSIVE = re.compile(r"^(Was|Were|Is to be|Are to be|To be) ")


def found_in(stated: dict[str, str]) -> list[str]:
    return [
        f"{where}: {text!r}"
        for where, text in stated.items()
        if RIDDLES.search(text) or PASSIVE.search(text)
    ]


def sentences(node: ast.AST) -> list[tuple[int, str]]:
    """Return the English sentences that an error is made with: class texts and its arguments."""
    texts = []
    for part in ast.walk(node):
        if isinstance(part, ast.JoinedStr):
            text = "".join(
                str(v.value) if isinstance(v, ast.Constant) else "x" for v in part.values
            )
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            text = part.value
        else:
            continue
        if text.count(" ") > 2 and not HAN.search(text):
            texts.append((getattr(part, "lineno", 0), text))
    return texts


def test_every_help_is_plain() -> None:
    stated = {path: in_language(text, zh=False) for path, text in HELPS.items()}
    assert not found_in(stated), "\n".join(found_in(stated))


def leaves(thing: Any, path: str = "") -> dict[str, str]:
    if isinstance(thing, dict):
        return {k: v for name, part in thing.items()
                for k, v in leaves(part, f"{path}.{name}").items()}  # fmt: skip
    return {path: str(thing)} if path.endswith("_en") else {}


def test_every_explanation_and_problem_is_plain() -> None:
    explained = leaves(tomllib.loads((ROOT / "hub/cli/explanations.toml").read_text()))
    stated = {f"{code} {n}": text for code, (_, _, en, _, remedy) in TEXTS.items()
              for n, text in enumerate((en, remedy))}  # fmt: skip
    assert len(explained) > 80
    found = found_in(explained | stated)
    assert not found, "\n".join(found)


def test_every_error_is_plain() -> None:
    stated = {}
    for path in FILES:
        for made in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(made, ast.ClassDef) and "code =" in ast.unparse(made)):
                continue
            for line, text in sentences(made):
                stated[f"{path.relative_to(ROOT)}:{line}"] = text
    assert len(stated) > 150
    assert not found_in(stated), "\n".join(found_in(stated))
