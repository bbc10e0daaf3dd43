"""Correction requests: ask the owner of a field, answer, withdraw; each in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.domain.catalogue import Register
from node.domain.correction import (
    FIELDS_MAX,
    MAY,
    REASON_MAX,
    REGISTER,
    TEXT_MAX,
    Kind,
    answering_level,
    receives,
)
from node.domain.english import counted
from node.services.common.reason import stated_reason
from node.services.corrections.errors import (
    BadCorrection,
    CorrectionAsked,
    CorrectionClosed,
    CorrectionNotOurs,
    CorrectionStale,
    NobodyToAsk,
)
from node.services.corrections.views import CorrectionView, correction_of, show
from node.services.records.edits import edits_of_change, get_active
from node.services.records.rules import InvalidRecord, not_owned, registered, validated
from node.services.records.views import VersionToken, state_of
from node.store import corrections as store
from node.store.corrections import Correction, asked_when_text, proposed_text, request_id, step_id
from node.workbook.writer import shown as as_typed
from sync.merge.record import RecordState
from sync.model import audience
from sync.model.attribution import attributed
from sync.model.change import Edit, Operation, RecordKey, Value
from sync.model.errors import RecordMissing
from sync.store.registers import values_of

if TYPE_CHECKING:
    from node.office import Office


def ask(
    office: Office,
    name: str,
    unit: int,
    record: bytes,
    raw: Mapping[str, object],
    *,
    reason: str,
    actor: str,
    due: date | None = None,
) -> CorrectionView:
    """Ask the office that owns these fields of a record for other values.

    `raw`: field -> value as a form has it. `due`: the last day for an answer; by default the
    setting `correction_days` from today. Only the owner and the offices between receive it, all
    of which receive the record too.
    Raises: UnknownRegister, SystemRegister, RecordMissing, RecordEnded, InvalidRecord,
    BadCorrection, NobodyToAsk, CorrectionAsked, ReasonMissing.
    """
    register = registered(office, name)
    why = _reason(reason)
    made: list[bytes] = []

    def work(tx: Connection) -> list[Edit]:
        made.clear()
        state = get_active(tx, office, register, unit, record)
        proposed, owner = _proposed(office, register, unit, state, raw)
        _refuse_repeated(tx, office, name, unit, record, proposed)
        nonce = office.rng.randbytes(16).hex()
        correction = request_id(office.identity.unit, owner, nonce)
        made.append(correction)
        version_token = {
            n: (state.fields[n].shown.version, state.fields[n].shown.value) for n in proposed
        }
        texts = {"wishes": proposed_text(proposed), "asked_when": asked_when_text(version_token)}
        if max(map(len, texts.values())) > TEXT_MAX:
            raise BadCorrection(
                "the request is too long", "申请内容过长",
                "Ask about fewer fields at a time.", "请减少字段，分次申请。",
            )  # fmt: skip
        day = due or office.today() + timedelta(days=office.config.correction_days)
        values: dict[str, Value] = {
            "register": name, "record_unit": unit, "record": record.hex(), **texts,
            "due_on": day.isoformat(),
        }  # fmt: skip
        return [
            _step(office, Kind.ASK, correction, (office.identity.unit, owner, nonce), owner,
                  actor=actor, reason=why, values=values)
        ]  # fmt: skip

    office.commit(work)
    return show(office, made[0])


def accept(
    office: Office, correction: bytes, *, actor: str, version_token: str = "", force: bool = False
) -> CorrectionView:
    """Make the edit that was requested, and record it, in one transaction.

    `version_token`: the view's token: what this office looked at; without it, what the applicant
    saw counts.
    A field that was written since is refused, unless `force`. If nothing is left to change, or
    the record has ended, the answer says that the request is superseded.
    Raises: UnknownCorrection, CorrectionNotOurs, CorrectionClosed, CorrectionStale,
    BadVersionToken, UnknownRegister, RecordMissing, InvalidRecord, FieldNotOwned, KeyTaken.
    """
    expected_token = VersionToken.parse(version_token) if version_token else None
    owner = attributed(actor)

    def work(tx: Connection) -> list[Edit]:
        current = _to_close(tx, office, correction, Kind.ACCEPT)
        register = registered(office, current.register)
        state = state_of(tx, office, current.register, current.unit, current.record)
        if state is None:
            raise RecordMissing(RecordKey(current.register, current.unit, current.record))
        edits: list[Edit] = []
        if state.alive:
            if not force:
                _refuse_stale(register, state, current, expected_token)
            raw = {n: _as_typed(register, n, value) for n, value in current.proposed.items()}
            edits = edits_of_change(tx, office, register, current.unit, current.record, raw)
        kind = Kind.ACCEPT if edits else Kind.SUPERSEDE
        return [*edits, _answer(office, current, kind, actor=actor)]

    office.commit(work, by=owner)
    return show(office, correction)


def refuse(office: Office, correction: bytes, *, reason: str, actor: str) -> CorrectionView:
    """State why a field stays as it is.

    Raises: UnknownCorrection, CorrectionNotOurs, CorrectionClosed, ReasonMissing, BadCorrection.
    """
    why = _reason(reason)

    def work(tx: Connection) -> list[Edit]:
        current = _to_close(tx, office, correction, Kind.REFUSE)
        return [_answer(office, current, Kind.REFUSE, actor=actor, reason=why)]

    office.commit(work)
    return show(office, correction)


def withdraw(office: Office, correction: bytes, *, actor: str, reason: str = "") -> CorrectionView:
    """Withdraw a request of this office; an answer that crosses it on the way counts.

    Raises: UnknownCorrection, CorrectionNotOurs, CorrectionClosed, BadCorrection.
    """
    why = _short(reason.strip())

    def work(tx: Connection) -> list[Edit]:
        current = _to_close(tx, office, correction, Kind.WITHDRAW)
        named = (current.applicant, current.owner, current.nonce)
        return [
            _step(office, Kind.WITHDRAW, current.id, named, current.owner, actor=actor, reason=why)
        ]

    office.commit(work)
    return show(office, correction)


# -- what may be asked ------------------------------------------------------------------------


def _proposed(
    office: Office, register: Register, unit: int, state: RecordState, raw: Mapping[str, object]
) -> tuple[dict[str, Value], int]:
    """Return the values that differ, and the office to ask."""
    current = values_of(state, office.tables[register.name].schema)
    known = [n for n in raw if n in register.fields]
    level = answering_level((register.fields[n].owners for n in known), office.level)
    stored, faults = validated(register, raw, office.level if level is None else level, current)
    if faults:
        raise InvalidRecord(register, faults)
    proposed = {n: v for n, v in stored.items() if v != current.get(n)}
    if not proposed:
        raise BadCorrection(
            "nothing would change", "没有需要更正的内容",
            "Name the fields and the values that they should have.", "请写明字段和应有的值。",
        )  # fmt: skip
    if len(proposed) > FIELDS_MAX:
        raise BadCorrection(
            f"{counted(len(proposed), 'field is', 'fields are')} more than {FIELDS_MAX}",
            f"字段数 {len(proposed)} 超过 {FIELDS_MAX}",
            "Ask about fewer fields at a time.", "请减少字段，分次申请。",
        )  # fmt: skip
    foreign = not_owned(register, proposed, office.level)
    own = [n for n in proposed if n not in foreign]
    if own and office.routes.covers(office.identity.unit, unit):
        raise BadCorrection(
            "this office fills these in itself: " + ", ".join(register.fields[n].en for n in own),
            "以下内容由本级填写：" + "、".join(register.fields[n].zh for n in own),
            "Change them: `silian record change`.", "请直接修改：silian record change。",
        )  # fmt: skip
    owner = _owner(office, register, unit, proposed)
    if owner is None:
        raise NobodyToAsk(register, list(proposed))
    return proposed, owner


def _owner(
    office: Office, register: Register, unit: int, names: Mapping[str, object]
) -> int | None:
    """Return the one office on the record's way up that owns all the fields and receives it."""
    me, tree = office.identity.unit, office.tree
    level = answering_level((register.fields[n].owners for n in names), office.level)
    if level is None or unit not in tree:
        return None
    path = (unit, *tree.ancestors(unit))
    owner = next((each for each in path if tree.level(each) == level), None)
    if owner is None or owner == me:
        return None
    if not (office.routes.covers(me, owner) or office.routes.covers(owner, me)):
        return None
    if owner != unit and not receives(register.audience, level):
        return None
    return owner


def _refuse_repeated(
    tx: Connection,
    office: Office,
    name: str,
    unit: int,
    record: bytes,
    proposed: Mapping[str, object],
) -> None:
    table, me = office.tables[REGISTER], office.identity.unit
    for current in store.load(tx, table, store.open_ids(tx, table, me)).values():
        same = (current.applicant, current.register, current.unit, current.record) == (
            me,
            name,
            unit,
            record,
        )
        if same and not proposed.keys().isdisjoint(current.proposed):
            raise CorrectionAsked(current.id)


# -- what may be answered ---------------------------------------------------------------------


def _to_close(tx: Connection, office: Office, correction: bytes, kind: Kind) -> Correction:
    current = correction_of(tx, office, correction)
    whose = current.applicant if kind is Kind.WITHDRAW else current.owner
    if whose != office.identity.unit:
        name = office.tree.get(whose).name if whose in office.tree else str(whose)
        raise CorrectionNotOurs(name)
    if (current.state, kind) not in MAY:
        raise CorrectionClosed(correction, current.state)
    return current


def _refuse_stale(
    register: Register, state: RecordState, current: Correction, expected_token: VersionToken | None
) -> None:
    def expected(name: str) -> bytes:
        return (
            expected_token.version(name)
            if expected_token is not None
            else current.asked_when[name][0]
        )

    stale = [
        n for n, proposed_value in current.proposed.items()
        if n in state.fields and n in current.asked_when
        and state.fields[n].shown.version != expected(n)
        and state.fields[n].shown.value != proposed_value
    ]  # fmt: skip
    if stale:
        raise CorrectionStale(register, stale)


def _as_typed(register: Register, name: str, value: Value) -> object:
    field = register.fields.get(name)
    return value if field is None else as_typed(field, value)  # an unknown one is checked later


# -- what is written --------------------------------------------------------------------------


def _answer(
    office: Office, current: Correction, kind: Kind, *, actor: str, reason: str = ""
) -> Edit:
    named = (current.applicant, current.owner, current.nonce)
    return _step(office, kind, current.id, named, current.applicant, actor=actor, reason=reason)


def _step(
    office: Office,
    kind: Kind,
    correction: bytes,
    named: tuple[int, int, str],
    other: int,
    *,
    actor: str,
    reason: str,
    values: Mapping[str, Value] | None = None,
) -> Edit:
    """Return a step of this office as a record of its own unit, with its audience."""
    applicant, owner, nonce = named
    return Edit(
        key=RecordKey(REGISTER, office.identity.unit, step_id(correction, kind)),
        operation=Operation.CREATE,
        values={
            "correction": correction.hex(), "kind": kind.value, "asker": applicant, "owner": owner,
            "nonce": nonce, "reason": reason or None, "at_ms": office.clock.now_ms(),
            "actor": actor, **(values or {}),
        },
        audiences=_audiences_for(office, other),
    )  # fmt: skip


def _audiences_for(office: Office, other: int) -> tuple[str, ...]:
    if office.routes.covers(office.identity.unit, other):
        return (audience.down(other),)
    level = office.routes.level(other)
    return () if level is None else (audience.up(level),)  # the other has left the tree


def _reason(text: str) -> str:
    return _short(stated_reason(text))


def _short(text: str) -> str:
    if len(text) > REASON_MAX:
        raise BadCorrection(
            f"the reason is longer than {REASON_MAX} characters", f"理由超过 {REASON_MAX} 字",
            "Say it shorter.", "请精简理由。",
        )  # fmt: skip
    return text
