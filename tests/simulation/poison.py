"""What a faulty or hostile program writes: values that no store can take, at the head of any lane.

Each must be quarantined with its reason at everybody who receives it, block only what depends on it
(INV-21), and be applied or closed by a person with a trace. Poison is marked in its record's id, or
at the head of its payload.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from node.services.records import edits
from node.services.upkeep import quarantine
from sync.codec import block as block_codec
from sync.codec import entry as codec
from sync.log import entries as log
from sync.log.append import log_row, signature_for
from sync.log.outcome import Waiters
from sync.model import audience
from sync.model.change import Block, Operation, StreamHead
from sync.model.schema import Lane
from sync.model.stream import StreamKey
from tests.simulation.clockwork import Violation
from tests.simulation.plan import HISTORY_FAULTS
from tests.simulation.restores import bases_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tests.simulation.process import Process
    from tests.simulation.world import World

SIGN = b"\xde\xad\xbe\xef"
REASONS = (  # as sync.store.quarantine names them
    "malformed", "unknown_register", "unknown_field", "wrong_kind", "foreign_unit", "not_owner",
    "missing_record", "constraint_violation", "blocked", "invalid_value",
)  # fmt: skip
WRITTEN_REASONS = (
    "malformed", "wrong_kind", "foreign_unit", "not_owner", "missing_record", "invalid_value",
)  # fmt: skip
OF_SKEW = ("unknown_register", "unknown_field")
# What the id of a record may say that it is quarantined for; the last ones only for lies.
SIGNED_REASONS = (*REASONS, "append_only", "wrong_lane", "wrong_audience")
CLOSED = (*WRITTEN_REASONS, "append_only", "wrong_lane", "wrong_audience")
UNSTORABLE = "难存"  # text that one store does not take, as PostgreSQL takes no NUL
UNKNOWN_WIRE = b"\xc0\x3e\x01"  # field 1000, which no version has yet
ANY_BASE = bytes(15) + b"\1"


class Poison:
    """What was said that way in this run, and to which honest records it happened."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.victims: set[bytes] = set()  # honest records: blocked by quarantine, or not storable
        self._refusing: set[int] = set()  # offices whose store refuses what is not storable

    # -- saying it -----------------------------------------------------------------------------

    def write_poison(self, process: Process, reason: str, rng: random.Random) -> None:
        """Write something that is quarantined for this reason everywhere above."""
        office = process.office
        me, record = office.identity.unit, signed_id(reason, rng)
        text = f"毒{self._world.people.mark(process.index)}"
        create = Operation.CREATE
        blocks, payload = [], None
        match reason:
            case "malformed":
                payload = SIGN + rng.randbytes(20)
            case "wrong_kind":
                fields = ("name", "area_m2")
                blocks = [Block("premises", me, create, [record], fields, [[text], [text]])]
            case "invalid_value":
                use = ["不存在的用途"]
                blocks = [Block("premises", me, create, [record], ("name", "use"), [[text], use])]
            case "foreign_unit":
                foreign = [u.unit_id for u in self._world.units
                           if not office.routes.covers(me, u.unit_id)]  # fmt: skip
                unit = rng.choice(foreign)
                blocks = [Block("premises", unit, create, [record], ("name",), [[text]])]
            case "not_owner":
                fields = ("name", "verified_area_m2" if office.level == 3 else "use")
                values: list[Any] = [[text], [5] if office.level == 3 else ["office"]]
                blocks = [Block("premises", me, create, [record], fields, values)]
            case "missing_record":
                blocks = [
                    Block("premises", me, Operation.UPDATE, [record], ("address",), [[text]],
                          [[ANY_BASE]], 1)
                ]  # fmt: skip
        lane = rng.choice(list(Lane))
        self._append(process, blocks, payload, Lane.BULK if blocks else lane)

    def block_a_record(self, process: Process, unit: int, record: bytes) -> None:
        """Say nonsense about an honest record: what is said of it later waits behind that."""
        self.victims.add(record)
        block = Block(
            "premises", unit, Operation.UPDATE, [record], ("area_m2",), [["毒"]], [[ANY_BASE]], 1
        )
        self._append(process, [block], None, Lane.BULK)

    def unstorable(self, process: Process, form: dict[str, object]) -> None:
        """Keep a record that the street's store refuses."""
        above = self._world.plan.parents[process.index]
        street = self._world.processes.get(above)
        if street is not None and above not in self._refusing and street.intruder is None:
            _writer_runs(
                street,
                "CREATE TRIGGER IF NOT EXISTS refuses BEFORE INSERT ON r_premises "
                f"WHEN NEW.f_name LIKE '{UNSTORABLE}%' "
                "BEGIN SELECT RAISE(ABORT, 'this store does not take it'); END",
            )
            self._refusing.add(above)
        form["name"] = f"{UNSTORABLE}{form['name']}"
        edits.create(process.office, "premises", form)

    def written(self, block: Block) -> None:
        """Note a record that some store refuses, once it is committed: its writer may die then."""
        if block.register == "premises" and "name" in block.fields and block.columns:
            names = block.columns[block.fields.index("name")]
            self.victims.update(
                record for record, name in zip(block.ids, names, strict=True)
                if str(name).startswith(UNSTORABLE)
            )  # fmt: skip

    def _append(
        self, process: Process, blocks: list[Block], payload: bytes | None, lane: Lane
    ) -> None:
        append_as(process, blocks, payload, lane, audience.up(0))

    # -- what must have become of it -----------------------------------------------------------

    def check_quarantined(self, process: Process) -> None:
        """INV-21, INV-2: each quarantined change is poison, and all poison is quarantined.

        Raises: Violation.
        """
        quarantined: set[bytes] = set()  # versions, which what is published again keeps
        rows = process.eye.execute(
            "SELECT h.reason, h.register, h.record, h.state, e.wire, h.unit "
            "FROM quarantine h LEFT JOIN entry e ON e.arrival = h.arrival ORDER BY h.id"
        ).fetchall()
        # Where copies go instead of a log, or an office takes back what it lost, a change may come
        # before its record and is applied later; so is what came after it.
        early = {
            record
            for reason, _, records, state, *_ in rows
            if (reason, state) == ("missing_record", "applied")
            for record in block_codec.split(bytes(records), 16)
            if self._world.plan.copies or process.index in self._world.oracle.restores.offices
        }
        restored = self._restored_units()
        for reason, register, records, state, wire, unit in rows:
            self._world.ledger.note("quarantine", reason)
            self._world.roles.found_quarantined(process, reason, bytes(records), bytes(wire or b""))
            if state == "deferred" and reason in OF_SKEW:
                raise Violation(
                    "INV-28 an upgrade takes up what waited for it",
                    f"office {process.index}: {reason} {register}",
                )
            applied_later = state == "applied" and reason in ("missing_record", "blocked")
            came_early = applied_later and early.issuperset(block_codec.split(bytes(records), 16))
            uncovered = reason == "overdrawn" and unit in restored
            if not (came_early or uncovered) and not self._explained(
                reason, state, bytes(records), bytes(wire or b"")
            ):
                raise Violation(
                    "INV-21 a hole that nobody made",
                    f"office {process.index}: {reason} {register} {bytes(records).hex()} {state}",
                )
            if wire:
                quarantined.add(codec.entry_from_wire(bytes(wire)).version)
        oracle = self._world.oracle
        if process.index in oracle.restores.offices:
            return
        copied = bases_of(process)  # what came as copies left its nonsense behind
        for (stream, seq), fact in oracle.facts.items():
            if not fact.poison or fact.writer in oracle.restores.offices:
                continue
            if stream in copied and seq <= copied[stream][0]:
                continue
            receives = oracle.entitled(process.index, fact) and process.index != fact.writer
            if receives and fact.version not in quarantined:
                raise Violation(
                    "INV-21 no hole", f"office {process.index}: {fact.poison} {stream} {seq}"
                )

    def _explained(self, reason: str, state: str, records: bytes, wire: bytes) -> bool:
        if reason == "malformed":
            payload = codec.entry_from_wire(wire).payload
            blocks = [] if payload.startswith(SIGN) else codec.unpack(payload)
            return poison_in(payload, blocks) == reason
        if reason in OF_SKEW:
            return bool(self._world.plan.newer)
        if reason == "foreign_version":
            # A child shows a restored office what the offices above wrote and it has lost: it
            # waits until that has come from above again, and a retry applies it. So it is after
            # an upgrade, where a copy is tried before the entries that waited with it.
            if state == "applied":
                return True
            back = HISTORY_FAULTS | {"put_back", "rollback"}
            return any(fault.kind in back for fault in self._world.plan.faults)
        ids = block_codec.split(records, 16)
        writer = codec.entry_from_wire(wire).incarnation if wire else 0
        of_victims = reason in ("wrong_kind", "blocked", "constraint_violation", "missing_record")
        return all(
            sign_of(record) == reason
            or (of_victims and record in self.victims)
            or self._world.roles.is_posting(record, reason)
            or (wire and self._world.roles.is_republished(record, writer))
            for record in ids
        )

    def tidy(self, process: Process) -> None:
        """What a person does in the end: puts the store right, tries again, closes the rest."""
        _writer_runs(process, "DROP TRIGGER IF EXISTS refuses")
        self._refusing.discard(process.index)
        office = process.office
        if not quarantine.page_of(office).lines:
            return
        quarantine.retry_quarantined(office)
        while wrong := [line for line in quarantine.page_of(office).lines if line.reason in CLOSED]:
            quarantine.close_quarantined(office, wrong[0].id, actor="丁", reason="核实为错误数据")
        quarantine.retry_quarantined(office)

    def _restored_units(self) -> set[int]:
        """Return the units whose payments may come back without what covered them: that was lost
        with their books, and waits for somebody who enters it again.
        """
        return {self._world.units[i].unit_id for i in self._world.oracle.restores.offices}

    def check_released(self, process: Process) -> None:
        """INV-21: nothing waits any more. Raises: Violation."""
        known, restored = self._world.roles.postings, self._restored_units()
        rows = Counter(
            (reason, state)
            for reason, state, records, unit in process.eye.execute(
                "SELECT reason, state, record, unit FROM quarantine ORDER BY id"
            )
            if bytes(records) not in known  # no posting covers them
            and not (reason == "overdrawn" and unit in restored)
        )
        for (reason, state), n in rows.items():
            self._world.ledger.note("quarantine state", state, n)
            if state not in ("applied", "closed"):
                raise Violation(
                    "INV-21 a hole does not heal", f"office {process.index}: {n} {reason} {state}"
                )


def append_as(
    process: Process, blocks: list[Block], payload: bytes | None, lane: Lane, to: str
) -> None:
    """Append an entry to an office's log as its own program does, whatever is in it."""
    office: Any = process.office
    replica, me = office.replica, office.identity
    waiters = Waiters()

    def write(tx: Connection) -> None:
        replica.lock(tx)
        hlc = replica.clock.tick()
        key = StreamKey(me.incarnation, to, lane)
        head = log.heads_of(tx, [key]).get(key, StreamHead())
        entry = codec.entry_to_wire(
            blocks, incarnation=me.incarnation, unit=me.unit, level=me.level,
            audience=key.audience, lane=lane, seq=head.seq + 1, prev_hash=head.hash, hlc=hlc,
            payload=payload,
        )  # fmt: skip
        first = log.allocate(tx, 1, hlc).first
        signed = signature_for(entry, replica.signer)
        log.append(tx, [log_row(replica, entry, first, waiters, signed, via=0, via_position=0)])
        log.save_heads(tx, [(entry, signed)])

    office.store.write(write)
    office._after_commit(set(), waiters)


def signed_id(reason: str, rng: random.Random) -> bytes:
    """Return a record's id that says for which reason it is quarantined."""
    return SIGN + bytes([SIGNED_REASONS.index(reason)]) + rng.randbytes(11)


def sign_of(record: bytes) -> str:
    """Return the reason for which a record's id says that it is poison; else empty."""
    return SIGNED_REASONS[record[4]] if record.startswith(SIGN) else ""


def poison_in(payload: bytes, blocks: list[Block]) -> str:
    """Return what an entry is to be held for; empty when it is honest."""
    if payload.startswith(SIGN):
        return "malformed"
    return next((s for block in blocks for r in block.ids if (s := sign_of(bytes(r)))), "")


def with_unknown_field(entry: Any) -> Any:
    """Return an entry as a newer program sends it, with a field that this one does not know."""
    wire = entry.wire + UNKNOWN_WIRE
    return replace(entry, wire=wire, hash=codec.hash_of(wire))


def _writer_runs(process: Process, statement: str) -> None:
    store: Any = process.office.store
    connection = store._writer.raw_connection()
    try:
        connection.cursor().execute(statement)
        connection.commit()
    finally:
        connection.close()
