"""OfficeService: who may call it, what it refuses and how, and that both ways of calling agree."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, LocalizedMessage
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from grpc_status import rpc_status

from hub.api.call_context import CallContext
from hub.api.progress_stream import stream_progress
from hub.api.service import METHODS, NAME
from hub.api.tokens import TOKEN_KEY, token_of
from hub.client.client import OfficeClient, RemoteRefusal, Unreachable, wall_ms
from hub.client.files import record_pieces
from hub.serve.call_pots import CONTROL_SLOTS, SLOTS
from hub.serve.process import Process
from node.config import OfficeConfig
from node.domain.catalogue import Catalogue, load_catalogue
from node.setup import init_office
from sync.model.errors import FieldViolation, SilianError
from sync.rpc.channel import NO_PROXY
from sync.wire.office.v1 import office_pb2 as pb
from sync.wire.office.v1 import office_pb2_grpc, work_pb2

ROOT = Path(__file__).resolve().parents[2]
STREET, COMMUNITY = "330102013000", "330102013009"
PREMISES = {"name": "一号楼", "use": "office", "area_m2": "660", "tenure": "owned"}


@dataclass(frozen=True, slots=True)
class Served:
    """A street and its community in one process."""

    process: Process
    address: str
    street: Path
    community: Path


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def make(folder: Path, unit: str, catalogue: Catalogue) -> Path:
    init_office(folder, OfficeConfig(unit=unit), catalogue, rng=random.Random(unit))
    return folder


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> Iterator[Served]:
    base = tmp_path_factory.mktemp("offices")
    folders = [make(base / code, code, catalogue) for code in (STREET, COMMUNITY)]
    process = Process(folders, wall_ms=wall_ms, rng=random.Random(1))
    try:
        yield Served(process, process.start(), *folders)
    finally:
        process.stop()


def test_every_method_of_the_contract_is_offered() -> None:
    service = pb.DESCRIPTOR.services_by_name["OfficeService"]
    contract = {m.name: (m.input_type.full_name, m.output_type.full_name) for m in service.methods}
    offered = {
        name: (m.request.DESCRIPTOR.full_name, m.response.DESCRIPTOR.full_name)
        for name, m in METHODS.items()
    }
    assert offered == contract
    streaming = {m.name: (m.client_streaming, m.server_streaming) for m in service.methods}
    assert streaming == {
        name: (m.duplex is not None, m.unary is None) for name, m in METHODS.items()
    }


# -- reflection -----------------------------------------------------------------------------------


def services_of(address: str) -> set[str]:
    """Ask a server for its services and for the contract of one, as grpcurl does."""
    with grpc.insecure_channel(address, options=(NO_PROXY,)) as channel:
        known = ProtoReflectionDescriptorDatabase(channel)
        found = set(known.get_services())
        service = DescriptorPool(known).FindServiceByName(NAME)
        assert {m.name for m in service.methods} == set(METHODS)
        return found


def test_a_server_tells_its_contract_where_the_setting_lets_it(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    config = OfficeConfig(unit=COMMUNITY, reflection=True)
    init_office(tmp_path / "here", config, catalogue, rng=random.Random(3))
    process = Process([tmp_path / "here"], wall_ms=wall_ms, rng=random.Random(4))
    try:
        assert {NAME, "grpc.health.v1.Health"} <= services_of(process.start())
    finally:
        process.stop()


def test_a_server_tells_no_contract_without_the_setting(served: Served) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        services_of(served.address)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


# -- the token ------------------------------------------------------------------------------------


def test_the_token_selects_the_office(served: Served) -> None:
    for folder, code in ((served.street, STREET), (served.community, COMMUNITY)):
        with OfficeClient.connect(served.address, token_of(folder)) as office:
            assert office.get_status().offices[0].unit.code == code


@pytest.mark.parametrize("token", ["", "wrong", "x" * 5000])
def test_a_call_without_the_token_is_refused_and_learns_nothing(served: Served, token: str) -> None:
    with OfficeClient.connect(served.address, token) as office:
        for call in (office.get_status, lambda: list(office.verify_office())):
            with pytest.raises(RemoteRefusal) as caught:
                call()
            assert caught.value.code == "unauthenticated"


def test_a_client_in_another_language_gets_the_status_of_a_refusal(served: Served) -> None:
    with grpc.insecure_channel(served.address, options=(NO_PROXY,)) as channel:
        stub = office_pb2_grpc.OfficeServiceStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            stub.GetStatus(pb.GetStatusRequest())
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        shown = (("silian-token", token_of(served.street)),)
        with pytest.raises(grpc.RpcError) as caught:
            stub.ListUnits(pb.ListUnitsRequest(unit="无此单位"), metadata=shown)
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        status = rpc_status.from_call(caught.value)
    assert status is not None
    info, text = ErrorInfo(), LocalizedMessage()
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain) == ("UNKNOWN_UNIT", "silian")
    assert status.details[1].Unpack(text)
    assert (text.locale, text.message) == ("en", status.message)


def test_a_wrong_field_is_named_to_a_client_in_another_language(served: Served) -> None:
    with grpc.insecure_channel(served.address, options=(NO_PROXY,)) as channel:
        stub = office_pb2_grpc.OfficeServiceStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            stub.ListAssignments(
                work_pb2.ListAssignmentsRequest(box="toodo"),
                metadata=(("silian-token", token_of(served.street)),),
            )
        status = rpc_status.from_call(caught.value)
    assert status is not None
    bad = BadRequest()
    assert status.details[-1].Unpack(bad)
    assert [each.field for each in bad.field_violations] == ["box"]


def test_a_refusal_as_long_as_one_can_be_arrives(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        error = SilianError(
            "长" * 9_000, "长" * 9_000, remedy_en="x" * 9_000, remedy_zh="长" * 9_000
        )
        error.violations = tuple(FieldViolation("f" * 99, "x" * 999, "长" * 999) for _ in range(20))
        raise error

    monkeypatch.setattr(CallContext, "resolve_unit", refuse)
    with OfficeClient.connect(served.community) as office, pytest.raises(RemoteRefusal) as caught:
        office.list_units()
    assert caught.value.code == "internal"
    assert caught.value.remedy_zh.endswith("…")
    assert caught.value.violations


def test_only_its_owner_can_read_the_token_and_it_stays_the_same(tmp_path: Path) -> None:
    token = token_of(tmp_path)
    assert token_of(tmp_path) == token
    assert len(token) >= 43
    (found,) = tmp_path.iterdir()
    assert found.stat().st_mode & 0o777 == 0o600


# -- refusals -------------------------------------------------------------------------------------


def test_a_refusal_arrives_complete_in_both_languages(served: Served) -> None:
    with (
        OfficeClient.connect(served.community) as office,
        pytest.raises(RemoteRefusal) as caught,
    ):
        office.get_register(register="premisess")
    refusal = caught.value
    assert (refusal.code, refusal.retryable) == ("unknown_register", False)
    assert "premises" in refusal.remedy_en
    assert refusal.zh
    assert refusal.remedy_zh


@pytest.mark.parametrize("text", ["", "7ed4", "z" * 32, "0" * 31, "0" * 33, "0" * 30 + "é1"])
def test_an_id_that_is_not_32_hexadecimal_digits_is_refused(served: Served, text: str) -> None:
    with OfficeClient.connect(served.community) as office, pytest.raises(SilianError) as caught:
        office.get_conflict(id=text)
    assert caught.value.code == "bad_request"


def test_an_internal_error_reveals_nothing_to_the_caller(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(call_context: CallContext) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(CallContext, "resolve_unit", broken)
    with OfficeClient.connect(served.community) as office, pytest.raises(SilianError) as caught:
        office.list_units()
    assert caught.value.code == "internal"
    assert "secret" not in str(caught.value)


def test_an_address_that_nobody_serves_is_reported() -> None:
    with OfficeClient.connect("127.0.0.1:1", "x") as office, pytest.raises(Unreachable):
        office.get_status()


def test_an_oversized_file_is_refused_during_the_upload(served: Served) -> None:
    with OfficeClient.connect(served.community) as office:
        news = office.import_records(
            record_pieces(bytes(33 << 20), register="premises", filename="x.csv")
        )
        with pytest.raises(SilianError) as caught:
            list(news)
    assert caught.value.code == "bad_request"


# -- both ways of calling -------------------------------------------------------------------------


def test_an_office_opened_locally_answers_like_a_served_one(
    served: Served, tmp_path: Path, catalogue: Catalogue
) -> None:
    here = make(tmp_path / "here", COMMUNITY, catalogue)
    answers = []
    for folder in (here, served.community):
        with OfficeClient.connect(folder) as office:
            made = office.create_record(
                register="premises", values=PREMISES | {"name": "同名楼"}
            ).record
            changed = office.update_record(
                register="premises",
                id=made.id,
                values={"area_m2": "70.5"},
                version_token=made.version_token,
            ).record
            with pytest.raises(SilianError) as caught:
                office.update_record(
                    register="premises",
                    id=made.id,
                    values={"area_m2": "71"},
                    version_token=made.version_token,
                )
            page = office.list_records(register="premises", where={"name": "同名楼"})
            data = b"".join(
                piece.data for piece in office.export_records(register="premises", format="csv")
            )
            *_, last = office.import_records(
                record_pieces(data, register="premises", filename="x.csv")
            )
            report = next(news.report for news in office.verify_office() if news.HasField("report"))
            ended = office.end_record(register="premises", id=made.id).record
            answers.append((
                made.id, changed.values["area_m2"], caught.value.code, page.total_size,
                last.outcome.reports[0].unchanged, report.sound, ended.alive,
                office.get_rollup(indicator="K34").figure,
            ))  # fmt: skip
    assert answers[0] == answers[1]
    assert answers[0][2:7] == ("stale_edit", 1, 1, True, False)


def test_callers_that_went_away_while_they_waited_hold_up_nobody(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    folder = tmp_path / "street"  # its parent does not answer: whoever waits for it waits on
    config = OfficeConfig(unit=STREET, parent="127.0.0.1:1")
    init_office(folder, config, catalogue, rng=random.Random(7))
    process = Process([folder], wall_ms=wall_ms, rng=random.Random(7))
    try:
        token = ((TOKEN_KEY, token_of(folder)),)
        with grpc.insecure_channel(process.start(), options=(NO_PROXY,)) as channel:
            stub = office_pb2_grpc.OfficeServiceStub(channel)
            for ask, request in (
                (stub.SyncOffice, pb.SyncOfficeRequest(wait_ms=(1 << 32) - 1)),
                (stub.CompareOffice, pb.CompareOfficeRequest(wait_ms=(1 << 32) - 1)),
            ):
                asked = {"metadata": token, "timeout": 1}
                calls = [ask.future(request, **asked) for _ in range(SLOTS + CONTROL_SLOTS)]
                assert all(call.exception() is not None for call in calls)
                stub.GetStatus(pb.GetStatusRequest(), metadata=token, timeout=60)
    finally:
        process.stop()


def test_an_import_streams_its_progress(served: Served) -> None:
    rows = "".join(f"第{n}网点,网点\n" for n in range(2_500))
    with OfficeClient.connect(served.community) as office:
        news = list(office.import_records(record_pieces(
            f"网点名称,网点类型\n{rows}".encode(), register="service_outlet", filename="outlets.csv"
        )))  # fmt: skip
    kinds = [each.WhichOneof("news") for each in news]
    assert kinds == ["progress"] * (len(news) - 1) + ["outcome"]
    done = [each.progress.done for each in news[:-1]]
    assert done == sorted(done)
    assert done[-1] == 2_500
    assert news[-1].outcome.reports[0].new == 2_500


def test_a_client_that_stops_reading_progress_does_not_stop_the_work() -> None:
    go_on, ended = threading.Event(), threading.Event()

    def work(report: object) -> str:
        assert callable(report)
        report("step", 1)
        go_on.wait(30)
        for number in range(1_000):
            report("step", number)
        ended.set()
        return "done"

    news = stream_progress(work)
    assert next(news) == ("step", 1, None)
    news.close()
    go_on.set()
    assert ended.wait(30)


def test_an_error_in_streamed_work_is_raised_to_its_client() -> None:
    def work(report: object) -> str:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(stream_progress(work))


# -- documentation --------------------------------------------------------------------------------


def test_the_documented_example_runs(served: Served) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs/examples/office_client.py"), str(served.community)],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "万家花园社区" in done.stdout


@pytest.fixture(scope="module")
def node_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install what the Node example needs, as its package-lock.json has it."""
    missing = [program for program in ("node", "npm") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed: apt-get install nodejs npm")
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / "docs/examples" / name, folder)
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        pytest.skip(f"npm cannot fetch the packages of the example: {done.stderr[-300:]}")
    return folder / "node_modules"


def test_the_node_example_lists_records_page_by_page_and_shows_a_refusal(
    served: Served, node_packages: Path
) -> None:
    with OfficeClient.connect(served.community) as office:
        for n in range(3):
            office.create_record(register="premises", values=PREMISES | {"name": f"示例楼{n}"})
        page = office.list_records(register="premises")
    done = subprocess.run(
        ["node", str(ROOT / "docs/examples/office_client.js"), served.address,
         str(served.community / "api.token"), "premises"],
        env={"PATH": os.environ["PATH"], "NODE_PATH": str(node_packages)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    for record in page.records:
        assert f"{record.id} 万家花园社区 {record.values['name'].text}" in done.stdout
    assert "next page" in done.stdout
    assert f"{page.total_size} in all" in done.stdout
    assert "NOT_FOUND RECORD_MISSING" in done.stdout
    assert {"en", "zh"} <= {line[:2] for line in done.stdout.splitlines()}


def test_the_documented_example_is_the_one_that_runs() -> None:
    text = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    example = (ROOT / "docs/examples/office_client.py").read_text(encoding="utf-8")
    assert example.split('"""', 2)[2].strip() in text


def test_every_method_is_documented() -> None:
    text = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    assert [name for name in METHODS if f"`{name}`" not in text] == []
