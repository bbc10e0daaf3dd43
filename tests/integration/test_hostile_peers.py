"""Neighbours that say what is not true, against real offices with real gRPC."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from node.config import OfficeConfig
from node.services.health.status import status
from node.setup import init_office
from sync.codec.signing import Signer, fingerprint
from sync.link import NO_PROXY
from sync.link.session import State
from sync.store import peers
from sync.wire.link.v1 import link_pb2 as pb
from sync.wire.link.v1 import link_pb2_grpc
from tests.support.silian import silian
from tests.support.tier import CITY, DISTRICT, Tier, eventually, settled, tier_of

FOREIGN = Signer(bytes(range(32)))
PROCESS = 4_711


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Tier]:
    """Serve a city and one district, which have met."""
    with tier_of(tmp_path, ((CITY, None), (DISTRICT, CITY))) as tier:
        settled(tier, DISTRICT)
        yield tier


def unit_of(tier: Tier, code: str) -> int:
    return tier.served(CITY).office.tree.by_code(code).unit_id


@contextmanager
def stub_of(tier: Tier, code: str) -> Iterator[Any]:
    """Yield a line to an office, as a program of anybody's may open it."""
    with grpc.insecure_channel(tier.addresses[code], options=(NO_PROXY,)) as channel:
        yield link_pb2_grpc.LinkServiceStub(channel)


def hello_of(tier: Tier, code: str, **changes: Any) -> pb.HelloRequest:
    """Return what an office could say of itself now, with some of it changed."""
    served = tier.served(code)
    signer = served.office.replica.signer
    assert signer is not None
    hello = pb.HelloRequest(
        unit=served.office.identity.unit, level=served.office.identity.level,
        incarnation=served.office.identity.incarnation, protocol_min=1, protocol_max=1,
        public_key=signer.public_key, process=PROCESS,
    )  # fmt: skip
    for name, value in changes.items():
        setattr(hello, name, value)
    return hello


def refusals(tier: Tier, code: str) -> dict[str, str]:
    """Return code -> English text of the problems with neighbours that an office shows."""
    return {p.code: p.en for p in status(tier.served(code).office).problems}


def pinned(tier: Tier, code: str, peer: int) -> str:
    with tier.served(code).office.store.read() as tx:
        return peers.load(tx, peer).key_pinned


@pytest.mark.parametrize("key", [FOREIGN.public_key, b""])
def test_who_comes_under_another_key_of_a_known_office_is_refused_and_named(
    pair: Tier, key: bytes
) -> None:
    """Under a new incarnation, too: nothing but a person lets another key in."""
    district = unit_of(pair, DISTRICT)
    known = pinned(pair, CITY, district)
    assert known
    pair.stop(DISTRICT)
    hello = pb.HelloRequest(
        unit=district, level=1, incarnation=99, protocol_min=1, protocol_max=1, public_key=key,
        process=PROCESS,
    )  # fmt: skip
    with stub_of(pair, CITY) as stub, pytest.raises(grpc.RpcError) as refused:
        stub.Hello(hello)
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert (fingerprint(key) or "-") in refusals(pair, CITY)["key_refused"]
    assert pinned(pair, CITY, district) == known
    pair.start(DISTRICT, CITY)  # the office itself goes on, and no person has to act
    settled(pair, DISTRICT)


def test_a_parent_under_another_key_than_the_one_given_at_init_is_refused(tmp_path: Path) -> None:
    with tier_of(tmp_path, ((CITY, None),)) as tier:
        signer = tier.served(CITY).office.replica.signer
        assert signer is not None
        for name, key, state in (
            ("right", fingerprint(signer.public_key), State.IDLE),
            ("wrong", fingerprint(FOREIGN.public_key), State.HALTED),
        ):
            code = {"right": DISTRICT, "wrong": "330105000000"}[name]
            config = OfficeConfig(unit=code, parent=tier.addresses[CITY], sync_interval_s=2)
            init_office(
                tmp_path / code, config, tier.catalogue, rng=random.Random(code), parent_key=key
            )
            tier.start(code)
            dialer = tier.served(code).dialer
            assert dialer is not None
            eventually(lambda d=dialer, s=state: d.state is s)  # type: ignore[misc]
            assert ("key_refused" in refusals(tier, code)) is (name == "wrong")
        assert fingerprint(signer.public_key) in silian("doctor", "--dir", tmp_path / DISTRICT).out


def test_a_fingerprint_that_is_none_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    for key in ("12 34", "xyz" * 10, "0" * 65):
        made = silian("init", "--unit", DISTRICT, "--parent-key", key, "--dir", tmp_path / "o",
                      "--json")  # fmt: skip
        assert made.error["code"] == "bad_config"
        assert not (tmp_path / "o").exists()
