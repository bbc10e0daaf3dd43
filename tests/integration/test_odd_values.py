"""What is not plainly an amount, a day or a number is refused by every verb that takes one.

Refused before anything is asked of the office, in one line, as wrong usage. Whatever else can be
typed, and whatever an office answers, is tried elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hub.cli.exits import Exit
from tests.integration.test_option_pairs import ASKING, VALUES, VERBS, forms
from tests.support.recorder import Recorder, recording
from tests.support.silian import silian
from tests.support.verbs import Verb

AMOUNTS = {"amount", "counted", "fee"}
DAYS = {"due", "as_of", "on"}
SIGNED_LONG = "9" * 32
ODD = {
    "amount": (
        "1,50", "1,400,00.00", "1_000", "1e3", "1e30", "1.005", "NaN", "10²", "½", "5 000", "¥",
        "1.234,50", "10,000,000,000,000.01", SIGNED_LONG, "🙂",
    ),
    "day": (
        "2026-02-30", "2026-13-01", "26-07-01", "2026-W27-3", "9999-12-31", "0001-01-01",
        "3000-01-01", "tomorrow", "2026-7", "1e30", "2026-07-01T", SIGNED_LONG, "🙂",
    ),
    "number": ("1_0", "1e1", "1.5", "NaN", "0x1f", "½", "٣", str(2**31), SIGNED_LONG, "🙂"),
}  # fmt: skip
TEXTS = ("a\0b", "\udcff", "\x1b[2J", "\u202egnp")  # of any option: no store or screen holds them


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    with recording(tmp_path_factory.mktemp("office") / "here") as recorder:
        yield recorder


def cases() -> Iterator[tuple[str, str, str]]:
    """Yield each verb's parameters of a kind."""
    for name in ASKING:
        for parameter in VERBS[name].own:
            if parameter.name in AMOUNTS:
                yield name, parameter.name, "amount"
            elif parameter.name in DAYS:
                yield name, parameter.name, "day"
            elif parameter.metavar.startswith("<") and parameter.name != "wait":
                yield name, parameter.name, "number"


def typed(verb: Verb, given: dict[str, str], office: Recorder) -> list[str]:
    known = list(forms(verb))
    base = next((way for way in known if set(given) <= way), known[0])
    usual = {p.name: VALUES.get(p.name, "x") for p in verb.own if p.name in base}
    if "file" in usual:
        usual["file"] = str(office.folder / "office.lock")  # any file: it is not looked into
    line = verb.line(usual | given)
    at = line.index("--")
    return [*line[:at], "--dir", str(office.folder), "--json", *line[at:]]


@pytest.mark.parametrize(("name", "parameter", "kind"), list(cases()))
def test_an_odd_value_is_wrong_usage_and_asks_the_office_nothing(
    office: Recorder, name: str, parameter: str, kind: str
) -> None:
    for text in ODD[kind]:
        ran = silian(*typed(VERBS[name], {parameter: text}, office))
        assert (ran.exit, ran.error["code"]) == (Exit.USAGE, "usage"), (name, parameter, text)
        assert office.taken() == [], (name, parameter, text)
        assert ran.error["hint"]


@pytest.mark.parametrize("name", [n for n in ASKING if n.startswith(("money", "work"))])
def test_a_text_that_nothing_can_hold_is_refused_by_its_option(office: Recorder, name: str) -> None:
    for parameter in VERBS[name].own:
        if parameter.flag or parameter.metavar or parameter.name == "body_file":
            continue
        for text in TEXTS:
            ran = silian(*typed(VERBS[name], {parameter.name: text}, office))
            assert (ran.exit, ran.error["code"]) == (Exit.USAGE, "usage"), (parameter.name, text)
            assert office.taken() == []


@pytest.mark.parametrize("name", ASKING)
def test_an_option_that_is_typed_empty_is_refused_and_not_taken_as_left_out(
    office: Recorder, name: str
) -> None:
    for parameter in VERBS[name].own:
        if parameter.flag or not parameter.opt or parameter.name == "after":
            continue
        ran = silian(*typed(VERBS[name], {parameter.name: ""}, office))
        assert ran.exit == Exit.USAGE, parameter.name
        assert ran.error["code"] in {"usage", "not_a_file"}, parameter.name  # a path is a folder
        assert office.taken() == [], parameter.name


@pytest.mark.parametrize(
    ("text", "fen"), [("1500", 150_000), ("1,234.50", 123_450), ("１００", 10_000), ("12元", 1_200)]
)
def test_an_amount_that_is_plainly_written_reaches_the_office_whole(
    office: Recorder, text: str, fen: int
) -> None:
    line = ("money", "appropriate", "--fund", "F1", "--year", "２０２６", "--dir", office.folder)
    assert silian(*line, text).exit == 0
    ((name, request),) = office.taken()
    assert name == "AppropriateMoney"
    from sync.wire.office.v1 import money_pb2 as pb

    asked = pb.AppropriateMoneyRequest.FromString(request)
    assert (asked.amount_fen, asked.year) == (fen, 2026)
