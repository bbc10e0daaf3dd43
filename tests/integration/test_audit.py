"""The audit log of a served office: who did what, without a value; proofs for others."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import Descriptor

from hub.api.disclosed import CARRIERS
from hub.client.calls import SERVICE
from hub.client.client import OfficeClient, wall_ms
from hub.client.files import record_pieces
from hub.serve.process import Process
from node.config import OfficeConfig
from node.domain.catalogue import load_catalogue
from node.setup import init_office
from sync.model.errors import SilianError
from sync.rpc.channel import NO_PROXY
from sync.wire.office.v1 import office_pb2 as pb
from sync.wire.office.v1 import office_pb2_grpc
from tests.support.audit import run_verifier
from tests.support.silian import silian

COMMUNITY = "330102013009"
CANARY = "张金丝雀"
NUMBER = "330102199001011234"
RESIDENT = {"name": CANARY, "id_number": NUMBER, "birth_date": "1990-01-01"}
HOLDS_VALUES = "silian.office.v1.Value"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("audit") / "home"
    init_office(folder, OfficeConfig(unit=COMMUNITY), load_catalogue(), rng=random.Random(3))
    process = Process([folder], wall_ms=wall_ms, rng=random.Random(1))
    process.start()
    yield folder
    process.stop()


@pytest.fixture
def office(folder: Path) -> Iterator[OfficeClient]:
    with OfficeClient.connect(folder, actor="王敏") as office:
        yield office


def newest(office: OfficeClient, event: str) -> Any:
    """Return the newest entry of an event."""
    found = [e for e in office.list_audit_entries(page_size=10_000).entries if e.event == event]
    return found[-1]


def size_of(office: OfficeClient) -> int:
    return int(office.list_audit_entries(page_size=1).total_size)


@pytest.fixture(scope="module")
def made(folder: Path) -> Any:
    """A resident, as the office showed it when it was created."""
    with OfficeClient.connect(folder) as office:
        return office.create_record(register="resident", values=RESIDENT).record


def test_whoever_reads_a_person_is_named_with_the_record_and_the_fields(
    office: OfficeClient,
    made: Any,
) -> None:
    before = size_of(office)
    office.get_record(register="resident", id=made.id)
    assert size_of(office) == before + 1
    entry = newest(office, "records_read")
    assert (entry.by, entry.register, entry.record) == ("王敏", "resident", made.id)
    assert {"name", "id_number"} <= set(entry.fields)
    assert dict(entry.facts) == {"call": "GetRecord", "records": "1"}


def test_a_list_of_persons_is_one_entry_and_a_list_of_premises_is_none(
    office: OfficeClient,
    made: Any,
) -> None:
    office.create_record(
        register="premises",
        values={"name": "一号楼", "use": "office", "area_m2": "660", "tenure": "owned"},
    )
    before = size_of(office)
    office.list_records(register="premises")
    assert size_of(office) == before
    shown = office.list_records(search=CANARY[:2])
    assert size_of(office) == before + 1
    assert newest(office, "records_read").facts["records"] == str(len(shown.records))


def test_an_export_is_recorded_before_a_byte_of_it_leaves(office: OfficeClient, made: Any) -> None:
    before = size_of(office)
    pieces = office.export_records(register="resident", format="csv")
    next(pieces)
    entry = newest(office, "records_exported")
    assert (entry.index, entry.by, entry.register) == (before, "王敏", "resident")
    assert "id_number" in entry.fields
    assert entry.facts["format"] == "csv"
    list(pieces)


def test_a_forced_edit_names_the_person_and_the_fields(office: OfficeClient, made: Any) -> None:
    office.update_record(
        register="resident", id=made.id, values={"phone": "13900000000"}, actor="李强",
        version_token=made.version_token, force=True, reason="复核",
    )  # fmt: skip
    entry = newest(office, "edit_forced")
    assert (entry.by, entry.record, list(entry.fields)) == ("李强", made.id, ["phone"])


def test_a_caller_with_a_wrong_token_is_recorded_once_a_minute(
    folder: Path, office: OfficeClient
) -> None:
    address = json.loads((folder / "office.lock").read_text())["address"]
    before = size_of(office)
    with grpc.insecure_channel(address, options=(NO_PROXY,)) as channel:
        stub = office_pb2_grpc.OfficeServiceStub(channel)
        for _ in range(5):
            with pytest.raises(grpc.RpcError):
                stub.GetStatus(
                    pb.GetStatusRequest(), metadata=(("silian-token", "no token of it"),)
                )
    assert size_of(office) == before + 1
    assert newest(office, "caller_refused").facts["code"] == "unauthenticated"


def test_no_value_of_a_person_is_in_the_log_whatever_was_done(
    office: OfficeClient, made: Any
) -> None:
    office.get_record(register="resident", id=made.id, history=True)
    office.list_records(register="resident", search=CANARY)
    office.search_ids(kind="record", text=CANARY, register="resident")
    list(office.export_records(register="resident", search=CANARY))
    sheet = f"姓名,公民身份号码,出生日期\n{CANARY},{NUMBER},1990-01-01\n".encode()
    first = {"filename": "居民.csv", "register": "resident", "annotate": True}
    list(office.import_records(record_pieces(sheet, **first)))
    office.end_record(
        register="resident", id=made.id, force=True, version_token=made.version_token,
        reason=f"{CANARY}迁出", actor="王敏",
    )  # fmt: skip
    with pytest.raises(SilianError):
        office.revoke_certificates(which=CANARY, reason=NUMBER)
    text = b"".join(piece.data for piece in office.export_audit()).decode()
    assert size_of(office) > 5
    for value in (CANARY, NUMBER, NUMBER[:14], "迁出"):
        assert value not in text


def test_every_message_with_values_of_records_is_looked_through() -> None:
    """A message that has values lies in one that says of which record they are."""
    loose: set[str] = set()

    def walk(message: Descriptor, way: tuple[str, ...]) -> None:
        if message.full_name in CARRIERS or message.full_name in way:
            return
        for field in message.fields:
            inner = field.message_type
            if inner is None:
                continue
            if inner.full_name == HOLDS_VALUES:
                loose.add(f"{message.full_name}.{field.name}")
            walk(inner, (*way, message.full_name))

    for method in SERVICE.methods:
        walk(method.output_type, ())
    assert loose == {  # the history of a record, which comes with that record
        "silian.office.v1.RecordEvent.ValuesEntry.value",
        "silian.office.v1.FieldChange.old",
        "silian.office.v1.FieldChange.new",
    }


def test_a_proof_is_accepted_by_a_verifier_that_has_no_office_and_a_forged_one_is_not(
    folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "one.tlog-proof"
    done = silian("audit", "prove", "--dir", folder, "--entry", "0", "--out", file, "--json")
    made = json.loads(done.out)
    key = made["key"]
    ran = run_verifier("proof", file, "--key", key)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert made["entry"] in ran.stdout
    good = file.read_text(encoding="utf-8").splitlines(keepends=True)
    forged = tmp_path / "forged.tlog-proof"
    for at, line in enumerate(good):
        changed = line[:-3] + ("A" if line[-3:-2] != "A" else "B") + line[-2:] if line[:-3] else ""
        for text in (changed, ""):  # one character of a line, or the line is left out
            if text == line:
                continue
            forged.write_text("".join([*good[:at], text, *good[at + 1 :]]), encoding="utf-8")
            assert run_verifier("proof", forged, "--key", key).returncode == 1, (at, line, text)
    other = key.replace("silian/u", "silian/u1")
    assert run_verifier("proof", file, "--key", other).returncode == 1


def test_a_figure_and_a_payment_are_proven_as_they_are_shown(
    folder: Path, office: OfficeClient, tmp_path: Path
) -> None:
    figure = tmp_path / "figure.tlog-proof"
    done = silian("audit", "prove", "--dir", folder, "--figure", "K5", "--out", figure, "--json")
    key = json.loads(done.out)["key"]
    shown = office.get_rollup(indicator="K5").figure
    facts = json.loads(json.loads(done.out)["entry"])["facts"]
    assert (facts["indicator"], facts["shown"]) == ("K5", shown.display)
    posting = office.appropriate_money(
        fund="F11", year=2026, amount_fen=12_345, actor="王敏", note=CANARY
    ).posting
    payment = tmp_path / "payment.tlog-proof"
    done = silian(
        "audit", "prove", "--dir", folder, "--payment", posting.id, "--out", payment, "--json"
    )
    entry = json.loads(done.out)["entry"]
    assert json.loads(entry)["facts"]["amount_fen"] == 12_345
    assert CANARY not in entry
    for file in (figure, payment):
        assert run_verifier("proof", file, "--key", key).returncode == 0


def test_the_command_lists_verifies_and_exports(
    folder: Path, office: OfficeClient, made: Any, tmp_path: Path
) -> None:
    for _ in range(6):
        office.get_record(register="resident", id=made.id)
    page = json.loads(silian("audit", "tail", "--dir", folder, "--limit", "3", "--json").out)
    assert [entry["index"] for entry in page["items"]] == sorted(
        range(int(page["total"]) - 3, int(page["total"]))
    )
    older = silian(
        "audit", "tail", "--dir", folder, "--limit", "2", "--after", page["next"], "--json"
    )
    assert json.loads(older.out)["items"][-1]["index"] == page["items"][0]["index"] - 1
    for lang, sound in (("zh", "一致"), ("en", "sound")):
        done = silian("audit", "verify", "--dir", folder, "--lang", lang)
        assert (done.exit, done.out.splitlines()[-1]) == (0, sound)
        silian("audit", "tail", "--dir", folder, "--lang", lang)
    out = tmp_path / "log.jsonl"
    done = silian("audit", "export", "--dir", folder, "--out", out, "--json")
    key = json.loads(done.out)["key"]
    ran = run_verifier("log", out, "--key", key)
    assert ran.returncode == 0
    lines = out.read_text(encoding="utf-8").splitlines(keepends=True)
    out.write_text("".join(lines[:1] + lines[2:]), encoding="utf-8")
    assert run_verifier("log", out, "--key", key).returncode == 1
