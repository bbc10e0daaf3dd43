"""A community compares with its street over real gRPC; what rots behind their backs is found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from hub.client.client import wall_ms
from hub.serve.process import Served
from node.china import DAY_MS
from node.office import Office
from node.services.health.status import status
from node.services.health.verify import verify
from node.services.records import edits
from node.services.upkeep.log_retention import Terms
from node.services.upkeep.redaction import redact_ended, retention_state
from sync.compare import digests
from sync.compare import parent as comparison
from sync.compare.repair import DigestCache
from sync.log import entries as log
from sync.merge.digest import schema_hash
from sync.model.errors import Malformed
from sync.model.report import CompareOptions, Comparison
from sync.model.schema import Lane
from sync.wire.link.v1 import link_pb2 as pb
from tests.support.receipts import receipts_above
from tests.support.tier import (
    DISTRICT,
    GARDEN,
    ORCHID,
    PATIENCE_S,
    STREET,
    Tier,
    eventually,
    tier_of,
)

OTHER = {"here": "there", "there": "here"}
ALL = CompareOptions(read=frozenset(range(64)))


@pytest.fixture
def tier(tmp_path: Path) -> Iterator[Tier]:
    with tier_of(tmp_path, ((STREET, None), (GARDEN, STREET))) as tier:
        yield tier


def compared(tier: Tier, options: CompareOptions | None = None, code: str = GARDEN) -> Comparison:
    """Compare now and return how it ended."""
    served = tier.served(code)
    assert served.dialer is not None
    assert served.dialer.wait_compared(PATIENCE_S), "the daily comparison does not end"
    served.office.comparisons.forget()
    served.dialer.compare(options)
    assert served.dialer.wait_compared(PATIENCE_S)
    last: Comparison | None = served.office.comparisons.last
    assert last is not None, served.dialer.reason
    return last


def corrupt(served: Served, statement: str, **values: object) -> None:
    """Change something behind the program's back."""

    def work(tx: Connection) -> None:
        assert tx.execute(text(statement), values).rowcount >= 1

    served.office.store.write(work)


@contextmanager
def statements(served: Served) -> Iterator[list[str]]:
    """Collect what is said to a store."""
    found: list[str] = []
    store = served.office.store

    def record_statement(_tx: object, _cursor: object, statement: str, *_rest: object) -> None:
        found.append(statement)

    for engine in (store._reader, store._writer):
        event.listen(engine, "before_cursor_execute", record_statement)
    try:
        yield found
    finally:
        for engine in (store._reader, store._writer):
            event.remove(engine, "before_cursor_execute", record_statement)


def in_step(tier: Tier, count: int = 40, extra: int = 0) -> list[bytes]:
    """Write records at the community and wait until the street has them."""
    records = [tier.add_premises(GARDEN, f"用房{n}", n) for n in range(1, count + 1)]
    eventually(lambda: len(tier.premises(STREET)) == count + extra)
    compared(tier)  # the daily one is over then, and finds nothing of what the test does next
    return records


def test_equal_copies_are_found_equal_without_reading_a_record(tier: Tier) -> None:
    in_step(tier)
    compared(tier)
    with statements(tier.served(GARDEN)) as here, statements(tier.served(STREET)) as there:
        found = compared(tier)
    assert found.equal
    assert found.units >= 2, "premises and cells of the community"
    assert [s for s in (*here, *there) if "r_premises" in s] == []
    assert [s for s in there if "FROM digest" in s], "nobody looked"


def test_a_lost_record_is_found_though_its_digest_was_removed_too(tier: Tier) -> None:
    records = in_step(tier)
    corrupt(tier.served(STREET), "DELETE FROM r_premises WHERE id=:i", i=records[3])
    found = compared(tier, CompareOptions(repair=False))
    assert found.equal, "a sum does not see it"
    found = compared(tier, CompareOptions(repair=False, read=ALL.read))
    assert [name.id for name in found.found] == [records[3]]
    assert found.outcome == "different"
    assert found.fixed_there == (), "the sum is the witness that the record is wrong"


@pytest.mark.parametrize("where", [STREET, GARDEN])
def test_a_change_made_outside_the_program_is_found_and_repaired(tier: Tier, where: str) -> None:
    records = in_step(tier)
    right, total = tier.premises(STREET), area(tier)
    damaged = tier.served(where)
    corrupt(damaged, "UPDATE r_premises SET f_area_m2=1 WHERE id=:i", i=records[3])
    corrupt(damaged, "DELETE FROM r_premises WHERE id=:i", i=records[5])
    corrupt(damaged, "UPDATE r_premises SET v_name=:v WHERE id=:i", i=records[7], v=bytes(16))
    found = compared(tier, ALL)
    assert [name.id for name in found.found] == sorted(records[n] for n in (3, 5, 7))
    assert found.outcome == "repaired"
    assert tier.premises(STREET) == tier.premises(GARDEN) == right
    assert area(tier) == total, "totals had followed the true records"
    assert compared(tier, ALL).equal
    for code, side in ((STREET, "here"), (GARDEN, "there")):
        noted = tier.served(code).office.comparisons.repairs()
        assert {r.side for r in noted} == {side if where == STREET else OTHER[side]}
        assert {r.record for r in noted} == {records[n] for n in (3, 5, 7)}
        assert verify(tier.served(code).office).sound


def test_a_repair_that_the_store_rejects_does_not_stop_the_comparison_and_status_names_it(
    tier: Tier,
) -> None:
    records = in_step(tier)
    street = tier.served(STREET)
    corrupt(street, "DELETE FROM r_premises WHERE id IN (:i, :j)", i=records[3], j=records[5])
    refuses = (
        "CREATE TRIGGER refuses BEFORE INSERT ON r_premises WHEN NEW.f_name='用房4' "
        "BEGIN SELECT RAISE(ABORT, 'not here'); END"
    )
    street.office.store.write(lambda tx: tx.exec_driver_sql(refuses))
    found = compared(tier, ALL)
    assert {name.id for name in found.found} == {records[3], records[5]}
    assert [(name.id, why) for name, why in found.left] == [(records[3], "constraint_violation")]
    assert len(tier.premises(STREET)) == 39, "the other one is back"
    noted = {r.record: r.side for r in street.office.comparisons.repairs()}
    assert noted == {records[3]: "refused", records[5]: "here"}
    problems = {p.code: p.en for p in status(street.office).problems}
    assert "1 record " in problems["repair_refused"]
    street.office.store.write(lambda tx: tx.exec_driver_sql("DROP TRIGGER refuses"))
    assert compared(tier, ALL).outcome == "repaired"
    assert tier.premises(STREET) == tier.premises(GARDEN)


def area(tier: Tier) -> dict[int, int]:
    with tier.served(STREET).office.store.read() as tx:
        # Only this measure: an office closes the month by itself, soon after it has started.
        wanted = "SELECT unit, amount FROM total WHERE measure='premises_area' AND amount<>0"
        return {row.unit: row.amount for row in tx.execute(text(wanted))}


def test_a_redacted_record_compares_equal_to_the_full_one_and_is_not_repaired(
    tier: Tier,
) -> None:
    records = in_step(tier, 6)
    garden, street = tier.served(GARDEN).office, tier.served(STREET).office
    edits.end(garden, "premises", records[0])
    eventually(lambda: retention_state(street, wall_ms()).values == 1)
    durable_everywhere(street)
    at_once = Terms(log_ms=0, lease_ms=1, grace_ms=0)
    assert redact_ended(street, wall_ms() + DAY_MS, at_once) == 1
    for options in (None, ALL):
        found = compared(tier, options)
        assert found.equal
        assert found.found == ()
    for office in (garden, street):
        assert list(office.comparisons.repairs()) == []
        assert verify(office).sound
    assert tier.premises(STREET)[records[0]] == (None, None)
    assert tier.premises(GARDEN)[records[0]] == ("用房1", 1)


def durable_everywhere(office: Office) -> None:
    """Let an office have the receipts of everybody above for all that it wrote."""
    receipts_above(office)


def test_many_records_that_differ_cost_few_bytes_each(tier: Tier) -> None:
    records = in_step(tier, 300)
    for n in range(10):
        corrupt(tier.served(STREET), "DELETE FROM r_premises WHERE id=:i", i=records[n * 29])
    counted = Bytes()
    tier.served(GARDEN).dialer._end = counted.around(tier.served(GARDEN).dialer._end)  # type: ignore[union-attr]
    found = compared(tier, ALL)
    assert len(found.found) == 10
    assert found.outcome == "repaired"
    assert counted.bytes < 60_000, "about ten records of a few hundred bytes, there and back"


class Bytes:
    """Counts the bytes of a child's messages on their way through its end of the link."""

    def __init__(self) -> None:
        self.bytes = 0

    def around(self, end: Any) -> Any:
        request, event = end.request, end.event

        def asked(command: Any) -> Any:
            message = request(command)
            self.bytes += message.ByteSize()
            return message

        def answered(reply: Any, command: Any) -> Any:
            self.bytes += reply.ByteSize()
            return event(reply, command)

        end.request, end.event = asked, answered
        return end


def test_a_wrong_digest_is_fixed_and_no_record_is_reported(tier: Tier) -> None:
    in_step(tier)
    for code, end, by in ((GARDEN, "min", 1), (STREET, "max", 2)):
        corrupt(
            tier.served(code),
            "UPDATE digest SET sum=sum+:by WHERE register='premises' AND bucket="
            f"(SELECT {end}(bucket) FROM digest WHERE register='premises' AND count>0)",
            by=by,
        )
    found = compared(tier)
    assert found.found == ()
    assert (len(found.fixed_here), len(found.fixed_there)) == (1, 1)
    assert compared(tier).equal


def test_records_addressed_to_only_one_side_are_not_compared(tier: Tier) -> None:
    office = tier.served(GARDEN).office
    shared = office.shared(office.identity.unit)
    assert shared == tier.served(STREET).office.shared(office.identity.unit)
    assert "resident" not in shared
    assert "correction" not in shared, "some go down only"
    assert "premises" in shared
    parent = office.tree.parent(office.identity.unit)
    assert parent in shared["unit"]
    assert all(
        parent not in units
        for name, units in shared.items()
        if name not in ("unit", "fund_setting", "mark_key")  # down to everybody
    )


def test_a_child_that_asks_about_a_sibling_learns_nothing(tier: Tier) -> None:
    tier.start(ORCHID, STREET)
    records = [tier.add_premises(ORCHID, f"兰{n}") for n in range(5)]
    eventually(lambda: len(tier.premises(STREET)) == len(records))
    in_step(tier, 3, extra=len(records))
    assert compared(tier).equal
    street, garden = tier.served(STREET).office, tier.served(GARDEN).office
    orchid = tier.served(ORCHID).office.identity.unit
    mine = garden.identity

    def asked(**step: Any) -> pb.DigestResponse:
        with garden.store.read() as tx, street.store.read() as above:
            acked = {n: log.cursor_of(tx, street.identity.unit, "in", n)[1] for n in Lane}
            sent = {n: log.cursor_of(above, mine.unit, "in", n)[1] for n in Lane}
        request = pb.DigestRequest(
            unit=mine.unit,
            sent=[
                pb.Cursor(lane=n.value, incarnation=mine.incarnation, position=sent[n])
                for n in Lane
            ],
            acked=[
                pb.Cursor(lane=n.value, incarnation=street.identity.incarnation, position=acked[n])
                for n in Lane
            ],
            **step,
        )
        reply = comparison.answer(street, mine.unit, mine.incarnation, request, DigestCache())
        assert reply.comparable
        return reply

    one = pb.UnitBuckets(register="premises", unit=orchid)
    assert not asked(buckets=pb.DigestBuckets(units=[one])).buckets
    part = pb.BucketParts(register="premises", unit=orchid, bucket=records[0][15] % 64, sums=[0])
    assert not asked(parts=pb.DigestParts(buckets=[part])).rows
    sums = pb.RegisterSums(
        register="premises", units=[orchid], counts=[1], sums=[1],
        schema=schema_hash(street.tables.schema.registers["premises"]),
    )  # fmt: skip
    units = asked(units=pb.DigestUnits(registers=[sums])).units
    assert orchid not in {unit for register in units for unit in register.units}
    copy = pb.RecordCopy(register="premises", unit=orchid, id=records[0], absent=True)
    with pytest.raises(Malformed):
        asked(copies=pb.DigestCopies(copies=[copy]))


def test_a_change_that_a_repair_made_at_a_hub_is_found_by_the_hubs_own_comparison(
    tmp_path: Path,
) -> None:
    tier = Tier(tmp_path)
    for code, parent in ((DISTRICT, None), (STREET, DISTRICT), (GARDEN, STREET)):
        tier.start(code, parent)
    try:
        records = in_step(tier, 5)
        eventually(lambda: len(tier.premises(DISTRICT)) == len(records))
        unit = tier.served(GARDEN).office.identity.unit
        for code in (DISTRICT, STREET):  # both hubs lack it, and their sums, too
            office = tier.served(code).office
            table = office.tables["premises"]
            corrupt(tier.served(code), "DELETE FROM r_premises WHERE id=:i", i=records[1])
            office.store.write(
                lambda tx, table=table: digests.fix_digest(tx, table, unit, range(64))
            )
        assert compared(tier).outcome == "repaired"
        assert records[1] in tier.premises(STREET)
        assert records[1] not in tier.premises(DISTRICT)
        assert compared(tier, code=STREET).outcome == "repaired"
        assert tier.premises(DISTRICT) == tier.premises(GARDEN)
    finally:
        for process in reversed(list(tier.running.values())):
            process.stop()
