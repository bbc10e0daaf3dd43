"""Audit logs over real links: cosigned up to the city, and named there when they were cut."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from sqlalchemy import create_engine, text

from hub.cli.exits import Exit
from node.services.audit import proofs, views
from node.services.health.status import status
from node.setup import DATABASE
from node.store.engine import sqlite_url
from tests.support.audit import verifier
from tests.support.silian import silian
from tests.support.tier import CITY, DISTRICT, STREET, Tier, eventually, settled, tier_of

LINE = ((CITY, None), (DISTRICT, CITY), (STREET, DISTRICT))
VERIFIER = verifier()


def seen_by(tier: Tier, code: str) -> set[str]:
    """Return the offices above that have accepted this one's log."""
    office = tier.served(code).office
    rows = views.verify(office).witnesses
    return {office.tree.get(row.witness).code for row in rows if not row.refused}


def problems(tier: Tier, code: str) -> set[tuple[str, str]]:
    found = status(tier.served(code).office).problems
    return {(p.code, p.unit_code) for p in found if p.code.startswith("audit_")}


def test_the_log_of_a_street_is_cosigned_up_to_the_city_and_missed_when_it_is_cut(
    tmp_path: Path,
) -> None:
    with tier_of(tmp_path, LINE) as tier:
        settled(tier, STREET, DISTRICT)
        eventually(lambda: seen_by(tier, STREET) == {DISTRICT, CITY})
        street, city = tier.served(STREET).office, tier.served(CITY).office
        keys = [VERIFIER.Key(o.audit.key.text, VERIFIER.WITNESS)
                for o in (city, tier.served(DISTRICT).office)]  # fmt: skip
        key = VERIFIER.Key(street.audit.key.text)

        def proven() -> bool:
            """Both have cosigned one head: while the log grows, each may have another."""
            with suppress(VERIFIER.Wrong):
                file = proofs.prove_entry(street, 0).file
                return bool(VERIFIER.verify_proof(file, key, keys, 2)[0] == 0)
            return False

        eventually(proven)
        assert not problems(tier, CITY) | problems(tier, DISTRICT) | problems(tier, STREET)

        tier.stop(STREET)
        engine = create_engine(sqlite_url(tmp_path / STREET / DATABASE))
        with engine.begin() as tx:
            tx.execute(text("DELETE FROM audit_entry WHERE idx>0"))
        engine.dispose()
        tier.start(STREET)
        named = ("audit_truncated", STREET)
        eventually(lambda: named in problems(tier, DISTRICT))
        eventually(lambda: named in problems(tier, STREET))
        settled(tier, STREET)  # the link goes on

        asked = ("audit", "accept", STREET, "--dir", tmp_path / DISTRICT, "--reason", "a backup")
        assert silian(*asked, "--as", "王敏").exit == 0
        eventually(lambda: not problems(tier, DISTRICT) | problems(tier, STREET))
        assert silian(*asked).exit == Exit.CONFLICT
