"""Offices whose history is in doubt: restored, new after a lost disk, or cloned.

Such an office has written what is lost, and may reissue it under another incarnation. What must be
true then (INV-24, INV-25) is checked here; which of its edits still count is read from its own log
at the end.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sync.codec import entry as codec
from sync.model.version import Version, hlc_of, incarnation_of, version_of
from tests.simulation.clockwork import Violation
from tests.simulation.model import PRIVATE, Books, Written

if TYPE_CHECKING:
    from tests.simulation.process import Process
    from tests.simulation.world import World

POSTED = ("kind", "fund", "year", "transfer", "debit", "credit", "amount_fen", "peer")

Stream = tuple[int, str, int]
Place = tuple[Stream, int]


class Restores:
    """What became of stores that were put back, lost or copied."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.offices: set[int] = set()
        self.store_names: dict[int, str] = {}  # name of a process on the wire -> its store
        self._acked: dict[int, list[str]] = defaultdict(list)  # office -> stores, as they took over
        self._must: dict[int, dict[Place, bytes]] = defaultdict(dict)
        self.written: dict[str, list[int]] = defaultdict(list)  # store -> edits made or inherited

    def began(self, index: int) -> None:
        """From now on an office's history is in doubt; what its parent holds must come back."""
        oracle = self._world.oracle
        self.offices.add(index)
        oracle.forget(index)
        self._require_acked_above(index)

    def recovers(self, process: Process) -> None:
        """Only a restored store recovers, or a neighbour that has received what that one lost."""
        if process.index in self.offices:
            return
        if not self.offices:
            raise Violation("INV-24 taken for restored", f"office {process.index} never was")
        self.began(process.index)

    def inherits(self, store: str, edits: list[int]) -> None:
        self.written[store] = list(edits)

    def _require_acked_above(self, index: int) -> None:
        """INV-24: whatever the parent holds of an office's words at this moment is not lost."""
        if not index:
            return
        oracle = self._world.oracle
        received = oracle.received(self._world.plan.parents[index])
        for (stream, seq), fact in oracle.facts.items():
            if (stream, seq) in oracle.others:
                continue  # written again under another incarnation: no order between the two
            if fact.writer == index and received.get(stream, 0) >= seq:
                self._must[index][stream, seq] = fact.hash

    # -- two under one name --------------------------------------------------------------------

    def acked(self, index: int, process_name: int) -> None:
        """INV-25: once another store was acknowledged under a name, the former never is again."""
        if index not in self.offices:
            return
        store = self.store_names.get(process_name, "")
        line = self._acked[index]
        if line and line[-1] == store:
            return
        if store in line:
            raise Violation("INV-25 two copies are acknowledged", f"office {index}: {line} {store}")
        line.append(store)

    def last_acked(self, index: int) -> str:
        line = self._acked[index]
        return line[-1] if line else ""

    def decided(self, index: int, store: str) -> None:
        """A person has stopped all but one store of an office."""
        self._acked[index] = [store]

    # -- when it is quiet ----------------------------------------------------------------------

    def own_entries(self, process: Process) -> dict[Place, tuple[bytes, int]]:
        """Return (stream, number) -> (hash, stamp) of what an office's own log says it wrote."""
        rows = process.eye.execute(
            "SELECT incarnation, audience, lane, seq, hlc, wire FROM entry WHERE via=0"
        )
        found = {
            ((inc, stream_audience, lane), seq): (codec.hash_of(bytes(wire)), hlc)
            for inc, stream_audience, lane, seq, hlc, wire in rows
        }
        return self._snapshot_entries(process) | found

    def _snapshot_entries(self, process: Process) -> dict[Place, tuple[bytes, int]]:
        """Return those of its entries that came back as copies: the parent had received them."""
        oracle, found = self._world.oracle, {}
        parent = self._world.processes.get(self._world.plan.parents[process.index])
        for stream, (upto, _) in bases_of(process).items():
            for seq in range(1, upto + 1):
                facts = [oracle.facts[stream, seq], *oracle.others.get((stream, seq), ())]
                if facts[0].writer != process.index:
                    break
                fact = facts[0]
                if len(facts) > 1 and parent is not None:
                    there = parent.eye.execute(
                        "SELECT wire FROM entry WHERE incarnation=? AND audience=? AND lane=? "
                        "AND seq=?", (*stream, seq),
                    ).fetchone()  # fmt: skip
                    hash_ = codec.hash_of(bytes(there[0])) if there else fact.hash
                    fact = next(f for f in facts if f.hash == hash_)
                found[stream, seq] = (fact.hash, fact.hlc)
        return found

    def check_restored(self, process: Process, own: dict[Place, tuple[bytes, int]]) -> None:
        """Raises: Violation (INV-24)."""
        for place, hash_ in self._must[process.index].items():
            found = own.get(place)
            if found is None or found[0] != hash_:
                what = "is lost" if found is None else "is another"
                raise Violation("INV-24 restored", f"office {process.index}: {place} {what}")

    def names(
        self, process: Process, own: dict[Place, tuple[bytes, int]]
    ) -> dict[Version, Version]:
        """Return version as it was written -> as it is called now, of all that still counts."""
        names: dict[Version, Version] = {}
        by_stamp: dict[int, set[int]] = defaultdict(set)
        for ((incarnation, _, _), _), (_, hlc) in own.items():
            by_stamp[hlc].add(incarnation)
        for edit in self._world.oracle.records.edits:
            if edit.writer != process.index or edit.key.register in PRIVATE:
                continue
            hlc = hlc_of(edit.version)
            written_as = incarnation_of(edit.version)
            there = by_stamp.get(hlc, set())
            if written_as in there:
                names[edit.version] = edit.version
            elif there:
                names[edit.version] = version_of(hlc, min(there))
        return names

    def counts(self, edit: Written, number: int, names: dict[Version, Version]) -> bool:
        """Say whether an edit by an office in doubt has not gone with a store."""
        if edit.key.register in PRIVATE:
            return number in set(self.written[self._world.stores[edit.writer]])
        return edit.version in names

    def check_books(self, processes: list[Any]) -> None:
        """Add up the books from what the stores say now, when all is quiet.

        A payment without what covered it, which was lost, counts at no office.
        """
        books = Books()
        names = ("id", *(f"f_{n}" for n in POSTED))
        for process in processes:
            me = process.office.identity.unit
            rows = process.eye.execute(
                f"SELECT {','.join(names)} FROM r_posting WHERE unit=? AND id NOT IN "
                "(SELECT record FROM quarantine WHERE reason='overdrawn' "
                "AND state IN ('open', 'deferred'))",
                (me,),
            )
            for posting_id, *values in rows:
                line = dict(zip(POSTED, values, strict=True)) | {"unit": me}
                books.book(bytes(posting_id), line)
        books.check()
        books.all_booked()


def bases_of(process: Process) -> dict[Stream, tuple[int, bytes]]:
    """Return the streams whose entries came to a store as copies: up to which number, its hash."""
    rows = process.eye.execute("SELECT incarnation, audience, lane, seq, hash FROM stream_base")
    return {(r[0], r[1], r[2]): (r[3], bytes(r[4])) for r in rows}
