"""A copied office: flagged by its parent until a person says which of two stores was stopped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.office import Office
from node.services.common.reason import ReasonMissing
from node.services.peers import clones
from sync.log.signatures import KeyRefused
from sync.recovery.clones import Tokens
from sync.store import peers
from tests.unit.node.offices import COMMUNITY, STREET, Clock, new_office


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Office]:
    office = new_office(tmp_path / "street", STREET, Clock())
    yield office
    office.close()


def test_an_operator_resets_a_clone_at_the_parent_and_the_reason_is_kept(street: Office) -> None:
    child = street.tree.find(COMMUNITY).unit_id
    known = Tokens(7, b"newest", b"before", (b"void",), 1)
    street.store.write(lambda tx: peers.update(tx, child, token_issued=known.to_text()))
    street.peer_status.flag_clone(child)
    assert [(c.unit, c.flagged, c.decisions) for c in clones.list_clones(street)] == [
        (child, True, ())
    ]
    done = clones.reset_clone(street, child, actor="李", reason=" 旧电脑已停用 ")
    assert not street.peer_status.clones()
    with street.store.read() as tx:
        assert Tokens.from_text(peers.load(tx, child).token_issued) == known.reset()
    (kept,) = clones.list_clones(street)
    assert kept == done
    (decision,) = kept.decisions
    assert (decision.actor, decision.reason, decision.at_ms) == (
        "李",
        "旧电脑已停用",
        street.clock.now_ms(),
    )


def test_every_decision_is_kept_when_it_happens_again(street: Office) -> None:
    child = street.tree.find(COMMUNITY).unit_id
    for reason in ("一", "二"):
        street.peer_status.flag_clone(child)
        clones.reset_clone(street, child, actor="李", reason=reason)
    (kept,) = clones.list_clones(street)
    assert [decision.reason for decision in kept.decisions] == ["一", "二"]


def test_resetting_a_clone_needs_a_reason_and_a_flag(street: Office) -> None:
    child = street.tree.find(COMMUNITY).unit_id
    street.peer_status.flag_clone(child)
    with pytest.raises(ReasonMissing):
        clones.reset_clone(street, child, actor="李", reason=" ")
    assert street.peer_status.clones() == {child}
    with pytest.raises(clones.NotCloned):
        clones.reset_clone(street, street.identity.unit, actor="李", reason="误")


def test_a_key_is_accepted_with_the_decision_or_neither_is_recorded(street: Office) -> None:
    child = street.tree.find(COMMUNITY).unit_id
    street.signature_refusals.note(child, KeyRefused("child", "下级", "ab" * 32, b"k" * 32))
    street.store.write(
        lambda tx: tx.exec_driver_sql(
            "CREATE TRIGGER full BEFORE UPDATE OF key_pinned ON peer "
            "BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    )
    with pytest.raises(Exception, match="no"):
        clones.reset_clone(street, child, actor="李", reason="电话核对")
    (waiting,) = clones.list_clones(street)
    assert (waiting.flagged, waiting.decisions) == (True, ())
    street.store.write(lambda tx: tx.exec_driver_sql("DROP TRIGGER full"))
    clones.reset_clone(street, child, actor="李", reason="电话核对")
    (done,) = clones.list_clones(street)
    assert (done.flagged, len(done.decisions), street.signature_refusals.open()) == (False, 1, {})
    with street.store.read() as tx:
        known = peers.load(tx, child)
    assert (known.key_pinned, known.refusal, known.key_refused) == ((b"k" * 32).hex(), "", "")
