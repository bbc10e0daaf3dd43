"""Four levels, each office its own process-like `Process`, over real gRPC on the loopback."""

from __future__ import annotations

from tests.support.tier import CITY, DISTRICT, GARDEN, ORCHID, STREET, Tier, eventually


def test_an_edit_at_a_community_reaches_the_city_and_no_sibling(tier: Tier) -> None:
    record = tier.add_premises(GARDEN, "服务中心", 66_000)
    for code in (STREET, DISTRICT, CITY):
        eventually(lambda code=code: tier.premises(code).get(record) == ("服务中心", 66_000))
    assert tier.premises(ORCHID) == {}


def test_edits_written_while_the_street_was_down_arrive_afterwards(tier: Tier) -> None:
    tier.stop(STREET)
    written = {tier.add_premises(GARDEN, f"用房{n}") for n in range(5)}
    written |= {tier.add_premises(ORCHID, f"用房{n}") for n in range(5)}
    assert tier.premises(CITY) == {}
    tier.start(STREET, DISTRICT)
    for code in (GARDEN, ORCHID):
        tier.served(code).dialer.retry_now()  # type: ignore[union-attr]
    eventually(lambda: set(tier.premises(CITY)) == written)


def test_an_office_that_restarts_sends_what_it_had_not_sent(tier: Tier) -> None:
    tier.stop(STREET)
    record = tier.add_premises(GARDEN, "党建活动室")
    tier.stop(GARDEN)
    tier.start(STREET, DISTRICT)
    tier.start(GARDEN, STREET)
    eventually(lambda: record in tier.premises(CITY))


def test_the_total_at_every_ancestor_follows_the_record(tier: Tier) -> None:
    tier.add_premises(GARDEN, "办公楼", 66_000)
    tier.add_premises(ORCHID, "办公楼", 31_000)

    def total(code: str) -> int:
        office = tier.served(code).office
        with office.store.read() as tx:
            rows = tx.exec_driver_sql(
                "SELECT sum(amount) FROM total WHERE measure='premises_area' AND unit=?",
                (office.identity.unit,),
            )
            return int(rows.scalar_one() or 0)

    for code in (STREET, DISTRICT, CITY):
        eventually(lambda code=code: total(code) == 97_000)
