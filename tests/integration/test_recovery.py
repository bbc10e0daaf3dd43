"""Restored backups, lost disks and copied stores, with real processes on the loopback."""

from __future__ import annotations

import random
import shutil

import pytest

from hub.client.client import wall_ms
from hub.serve.process import Process
from node.config import OfficeConfig
from node.keys import KEY_FILE, signer_of
from node.peers.fenced import Fenced
from node.services.health.status import status
from node.services.peers import clones
from node.setup import init_office
from sync.codec.signing import fingerprint
from sync.link.session import State
from tests.support.edits import ask, enlarge, outlet, premises
from tests.support.silian import silian
from tests.support.tier import (
    CITY,
    DISTRICT,
    GARDEN,
    ORCHID,
    PATH,
    STREET,
    Tier,
    assert_consistent_and_equal,
    copy_of,
    eventually,
    offline,
    orders,
    outlets,
    put_back,
    settled,
)

PARENT = dict(PATH)


def test_a_restored_backup_recovers_what_it_lost_and_keeps_what_was_written_since(
    tier: Tier,
) -> None:
    first = tier.add_premises(GARDEN, "甲", 10)
    eventually(lambda: first in tier.premises(CITY))
    backup = copy_of(tier, GARDEN)
    tier.start(GARDEN, STREET)
    lost = [tier.add_premises(GARDEN, f"失{n}", 20) for n in range(3)]
    enlarge(tier.served(GARDEN).office, first, 11)
    eventually(lambda: tier.premises(CITY).get(first) == ("甲", 11))
    eventually(lambda: set(lost) <= set(tier.premises(CITY)))
    tier.stop(GARDEN)
    put_back(tier, GARDEN, backup)
    before = offline(tier, GARDEN, lambda office: office.identity.incarnation)
    since = offline(tier, GARDEN, lambda o: [premises(o, f"新{n}", 30) for n in range(5)])
    offline(tier, GARDEN, lambda o: enlarge(o, since[0], 31))  # type: ignore[index]

    tier.start(GARDEN, STREET)

    everything = {first, *lost, *since}  # type: ignore[misc]
    for code in (GARDEN, STREET, DISTRICT, CITY):
        eventually(lambda code=code: set(tier.premises(code)) == everything)
        eventually(lambda code=code: tier.premises(code)[since[0]] == ("新0", 31))  # type: ignore[index]
    assert tier.premises(GARDEN)[first] == ("甲", 11)
    assert tier.served(GARDEN).office.identity.incarnation != before
    settled(tier, GARDEN, STREET, DISTRICT)
    assert_consistent_and_equal(tier, GARDEN, STREET, DISTRICT, CITY, lowest=GARDEN)


def test_a_restored_backup_with_nothing_written_since_recovers_everything(tier: Tier) -> None:
    backup = copy_of(tier, GARDEN)
    tier.start(GARDEN, STREET)
    lost = {tier.add_premises(GARDEN, f"失{n}", 20) for n in range(3)}
    eventually(lambda: set(tier.premises(CITY)) == lost)
    tier.stop(GARDEN)
    put_back(tier, GARDEN, backup)
    tier.start(GARDEN, STREET)
    eventually(lambda: set(tier.premises(GARDEN)) == lost)
    after = tier.add_premises(GARDEN, "后")
    eventually(lambda: set(tier.premises(CITY)) == lost | {after})
    settled(tier, GARDEN, STREET, DISTRICT)
    assert_consistent_and_equal(tier, GARDEN, STREET, DISTRICT, CITY, lowest=GARDEN)


def test_a_lost_disk_is_recovered_completely_from_the_parent(tier: Tier) -> None:
    key = (tier.base / GARDEN / KEY_FILE).read_bytes()  # kept apart from the store
    lost = {tier.add_premises(GARDEN, f"失{n}", 20) for n in range(3)}
    eventually(lambda: set(tier.premises(CITY)) == lost)
    tier.stop(GARDEN)
    shutil.rmtree(tier.base / GARDEN)
    (tier.base / GARDEN).mkdir()
    (tier.base / GARDEN / KEY_FILE).write_bytes(key)
    config = OfficeConfig(unit=GARDEN, parent=tier.addresses[STREET], sync_interval_s=2)
    init_office(tier.base / GARDEN, config, tier.catalogue, rng=random.Random("new disk"))
    tier.start(GARDEN)
    eventually(lambda: set(tier.premises(GARDEN)) == lost)
    after = tier.add_premises(GARDEN, "后")
    eventually(lambda: set(tier.premises(CITY)) == lost | {after})
    settled(tier, GARDEN, STREET, DISTRICT)
    assert_consistent_and_equal(tier, GARDEN, STREET, DISTRICT, CITY, lowest=GARDEN)


def test_a_lost_disk_is_recovered_after_a_person_lets_the_new_key_in(tier: Tier) -> None:
    lost = {tier.add_premises(GARDEN, f"失{n}", 20) for n in range(3)}
    eventually(lambda: set(tier.premises(CITY)) == lost)
    tier.stop(GARDEN)
    shutil.rmtree(tier.base / GARDEN)
    (tier.base / GARDEN).mkdir()
    signer_of(tier.base / GARDEN, random.Random("another machine"))
    config = OfficeConfig(unit=GARDEN, parent=tier.addresses[STREET], sync_interval_s=2)
    init_office(tier.base / GARDEN, config, tier.catalogue, rng=random.Random("new disk"))
    tier.start(GARDEN)
    garden, street = tier.served(GARDEN), tier.served(STREET)
    eventually(lambda: garden.dialer.state is State.HALTED)  # type: ignore[union-attr]
    assert not tier.premises(GARDEN)
    (problem,) = (p for p in status(street.office).problems if p.code == "key_refused")
    signer = garden.office.replica.signer
    assert signer is not None
    assert fingerprint(signer.public_key) in problem.en
    with tier.at(STREET) as office:
        office.reset_cloned_office(unit=GARDEN, reason="电话核对", actor="li")
    garden.dialer.retry_now()  # type: ignore[union-attr]
    eventually(lambda: set(tier.premises(GARDEN)) == lost)
    assert "key_refused" not in {p.code for p in status(street.office).problems}
    settled(tier, GARDEN, STREET, DISTRICT)
    assert_consistent_and_equal(tier, GARDEN, STREET, DISTRICT, CITY, lowest=GARDEN)


def refuses(tier: Tier, code: str, unit: int) -> bool:
    """Have an office connect, and say whether it refuses a neighbour for its key."""
    served = tier.served(code)
    if served.dialer is not None:
        served.dialer.retry_now()
    return unit in served.office.signature_refusals.refused_keys()


def test_a_hub_that_lost_its_key_goes_on_after_its_neighbours_let_the_new_key_in(
    tier: Tier,
) -> None:
    settled(tier, GARDEN, ORCHID, STREET, DISTRICT)  # they have met
    tier.stop(STREET)
    (tier.base / STREET / KEY_FILE).unlink()
    tier.start(STREET, DISTRICT)
    record = tier.add_premises(GARDEN, "甲", 10)
    street = tier.served(STREET).office.identity.unit
    for code in (GARDEN, ORCHID):
        eventually(lambda code=code: refuses(tier, code, street))
        assert "key_refused" in {p.code for p in status(tier.served(code).office).problems}
        clones.reset_clone(tier.served(code).office, street, actor="li", reason="电话核对")
        tier.served(code).dialer.retry_now()  # type: ignore[union-attr]
    eventually(lambda: refuses(tier, DISTRICT, street))
    assert record not in tier.premises(CITY)
    clones.reset_clone(tier.served(DISTRICT).office, street, actor="li", reason="电话核对")
    tier.served(STREET).dialer.retry_now()  # type: ignore[union-attr]
    eventually(lambda: record in tier.premises(CITY))
    settled(tier, GARDEN, ORCHID, STREET, DISTRICT)


def test_a_restored_hub_recovers_its_own_and_its_childrens_entries(tier: Tier) -> None:
    backup = copy_of(tier, STREET)
    tier.start(STREET, DISTRICT)
    for code in (GARDEN, ORCHID):
        tier.served(code).dialer.retry_now()  # type: ignore[union-attr]
    lost = {outlet(tier.served(code).office, "失") for code in (GARDEN, ORCHID, STREET)}
    eventually(lambda: lost <= outlets(tier, CITY))
    tier.stop(STREET)
    put_back(tier, STREET, backup)
    since = offline(tier, STREET, lambda o: outlet(o, "街道新"))
    while_down = outlet(tier.served(GARDEN).office, "断线")
    tier.start(STREET, DISTRICT)
    for code in (GARDEN, ORCHID):
        tier.served(code).dialer.retry_now()  # type: ignore[union-attr]
    for code in (STREET, DISTRICT, CITY):
        eventually(lambda code=code: outlets(tier, code) == {*lost, since, while_down})
    settled(tier, GARDEN, ORCHID, STREET, DISTRICT)
    assert_consistent_and_equal(tier, STREET, DISTRICT, CITY, lowest=STREET)
    assert_consistent_and_equal(tier, GARDEN, STREET, DISTRICT, CITY, lowest=GARDEN)


def test_a_clone_started_while_the_original_runs_is_fenced(tier: Tier) -> None:
    backup = copy_of(tier, GARDEN)
    tier.start(GARDEN, STREET)
    settled(tier, GARDEN)
    clone = Process([backup], wall_ms=wall_ms, rng=random.Random("twin"))
    (copy,) = clone.served.values()
    record = premises(copy.office, "副本")
    clone.start()
    try:
        assert copy.dialer is not None
        eventually(lambda: copy.dialer.state is State.HALTED)
        flagged = status(tier.served(STREET).office).problems
        assert [(p.code, p.unit_code) for p in flagged] == [("clone", GARDEN)]
        ours = tier.add_premises(GARDEN, "本尊")
        eventually(lambda: ours in tier.premises(CITY))
        assert record not in tier.premises(STREET)
        with pytest.raises(Fenced):  # it would be lost, and nobody would know
            premises(copy.office, "副本二")
        shown = status(copy.office, copy.dialer).problems
        assert [p.code for p in shown] == ["fenced"]
        copy.tick()
        assert premises(tier.served(GARDEN).office, "照常")
    finally:
        clone.stop()


def test_a_fenced_store_stays_so_for_commands_until_its_parent_lets_it_in(tier: Tier) -> None:
    backup = copy_of(tier, GARDEN)
    tier.start(GARDEN, STREET)
    settled(tier, GARDEN)
    clone = Process([backup], wall_ms=wall_ms, rng=random.Random("twin"))
    (copy,) = clone.served.values()
    clone.start()
    eventually(lambda: copy.office.fenced)
    clone.stop()
    refused = silian("record", "create", "service_outlet", "name=x", "kind=outlet",
                     "--dir", backup, "--json")  # fmt: skip
    assert (refused.exit, refused.error["code"]) == (4, "fenced")
    assert silian("record", "ls", "premises", "--dir", backup).exit == 0  # reading goes on
    codes = {p["code"] for p in silian("status", "--dir", backup, "--json").json["problems"]}
    assert "fenced" in codes
    tier.stop(GARDEN)  # the other is stopped, and the parent forgets which was here last
    street = tier.served(STREET)
    unit = street.office.tree.find(GARDEN).unit_id
    clones.reset_clone(street.office, unit, actor="li", reason="旧")
    street.parent.forget_session(unit)
    clone = Process([backup], wall_ms=wall_ms, rng=random.Random("again"))
    (copy,) = clone.served.values()
    clone.start()
    try:
        eventually(lambda: not copy.office.fenced)
        record = outlet(copy.office, "续")
        eventually(lambda: record in outlets(tier, STREET))
    finally:
        clone.stop()


def test_two_clones_that_run_in_turn_are_detected(tier: Tier) -> None:
    """Neither is ever served together with the other; the one whose token was revoked is fenced."""
    backup = copy_of(tier, GARDEN)
    clone = Process([backup], wall_ms=wall_ms, rng=random.Random("twin"))
    clone.start()
    (copy,) = clone.served.values()
    eventually(lambda: copy.dialer.state is State.IDLE)  # type: ignore[union-attr]
    theirs = premises(copy.office, "副本")
    eventually(lambda: theirs in tier.premises(STREET))
    clone.stop()
    tier.start(GARDEN, STREET)
    eventually(lambda: theirs in tier.premises(GARDEN))  # it looks like a backup put back
    settled(tier, GARDEN)  # and it has a token of its own, which takes the other's back
    tier.stop(GARDEN)
    clone = Process([backup], wall_ms=wall_ms, rng=random.Random("twin2"))
    clone.start()
    try:
        (copy,) = clone.served.values()
        eventually(lambda: copy.dialer.state is State.HALTED)  # type: ignore[union-attr]
        assert "another store" in copy.dialer.reason  # type: ignore[union-attr]
        unit = copy.office.identity.unit
        assert tier.served(STREET).office.peer_status.clones() == {unit}
        street = tier.served(STREET)
        clones.reset_clone(street.office, unit, actor="li", reason="备份误启动")
        street.parent.forget_session(unit)
        copy.dialer.retry_now()  # type: ignore[union-attr]
        eventually(lambda: copy.dialer.state is State.IDLE)  # type: ignore[union-attr]
    finally:
        clone.stop()


def test_restarting_the_same_store_raises_no_alarm(tier: Tier) -> None:
    incarnation = tier.served(GARDEN).office.identity.incarnation
    for _ in range(2):
        tier.stop(GARDEN)
        tier.start(GARDEN, STREET)
        settled(tier, GARDEN)
    assert tier.served(GARDEN).office.identity.incarnation == incarnation
    assert not tier.served(STREET).office.peer_status.clones()


def test_a_restored_city_recovers_its_own_entries_from_its_children(tier: Tier) -> None:
    district = tier.served(DISTRICT).office.identity.unit
    ask(tier.served(CITY).office, "先", district)
    eventually(lambda: "先" in orders(tier, DISTRICT))
    settled(tier, DISTRICT)
    backup = copy_of(tier, CITY)
    tier.start(CITY, None)
    ask(tier.served(CITY).office, "失", district)
    tier.served(DISTRICT).dialer.retry_now()  # type: ignore[union-attr]
    eventually(lambda: "失" in orders(tier, DISTRICT))
    record = tier.add_premises(GARDEN, "失")
    eventually(lambda: record in tier.premises(CITY))
    settled(tier, DISTRICT)
    tier.stop(CITY)
    put_back(tier, CITY, backup)
    before = offline(tier, CITY, lambda o: o.identity.incarnation)
    offline(tier, CITY, lambda o: ask(o, "新", district))
    tier.start(CITY, None)
    tier.served(DISTRICT).dialer.retry_now()  # type: ignore[union-attr]
    for code in (CITY, DISTRICT):
        eventually(lambda code=code: orders(tier, code).keys() == {"先", "失", "新"})
    eventually(lambda: orders(tier, CITY) == orders(tier, DISTRICT))
    eventually(lambda: record in tier.premises(CITY))
    assert tier.served(CITY).office.identity.incarnation != before
    settled(tier, GARDEN, STREET, DISTRICT)
    # The city's own cells are nobody else's.
    assert_consistent_and_equal(tier, DISTRICT, CITY, lowest=CITY, register="assignment_event")
    assert_consistent_and_equal(tier, GARDEN, STREET, DISTRICT, CITY, lowest=GARDEN)


def test_a_restored_street_loses_no_assignment_that_it_issued_or_received(tier: Tier) -> None:
    """What it was asked comes back from above, what it asked comes back from both sides."""
    garden, street = (tier.served(code).office.identity.unit for code in (GARDEN, STREET))
    backup = copy_of(tier, STREET)
    tier.start(STREET, DISTRICT)
    for code in (GARDEN, ORCHID):
        tier.served(code).dialer.retry_now()  # type: ignore[union-attr]
    ask(tier.served(DISTRICT).office, "上", street)
    ask(tier.served(STREET).office, "下", garden)
    eventually(lambda: orders(tier, CITY).keys() == {"上", "下"})
    eventually(lambda: orders(tier, CITY)["上"] == {"delivered"})
    settled(tier, GARDEN, STREET, DISTRICT)
    tier.stop(STREET)
    put_back(tier, STREET, backup)
    offline(tier, STREET, lambda o: ask(o, "新", garden))
    tier.start(STREET, DISTRICT)
    for code in (GARDEN, ORCHID):
        tier.served(code).dialer.retry_now()  # type: ignore[union-attr]
    for code in (STREET, DISTRICT, CITY):
        eventually(lambda code=code: orders(tier, code).keys() == {"上", "下", "新"})
    eventually(lambda: orders(tier, CITY) == orders(tier, STREET))
    settled(tier, GARDEN, ORCHID, STREET, DISTRICT)
    assert_consistent_and_equal(tier, STREET, DISTRICT, CITY, lowest=STREET)
    assert orders(tier, GARDEN).keys() == {"下", "新"}
