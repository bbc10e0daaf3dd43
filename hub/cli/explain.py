"""Every code that a person may meet, and what it means: refusals, problems, steps that fail."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Iterator

from hub.cli.exits import MEANINGS, exit_of
from sync.model.errors import SilianError

PACKAGES = ("sync.", "node.", "hub.")
SKIPPED = ("sync.wire", "node.store.migrations", "hub.demo")  # with all that lies in them


def refusals() -> dict[str, type[SilianError]]:
    """Return every refusal of the program by its code."""
    for name in PACKAGES:
        package = importlib.import_module(name.rstrip("."))
        for found in pkgutil.walk_packages(package.__path__, name):
            if not _is_skipped(found.name):
                importlib.import_module(found.name)
    codes: dict[str, type[SilianError]] = {}
    for kind in _below(SilianError):
        # Whoever uses the program has refusals, too; and who has loaded the demonstration.
        if kind.__module__.startswith(PACKAGES) and not _is_skipped(kind.__module__):
            codes.setdefault(kind.code, kind)
    return codes


def _is_skipped(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in SKIPPED)


def explanation(code: str) -> dict[str, str] | None:
    """Return what a code means, its exit and its remedy; None if there is no such code."""
    from node.domain.assignment_texts import REASONS
    from node.services.health.problems import TEXTS

    if code in TEXTS:
        severity, zh, en, remedy_zh, remedy_en = TEXTS[code]
        text = f"{code} ({severity.name.lower()}): "
        return {"code": code, "zh": f"{text}{zh}。{remedy_zh}", "en": f"{text}{en}. {remedy_en}"}
    if code in REASONS:
        en, zh, remedy_en, remedy_zh = REASONS[code]
        return {
            "code": code,
            "zh": f"{code}: {zh}。{remedy_zh}",
            "en": f"{code}: {en}. {remedy_en}",
        }
    kind = refusals().get(code)
    if kind is None:
        return None
    exit_ = exit_of(code, retryable=kind.retryable)
    zh, en = MEANINGS[exit_]
    doc = " ".join((inspect.getdoc(kind) or "").split())
    return {
        "code": code,
        "zh": f"{code}: {doc} 退出码 {int(exit_)}: {zh}。",
        "en": f"{code}: {doc} Exit {int(exit_)}: {en}.",
    }


def near(code: str) -> list[str]:
    """Return the codes that may have been meant."""
    from node.domain.assignment_texts import REASONS
    from node.services.health.problems import TEXTS

    known = {*refusals(), *TEXTS, *REASONS}
    return difflib.get_close_matches(code, sorted(known), 3, 0.5)


def _below(kind: type[SilianError]) -> Iterator[type[SilianError]]:
    for each in kind.__subclasses__():
        if "code" in vars(each):
            yield each
        yield from _below(each)
