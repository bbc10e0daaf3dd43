"""What an office gets when it asks: a figure, its parts, how complete it is, what is hidden."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import Connection

from node.domain.indicators import UnknownDimension
from node.domain.units import Level, UnknownUnit
from node.ids import uuid7
from node.peers.status import PeerStatus
from node.reference import SHIPPED_FROM
from node.services.figures.closings import PeriodOpen, close_period
from node.services.figures.completeness import Lag
from node.services.figures.days_counted import follow_days
from node.services.figures.report import report
from node.services.figures.rollup import BadQuestion, NoClosing, UnknownIndicator, answer
from node.services.health.verify import verify
from sync.apply import applier
from sync.model.change import Edit, Operation, RecordKey
from sync.model.report import NodeStatus
from sync.model.version import wall_ms_of
from sync.store.tables import quarantine
from tests.support.network import CITY, DAY_MS, EAST, NORTH, SOUTH, TREE, A, B, C, D, Network

CHAIN = (A, B, C, NORTH, EAST, CITY)


@pytest.fixture(scope="module")
def templates(tmp_path_factory):
    return tmp_path_factory.mktemp("templates")


@pytest.fixture
def network(tmp_path, templates):
    opened = []

    def open_(*codes: str) -> Network:
        opened.append(Network(tmp_path, codes, templates=templates))
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


def households(net: Network, code: str, count: int, first: int = 0) -> list[bytes]:
    rows = [{"hh_no": f"{first + i}", "kind": "resident"} for i in range(count)]
    return net.create_many(code, "household", rows)


def aid(net: Network, code: str, count: int) -> None:
    net.create_many(code, "aid_case", [{"layers": "L1", "opened_on": "2026-01-01"}] * count)


def by_key(found) -> dict[str, object]:
    return {row.key: row.shown.numerator for row in found.rows}


def test_a_figure_adds_up_over_the_tree_and_its_rows_add_up_to_it(network):
    net = network(*CHAIN)
    households(net, A, 7)
    households(net, B, 20)
    net.create(A, "premises", name="a", use="office", area_m2=1000)
    net.settle()
    for code in (NORTH, EAST, CITY):
        found = answer(net[code], "K2", by="unit")
        assert (found.shown.numerator, found.shown.value) == (27, "27")
        assert sum(row.shown.numerator or 0 for row in found.rows) == 27
    street = answer(net[CITY], "K2", unit=net.unit(NORTH), by="unit")
    assert by_key(street) == {A: 7, B: 20, C: None}  # connected, and nothing filled in
    kinds = answer(net[CITY], "K2", by="household_kind")
    assert [(r.key, r.zh, r.en, r.shown.numerator) for r in kinds.rows] == [
        ("resident", "常住", "Resident", 27)
    ]


def test_a_ratio_keeps_its_parts_and_is_measured_against_its_target(network):
    net = network(A)
    households(net, A, 300)
    net.create(A, "premises", name="a", use="office", area_m2=9_000)
    found = answer(net[A], "K5")
    assert (found.shown.numerator, found.shown.denominator) == (9_000, 300)
    assert (found.shown.value, found.shown.met) == ("30", True)
    households(net, A, 1, first=300)
    found = answer(net[A], "K5")
    assert (found.shown.value, found.shown.display) == ("9000/301", "29.90")
    assert found.shown.met is False


def test_an_office_that_has_never_reported_is_expected_and_named(network):
    net = network(NORTH, A)
    households(net, A, 7)
    net.up(A)
    found = answer(net[NORTH], "K2").completeness
    assert (found.level, found.expected, found.reported) == (Level.COMMUNITY, 3, 1)
    assert [(x.code, x.lag) for x in found.laggards] == [
        (B, Lag.NEVER_REPORTED), (C, Lag.NEVER_REPORTED)
    ]  # fmt: skip
    assert not found.complete
    assert found.oldest_ms == net.ms - 1


def test_our_own_part_is_always_exact_up_to_now(network):
    net = network(A)
    households(net, A, 1)
    net.forward(40 * DAY_MS)
    found = answer(net[A], "K2").completeness
    assert found.complete
    assert found.oldest_ms == net.ms


def test_an_office_that_reported_entries_we_have_not_received_is_lagging(network):
    net = network(NORTH, A, B, C)
    for code in (A, B, C):
        households(net, code, 1)
    net.settle()
    known_ms = net.ms - 1
    net.forward()
    households(net, A, 7, first=1)
    net.send_status(A)  # its news comes before its batch
    net.forward()
    found = answer(net[NORTH], "K2").completeness
    assert [(x.code, x.lag, x.exact_ms) for x in found.laggards] == [(A, Lag.BEHIND, known_ms)]
    net.up(A)
    found = answer(net[NORTH], "K2").completeness
    assert found.laggards == ()


def test_a_watermark_never_goes_back_whatever_comes_late(network):
    net = network(NORTH, A)
    households(net, A, 5)
    net.up(A)
    north, unit = net[NORTH], net.unit(A)

    def mark() -> int:
        with north.store.read() as tx:
            return north.peer_status.watermarks(tx)[unit].at_ms

    net.forward()
    net.send_status(A)
    shown = mark()
    assert shown == net.ms - 1
    old = north.peer_status.known()[unit]
    households(net, A, 1, first=1)
    net.send_status(A)  # now we are behind
    assert mark() == shown
    north.peer_status.receive_status([old], child=unit)
    assert mark() == shown
    net.forward()
    net.up(A)
    assert mark() == net.ms - 1


@pytest.mark.parametrize("saved_before", [False, True])
def test_a_watermark_survives_a_restart_although_a_newer_status_came_before_its_entries(
    network, saved_before
):
    net = network(NORTH, A)
    north, unit = net[NORTH], net.unit(A)
    net.send_status(A)  # it has written nothing: we hold all
    if saved_before:
        north.peer_status.save()
        net.forward()
        net.send_status(A)
    watermark_shown_ms = net.ms - 1
    net.forward()
    households(net, A, 1)
    net.send_status(A)  # now we are behind
    north.peer_status.save()
    with north.store.read() as tx:
        assert north.peer_status.watermarks(tx)[unit].at_ms == watermark_shown_ms
        assert PeerStatus(north).watermarks(tx)[unit].at_ms == watermark_shown_ms


def watermark_and_stamp(net: Network, version: bytes) -> tuple[int, int]:
    """Return to when the street knows the community, and when a change there was made."""
    north = net[NORTH]
    with north.store.read() as tx:
        return north.peer_status.watermarks(tx)[net.unit(A)].at_ms, wall_ms_of(version)


def commit_now(net: Network, code: str) -> bytes:
    """Create an outlet without a millisecond passing; return the version."""
    office, rows = net[code], {"name": "x", "kind": "outlet"}
    made = uuid7(net.ms, office.rng)
    edit = net.edit(code, "service_outlet", made, Operation.CREATE, rows)
    return office.commit(lambda _tx: [edit]).version


def test_a_watermark_leaves_out_the_millisecond_in_which_more_may_be_written(network):
    net = network(NORTH, A)
    net.send_status(A)
    watermark_ms, made_ms = watermark_and_stamp(net, commit_now(net, A))
    assert watermark_ms == made_ms - 1
    net.forward()
    commit_now(net, A)
    for batch in net.batches(A):  # the newest entry makes it exact, but another may come with it
        net.deliver(A, batch)
    watermark_ms, made_ms = watermark_and_stamp(net, commit_now(net, A))
    assert watermark_ms == made_ms - 1


def test_a_watermark_does_not_cover_what_is_written_after_the_clock_was_set_back(network):
    net = network(NORTH, A)
    net.send_status(A)
    net[A].clock.offset_ms = -5_000  # the next handshake's answer was long under way
    watermark_ms, made_ms = watermark_and_stamp(net, commit_now(net, A))
    assert 0 < watermark_ms < made_ms


def test_a_watermark_does_not_cover_what_is_written_while_the_status_is_made(network):
    net = network(NORTH, A)
    net.send_status(A)
    written_ms, office = net.ms, net[A]
    net.forward()
    edit = net.edit(A, "household", uuid7(net.ms, office.rng), Operation.CREATE, {"hh_no": "x"})

    def work(tx: Connection) -> bytes:
        version = applier.apply_local(office.replica, tx, [edit]).version
        net.forward()  # a slow disk: the handshake does not wait for it
        net.send_status(A)
        return version

    watermark_ms, made_ms = watermark_and_stamp(net, office.store.write(work))
    assert watermark_ms == written_ms - 1 < made_ms
    net.send_status(A)
    assert net[NORTH].peer_status.known()[net.unit(A)].at_ms == net.ms


def test_a_contact_is_no_proof_that_figures_are_exact(network):
    net = network(NORTH, A)
    households(net, A, 1)
    net.up(A)
    contact_ms = net.ms - 1
    net.forward(2 * DAY_MS)
    net[NORTH].peer_status.record_contact(net.unit(A), connected=True, waiting_down=0)
    found = answer(net[NORTH], "K2", unit=net.unit(A)).completeness
    assert found.oldest_ms == contact_ms
    assert [x.lag for x in found.laggards] == [Lag.SILENT]


def test_a_quarantined_change_of_an_office_shows_in_the_answer(network):
    net = network(NORTH, A)
    net.up(A)
    row = {
        "id": b"h" * 16, "arrival": 1, "incarnation": 1, "register": "cell",
        "unit": net.unit(A), "record": b"", "reason": "malformed", "detail": "", "state": "open",
        "at_ms": 1, "tries": 1,
    }  # fmt: skip
    net[NORTH].store.write(lambda tx: tx.execute(quarantine.insert().values(row)))
    found = answer(net[NORTH], "K2", unit=net.unit(A)).completeness
    assert found.quarantined == 1
    assert [(x.lag, x.quarantined) for x in found.laggards] == [(Lag.QUARANTINED, 1)]


def test_units_are_counted_on_the_tree_as_the_city_defines_it(network):
    net = network(CITY, NORTH)
    city = answer(net[CITY], "K1", by="level")
    assert by_key(city) == {"0": 1, "1": 2, "2": 3, "3": 6}
    assert city.completeness.complete
    parts = answer(net[CITY], "K1", by="unit")
    assert sum(row.shown.numerator for row in parts.rows) == parts.shown.numerator == 12
    street = answer(net[NORTH], "K1")
    assert street.shown.numerator == 4
    assert [x.code for x in street.completeness.laggards] == [CITY]


def test_an_office_of_fewer_than_five_persons_is_counted_by_nobody_above_it_and_each_sum_says_so(
    network,
):
    net = network(*CHAIN)
    for code, count in ((A, 3), (B, 9), (C, 40)):
        aid(net, code, count)
    net.settle()
    assert answer(net[A], "K33").shown.numerator == 3
    for asker in (NORTH, EAST, CITY):
        street = answer(net[asker], "K33", unit=net.unit(NORTH), by="unit")
        assert (street.shown.numerator, street.shown.display) == (49, "≥49")
        assert (street.shown.withheld, street.shown.suppressed) == (1, False)
        assert by_key(street) == {A: None, B: 9, C: 40}
        assert {row.shown.display for row in street.rows if row.shown.suppressed} == {"*"}
        assert (A, Lag.NOT_FILLED) not in [(x.code, x.lag) for x in street.completeness.laggards]
        assert answer(net[asker], "K33", unit=net.unit(A)).shown.suppressed
        assert answer(net[asker], "K33_layers", unit=net.unit(A), by="aid_layer").rows == ()


def test_persons_of_a_group_that_is_too_small_are_combined_and_named_where_they_may_belong(network):
    net = network(*CHAIN)
    for number in range(40):
        old = number < 3  # of 60 and more
        net.create(
            A, "resident", id_number="", name=f"n{number}", sex="male" if number % 2 else "female",
            birth_date="1950-01-01" if old else f"{1990 + number % 2}-01-01",
        )  # fmt: skip
    net.settle()
    assert answer(net[A], "K4").shown.numerator == 3
    for asker in (NORTH, CITY):
        found = answer(net[asker], "K4").shown
        assert (found.numerator, found.denominator) == (0, 40)
        assert found.numerator_undecided >= 5
        assert (found.display, found.met) == ("≈0", None)
        sexes = answer(net[asker], "K3", by="sex")
        assert by_key(sexes) == {"female": 20, "male": 20}


def test_a_new_year_divides_persons_by_its_own_ages_and_leaves_the_old_years_figure(network):
    net = network(NORTH, A)
    for born, count in ((1960, 5), (1966, 3), (1967, 3), (1968, 5)):  # 60 in 2026: up to 1966
        rows = [{"name": "n", "birth_date": f"{born}-01-01", "sex": "male"}] * count
        net.create_many(A, "resident", rows)
    follow_days(net[A])
    net.up(A)
    assert answer(net[NORTH], "K4").shown.numerator == 8
    net.forward(220 * DAY_MS)
    follow_days(net[A])
    net.up(A)
    found = answer(net[NORTH], "K4").shown
    assert (found.numerator, found.numerator_undecided) == (11, 0)
    past = answer(net[NORTH], "K4", as_of=date(2026, 12, 31)).shown
    assert (past.numerator, past.numerator_undecided) == (8, 0)


def test_whether_a_target_is_met_is_open_where_a_sum_leaves_an_office_out(network):
    net = network(NORTH, A, B)
    for code, count in ((A, 3), (B, 9)):
        households(net, code, count)
        net.create(code, "premises", name="a", use="office", area_m2=500)
    net.settle()
    found = answer(net[NORTH], "K5").shown
    assert (found.withheld, found.display[0], found.met) == (1, "≈", None)
    assert answer(net[NORTH], "K5", unit=net.unit(B)).shown.met is not None


def test_counts_that_are_not_of_persons_are_never_hidden(network):
    net = network(NORTH, A)
    net.create(A, "service_outlet", name="a", kind="outlet")
    net.up(A)
    assert by_key(answer(net[NORTH], "K34", by="unit"))[A] == 1


def test_entries_that_a_hub_wrote_itself_have_their_own_row(network):
    net = network(NORTH)
    dims = "category=office;fund=F7;level=2"
    net.create(NORTH, "cell", measure="money_spent", period="2026", dims=dims, amount=12_345)
    found = answer(net[NORTH], "K24", by="unit")
    assert found.shown.value == "123.45"
    assert [(r.key, r.own, r.shown.value) for r in found.rows if r.own] == [(NORTH, True, "123.45")]


def test_a_month_is_closed_once_and_only_when_it_is_over(network):
    net = network(A)
    households(net, A, 7)
    with pytest.raises(PeriodOpen):
        close_period(net[A], "2026-05")
    with pytest.raises(PeriodOpen):
        close_period(net[A], "2026-13")
    net.forward(3 * DAY_MS)
    assert close_period(net[A], "2026-05").cells > 0
    assert close_period(net[A], "2026-05").cells == 0
    assert close_period(net[A], "2026-04").cells == 0  # what a later closing holds stays there
    assert verify(net[A]).sound


def test_a_closed_month_stays_unchanged_and_affects_no_norm(network):
    net = network(A)
    households(net, A, 300)
    premises = net.create(A, "premises", name="a", use="office", area_m2=9_000)
    net.forward(3 * DAY_MS)
    close_period(net[A], "2026-05")
    net.write(A, net.edit(A, "premises", premises, Operation.UPDATE, {"area_m2": 9_100}))
    assert answer(net[A], "K6").shown.value == "100"  # 300 households, not 300 and 300 closed
    households(net, A, 10, first=300)
    past = date(2026, 5, 31)
    assert answer(net[A], "K6").shown.value == "0"
    assert answer(net[A], "K6", as_of=past).shown.value == "100"
    assert answer(net[A], "K2", as_of=past).shown.numerator == 300


def test_a_past_day_shows_the_stock_of_the_newest_closing_before_it(network):
    net = network(NORTH, A, B)
    first = households(net, A, 7)
    households(net, B, 5)
    net.forward(3 * DAY_MS)  # 1 June
    for code in (A, B):
        close_period(net[code], "2026-05")
    gone = [
        net.edit(A, "household", record, Operation.UPDATE, {"status": "moved_out"})
        for record in first[:6]
    ]
    net.write(A, *gone)
    households(net, B, 50, first=5)
    net.forward(31 * DAY_MS)  # 2 July
    close_period(net[A], "2026-06")
    net.up(A, B)
    north = net[NORTH]
    assert (answer(north, "K2").shown.numerator, answer(north, "K2").shown.withheld) == (55, 1)
    may = answer(north, "K2", as_of=date(2026, 5, 31))
    assert (may.shown.numerator, may.closing) == (12, "2026-05")
    assert [(x.code, x.lag) for x in may.completeness.laggards] == [(C, Lag.NEVER_REPORTED)]
    mid = answer(north, "K2", as_of=date(2026, 6, 29))
    assert (mid.shown.numerator, mid.closing) == (12, "2026-05")
    june = answer(north, "K2", as_of=date(2026, 6, 30), by="unit")
    assert june.closing == "2026-06"
    assert by_key(june)[A] is None  # one household was left: that is not told
    assert (june.shown.numerator, june.shown.withheld) == (5, 1)
    # B counts as it last closed, and is named.
    assert (B, Lag.NOT_CLOSED) in [(x.code, x.lag) for x in june.completeness.laggards]
    with pytest.raises(NoClosing):
        answer(north, "K2", as_of=date(2026, 4, 30))
    assert verify(north).sound


def test_what_happened_after_the_day_does_not_count(network):
    net = network(A)
    for day in ("2026-03-05", "2026-04-05", "2026-04-06"):
        net.create(A, "placement", channel="C1", date=day)
    assert answer(net[A], "K30", as_of=date(2026, 3, 31)).shown.numerator == 1
    assert answer(net[A], "K30").shown.numerator == 3
    months = answer(net[A], "K30", by="month")
    assert by_key(months) == {"2026-03": 1, "2026-04": 2}


def test_a_moved_unit_counts_under_its_old_parent_as_was_and_under_its_new_one_as_is(network):
    net = network(CITY, EAST, NORTH, SOUTH, A, B, D)
    for code, count in ((A, 7), (B, 11), (D, 13)):
        households(net, code, count)
    net.forward(3 * DAY_MS)
    for code in (A, B, D):
        close_period(net[code], "2026-05")
    net.settle()
    city = net[CITY]
    day = city.today()
    net.forward(DAY_MS)
    before = city.tree
    moved = before.find(A)
    audiences = ("down:all",)
    ended = {
        "unit_id": moved.unit_id,
        "unit_code": A, "name": moved.name, "level": 3, "parent": moved.parent_id,
        "valid_from": moved.valid_from.isoformat(), "valid_to": day.isoformat(),
    }  # fmt: skip
    begun = {**ended, "parent": net.unit(SOUTH), "valid_from": day.isoformat(), "valid_to": None}
    edits = [
        Edit(key=RecordKey("unit", city.identity.unit, bytes([n]) * 16), operation=Operation.CREATE,
             values=values, audiences=audiences)
        for n, values in enumerate((ended, begun))
    ]  # fmt: skip
    net.write(CITY, *edits)
    assert verify(city).sound  # the totals followed the tree
    north, south = net.unit(NORTH), net.unit(SOUTH)
    assert answer(city, "K2", unit=south).shown.numerator == 20
    assert answer(city, "K2", unit=north).shown.numerator == 11
    past = date(2026, 5, 31)
    for history, expected in (("as-is", (11, 20)), ("as-was", (18, 13))):
        found = [
            answer(city, "K2", unit=u, as_of=past, history=history).shown.numerator
            for u in (north, south)
        ]
        assert tuple(found) == expected
    east = answer(city, "K2", unit=net.unit(EAST), as_of=past, history="as-was", by="unit")
    assert by_key(east) == {NORTH: 18, SOUTH: 13}


def test_a_query_without_an_answer_suggests_another_one(network):
    net = network(NORTH)
    north = net[NORTH]
    with pytest.raises(UnknownIndicator) as wrong:
        answer(north, "K12_member")
    assert "K12_members" in wrong.value.remedy_en
    with pytest.raises(UnknownDimension):
        answer(north, "K2", by="sex")
    with pytest.raises(UnknownUnit):
        answer(north, "K2", unit=net.unit(D))
    with pytest.raises(UnknownUnit):
        answer(north, "K2", unit=net.unit(EAST))
    with pytest.raises(BadQuestion):
        answer(north, "K2", as_of=north.today() + timedelta(days=1))
    with pytest.raises(BadQuestion):
        answer(north, "K2", history="as-if")


def test_a_question_is_refused_with_the_remedy_for_what_is_wrong_in_it(network):
    net = network(NORTH)
    north = net[NORTH]
    for refused, remedy, remedy_zh in (
        (lambda: answer(north, "K2", as_of=north.today() + timedelta(days=1)), "day", "日期"),
        (lambda: answer(north, "K2", history="as-if"), "as-was", "as-was"),
        (lambda: report(north, ["K2"], ["october"]), "2026-10", "2026-10"),
        (lambda: report(north, ["K2"], level=Level.CITY), "street or below", "街道或以下"),
    ):
        with pytest.raises(BadQuestion) as wrong:
            refused()
        assert remedy in wrong.value.remedy_en
        assert remedy_zh in wrong.value.remedy_zh
    assert wrong.value.en.startswith("No city is in ")


def test_every_indicator_of_the_catalogue_answers_by_every_dimension(network):
    net = network(CITY)
    for indicator in net[CITY].catalogue.indicators.values():
        for by in (None, "unit", *indicator.dimensions):
            found = answer(net[CITY], indicator.id, by=by)
            assert found.completeness.expected > 0


def test_the_small_city_starts_when_the_shipped_tree_does():
    assert TREE.count("\n") == 13
    assert date(2026, 5, 1) > SHIPPED_FROM


def test_the_status_of_units_not_below_the_child_is_ignored(network):
    net = network(NORTH)
    peer_status = net[NORTH].peer_status
    peer_status.receive_status([NodeStatus(unit=net.unit(B), at_ms=net.ms)], child=net.unit(A))
    assert peer_status.known() == {}
