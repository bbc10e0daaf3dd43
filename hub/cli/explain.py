"""Explain every code that a person may meet: refusals, problems, steps that fail."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from hub.cli.exits import MEANINGS, Exit
from hub.cli.sample import sample
from sync.model.errors import SilianError

PACKAGES = ("sync.", "node.", "hub.")
SKIPPED = ("sync.wire", "node.store.migrations")  # with everything in them
Text = dict[str, str]  # "zh" and "en"

_AGAIN = {
    "zh": "本次未做任何改动。单位之间的连接会自动重试，命令需要重新执行。",
    "en": "Nothing was done. Lines between offices try again by themselves; a command does not.",
}
_STAYS = {
    "zh": "本次未做任何改动；在有人处理之前，同样的操作仍会被拒绝。",
    "en": "Nothing was done and nothing has changed; the same is refused until somebody acts.",
}
_ITSELF = {  # where it is more than that
    "commit_unknown": {
        "zh": "修改要么完整保存，要么完全没有保存。",
        "en": "The change is there whole, or not at all.",
    },
    "overloaded": {"zh": "稍后自动重发。", "en": "It is sent again by itself a little later."},
    "cursor_gap": {"zh": "对方会从接得上的位置重发。", "en": "The sender resends what is missing."},
    "stream_gap": {"zh": "对方会从接得上的位置重发。", "en": "The sender resends what is missing."},
    "session_unknown": {"zh": "自动重新连接。", "en": "The line greets again by itself."},
}


@cache
def refusals() -> dict[str, type[SilianError]]:
    """Return every refusal of the program by its code.

    Where a verb refuses with the code of a service, it is the service's that is explained.
    """
    for name in PACKAGES:
        package = importlib.import_module(name.rstrip("."))
        for found in pkgutil.walk_packages(package.__path__, name):
            if not _is_skipped(found.name):
                importlib.import_module(found.name)
    codes: dict[str, type[SilianError]] = {}
    for known in sorted(_below(SilianError), key=_rank):
        if known.__module__.startswith(PACKAGES):  # a program that uses this one has refusals, too
            codes.setdefault(known.code, known)
    return codes


def _rank(known: type[SilianError]) -> tuple[int, str]:
    package = known.__module__.partition(".")[0] + "."
    return PACKAGES.index(package) if package in PACKAGES else len(PACKAGES), known.__module__


def _is_skipped(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in SKIPPED)


def explanation(code: str) -> dict[str, Any] | None:
    """Return what a code means; None if there is no such code.

    `kind`: problem (of `status`), refusal, or step (of an assignment). With a problem its severity,
    with a refusal its exit. Texts in both languages: cause, itself (what happens automatically),
    steps, example (how it reads).
    """
    from node.domain.assignment_texts import REASONS
    from node.services.health.problems import TEXTS

    if code in TEXTS:
        return _problem(code)
    if code in REASONS:
        return _step(code)
    known = refusals().get(code)
    if known is None:
        return None
    plain = _texts()["plain"].get(code)
    return _plain(known, plain) if plain else _refusal(known)


def listed() -> list[dict[str, Any]]:
    """Return every code with its kind and a line about it, problems first."""
    from node.domain.assignment_texts import REASONS
    from node.services.health.problems import TEXTS

    others = sorted(refusals().keys() - TEXTS.keys())
    found = [explanation(code) for code in (*TEXTS, *others, *sorted(REASONS))]
    return [each for each in found if each is not None]


def near(code: str) -> list[str]:
    """Return the codes that may have been meant."""
    known = sorted(each["code"] for each in listed())
    part = [each for each in known if len(code) > 2 and (code in each or each in code)]
    return list(dict.fromkeys([*part, *difflib.get_close_matches(code, known, 5, 0.5)]))[:5]


def normal(code: str) -> str:
    """Return a code as it is written: people write `stale-edit`, too."""
    return code.strip().lower().replace("-", "_").replace(" ", "_")


def _problem(code: str) -> dict[str, Any]:
    from node.services.health.problems import TEXTS, problem

    severity, _, _, remedy_zh, remedy_en = TEXTS[code]
    texts = _texts()["problem"].get(code, {})
    shown = problem(code, unit=0, unit_code="", name="", n=3, why="…")
    return {
        "code": code,
        "kind": "problem",
        "severity": severity.name.lower(),
        "exit": int(known.kind.exit) if (known := refusals().get(code)) else None,
        "cause": {"zh": texts.get("cause_zh", shown.zh), "en": texts.get("cause_en", shown.en)},
        "itself": {"zh": texts.get("itself_zh", "—"), "en": texts.get("itself_en", "-")},
        "steps": {
            "zh": texts.get("steps_zh", remedy_zh), "en": texts.get("steps_en", remedy_en),
        },
        "example": {
            "zh": f"万家花园社区：{shown.zh}。{remedy_zh}",
            "en": f"万家花园社区: {shown.en}. {remedy_en}",
        },
    }  # fmt: skip


def _step(code: str) -> dict[str, Any]:
    from node.domain.assignment_state import IllegalEvent
    from node.domain.assignment_texts import REASONS

    en, zh, remedy_en, remedy_zh = REASONS[code]
    return {
        "code": code, "kind": "step", "severity": None, "exit": int(IllegalEvent.kind.exit),
        "cause": {"zh": f"{zh}。", "en": f"{en[0].upper()}{en[1:]}."}, "itself": _STAYS,
        "steps": {"zh": remedy_zh, "en": remedy_en},
        "example": {"zh": "silian work show 编号", "en": "silian work show ID"},
    }  # fmt: skip


def _refusal(known: type[SilianError]) -> dict[str, Any]:
    shown = sample(known)
    cause_en = " ".join((inspect.getdoc(known) or "").partition("\n\n")[0].split())
    cause_zh = _texts()["refusal"].get(known.code) or (shown.zh if shown else cause_en)
    steps = {
        "zh": _stated(shown.remedy_zh if shown else "") or "按错误信息中的提示处理。",
        "en": _stated(shown.remedy_en if shown else "") or "Do what the message says.",
    }
    reported = shown is not None and _stated(shown.en) != ""
    return {
        "code": known.code, "kind": "refusal", "severity": None, "exit": int(known.kind.exit),
        "cause": {"zh": cause_zh, "en": cause_en},
        "itself": _ITSELF.get(known.code) or (_AGAIN if known.kind.retryable else _STAYS),
        "steps": steps,
        "example": {
            "zh": shown.text("zh") if shown and reported else f"{cause_zh}{steps['zh']}",
            "en": shown.text("en") if shown and reported else f"{cause_en} {steps['en']}",
        },
    }  # fmt: skip


def _plain(known: type[SilianError], texts: Text) -> dict[str, Any]:
    both = {name: {"zh": texts[f"{name}_zh"], "en": texts[f"{name}_en"]} for name in
            ("cause", "steps")}  # fmt: skip
    return {
        "code": known.code, "kind": "refusal", "severity": None, "exit": int(known.kind.exit),
        **both,
        "itself": _STAYS, "example": both["cause"],
    }  # fmt: skip


def meaning_of(number: int) -> Text:
    """Return what an exit code means."""
    zh, en = MEANINGS[Exit(number)]
    return {"zh": zh, "en": en}


def _stated(text: str) -> str:
    """Return a text; "" when it is only the placeholder of one that is given where it is raised."""
    return "" if text.strip(" .…") == "" else text


@cache
def _texts() -> dict[str, Any]:
    return tomllib.loads((files("hub.cli") / "explanations.toml").read_text(encoding="utf-8"))


def _below(kind: type[SilianError]) -> Iterator[type[SilianError]]:
    for each in kind.__subclasses__():
        if "code" in vars(each):
            yield each
        yield from _below(each)
