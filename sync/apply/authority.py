"""Authority: ask the table of `sync.model.authority` with what this store knows of the writers."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from enum import Enum

from sqlalchemy import Connection

from sync.apply.replica import Replica
from sync.log import entries as log
from sync.merge.copies import Chunk
from sync.merge.evidence import EditHistory, Evidence
from sync.merge.record import Heads, RecordState
from sync.model.access import Unauthorised
from sync.model.authority import Claim, Ground, Item, Message, Writer, check, claim_of, speaks_for
from sync.model.change import Entry
from sync.model.schema import Lane
from sync.model.version import Version, incarnation_of
from sync.store.quarantine import OF_COPY


def ground_of(
    replica: Replica, tx: Connection, message: Message, peer: int, incarnations: Iterable[int], *,
    recovering: bool = False,
) -> Ground:  # fmt: skip
    """Return by what a message is judged. `incarnations`: those that it names."""
    bound = log.writers_of(tx, set(incarnations) - {0})
    return Ground(message, peer, replica.identity, replica.routes, bound, recovering)


def check_entries(
    replica: Replica, tx: Connection, entries: Sequence[Entry], message: Message, peer: int, *,
    lane: Lane | None = None, recovering: bool = False,
) -> list[Writer]:  # fmt: skip
    """Refuse entries that this message may not bring from this peer; return whose each is.

    `lane`: of the batch; None: of any.
    Raises: Unauthorised, BadAudience.
    """
    named = {i for e in entries for i in (e.incarnation, e.original_incarnation)}
    ground = ground_of(replica, tx, message, peer, named, recovering=recovering)
    bound = dict(ground.bound)
    found = []
    log.check_new_lives(
        tx, {i: e.unit for e in entries for i in _lives(e) if i not in ground.bound}
    )
    for entry in entries:
        if lane is not None and entry.lane is not lane:
            raise Unauthorised("an entry of another lane", "条目不属于本批次的通道")
        found.append(check(Item.ENTRY, claim_of(entry), ground))
        # Within one message, too, an incarnation belongs to one unit only.
        for incarnation in (entry.incarnation, entry.original_incarnation or entry.incarnation):
            if bound.setdefault(incarnation, (entry.unit, entry.level))[0] != entry.unit:
                raise Unauthorised(
                    f"incarnation {incarnation:x} of two units",
                    f"存续期 {incarnation:x} 同时属于两个单位",
                )
    return found


def _lives(entry: Entry) -> tuple[int, ...]:
    original = entry.original_incarnation
    return (entry.incarnation, original) if original else (entry.incarnation,)


def check_incarnation(replica: Replica, tx: Connection, incarnation: int, unit: int) -> None:
    """Refuse a peer that comes under an incarnation of another unit. Raises: Unauthorised.

    0: none is named.
    """
    me = replica.identity
    bound = {me.incarnation: (me.unit, me.level)} | log.writers_of(tx, {incarnation} - {0})
    if bound.get(incarnation, (unit, 0))[0] != unit:
        raise Unauthorised(
            f"incarnation {incarnation:x} is not of unit {unit}",
            f"存续期 {incarnation:x} 不属于单位 {unit}",
        )


def check_heads(replica: Replica, chunk: Chunk, message: Message, peer: int) -> None:
    """Refuse streams that a chunk may not bring from this peer. Raises: Unauthorised."""
    ground = Ground(message, peer, replica.identity, replica.routes, chunk.writers)
    for key in chunk.heads:
        if key.lane is not Lane.BULK:
            raise Unauthorised("a stream of another lane", "变更流不属于该通道")
        claim = Claim(*chunk.writers[key.incarnation], key.incarnation, key.audience)
        check(Item.HEAD, claim, ground)


class Proof(Enum):
    """How what a copy brings is proven."""

    COMPLETE = "complete"  # by our log, or by signed entries that were shown
    OLD = "old"  # by nothing that is left: our log has it no more
    NONE = "none"


IsOld = Callable[[Version], bool]  # whether our log once had it, and may have it no more


@dataclass(frozen=True, slots=True)
class CopyJudge:
    """Checks the content of a peer's copies that our copies do not have.

    `writers`: incarnation -> unit and level of every writer known here.
    """

    ground: Ground
    writers: Mapping[int, tuple[int, int]]

    def speaks_for(self, version: Version) -> bool:
        """Return whether the sender may bring what was written under a version."""
        writer = self.writers.get(incarnation_of(version))
        return writer is not None and speaks_for(writer[0], self.ground)

    def trusted(self, copy: RecordState | None, evidence: Evidence, is_old: IsOld) -> Evidence:
        """Return only that evidence which the sender may give: about what its own side wrote, as
        far as our log once had it and has it no more. Of the rest signed entries are proof.
        """

        def counts(version: Version) -> bool:
            return self.speaks_for(version) and is_old(version)

        def ours_overwritten(name: str, version: Version) -> bool:
            heads = copy.fields[name].all if copy is not None and name in copy.fields else ()
            may = self.speaks_for(version) or any(self.speaks_for(h.version) for h in heads)
            return may and is_old(version)

        return Evidence(
            frozenset(v for v in evidence.causal_lengths if counts(v)),
            {
                name: {v for v in versions if ours_overwritten(name, v)}
                for name, versions in evidence.overwritten.items()
            },
            {
                name: {v: value for v, value in values.items() if counts(v)}
                for name, values in evidence.written.items()
            },
        )

    def proof_of(
        self, copy: RecordState, mine: RecordState | None, logged: EditHistory, is_old: IsOld
    ) -> Proof:
        """Return whether our log, or signed entries that were shown, prove what a copy changes.

        Of what our log once had, and has no more, nothing is left to prove it by. It counts if its
        own writer says it, or if it takes the place of nothing.
        """
        found = Proof.COMPLETE
        for name, heads in copy.fields.items():
            known = mine.fields[name].all if mine is not None and name in mine.fields else ()
            here = {head.version: head.value for head in known}
            in_place_of = any(incarnation_of(version) in self.writers for version in here)
            for head in heads.all:
                version = head.version
                if here.get(version, _NOTHING) == head.value or not self.speaks_for(version):
                    continue  # nothing new; or it is judged by whose it is (`is_foreign`)
                edit = logged.get(version)
                empty = head.value is None and version == copy.created
                if edit is not None and (name in edit.values or empty):
                    continue
                if not is_old(version) or not (self._is_senders(version) or not in_place_of):
                    return Proof.NONE
                found = Proof.OLD
        life = (copy.causal_length, copy.causal_length_version)
        if mine is not None and life == (mine.causal_length, mine.causal_length_version):
            return found
        version = copy.causal_length_version
        edit = logged.get(version)
        if not self.speaks_for(version) or (
            edit is not None and edit.causal_length == copy.causal_length
        ):
            return found
        in_place_of = (
            mine is not None and incarnation_of(mine.causal_length_version) in self.writers
        )
        if not is_old(version) or not (self._is_senders(version) or not in_place_of):
            return Proof.NONE
        return Proof.OLD

    def _is_senders(self, version: Version) -> bool:
        return self.writers[incarnation_of(version)][0] == self.ground.peer

    def admitted(
        self, copy: RecordState, mine: RecordState | None, unit: int, received: Container[Version],
        waiting: Set[Version],
    ) -> RecordState | str | None:  # fmt: skip
        """Return a copy of a snapshot without old values that its sender may not bring.

        None: all of it came here before from those who may bring it, and is quarantined
        (`waiting`); the record appears when that is applied. Or a reason of quarantine: the copy
        has a version of this office's side that was never received here, or edits a record whose
        creation is quarantined.
        """
        fields = {}
        dropped = False
        for name, heads in copy.fields.items():
            known = mine.fields[name].all if mine is not None and name in mine.fields else ()
            here = {head.version for head in known}
            stay = []
            for head in heads.all:
                if head.version in here or self.speaks_for(head.version):
                    stay.append(head)
                elif head.version in waiting:
                    dropped = True
                elif mine is None or head.version not in received:
                    return FOREIGN
            if stay:
                fields[name] = Heads(stay[0], tuple(stay[1:]))
        life = copy.causal_length_version
        ours = (mine.causal_length, mine.causal_length_version) if mine is not None else (0, b"")
        if (copy.causal_length, life) != ours and copy.causal_length > 1:
            if self.writers[incarnation_of(life)][0] != unit:
                return "not_owner"
            if not self.speaks_for(life) and life not in received and life not in waiting:
                return FOREIGN
        if mine is None and dropped:
            return "missing_record" if fields else None
        fits = frozenset(
            (n, v)
            for n, v in copy.survived_delete
            if n in fields and any(h.version == v for h in fields[n].all)
        )
        return replace(copy, fields=fields, survived_delete=fits)

    def is_foreign(
        self, copy: RecordState, mine: RecordState | None, unit: int, logged: EditHistory, *,
        values: bool = True,
    ) -> bool:  # fmt: skip
        """Return whether a copy has what its sender may not bring and our own log does not prove.

        `values`: another value under a version that we have counts, too; else the join decides.
        """
        for name, heads in copy.fields.items():
            known = mine.fields[name].all if mine is not None and name in mine.fields else ()
            here = {head.version: head.value for head in known}
            for head in heads.all:
                if head.version in here and (not values or here[head.version] == head.value):
                    continue
                edit = logged.get(head.version)
                in_log = edit is not None and edit.values.get(name, _NOTHING) == head.value
                if not in_log and self._is_foreign(head.version):
                    return True
        return self._life_is_foreign(copy, mine, unit, logged)

    def _life_is_foreign(
        self, copy: RecordState, mine: RecordState | None, unit: int, logged: EditHistory
    ) -> bool:
        """Return whether its creation, end or re-creation is foreign.

        Only the unit itself ends and re-creates its records. The versions of the values already
        show that a record was created.
        """
        life = (copy.causal_length, copy.causal_length_version)
        if mine is not None and life == (mine.causal_length, mine.causal_length_version):
            return False
        edit = logged.get(copy.causal_length_version)
        if edit is not None and edit.causal_length == copy.causal_length:
            return False
        writer = self.writers.get(incarnation_of(copy.causal_length_version))
        if writer is None:
            return False  # nobody wrote it: joining drops it
        return self._is_foreign(copy.causal_length_version) or (
            copy.causal_length > 1 and writer[0] != unit
        )

    def _is_foreign(self, version: Version) -> bool:
        """Return whether the sender may not bring a version; the join drops one of nobody."""
        return incarnation_of(version) in self.writers and not self.speaks_for(version)


_NOTHING = object()
UNPROVEN = "unproven"  # neither our log nor an entry that was shown has it
FOREIGN = OF_COPY  # its sender may not bring it, and our own log does not have it
