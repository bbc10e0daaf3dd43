"""A fold that cannot read one record follows all the others; both stores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from sync.apply.isolation import NOT_FOLDED
from sync.model.change import Edit
from sync.model.effect import Effect
from sync.store.sql import execute
from tests.support.sites import GARDEN, STREET


class Counting:
    """Counts what people are called by their length; it cannot read `poison`."""

    def fields_read(self, register: str, unit: int) -> frozenset[str] | None:
        return frozenset({"name"}) if register == "person" else None

    def fold(self, tx: Connection, effects: Sequence[Effect]) -> Iterable[Edit]:
        for effect in effects:
            for _, before, after in effect.changes():
                for values, sign in ((before, -1), (after, 1)):
                    name = str((values or {}).get("name") or "")
                    if name == "poison":
                        execute(
                            tx, "SELECT nothing FROM nowhere"
                        )  # spoils a PostgreSQL transaction
                    execute(tx, "UPDATE meta SET value=CAST(value AS INTEGER)+? WHERE key='n'",
                            (sign * len(name),))  # fmt: skip
        return ()


def counted(site) -> int:
    with site.store.read() as tx:
        return int(execute(tx, "SELECT value FROM meta WHERE key='n'").fetchone()[0])


def test_one_record_that_a_fold_cannot_read_stops_no_other_and_is_listed(open_site):
    garden = open_site(GARDEN)
    street = open_site(STREET)
    street.folds = (Counting(),)
    street.reopen()
    street.store.write(lambda tx: execute(tx, "INSERT INTO meta (key, value) VALUES ('n', '0')"))
    garden.commit(garden.create(1, name="abc"), garden.create(2, name="poison"))
    garden.commit(garden.create(3, name="de"))
    street.take(garden.batch_up(), GARDEN)
    assert counted(street) == 5
    assert street.quarantined() == [(NOT_FOLDED, "deferred")]
    garden.commit(garden.update(2, name="four"))
    garden.commit(garden.update(1, name="poison"))
    street.take(garden.batch_up(), GARDEN)
    assert counted(street) == 6, "what was never counted is not taken off, what was is"
    assert street.value(2, "name", GARDEN) == "four"
