"""Import plan of one sheet: its rows checked, compared with what is stored, committed in pieces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from sqlalchemy import Connection, select

from node.domain.catalogue import Register
from node.domain.comparison_form import Key, key_form
from node.domain.memo_reader import MemoReader
from node.domain.sheet_values import without_time
from node.domain.validate import HOLDS, Fault, check
from node.services.records.edits import changed, created
from node.services.records.rules import fresh_id, has_spellings, key_id, named_by_key, owners_text
from node.workbook.cells import Cell
from node.workbook.faults import FaultGroup, RowFault, grouped
from node.workbook.headings import UnknownHeader
from node.workbook.notes import Note, time_left_out
from node.workbook.reader import Table
from sync.model.attribution import UNKNOWN, Attribution
from sync.model.change import Edit, Value
from sync.model.limits import TRANSACTION_CHANGES_MAX
from sync.model.version import hlc_of
from sync.store.priority import Priority

if TYPE_CHECKING:
    from node.office import Office

Blank = Literal["keep", "clear"]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import of one sheet did, or would do (`done` is false).

    Rows read = new + changed + unchanged + refused. `faults`: every one, by row and column;
    `summary`: equal faults together. `notes`: what was left out, or is hidden and was read.
    `layout`: where the columns are, for `annotated`.
    """

    register: str
    done: bool
    read: int
    new: int
    changed: int
    unchanged: int
    refused: int
    faults: tuple[RowFault, ...]
    summary: tuple[FaultGroup, ...]
    encoding: str
    sheet: str
    unknown_headers: tuple[UnknownHeader, ...]
    notes: tuple[Note, ...]
    layout: Table


class Place(NamedTuple):
    """Where a key was first found."""

    sheet: str
    row: int


Firsts = dict[Hashable, Place]
"""What the rows of all sheets of one register are about, and where each was first met."""


class _Stored(NamedTuple):
    """A living record as it is stored."""

    id: bytes
    values: Mapping[str, Value]


class _Row(NamedTuple):
    """A row of the sheet that can be imported: fields of this office's level only."""

    key: Key
    values: Mapping[str, Value]


class Plan:
    """What one sheet would do: made once, compared again where others wrote since."""

    def __init__(
        self,
        office: Office,
        register: Register,
        table: Table,
        blank: Blank,
        firsts: Firsts | None = None,
    ) -> None:
        self.table = table
        self.faults = list(table.faults)
        self._written = 0  # good rows, from the top, that `commit` has processed
        self._blank = blank
        self._firsts = {} if firsts is None else firsts
        self._office = office
        self._register = register
        self._unit = office.identity.unit
        self._columns = {name: table.column_of(name) for name in table.headers.values()}
        # Without a key a record is the same if all values of the row are.
        whole = () if register.singleton else tuple(sorted(self._columns))
        self._key = register.key or whole
        self._days = [n for n in self._columns if register.fields[n].type == "date"]
        self._timed: dict[str, list[int]] = {}  # field -> rows whose day had a time behind it
        self._own = {n for n, f in register.fields.items() if office.level in f.owners}
        with office.store.read() as tx:
            self._load(tx)
        self._rows = self._checked()
        self._counts = Counter(self._kind(row) for row in self._rows)
        self._done = False

    @property
    def rows_good(self) -> int:
        """Rows without a fault: those that `commit` writes."""
        return len(self._rows)

    def rows_in(self) -> int:
        """Return how many of the good rows are in the store, as far as this plan has looked."""
        left = self._rows[self._written :]
        return self._written + sum(self._kind(row) == "unchanged" for row in left)

    def report(self) -> ImportReport:
        read = len(self.table.rows)
        return ImportReport(
            register=self._register.name,
            done=self._done,
            read=read,
            new=self._counts["new"],
            changed=self._counts["changed"],
            unchanged=self._counts["unchanged"],
            refused=read - len(self._rows),
            faults=tuple(sorted(self.faults, key=lambda f: f.row)),
            summary=grouped(self.faults),
            encoding=self.table.encoding,
            sheet=self.table.sheet,
            unknown_headers=self.table.unknown_headers,
            notes=(*self.table.notes, *self._time_notes()),
            layout=replace(self.table, rows=[], faults=[]),
        )

    def commit(self, progress: Progress | None, by: Attribution = UNKNOWN) -> None:
        """Write what differs from what is stored, in transactions of a bounded size."""
        start = 0
        counts: Counter[str] = Counter()
        while start < len(self._rows):
            piece = self._next(start)
            if piece.edits:
                piece = self._commit_piece(start, piece, by)
            counts += piece.counts
            start = self._written = piece.end
            if progress is not None:
                progress(start, len(self._rows))
        self._counts = counts
        self._done = bool(self._rows) or not self.faults  # bad rows only: nothing is written

    def _commit_piece(self, start: int, piece: _Piece, by: Attribution) -> _Piece:
        """Write a piece, composed again if the store has changed; return what was written."""
        written = [piece]

        def work(tx: Connection) -> list[Edit]:
            if _stamp(tx) != self._stamp:
                self._load(tx)
                written[0] = self._next(start)
            return written[0].edits

        self._stamp = hlc_of(self._office.commit(work, priority=Priority.BULK, by=by).version)
        return written[0]

    # -- checking ----------------------------------------------------------------------------

    def _checked(self) -> list[_Row]:
        register, level = self._register, self._office.level
        present = [n for n in self._columns if n in self._own]
        empty: dict[str, Cell] = dict.fromkeys(
            n for n in present if self._blank == "clear" or register.fields[n].required
        )
        read = MemoReader()
        bad = {fault.row for fault in self.faults}
        rows: list[_Row] = []
        for number, cells in self.table.rows:
            row: dict[str, object] = {**empty, **cells}
            self._leave_times_out(number, row)
            stored, faults = check(register, row, level, read=read)
            for fault in faults:
                self._fault(number, fault)
            if not any(fault.field in self._key for fault in faults):
                key = tuple(stored.get(name) for name in self._key)
                here = Place(self.table.sheet, number)
                first = self._firsts.setdefault(self._about(key), here)
                faults += self._cross_field_faults(number, key, stored)
                if first != here:
                    faults.append(self._fault(number, _double(register, first, here)))
            if not faults and number not in bad:
                rows.append(_Row(key, dict(self._noted(stored))))
        return rows

    def _leave_times_out(self, number: int, row: dict[str, object]) -> None:
        """Take the day alone of a cell that has a time of day behind it, and note that."""
        for name in self._days:
            raw = row.get(name)
            day = without_time(raw)
            if day is not raw:
                row[name] = day
                self._timed.setdefault(name, []).append(number)

    def _time_notes(self) -> Iterator[Note]:
        for name, rows in self._timed.items():
            field = self._register.fields[name]
            yield time_left_out(self._columns[name], field.en, field.zh, rows)

    def _noted(self, stored: Mapping[str, Value]) -> Iterator[tuple[str, Value]]:
        """Yield a row's values for fields of this level; empty cells only when requested."""
        for name, value in stored.items():
            if name in self._own and (value is not None or self._blank == "clear"):
                yield name, value

    def _about(self, key: Key) -> Hashable:
        """Return what a row is about: the record that it changes, or the new one by its key."""
        existing = self._find(key)
        return existing.id if existing is not None else self._compared(key)

    def _compared(self, key: Key) -> Key:
        """Return a key as it is compared; a whole row that is its own key is compared exactly."""
        return key_form(key) if self._register.key else key

    def _find(self, key: Key) -> _Stored | None:
        """Return the living record with this key, spelled so or otherwise."""
        existing = self._stored_rows.get(key)
        return existing if existing is not None else self._spelled.get(self._compared(key))

    def _cross_field_faults(
        self, number: int, key: Key, stored: Mapping[str, Value]
    ) -> list[Fault]:
        """Check a row against its record: other levels' fields, rules over a field left out."""
        faults: list[Fault] = []
        found = self._find(key)
        existing = {} if found is None else found.values
        for name, value in stored.items():
            if name not in self._own and value is not None and value != existing.get(name):
                theirs = existing.get(name)
                faults.append(self._fault(number, _foreign(self._register, name, theirs)))
        for rule in self._register.rules:
            given = [name in stored for name in rule.fields]
            first, second = (stored.get(n, existing.get(n)) for n in rule.fields)
            if not any(given) or all(given) or first is None or second is None:
                continue  # nothing to compare, or compared by the validation already
            if not HOLDS[rule.kind](first, second):
                faults.append(self._fault(number, Fault(
                    field=rule.fields[given.index(True)], code=f"rule_{rule.kind}",
                    en=f"{rule.en}.", zh=f"{rule.zh}。",
                )))  # fmt: skip
        return faults

    def _fault(self, number: int, fault: Fault) -> Fault:
        self.faults.append(
            RowFault(
                number,
                self._columns.get(fault.field, ""),
                fault.field,
                fault.code,
                fault.en,
                fault.zh,
                fault.suggestion_en,
                fault.suggestion_zh,
            )
        )
        return fault

    # -- comparing ---------------------------------------------------------------------------

    def _load(self, tx: Connection) -> None:
        """Read what the unit has of this register, at one moment of the store."""
        register = self._register
        c = self._office.tables[register.name].table.c
        rules = {name for rule in register.rules for name in rule.fields}
        names = sorted({*self._columns, *self._key, *rules})
        ended_matter = register.singleton or named_by_key(register)
        query = select(c.id, c.causal_length, *(c[f"f_{n}"] for n in names)).where(
            c.unit == self._unit
        )
        if not ended_matter:
            query = query.where(c.causal_length.bitwise_and(1) == 1)
        self._stamp = _stamp(tx)
        self._stored_rows: dict[Key, _Stored] = {}
        self._spelled: dict[Key, _Stored] = {}  # by the form in which keys are compared
        self._lives: dict[bytes, int] = {}
        at = [names.index(name) for name in self._key]
        for record, life, *values in tx.execute(query):
            if ended_matter:
                self._lives[bytes(record)] = life
            if life % 2:
                key = tuple(values[i] for i in at)
                existing = _Stored(bytes(record), dict(zip(names, values, strict=True)))
                self._stored_rows[key] = existing
                self._spelled.setdefault(self._compared(key), existing)

    def _kind(self, row: _Row) -> str:
        existing = self._find(row.key)
        if existing is None:
            return "new"
        return "changed" if self._differing(row, existing) else "unchanged"

    def _differing(self, row: _Row, existing: _Stored) -> dict[str, Value]:
        """Return a row's values that differ from its record; the key keeps its first spelling."""
        return {
            name: value
            for name, value in row.values.items()
            if name not in self._register.key and value != existing.values[name]
        }

    def _next(self, start: int) -> _Piece:
        """Return the edits of the rows from `start` on, as many as one transaction holds."""
        piece = _Piece(end=start)
        for row in self._rows[start:]:
            if len(piece.edits) == TRANSACTION_CHANGES_MAX:
                break
            piece.end += 1
            kind = self._kind(row)
            piece.counts[kind] += 1
            if kind == "new":
                piece.edits.append(self._new(row))
            elif kind == "changed":
                existing = self._find(row.key)
                assert existing is not None, "a changed row has a record"
                values = self._differing(row, existing)
                edit = changed(self._office, self._register, self._unit, existing.id, values)
                piece.edits.append(edit)
        return piece

    def _new(self, row: _Row) -> Edit:
        values = {n: v for n, v in row.values.items() if v is not None}
        life = 0
        record = b""
        if self._register.singleton or named_by_key(self._register):
            record = key_id(self._register, self._unit, row.key)
            life = self._lives.get(record, 0)
        ended = life > 0 and life % 2 == 0
        if not record or (life and not ended):  # minted, or its first record has another key
            record = fresh_id(self._office)
        return created(self._office, self._register, self._unit, record, values, ended=ended)


@dataclass(slots=True)
class _Piece:
    """What one transaction imports: rows up to `end`."""

    end: int
    edits: list[Edit] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def _stamp(tx: Connection) -> int:
    """Return the store's last clock stamp: it moves with whatever anybody writes."""
    return int(tx.exec_driver_sql("SELECT hlc FROM log_head WHERE id = 1").scalar_one())


def _double(register: Register, first: Place, here: Place) -> Fault:
    names = [register.fields[name] for name in register.key]
    en = "/".join(f.en for f in names) or "Content"
    zh = "、".join(f.zh for f in names) or "内容"
    if register.singleton:
        en, zh = "Unit", "单位"
    other = first.sheet if first.sheet != here.sheet else ""
    sheet_en, sheet_zh = (f' of sheet "{other}"', f"工作表“{other}”") if other else ("", "")
    spelled = any(has_spellings(each) for each in names)
    return Fault(
        field=register.key[0] if register.key else "",
        code="duplicate_key",
        en=f"{en} is the same as in row {first.row}{sheet_en}.",
        zh=f"{zh}与{sheet_zh}第 {first.row} 行相同。",
        suggestion_en="Delete one of the two rows."
        + (
            " Width, cases, spaces, dashes and quotation marks around it make no difference."
            if spelled
            else ""
        ),
        suggestion_zh="请删除其中一行。"
        + ("全角半角、大小写、空格、连字符和首尾引号不作区分。" if spelled else ""),
    )


def _foreign(register: Register, name: str, theirs: Value) -> Fault:
    """Return the fault of a value that an office of another level fills in; `theirs`: what it has
    filled in.
    """
    spec = register.fields[name]
    by_en, by_zh = owners_text(spec.owners, "en"), owners_text(spec.owners, "zh")
    differs = theirs is not None
    return Fault(
        field=name,
        code="not_owner",
        en=f"{spec.en} is filled in by the {by_en}"
        + (" and differs from what is there." if differs else ", not by this office."),
        zh=f"{spec.zh}由{by_zh}填写，" + ("与其填写的值不一致。" if differs else "本单位不填写。"),
        suggestion_en="Leave the cell empty"
        + (", and ask them for a correction." if differs else "; they fill it in."),
        suggestion_zh="请将单元格留空，" + ("并请其更正。" if differs else "由其填写。"),
    )
