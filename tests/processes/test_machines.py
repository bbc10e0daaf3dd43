"""A machine is replaced, moved, lost or copied: what an enrolled office has afterwards.

Real processes and certificates. Compared are records, the key, and edits that were not sent yet.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.config import load_config, write_config
from tests.processes.test_enrolment import DISTRICT, HOME, Hosts, done, record, shown_key
from tests.support.silian import Ran, free_ports, silian

STREET = "闸弄口街道"


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    """A city down to a community: `sent` is above, `unsent` waits, for its street is stopped."""
    made = Hosts(tmp_path)
    try:
        made.set_up(DISTRICT, STREET, HOME)
        record(made, HOME, "sent")
        made.synced(HOME)
        made.stop(STREET)
        record(made, HOME, "unsent")
        yield made
    finally:
        made.stop_all()


def names(folder: Path) -> set[str]:
    listed = silian("record", "ls", "premises", "--unit", HOME, "--dir", folder, "--json")
    return {name for name in ("sent", "unsent", "new", "after", "copied") if name in texts(listed)}


def texts(ran: Ran) -> set[str]:
    return set(re.findall(r'"(\w+)"', done(ran).out))


def has(folder: Path, *wanted: str) -> bool:
    return names(folder) >= set(wanted)


def listens(folder: Path, address: str) -> None:
    """Write another address into an office's settings."""
    config = load_config(folder).model_copy(update={"listen": address})
    write_config(folder, config)


@pytest.mark.soak
def test_an_office_on_another_machine_keeps_records_key_and_unsent_edits(hosts: Hosts) -> None:
    key, before = shown_key(hosts.at(HOME)), names(hosts.at(HOME))
    hosts.stop(HOME)
    shutil.copytree(hosts.at(HOME), hosts.at("new machine"))
    shutil.rmtree(hosts.at(HOME))
    hosts.serve("new machine")
    hosts.serve(STREET)
    hosts.synced("new machine")
    assert (shown_key(hosts.at("new machine")), names(hosts.at("new machine"))) == (key, before)
    assert has(hosts.at(STREET), "unsent", "sent")


def test_a_lost_disk_gives_a_new_key_what_was_sent_and_nothing_that_was_not(hosts: Hosts) -> None:
    key = shown_key(hosts.at(HOME))
    hosts.stop(HOME)
    shutil.rmtree(hosts.at(HOME))
    hosts.serve(STREET)
    done(hosts.join(HOME, hosts.invite(STREET, HOME, "--replace")))
    hosts.serve(HOME)
    hosts.synced(HOME)
    assert shown_key(hosts.at(HOME)) != key
    assert has(hosts.at(HOME), "sent")
    assert not has(hosts.at(HOME), "unsent")
    record(hosts, HOME, "new")
    hosts.synced(HOME)
    assert has(hosts.at(STREET), "sent", "new")
    refused = silian("invite", "--dir", hosts.at(STREET), "--unit", HOME, "--replace", "--json",
                     "--out", hosts.folder / "letters")  # fmt: skip
    assert (refused.exit, refused.error["code"]) == (7, "recovered_before")
    hosts.invite(STREET, HOME, "--replace", "--again")
    issued = done(silian("cert", "ls", "--dir", hosts.at(DISTRICT), "--json")).json["items"]
    states = [bool(each["revoked_ms"]) for each in issued if each["unit"]["code"] == HOME]
    assert sorted(states) == [False, True]


@pytest.mark.soak
def test_a_parent_with_another_address_is_found_again_by_a_new_letter(hosts: Hosts) -> None:
    key = shown_key(hosts.at(HOME))
    hosts.listen[STREET] = f"127.0.0.7:{free_ports('127.0.0.7')}"
    listens(hosts.at(STREET), hosts.listen[STREET])
    hosts.serve(STREET)
    hosts.stop(HOME)
    done(hosts.join(HOME, hosts.invite(STREET, HOME)))
    hosts.serve(HOME)
    hosts.synced(HOME)
    assert shown_key(hosts.at(HOME)) == key
    assert has(hosts.at(STREET), "sent", "unsent")


def test_a_copied_machine_takes_no_edit_from_its_first_exchange_on(hosts: Hosts) -> None:
    hosts.stop(HOME)
    shutil.copytree(hosts.at(HOME), hosts.at("copy"))
    listens(hosts.at("copy"), f"127.0.0.8:{free_ports('127.0.0.8')}")
    hosts.serve(HOME)
    hosts.serve(STREET)
    hosts.synced(HOME)
    hosts.serve("copy")
    silian("sync", "now", "--dir", hosts.at("copy"), "--wait", "10")
    found = silian("status", "--dir", hosts.at("copy"), "--json").json
    assert "fenced" in {each["code"] for each in found["problems"]}
    refused = silian("record", "create", "premises", "用房名称=copied", "用途=活动", "建筑面积=1",
                     "--dir", hosts.at("copy"), "--json")  # fmt: skip
    assert refused.exit != 0
    record(hosts, HOME, "after")
    hosts.synced(HOME)
    assert has(hosts.at(STREET), "sent", "unsent", "after")
    assert not has(hosts.at(STREET), "copied")
    above = silian("status", "--dir", hosts.at(STREET), "--json").json
    assert "clone" in {each["code"] for each in above["problems"]}
