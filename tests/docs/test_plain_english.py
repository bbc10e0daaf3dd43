"""English texts for people are plain: no word of the old dialect, nothing that needs guessing."""

from __future__ import annotations

import ast
import re
import tomllib
from typing import Any

import pytest

from hub.cli.shape import in_language
from node.domain.english import counted, fitting
from node.services.health.problems import TEXTS, problem
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


# -- counts ---------------------------------------------------------------------------------------

COUNTED = re.compile(r"(?<!=)\{\w*\}((?: [a-z-]+){1,3})(?!\w*=)")
PLURAL = re.compile(r"[a-z]+[^s]s|entries")
# No plural: verbs of the third person, and words that end so.
NO_PLURAL = re.compile(
    r"is|has|was|does|this|less|its|as|us|always|takes|needs|holds|means|keeps|names|opens|answers"
    r"|exists|fits|goes|comes|lies|gives|serves|shows|differs|says|misses|covers|status|class"
    r"|address|process|access|previous|press|whose|perhaps|decides|writes|ends|uses|brings|runs"
    r"|refuses|contradicts|breaks|waits|shares"
)
# Behind a limit of the program, which is not 1; a label before `records` and `offices`; a name in
# a line for a log.
LIMITS = re.compile(
    r"bytes|characters|columns|rows|parts|words|fields|digits|records|offices|cells|with|of|holes"
)


def counts_of(tree: ast.AST) -> list[tuple[int, str]]:
    """Return the texts in which a number of something may come out as `1 changes`."""
    found = []
    for node, text in holed(tree):
        for match in COUNTED.finditer(text):
            for word in match[1].split():
                if NO_PLURAL.fullmatch(word):
                    break
                if PLURAL.fullmatch(word):
                    found.append((node.lineno, match[0]))
                    break
    return found


def holed(tree: ast.AST) -> list[tuple[ast.JoinedStr | ast.Constant, str]]:
    """Return the texts with values in them, each value as {}."""
    joined = [each for each in ast.walk(tree) if isinstance(each, ast.JoinedStr)]
    inner = {id(part) for each in joined for part in each.values}
    texts: list[tuple[ast.JoinedStr | ast.Constant, str]] = [
        (each, "".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in each.values))
        for each in joined
    ]
    texts += [
        (each, each.value)
        for each in ast.walk(tree)
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and id(each) not in inner
    ]
    return texts


def test_one_of_something_has_no_plural() -> None:
    wrong = [
        f"{file.relative_to(ROOT)}:{line}: {text}"
        for file in FILES
        if "sync" not in file.relative_to(ROOT).parts  # its texts are about bytes of other programs
        for line, text in counts_of(ast.parse(file.read_text(encoding="utf-8")))
        if not any(LIMITS.fullmatch(word) for word in text.split())
    ]
    assert not wrong, "use node.domain.english:\n" + "\n".join(wrong)


def test_a_plural_behind_a_number_is_found() -> None:
    tree = ast.parse('f"{n} more changes wait"; "{n} [change|changes]"; f"{n} is less"; "{n} hops"')
    assert [text for _, text in counts_of(tree)] == ["{} more changes wait", "{n} hops"]


@pytest.mark.parametrize("code", TEXTS)
def test_a_problem_of_one_thing_is_in_the_singular(code: str) -> None:
    one = problem(code, unit=1, unit_code="1", name="n", n=1, why="w").en
    many = problem(code, unit=1, unit_code="1", name="n", n=2, why="w").en
    assert not counts_of(ast.parse(repr(one.replace("1", "{}", 1)))), one
    assert "[" not in one + many
    assert one.count("1") == many.count("2") + many.count("1")


def test_a_count_has_the_form_of_its_number() -> None:
    assert [counted(n, "entry", "entries") for n in (0, 1, 2)] == [
        "0 entries",
        "1 entry",
        "2 entries",
    ]
    assert counted(1_000, "row") == "1000 rows"
    assert fitting("{n} [row is|rows are] [new|new]", 1) == "{n} row is new"
