"""What people and timers do at the offices: each operation through the shipped services."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from node.domain.assignment import Duty, EventKind
from node.domain.assignment_rules import ASSIGNEE_KINDS, NEEDS_PERCENT, TRANSITIONS, State
from node.services.conflicts import resolve
from node.services.conflicts.views import list_open
from node.services.figures import closings
from node.services.figures.rollup import answer
from node.services.health.status import status
from node.services.health.verify import verify
from node.services.money import postings as allocations
from node.services.money import receipts
from node.services.money.views import unanswered
from node.services.records import edits
from node.services.records.rules import InvalidRecord
from node.services.upkeep.log_retention import Terms, truncate_log
from node.services.upkeep.redaction import redact_ended
from node.services.upkeep.retention import retire
from node.services.upkeep.tree_import import import_units
from node.services.work import actions as assignments
from node.services.work.checks import Order
from node.store import migrate
from node.store.assignments import Row, select_rows
from node.store.postings import Line, lines_where
from sync.log import entries as log
from sync.log import truncation
from sync.model.errors import SilianError
from tests.simulation import bundles, corrections, duplicates, sites, stores
from tests.simulation.bit_rot import ALL
from tests.simulation.clockwork import Violation
from tests.simulation.plan import DAY_MS, GROUPS, HOUR_MS, Op
from tests.simulation.poison import WRITTEN_REASONS
from tests.support import work_steps
from tests.support.tables import import_table

if TYPE_CHECKING:
    from node.office import Office
    from tests.simulation.process import Process
    from tests.simulation.world import World

EDITED = ("premises", "service_outlet", "household", "community_worker", "party_organisation")
FUNDS = ("F1", "F3", "F8", "F10")
YEAR = 2026
_DATED = (EventKind.EXTEND, EventKind.DISPATCH)
GROUP_OF = {kind: group for group, kinds in GROUPS.items() for kind in kinds}
ACTORS = ("甲", "乙", "丙")
SHORT = Terms(log_ms=HOUR_MS // 4, lease_ms=HOUR_MS, grace_ms=0)  # years in hours


class Nothing(SilianError):
    """There is nothing here that this operation could be done with."""

    code = "nothing_to_do"

    def __init__(self) -> None:
        super().__init__("nothing to do", "")


class People:
    """Everybody who works at the city's offices, and what they have on their screens."""

    nothing = Nothing()
    edited = frozenset((*EDITED, sites.NEXT_REGISTER))

    def __init__(self, world: World) -> None:
        self._world = world
        self._screens: dict[int, list[tuple[str, int, bytes, str]]] = {}
        self._ended: dict[int, list[tuple[str, dict[str, object]]]] = {}
        self._postings: dict[int, list[tuple[Callable[[Office], Line], list[bytes]]]] = {}
        self._names = 0

    def do(self, op: Op) -> None:
        """Let somebody at an office do one thing, if its process runs."""
        process = self._world.processes.get(op.office)
        clone = self._world.clones.get(op.office)
        if clone is not None and op.seed % 2:
            process = clone
        if process is None:
            return
        rng = random.Random(op.seed)
        verb: Callable[[Process, random.Random], object] = getattr(self, f"_{op.kind}")

        def work() -> None:
            process.doing = GROUP_OF[op.kind]
            if self._world.attempt(process, op.kind, lambda: verb(process, rng)):
                self._world.ledger.note("operation", op.kind)

        process.when_awake(work)

    def forget(self, index: int) -> None:
        """What is on the screens of an office has gone with its store."""
        for remembered in (self._screens, self._ended, self._postings):
            remembered.pop(index, None)

    # -- registers -----------------------------------------------------------------------------

    def _create(self, process: Process, rng: random.Random) -> None:
        if process.office.level != 3:
            return self._change(process, rng)
        name = rng.choice(EDITED)
        view = edits.create(process.office, name, self._form(process, name, rng))
        self._see(process, name, view.unit, view.id, view.version_token)
        return None

    def _change(self, process: Process, rng: random.Random) -> None:
        office, me = process.office, process.index
        screens = self._screens.get(me, [])
        if screens and rng.random() < 0.3:  # somebody saves what has been open for long
            name, unit, record, version_token = rng.choice(screens)
            raw = self._values(process, name, rng)
            view = edits.change(
                office,
                name,
                unit,
                record,
                raw,
                version_token=version_token,
                force=rng.random() < 0.6,
            )
        else:
            name, unit, record = self._pick(process, rng)
            raw = self._values(process, name, rng)
            view = edits.change(office, name, unit, record, raw)
        self._see(process, name, unit, record, view.version_token)
        # One who insists on an old screen may see the other's value, with his own as a conflict.
        raw = {n: value for n, value in raw.items() if n not in view.conflicts}
        self._read_back(view.values, office.catalogue.registers[name], raw)

    def _end(self, process: Process, rng: random.Random) -> None:
        name, unit, record = self._pick(process, rng, own=True)
        view = edits.get(process.office, name, unit, record)
        key = {n: view.values[n] for n in process.office.catalogue.registers[name].key}
        version_token = next(
            (s[3] for s in self._screens.get(process.index, []) if s[2] == record), ""
        )
        edits.end(
            process.office,
            name,
            record,
            version_token=version_token if rng.random() < 0.5 else "",
            force=True,
        )
        self._ended.setdefault(process.index, []).append((name, key))

    def _recreate(self, process: Process, rng: random.Random) -> None:
        ended = self._ended.get(process.index)
        if not ended:
            return self._end(process, rng)
        name, key = ended.pop(rng.randrange(len(ended)))
        edits.create(process.office, name, {**self._form(process, name, rng), **key})
        return None

    def _import(self, process: Process, rng: random.Random) -> None:
        if process.office.level != 3:
            return
        register = process.office.catalogue.registers["premises"]
        head = [register.fields[n].zh for n in ("name", "use", "area_m2")]
        rows = [",".join(head)]
        for _ in range(rng.randrange(1, 20)):
            rows.append(
                f"{self._name(process)},{rng.choice(('办公', '活动', '服务'))},{rng.randrange(999)}"
            )
        data = "\n".join(rows).encode("utf-8-sig")
        report = import_table(process.office, "premises", data, "用房.csv", mode="valid")
        self._world.ledger.note("import", "taken in" if report.new else "nothing new")

    def _clash(self, process: Process, rng: random.Random) -> None:
        """Two levels change one field of one record at the same moment."""
        world = self._world
        name, unit, record = self._pick(process, rng, names=("service_outlet", "premises"))
        field = "address" if name == "premises" else rng.choice(("kind", "services", "address"))
        for other in world.present:
            there = world.processes.get(other)
            if there is None or other == process.index:
                continue
            if world.units[other].unit_id == unit or (
                there.office.level == 2
                and there.office.routes.covers(world.units[other].unit_id, unit)
            ):
                raw = {field: self._value(there, name, field, rng)}
                there.when_awake(
                    lambda there=there, raw=raw: world.attempt(
                        there,
                        "clash",
                        lambda: edits.change(there.office, name, unit, record, raw),
                    )
                )
        raw = {field: self._value(process, name, field, rng)}
        edits.change(process.office, name, unit, record, raw)

    def _end_clash(self, process: Process, rng: random.Random) -> None:
        """The street changes a record at the moment at which its community ends it."""
        name, unit, record = self._pick(
            process, rng, own=True, names=("service_outlet", "premises")
        )
        street = self._world.processes.get(self._world.plan.parents[process.index])
        if street is not None:
            raw = {"address": self._value(street, name, "address", rng)}
            verb = partial(edits.change, street.office, name, unit, record, raw)
            street.when_awake(partial(void, partial(self._world.attempt, street, "clash", verb)))
        edits.end(process.office, name, record)

    def _form(self, process: Process, name: str, rng: random.Random) -> dict[str, object]:
        form = self._values(process, name, rng, all_of_them=True)
        register = process.office.catalogue.registers[name]
        for key in register.key:
            form[key] = self._name(process)
        return form

    def _values(
        self, process: Process, name: str, rng: random.Random, *, all_of_them: bool = False
    ) -> dict[str, object]:
        register = process.office.catalogue.registers[name]
        mine = [
            n for n, f in register.fields.items()
            if process.office.level in f.owners and n not in register.key
        ]  # fmt: skip
        chosen = mine if all_of_them else rng.sample(mine, min(len(mine), rng.choice((1, 1, 2))))
        values = {n: self._value(process, name, n, rng) for n in chosen}
        return {n: v for n, v in values.items() if v is not None}

    def _value(self, process: Process, name: str, field: str, rng: random.Random) -> object:
        spec = process.office.catalogue.registers[name].fields[field]
        match spec.type:
            case "choice":
                return rng.choice(sorted(spec.choices))
            case "set":
                return ",".join(sorted(rng.sample(sorted(spec.choices), rng.choice((1, 2, 3)))))
            case "int":
                return rng.randrange(50)
            case "decimal":
                return rng.randrange(9_999)
            case "bool":
                return rng.choice((True, False))
            case "date":
                return f"202{rng.randrange(6)}-0{rng.randrange(1, 10)}-11"
        return f"文{rng.randrange(5)}{self.mark(process.index)}"[: int(spec.maximum or 20)]

    def _name(self, process: Process) -> str:
        self._names += 1
        return f"{self._names}{self.mark(process.index)}"

    def mark(self, index: int) -> str:
        """Return the canary that every text written at an office bears."""
        return f"〔{index}〕"

    def _pick(
        self, process: Process, rng: random.Random, *, own: bool = False,
        names: tuple[str, ...] = EDITED,
    ) -> tuple[str, int, bytes]:  # fmt: skip
        """Choose a record by Zipf: a few are edited all the time."""
        me = self._world.units[process.index].unit_id
        for name in rng.sample(names, len(names)):
            where = f"AND unit={me}" if own else ""
            rows = process.eye.execute(
                f"SELECT unit, id FROM r_{name} WHERE causal_length % 2 = 1 {where} ORDER BY id"
            ).fetchall()
            if rows:
                unit, record = rows[int(len(rows) * rng.random() ** 3)]
                return name, unit, bytes(record)
        raise Nothing

    def _see(
        self, process: Process, name: str, unit: int, record: bytes, version_token: str
    ) -> None:
        screens = self._screens.setdefault(process.index, [])
        screens.append((name, unit, record, version_token))
        del screens[:-8]

    def _read_back(self, values: Any, register: Any, raw: dict[str, object]) -> None:
        """INV-11: whoever has just saved sees what he saved."""
        for name, value in raw.items():
            spec = register.fields[name]
            if spec.type in ("text", "choice") and values[name] != value:
                raise Violation("INV-11 read your writes", f"{register.name}.{name}")

    # -- conflicts -----------------------------------------------------------------------------

    def _resolve(self, process: Process, rng: random.Random, *, alike: bool = False) -> None:
        page = list_open(process.office)
        mine = [view for view in page.conflicts if view.may_resolve]
        if not mine:
            raise Nothing
        view = rng.choice(mine)
        take = rng.choice(("shown", "loser", "value"))
        values = {view.field: self._value(process, view.register, view.field, rng)}
        settle: Any = resolve.resolve_alike if alike else resolve.resolve
        given: dict[str, Any] = {"reason": "核实", "actor": rng.choice(ACTORS)}
        given["values"] = values if take == "value" else None
        try:
            done = settle(process.office, view.id, take, **given)
        except InvalidRecord:
            if not view.ended or take == "shown":
                raise
            given["values"] = self._form(process, view.register, rng) | values  # it is a stub
            done = settle(process.office, view.id, "value", **given)
            self._world.ledger.note("retention", "a stub was brought back")
        if not alike and done.state == "open":
            raise Violation("INV-15 a decision settles", f"{view.register}.{view.field}")

    def _resolve_alike(self, process: Process, rng: random.Random) -> None:
        self._resolve(process, rng, alike=True)

    # -- corrections ---------------------------------------------------------------------------

    def _ask_correction(self, process: Process, rng: random.Random) -> None:
        corrections.ask(self, process, rng)

    def _answer_correction(self, process: Process, rng: random.Random) -> None:
        corrections.answer(self, process, rng)

    # -- bundles, persons registered twice -------------------------------------------------------

    def _carry(self, process: Process, rng: random.Random) -> None:
        bundles.carry(self, process, rng)

    def _register_person(self, process: Process, rng: random.Random) -> None:
        duplicates.register(self, process, rng)

    def _person_leaves(self, process: Process, rng: random.Random) -> None:
        duplicates.leave(self, process, rng)

    def _close_case(self, process: Process, rng: random.Random) -> None:
        duplicates.close(self, process, rng)

    # -- work ----------------------------------------------------------------------------------

    def _issue(self, process: Process, rng: random.Random) -> None:
        office, world = process.office, self._world
        below = [world.units[i].unit_id for i in world.below(process.index)[1:]]
        above = list(office.tree.ancestors(office.identity.unit))
        above = [unit.unit_id for unit in world.units if unit.unit_id in above]
        pool = below if below and rng.random() < 0.9 else above
        if not pool:
            raise Nothing
        order = Order(
            title=f"走访{rng.randrange(99)}",
            targets=tuple(rng.sample(pool, min(len(pool), rng.choice((1, 1, 2, 4))))),
            duty=rng.choice((Duty.UNDERTAKES, Duty.ASSISTS, Duty.UNLISTED, Duty.OFFICE)),
            due_ms=office.clock.now_ms() + rng.randrange(1, 4 * DAY_MS),
        )
        assignments.issue(office, order, actor=rng.choice(ACTORS))

    def _step(self, process: Process, rng: random.Random) -> None:
        row = self._work_of(process, rng)
        me = process.office.identity.unit
        mine = ASSIGNEE_KINDS if row.assignee == me else frozenset(EventKind) - ASSIGNEE_KINDS
        kinds = [k for state, k in TRANSITIONS if state == State(row.state) and k in mine]
        if not kinds:
            raise Nothing
        kind = rng.choice(kinds)
        actor = rng.choice(ACTORS)
        if kind is EventKind.RELAY:
            assignments.relay(process.office, row.id, actor=actor)
            return
        assignments.act(
            process.office, row.id, kind, actor=actor, reason="情况说明",
            percent=rng.randrange(101) if kind in NEEDS_PERCENT else None,
            due_ms=(row.due_ms or 0) + DAY_MS if kind in _DATED else None,
        )  # fmt: skip
        self._world.ledger.note("work", kind.value)

    def _rule(self, process: Process, rng: random.Random) -> None:
        with process.office.store.read() as tx:
            rows = select_rows(tx, "state IN ('screening','returned') ORDER BY id", ())
        if not rows:
            raise Nothing
        kinds = (EventKind.ADMIT, EventKind.REFUSE, EventKind.SEND_BACK, EventKind.ADJUDICATE)
        kind = rng.choice(kinds)
        assignments.rule(process.office, rng.choice(rows).id, kind, actor="丁", reason="裁定")
        self._world.ledger.note("work", kind.value)

    def _relay_policy(self, process: Process, rng: random.Random) -> None:
        work_steps.set_relay(process.office, auto=rng.random() < 0.7)

    def _work_of(self, process: Process, rng: random.Random) -> Row:
        me = process.office.identity.unit
        with process.office.store.read() as tx:
            rows = select_rows(tx, "issuer=? OR assignee=? ORDER BY id", (me, me))
        if not rows:
            raise Nothing
        return rows[int(len(rows) * (1 - rng.random() ** 2))]

    # -- money ---------------------------------------------------------------------------------

    def _appropriate(self, process: Process, rng: random.Random) -> None:
        amount_fen, number = rng.randrange(1, 10**7), rng.randbytes(16)
        fund = rng.choice(FUNDS)
        self._pay(
            process,
            lambda office: allocations.appropriate(
                office, fund=fund, year=YEAR, amount_fen=amount_fen, actor="丁", transfer=number
            ),
        )

    def _release(self, process: Process, rng: random.Random) -> None:
        world = self._world
        children = world.children(process.index)
        if not children:
            raise Nothing
        to, number = world.units[rng.choice(children)].unit_id, rng.randbytes(16)
        fund, amount_fen = self._pick_balance(process, rng)
        self._pay(
            process,
            lambda office: allocations.release(
                office, to=to, fund=fund, year=YEAR, amount_fen=amount_fen, actor="丁",
                transfer=number,
            ),
        )  # fmt: skip

    def _answer(self, process: Process, rng: random.Random) -> None:
        office = process.office
        if rng.random() < 0.4:
            receipts.receive_all(office, actor="戊")
            return
        with office.store.read() as tx:
            waiting = sorted(unanswered(office, tx), key=lambda line: line.posting.posting_id)
        if not waiting:
            raise Nothing
        line = rng.choice(waiting).posting
        draw = rng.random()
        if draw < 0.5:
            receipts.receive(office, line.transfer, actor="戊")
        elif draw < 0.75:
            counted_fen = line.amount_fen // 2
            receipts.receive(office, line.transfer, counted_fen=counted_fen, actor="戊")
        else:
            receipts.return_(office, line.transfer, reason="有误", actor="戊")

    def _give_back(self, process: Process, rng: random.Random) -> None:
        fund, amount_fen = self._pick_balance(process, rng)
        number = rng.randbytes(16)
        self._pay(
            process,
            lambda office: allocations.give_back(
                office, fund=fund, year=YEAR, amount_fen=amount_fen, reason="结余", actor="戊",
                transfer=number,
            ),
        )  # fmt: skip

    def _spend(self, process: Process, rng: random.Random) -> None:
        fund, amount_fen = self._pick_balance(process, rng)
        number = rng.randbytes(16)
        self._pay(
            process,
            lambda office: allocations.spend(
                office, fund=fund, year=YEAR, amount_fen=amount_fen, category="activity",
                actor="戊", transfer=number,
            ),
        )  # fmt: skip

    def _reverse(self, process: Process, rng: random.Random) -> None:
        office = process.office
        with office.store.read() as tx:
            lines = list(lines_where(tx, "unit=?", (office.identity.unit,)))
        if not lines:
            raise Nothing
        chosen = rng.choice(sorted(line.posting.posting_id for line in lines))
        allocations.reverse(office, chosen, actor="丁")

    def _repeat(self, process: Process, rng: random.Random) -> None:
        """Somebody presses the button again: whether or not it counted the first time."""
        earlier = self._postings.get(process.index)
        if not earlier:
            raise Nothing
        action, before = rng.choice(earlier)
        again = action(process.office).posting.posting_id
        if before and again != before[0]:
            raise Violation("INV-18 paid twice", f"office {process.index}")

    def _pay(self, process: Process, action: Callable[[Office], Line]) -> None:
        booked: list[bytes] = []
        self._postings.setdefault(process.index, []).append((action, booked))
        booked.append(action(process.office).posting.posting_id)

    def _pick_balance(self, process: Process, rng: random.Random) -> tuple[str, int]:
        """Choose a fund that this office holds and a sum: now and then more than there is."""
        rows = process.eye.execute(
            "SELECT fund, fen FROM balance WHERE unit=? AND account='held' AND fen>0 ORDER BY fund",
            (process.office.identity.unit,),
        ).fetchall()
        if not rows:
            raise Nothing
        fund, fen = rng.choice(rows)
        return fund, max(1, int(fen * rng.choice((0.1, 0.3, 0.5, 1.0, 1.0, 1.5))))

    # -- the tree, reading, upkeep -------------------------------------------------------------

    def _rename(self, process: Process, rng: random.Random) -> None:
        """The city takes a new list of units in, in which one has another name."""
        lines = sites.tree_csv(self._world.plan).decode().splitlines()
        n = rng.randrange(1, len(lines))
        code, name, rest = lines[n].split(",", 2)
        lines[n] = f"{code},{name}新{rng.randrange(9)},{rest}"
        import_units(process.office, "\n".join(lines).encode(), "单位.csv")

    def _ask(self, process: Process, rng: random.Random) -> None:
        answer(process.office, rng.choice(("K2", "K5", "K9")))

    def _status(self, process: Process, rng: random.Random) -> None:
        status(process.office, process.dialer, tree=True)

    def _restart(self, process: Process, rng: random.Random) -> None:
        if process.clone:
            raise Nothing
        process.close()
        self._world.processes[process.index] = None
        self._world.clockwork.later(
            rng.randrange(1, 60_000), f"start {process.index}",
            lambda: self._world.open(process.index),
        )  # fmt: skip

    def _checkpoint(self, process: Process, rng: random.Random) -> None:
        process.office.store.checkpoint()

    def _backup(self, process: Process, rng: random.Random) -> None:
        stores.content_of_backup(self._world, process)

    def _vacuum(self, process: Process, rng: random.Random) -> None:
        process.office.store._outside(process.office.store._writer, "VACUUM")

    def _retire(self, process: Process, rng: random.Random) -> None:
        office, now_ms = process.office, process.office.clock.now_ms()
        retire(office, now_ms)
        if gone := redact_ended(office, now_ms, SHORT):
            self._world.ledger.note("retention", "reduced", gone)
        if self._world.plan.copies:
            done = truncate_log(office, now_ms, SHORT)
            if done.portion.entries:
                self._world.ledger.note("retention", "cut")
            for claim in done.holds:
                self._world.ledger.note("retention", f"held: {claim.why.value}")
            self._world.ledger.note("snapshot", "log cut")
            office.store.write(_cut_log)

    def _migrate(self, process: Process, rng: random.Random) -> None:
        """A start finds the schema as it is and leaves it."""
        migrate.upgrade_with_backup(process.office.store, self._world.folder)
        migrate.check(process.office.store)

    # -- poison, and what a newer program says ---------------------------------------------------

    def _poison(self, process: Process, rng: random.Random) -> None:
        reason = rng.choice(WRITTEN_REASONS)
        of_community = ("not_owner", "wrong_kind", "invalid_value")
        if reason in of_community and process.office.level != 3:
            reason = "malformed"
        self._world.poison.write_poison(process, reason, rng)

    def _block(self, process: Process, rng: random.Random) -> None:
        name, unit, record = self._pick(process, rng, own=True, names=("premises",))
        self._world.poison.block_a_record(process, unit, record)
        raw = {"address": self._value(process, name, "address", rng)}
        edits.change(process.office, name, unit, record, raw)

    def _unstorable(self, process: Process, rng: random.Random) -> None:
        self._world.poison.unstorable(process, self._form(process, "premises", rng))

    def _next_create(self, process: Process, rng: random.Random) -> None:
        if not process.newer:
            raise Nothing
        name = sites.NEXT_REGISTER
        edits.create(process.office, name, self._form(process, name, rng))

    def _next_change(self, process: Process, rng: random.Random) -> None:
        if not process.newer:
            raise Nothing
        name, unit, record = self._pick(process, rng, own=True, names=("premises",))
        raw = {sites.NEXT_FIELD: self._value(process, name, sites.NEXT_FIELD, rng)}
        edits.change(process.office, name, unit, record, raw)

    def _verify(self, process: Process, rng: random.Random) -> None:
        if any(fault.kind == "bit_rot" for fault in self._world.plan.faults):
            return  # it would tell of the rot; at the end it must find none
        report = verify(process.office)
        if not report.sound:
            raise Violation("INV-20 verify", f"office {process.index}: {report.differences[:3]}")

    def _compare(self, process: Process, rng: random.Random) -> None:
        if process.dialer is None:
            raise Nothing
        process.dialer.compare(ALL if rng.random() < 0.3 else None)

    def _time_passes(self, process: Process, rng: random.Random) -> None:
        process.time_passes()

    def _close_month(self, process: Process, rng: random.Random) -> None:
        closings.close_period(process.office, "2026-04")


def void(work: Callable[[], object]) -> None:
    """Do something and throw the result away."""
    work()


def _cut_log(tx: Connection) -> None:
    """Let a log serve nobody who stands before now: copies go instead, down and up."""
    at = log.allocate(tx, 1, log.lock(tx)).first
    truncation.record_snapshot(tx, down=at, up=at)
