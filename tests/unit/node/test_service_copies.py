"""A copied office: flagged by its parent until a person says which of two stores was stopped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.app import Office
from node.services import copies
from node.services.holes import NoReason
from sync import facts
from sync.tokens import Tokens
from tests.unit.node.offices import COMMUNITY, STREET, Clock, new_office


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Office]:
    office = new_office(tmp_path / "street", STREET, Clock())
    yield office
    office.close()


def test_a_person_lets_the_parent_forget_a_copy_and_the_reason_is_kept(street: Office) -> None:
    child = street.tree.by_code(COMMUNITY).unit_id
    known = Tokens(7, b"newest", b"before", (b"void",), 1)
    street.store.write(lambda tx: facts.put(tx, f"{facts.GIVEN}{child}", known.to_text()))
    street.news.copied(child)
    assert [(c.unit, c.flagged, c.decisions) for c in copies.list_copies(street)] == [
        (child, True, ())
    ]
    done = copies.forget_copy(street, child, actor="李", reason=" 旧电脑已停用 ")
    assert not street.news.copies()
    with street.store.read() as tx:
        assert Tokens.from_text(facts.get(tx, f"{facts.GIVEN}{child}")) == known.forgotten()
    (kept,) = copies.list_copies(street)
    assert kept == done
    (word,) = kept.decisions
    assert (word.actor, word.reason, word.at_ms) == ("李", "旧电脑已停用", street.clock.now_ms())


def test_every_decision_stays_when_it_happens_again(street: Office) -> None:
    child = street.tree.by_code(COMMUNITY).unit_id
    for reason in ("一", "二"):
        street.news.copied(child)
        copies.forget_copy(street, child, actor="李", reason=reason)
    (kept,) = copies.list_copies(street)
    assert [word.reason for word in kept.decisions] == ["一", "二"]


def test_forgetting_needs_a_reason_and_a_flag(street: Office) -> None:
    child = street.tree.by_code(COMMUNITY).unit_id
    street.news.copied(child)
    with pytest.raises(NoReason):
        copies.forget_copy(street, child, actor="李", reason=" ")
    assert street.news.copies() == {child}
    with pytest.raises(copies.NotCopied):
        copies.forget_copy(street, street.identity.unit, actor="李", reason="误")
