"""Whether a sibling has a record is not to be learned: its id is answered like one nobody has.

Asked of every call for programs that takes an id, over real gRPC: the answer and what the office
logs are compared. A community's store has nothing of its siblings, so there is no other way
through the code that could take longer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from structlog.testing import capture_logs

from hub.api.service import METHODS, NAME
from hub.api.tokens import TOKEN_KEY, token_of
from sync.rpc.channel import NO_PROXY
from sync.rpc.status import read_refusal
from tests.integration.test_request_fields import FORMS
from tests.support.edits import ask, outlet, premises
from tests.support.tier import GARDEN, ORCHID, STREET, Tier, eventually, orders, outlets, tier_of

CHANCE = re.compile(r"[0-9a-f]{32}|\d{10,}")  # ids of what a call makes, and moments
ABSENT = bytes(range(64, 80)).hex()
IDS = {"id", "transfer", "new_transfer", "assignment", "posting", "work_order"}
REGISTERS = ("premises", "service_outlet", "resident")


def id_fields(kind: Descriptor) -> list[str]:
    """Return the fields of a request that name something by its id."""
    return [
        field.name
        for field in kind.fields
        if field.type == FieldDescriptor.TYPE_STRING
        and (field.name in IDS or field.name.endswith("_id"))
    ]


TAKES_IDS = sorted(name for name, method in METHODS.items() if id_fields(method.request.DESCRIPTOR))


@pytest.fixture(scope="module")
def tier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tier]:
    path = ((STREET, None), (GARDEN, STREET), (ORCHID, STREET))
    with tier_of(tmp_path_factory.mktemp("siblings"), path) as made:
        yield made


@pytest.fixture(scope="module")
def foreign(tier: Tier) -> list[str]:
    """Return ids of what a sibling has: records, and work that its parent has given it."""
    orchid, street = tier.served(ORCHID).office, tier.served(STREET).office
    records = [premises(orchid, "兰苑用房"), outlet(orchid, "兰苑服务点")]
    ask(street, "自查", orchid.identity.unit)
    eventually(lambda: records[1] in outlets(tier, STREET) and "自查" in orders(tier, ORCHID))
    with orchid.store.read() as tx:
        records += [bytes(row[0]) for row in tx.exec_driver_sql("SELECT id FROM assignment")]
    assert len(records) == 3
    return [record.hex() for record in records]


def requests(name: str, field: str, value: str) -> Iterator[Any]:
    """Yield requests of a method with an id in a field: the forms of it, and each register."""
    kind = METHODS[name].request
    names = {each.name for each in kind.DESCRIPTOR.fields}
    for form in FORMS.get(name, [{}]):
        for register in REGISTERS if "register" in names else ("",):
            filled = {each: "x" for each in ("reason", "actor") if each in names}
            if register:
                form = form | {"register": register}
            yield kind(**(filled | form | {field: value}))


def answered(channel: grpc.Channel, token: Any, name: str, request: Any, value: str) -> Any:
    """Return how a call ended and what the office logged of it, without the id itself."""
    method = METHODS[name]
    opened: Any = channel.stream_stream(f"/{NAME}/{name}")
    with capture_logs() as entries:
        try:
            replies = list(opened(iter([request.SerializeToString()]), metadata=token, timeout=60))
            ended: Any = [str(method.response.FromString(reply)) for reply in replies]
        except grpc.RpcError as error:
            found = read_refusal(error)
            ended = found and (found.code, found.kind, found.en, found.zh, found.violations)
    assert ended is not None, "no answer of the office's"
    logged = [each for each in entries if each.get("method", "").endswith(name)]
    return CHANCE.sub("#", str((ended, logged)).replace(value, "ID"))


@pytest.mark.parametrize("name", TAKES_IDS)
def test_a_siblings_id_is_answered_like_one_that_nobody_has(
    tier: Tier, foreign: list[str], name: str
) -> None:
    token = ((TOKEN_KEY, token_of(tier.base / GARDEN)),)
    with grpc.insecure_channel(tier.addresses[GARDEN], options=(NO_PROXY,)) as channel:
        for field in id_fields(METHODS[name].request.DESCRIPTOR):
            absent = [
                answered(channel, token, name, request, ABSENT)
                for request in requests(name, field, ABSENT)
            ]
            for value in foreign:
                found = [
                    answered(channel, token, name, request, value)
                    for request in requests(name, field, value)
                ]
                assert found == absent


def test_the_calls_that_take_an_id_are_most_of_those_about_one_thing() -> None:
    """The list comes from the contract; this only shows that it is not empty by a slip."""
    assert {"GetRecord", "UpdateRecord", "EndRecord", "GetAssignment", "GetConflict",
            "GetCorrection", "GetQuarantinedChange", "GetDurability",
            "ReceiveMoney"} <= set(TAKES_IDS)  # fmt: skip
