"""docs/protocol.md and docs/session.md say what the engine does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import symbol_database, text_format

from hub.api.call_context import BadRequest, only
from hub.cli.explain import refusals
from sync.link.handshake import CHECKS
from sync.link.messages import Verdict
from sync.link.sessions import ACCEPTS, Call
from sync.model import limits
from sync.model.errors import ErrorKind
from sync.rpc.status import DETAILS_BYTES_MAX, TEXT_BYTES_MAX, status_message
from sync.wire.link.v1 import link_pb2 as pb
from sync.wire.office.v1.work_pb2 import TransitionAssignmentRequest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/protocol.md").read_text(encoding="utf-8")
API = (ROOT / "docs/api.md").read_text(encoding="utf-8")
LIMITS = {
    name: value for name, value in vars(limits).items() if name.isupper() and isinstance(value, int)
}
METHODS = [m.name for m in pb.DESCRIPTOR.services_by_name["LinkService"].methods]


def rows(heading: str) -> dict[str, list[str]]:
    """Return the table below a heading: its first column in backticks -> the other columns."""
    _, found, after = TEXT.partition(f"\n## {heading}\n")
    assert found, f"docs/protocol.md has no section {heading!r}"
    section = after.partition("\n## ")[0]
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("| `")
    ]
    return {first.strip("`"): rest for first, *rest in cells}


def test_the_diagram_of_the_session_is_up_to_date() -> None:
    command = [sys.executable, "docs/make_session_diagram.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_checks_of_the_handshake_are_documented_in_their_order() -> None:
    section = TEXT.partition("### Hello\n")[2].partition("\n### ")[0]
    table = re.findall(r"^\| `(\w+)` \| (?:`([A-Z_]+)`|\(refused\)) \|", section, re.MULTILINE)
    assert table == [(c.name, c.verdict.name if c.verdict else "") for c in CHECKS]


def test_the_calls_of_a_session_are_documented_as_they_are() -> None:
    for state, calls in ACCEPTS.items():
        listed = ", ".join(call.value for call in Call if call in calls)
        assert f"| `{state.value}` | {listed} |" in TEXT


def shown_refusal() -> str:
    """Return what a client reads when it gives a step of an assignment what it does not take."""
    request = TransitionAssignmentRequest(step="accept", percent=50)
    with pytest.raises(BadRequest) as refused:
        only(request, ("id", "step", "actor"), when="the step accept", when_zh="“接受”")
    details = [
        (
            packed.TypeName().rpartition(".")[2],
            text_format.MessageToString(
                symbol_database.Default().GetSymbol(packed.TypeName()).FromString(packed.value),
                as_one_line=True, as_utf8=True,
            ),
        )
        for packed in status_message(refused.value).details
    ]  # fmt: skip
    return "".join(f"{name:<16}  {text}\n" for name, text in details)


def test_the_refusal_that_is_shown_is_what_a_client_reads() -> None:
    assert f"```\n{shown_refusal()}```" in API


def test_every_refusal_is_documented_with_its_kind() -> None:
    """The table of docs/api.md is this: print it and paste it where it differs."""
    lines = ["| kind | status | exit | again | codes |", "| --- | --- | --- | --- | --- |"]
    for kind in ErrorKind:
        codes = sorted(code for code, known in refusals().items() if known.kind is kind)
        assert codes, f"no refusal is of the kind {kind.name}: remove it"
        lines.append(
            f"| `{kind.name}` | `{kind.status}` | {kind.exit:d} | "
            f"{'yes' if kind.retryable else 'no'} | {', '.join(f'`{code}`' for code in codes)} |"
        )
    assert API.count(lines[0]) == 1
    documented = API.partition(lines[0])[2].partition("\n\n")[0]
    assert (lines[0] + documented).splitlines() == lines


def test_every_refusal_of_the_link_is_documented_with_its_status() -> None:
    known = refusals()
    of_link = {code: row[0].strip("`") for code, row in rows("Refusals").items()}
    assert {c: known[c].kind.status if c in known else None for c in of_link} == of_link


def test_no_refusal_is_listed_twice() -> None:
    for text in (API, TEXT.partition("\n## Refusals\n")[2].partition("\n## ")[0]):
        first = re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE)
        assert len(first) == len(set(first))


def test_the_sizes_of_a_refusal_are_documented_as_they_are() -> None:
    assert f"cut at {TEXT_BYTES_MAX:,} bytes" in API
    assert f"at most {DETAILS_BYTES_MAX:,} bytes" in API


def test_whether_a_refusal_may_be_repeated_is_documented_as_it_is() -> None:
    known = refusals()
    wrong = {
        code: row[1]
        for code, row in rows("Refusals").items()
        if code in known and (row[1] == "yes") is not known[code].kind.retryable
    }
    assert wrong == {}


def test_every_limit_is_documented_with_its_value() -> None:
    documented = {name: int(row[0].replace(",", "")) for name, row in rows("Limits").items()}
    assert documented == LIMITS


@pytest.mark.parametrize("method", METHODS)
def test_every_call_of_the_link_has_its_rules(method: str) -> None:
    assert re.search(rf"^### .*\b{method}\b", TEXT, re.MULTILINE)


@pytest.mark.parametrize("verdict", [v.name for v in Verdict])
def test_every_verdict_is_documented(verdict: str) -> None:
    assert f"| `{verdict}` |" in TEXT


def test_every_reason_for_quarantine_is_documented() -> None:
    source = (ROOT / "sync/store/quarantine.py").read_text(encoding="utf-8")
    (listed,) = re.findall(r"`reason` is one of: (.*?)\. ", source, re.DOTALL)
    reasons = {reason.strip() for reason in listed.replace("\n", " ").split(",")}
    assert reasons <= set(rows("Quarantine")), "name each reason in the table under Quarantine"
