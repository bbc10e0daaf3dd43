"""The session table: what is said next, event by event."""

from __future__ import annotations

import itertools

import pytest

from sync.link import messages as c
from sync.link import session as s
from sync.link.messages import Failed, Idle, Pull, Read, Rest, Verdict
from sync.link.session import TRANSITIONS, Session, State
from sync.model.change import Batch
from sync.model.limits import BATCH_BYTES_MAX, BATCH_BYTES_MIN, CONTROL_BATCHES_BEFORE_BULK
from sync.model.schema import Lane

BULK, CONTROL = Lane.BULK, Lane.CONTROL
EVENTS = (
    c.WorkAvailable, c.HandshakeDone, c.BatchRead, c.Pushed, c.Pulled, c.AppliedHere, c.Recovered,
    c.ChunkJoined, c.Uploaded, c.Compared, c.Woken, c.Failed,
)  # fmt: skip
EXAMPLES = {
    c.WorkAvailable: c.WorkAvailable(),
    c.HandshakeDone: c.HandshakeDone(Verdict.ACCEPTED),
    c.BatchRead: c.BatchRead(Batch(BULK, 1, 0, 0)),
    c.Pushed: c.Pushed(BULK, 1),
    c.Pulled: c.Pulled(Batch(BULK, 1, 0, 0)),
    c.AppliedHere: c.AppliedHere(BULK, 1),
    c.Recovered: c.Recovered(),
    c.ChunkJoined: c.ChunkJoined(),
    c.Uploaded: c.Uploaded(),
    c.Compared: c.Compared(),
    c.Woken: c.Woken(),
    c.Failed: c.Failed("unavailable", retryable=True),
}
GONE = Failed("unavailable", retryable=True)
TOO_LARGE = Failed("resource_exhausted", retryable=True, oversized=True)


def batch(lane: Lane, after: int, upto: int) -> Batch:
    return Batch(lane, 1, after, upto, (b"e",), (upto,))


def connected_session(**there: object) -> Session:
    session = Session()
    session.start()
    session.on(c.HandshakeDone(Verdict.ACCEPTED, **there))
    return session


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, EVENTS)))
def test_each_state_accepts_the_events_of_its_table_and_asserts_on_others(state, event):
    session = Session()
    session.state = state
    if (state, event) in TRANSITIONS:
        assert session.on(EXAMPLES[event]) is not None
    else:
        with pytest.raises(AssertionError, match=state.name):
            session.on(EXAMPLES[event])


def test_every_state_can_be_left():
    left = {state for state, _ in TRANSITIONS}
    assert left == set(State) - {State.OFFLINE}  # `start` leaves that one


STARTABLE = {State.OFFLINE, State.RESTING, State.HALTED, State.IDLE}


@pytest.mark.parametrize("state", [state for state in State if state not in STARTABLE])
def test_a_session_under_way_is_not_started_again(state):
    session = Session()
    session.state = state
    with pytest.raises(AssertionError):
        session.start()


def test_control_is_sent_before_bulk():
    session = Session()
    session.start()
    command = session.on(c.HandshakeDone(Verdict.ACCEPTED))
    assert command == Read(CONTROL, 0, BATCH_BYTES_MAX)


def test_bulk_gets_a_share_while_control_is_never_empty():
    session = Session()
    session.start()
    command = session.on(c.HandshakeDone(Verdict.ACCEPTED))
    lanes = []
    for n in range(1, 40):
        session.notify(c.WorkAvailable(up=frozenset(Lane)))
        lanes.append(command.lane)
        session.on(c.BatchRead(batch(command.lane, n - 1, n)))
        command = session.on(c.Pushed(command.lane, n))
    assert lanes.count(BULK) >= 4
    runs = [len(list(g)) for lane, g in itertools.groupby(lanes) if lane is CONTROL]
    assert max(runs) == CONTROL_BATCHES_BEFORE_BULK


def test_pulls_get_their_turn_while_pushes_never_end():
    session = connected_session()
    pulled = False
    for n in range(1, 6):
        session.notify(c.WorkAvailable(up=frozenset({CONTROL}), down=frozenset({CONTROL})))
        session.on(c.BatchRead(batch(CONTROL, n - 1, n)))
        command = session.on(c.Pushed(CONTROL, n))
        if isinstance(command, Pull):
            pulled = True
            break
    assert pulled


def test_a_batch_that_is_too_large_is_read_again_smaller_and_grows_back():
    session = connected_session()
    session.on(c.BatchRead(batch(CONTROL, 0, 9)))
    sizes = []
    for _ in range(20):
        command = session.on(TOO_LARGE)
        if not isinstance(command, Read):
            break
        sizes.append(command.bytes_max)
        session.on(c.BatchRead(batch(command.lane, 0, 9)))
    assert sizes[0] == BATCH_BYTES_MAX // 2
    assert sizes[-1] == BATCH_BYTES_MIN
    assert isinstance(command, Rest)  # no smaller one is left: the line rests
    session.on(c.Woken())
    session.on(c.HandshakeDone(Verdict.ACCEPTED))
    session.on(c.BatchRead(batch(CONTROL, 0, 3)))
    command = session.on(c.Pushed(CONTROL, 3))
    assert command.bytes_max == BATCH_BYTES_MIN * 2


def test_a_pull_that_was_too_large_is_asked_for_again():
    session = connected_session(waiting=frozenset({BULK}))
    for lane in (CONTROL, BULK):
        command = session.on(c.BatchRead(Batch(lane, 1, 0, 0)))
    assert command == Pull(BULK, 0, BATCH_BYTES_MAX)
    assert session.on(TOO_LARGE) == Pull(BULK, 0, BATCH_BYTES_MAX // 2)


def test_a_handshake_that_is_too_large_does_not_count_as_an_answer():
    session = Session()
    session.start()
    assert isinstance(session.on(TOO_LARGE), Rest)
    assert session.state is State.RESTING


def test_a_failed_batch_is_retried_after_the_next_handshake():
    session = connected_session(waiting=frozenset({BULK}))
    for lane in (CONTROL, BULK):
        command = session.on(c.BatchRead(Batch(lane, 1, 0, 0)))
    assert isinstance(command, Pull)
    session.on(GONE)
    session.on(c.Woken())
    command = session.on(c.HandshakeDone(Verdict.ACCEPTED))  # the parent has forgotten what waits
    seen = []
    while not isinstance(command, Idle):
        seen.append(command)
        empty = Batch(command.lane, 1, 0, 0)
        command = session.on(c.BatchRead(empty) if isinstance(command, Read) else c.Pulled(empty))
    assert Pull(BULK, 0, BATCH_BYTES_MAX) in seen


@pytest.mark.parametrize("position", [0, 3, 4])
def test_an_ack_that_does_not_advance_pauses_the_link_and_moves_nothing_back(position):
    session = connected_session(acked_by_parent={CONTROL: 4})
    session.on(c.BatchRead(batch(CONTROL, 4, 9)))
    assert isinstance(session.on(c.Pushed(CONTROL, position)), Rest)
    assert session.acked_by_parent == {CONTROL: 4}


def test_a_parent_that_fails_after_the_handshake_is_called_less_and_less_often():
    session = Session()
    command = session.start()
    attempts = []
    for _ in range(5):
        session.on(c.HandshakeDone(Verdict.ACCEPTED))
        session.on(c.BatchRead(batch(CONTROL, 0, 1)))
        command = session.on(GONE)
        assert isinstance(command, Rest)
        attempts.append(command.attempt)
        session.on(c.Woken())
    assert attempts == [1, 2, 3, 4, 5]


def test_progress_resets_the_failure_count():
    session = Session()
    session.start()
    for expected in (1, 2):
        assert session.on(GONE) == Rest(expected)
        session.on(c.Woken())
    session.on(c.HandshakeDone(Verdict.ACCEPTED))
    session.on(c.BatchRead(batch(CONTROL, 0, 1)))
    session.on(c.Pushed(CONTROL, 1))
    assert session.attempt == 0


@pytest.mark.parametrize("wait_ms", [0, 5_000])
def test_a_child_asked_to_back_off_always_waits(wait_ms):
    session = Session()
    session.start()
    command = session.on(c.HandshakeDone(Verdict.BACK_OFF, retry_after_ms=wait_ms))
    assert command == Rest(1, wait_ms or None)  # None: by the table of back-off


@pytest.mark.parametrize("verdict", [Verdict.CLONE, Verdict.WRONG_PARENT, Verdict.UPGRADE_FIRST])
def test_a_verdict_that_needs_an_operator_halts_and_is_retried_from_time_to_time(verdict):
    session = Session()
    session.start()
    command = session.on(c.HandshakeDone(verdict, reason="why"))
    assert session.state is State.HALTED
    assert command == Rest(0, s.RETRY_HANDSHAKE_MS)
    assert session.reason == "why"
    assert session.on(c.Woken()) == c.Handshake()


def test_recovery_ends_with_a_new_handshake():
    session = Session()
    session.start()
    assert session.on(c.HandshakeDone(Verdict.RESTORED)) == c.Recover(Verdict.RESTORED)
    assert session.on(c.Recovered()) == c.Handshake()


def test_a_recovery_with_a_snapshot_downloads_it_after_the_replay_and_then_reconnects():
    session = Session()
    session.start()
    session.on(c.HandshakeDone(Verdict.RESTORED, snapshot_follows=True))
    assert session.on(c.Recovered(more=True)) == c.Recover(Verdict.RESTORED)
    assert session.on(c.Recovered()) == c.FetchChunk(restored=True)
    session.notify(c.WorkAvailable(frozenset(Lane), frozenset(Lane)))
    assert session.on(c.ChunkJoined(more=True)) == c.FetchChunk(restored=True), (
        "nothing else is allowed"
    )
    assert session.on(c.ChunkJoined()) == c.Handshake()


def test_a_snapshot_replaces_the_parents_bulk_and_nothing_else():
    session = Session()
    session.start()
    command = session.on(c.HandshakeDone(Verdict.SNAPSHOT, waiting=frozenset(Lane)))
    seen = []
    while len(seen) < 30 and command != c.Handshake():
        seen.append(command)
        match command:
            case Read(lane=lane):
                command = session.on(c.BatchRead(Batch(lane, 1, 0, 0)))
            case Pull(lane=lane):
                assert lane is CONTROL, "the log is not read over the gap"
                command = session.on(c.Pulled(Batch(lane, 1, 0, 0)))
            case c.FetchChunk():
                session.notify(c.WorkAvailable(down=frozenset({CONTROL, BULK})))
                command = session.on(c.ChunkJoined(more=len(seen) < 20))
    assert command == c.Handshake()
    at = [type(each) for each in seen]
    assert at.index(Pull) < at.index(c.FetchChunk), "control goes first"
    assert {Read, Pull, c.FetchChunk} == set(at)
    assert isinstance(
        session.on(c.HandshakeDone(Verdict.ACCEPTED, waiting=frozenset({BULK}))), Read
    )


def test_a_snapshot_upload_replaces_our_bulk_and_nothing_else():
    session = Session()
    session.start()
    command = session.on(
        c.HandshakeDone(Verdict.ACCEPTED, upload_due=True, waiting=frozenset(Lane))
    )
    seen = []
    while len(seen) < 30 and command != c.Handshake():
        seen.append(command)
        match command:
            case Read(lane=lane):
                assert lane is CONTROL, "a push over the gap"
                command = session.on(c.BatchRead(Batch(lane, 1, 0, 0)))
            case Pull(lane=lane):
                command = session.on(c.Pulled(Batch(lane, 1, 0, 0)))
            case c.Upload():
                session.notify(c.WorkAvailable(up=frozenset({CONTROL, BULK})))
                command = session.on(c.Uploaded(more=len(seen) < 20))
    assert command == c.Handshake()
    assert {type(each) for each in seen} == {Read, Pull, c.Upload}
    command = session.on(c.HandshakeDone(Verdict.ACCEPTED))
    assert [command.lane, session.on(c.BatchRead(Batch(CONTROL, 1, 0, 0))).lane] == [CONTROL, BULK]


def test_an_interrupted_snapshot_resumes_after_the_next_handshake():
    session = Session()
    session.start()
    command = session.on(c.HandshakeDone(Verdict.SNAPSHOT))
    while not isinstance(command, c.FetchChunk):
        command = session.on(c.BatchRead(Batch(command.lane, 1, 0, 0)))
    assert isinstance(session.on(GONE), Rest)
    session.on(c.Woken())
    command = session.on(c.HandshakeDone(Verdict.SNAPSHOT))
    while not isinstance(command, c.FetchChunk):
        command = session.on(c.BatchRead(Batch(command.lane, 1, 0, 0)))
    assert session.on(c.ChunkJoined()) == c.Handshake()


def test_a_parent_that_sends_snapshots_for_ever_is_not_called_for_a_while():
    session = Session()
    session.start()
    for _ in range(s.RECOVERIES_MAX):
        command = session.on(c.HandshakeDone(Verdict.SNAPSHOT))
        while not isinstance(command, c.FetchChunk):
            command = session.on(c.BatchRead(Batch(command.lane, 1, 0, 0)))
        assert session.on(c.ChunkJoined()) == c.Handshake()
    assert isinstance(session.on(c.HandshakeDone(Verdict.SNAPSHOT)), Rest)


def test_a_recovery_that_keeps_failing_is_retried_after_a_rest():
    session = Session()
    command = session.start()
    recoveries = 0
    for _ in range(4 * s.RECOVERIES_MAX):
        command = session.on(c.HandshakeDone(Verdict.RESTORED))
        if isinstance(command, Rest):
            command = session.on(c.Woken())
            continue
        assert command == c.Recover(Verdict.RESTORED)
        recoveries += 1
        assert isinstance(session.on(GONE), Rest)
        session.on(c.Woken())
    assert recoveries > 2 * s.RECOVERIES_MAX


def test_a_notification_during_a_read_is_not_lost():
    session = connected_session()
    assert session.state is State.READING
    session.notify(c.WorkAvailable(up=frozenset({CONTROL})))
    command = session.on(c.BatchRead(Batch(CONTROL, 1, 0, 0)))
    again = []
    while not isinstance(command, Idle):
        again.append(command.lane)
        command = session.on(c.BatchRead(Batch(command.lane, 1, 0, 0)))
    assert CONTROL in again


def test_a_broken_watch_waits_before_it_reconnects():
    session = connected_session()
    for lane in (CONTROL, BULK):
        command = session.on(c.BatchRead(Batch(lane, 1, 0, 0)))
    assert isinstance(command, Idle)
    assert session.broken(GONE) == Rest(1)
    assert not session.connected
    assert session.on(c.Woken()) == c.Handshake()


def test_a_heartbeat_does_not_show_the_link_as_down():
    session = connected_session()
    for lane in (CONTROL, BULK):
        session.on(c.BatchRead(Batch(lane, 1, 0, 0)))
    session.renew_handshake()
    assert session.connected
    session.start()
    assert (session.state, session.connected) == (State.HANDSHAKE, True)
    session.on(GONE)
    assert not session.connected
    session.on(c.Woken())
    assert (session.state, session.connected) == (State.HANDSHAKE, False)


def test_a_heartbeat_starts_a_handshake_without_a_rest():
    session = connected_session()
    for lane in (CONTROL, BULK):
        session.on(c.BatchRead(Batch(lane, 1, 0, 0)))
    session.renew_handshake()
    assert session.start() == c.Handshake()


def test_a_refusal_that_waiting_cannot_cure_halts():
    session = connected_session()
    session.on(c.BatchRead(batch(CONTROL, 0, 1)))
    command = session.on(Failed("malformed", retryable=False, reason="nonsense"))
    assert command == Rest(1, s.RETRY_HANDSHAKE_MS)
    assert (session.state, session.reason) == (State.HALTED, "nonsense")


# -- comparing -------------------------------------------------------------------------------


def idle() -> Session:
    session = connected_session()
    command = session.on(c.BatchRead(Batch(CONTROL, 1, 0, 0)))
    while not isinstance(command, Idle):
        command = session.on(c.BatchRead(Batch(command.lane, 1, 0, 0)))
    return session


def test_copies_are_compared_only_when_nothing_waits():
    session = connected_session()
    session.compare()
    command = session.on(c.BatchRead(Batch(CONTROL, 1, 0, 0)))
    assert isinstance(command, Read)
    command = session.on(c.BatchRead(Batch(command.lane, 1, 0, 0)))
    assert command == c.Compare({}, begin=True)
    assert session.state is State.COMPARING


def test_waiting_batches_go_between_two_steps_of_a_comparison():
    session = idle()
    session.compare()
    assert session.start() == c.Compare({}, begin=True)
    session.notify(c.WorkAvailable(up=frozenset({BULK})))
    assert isinstance(session.on(c.Compared(more=True, waiting=frozenset({CONTROL}))), Pull)
    assert isinstance(session.on(c.Pulled(Batch(CONTROL, 1, 0, 0))), Read)
    assert session.on(c.BatchRead(Batch(BULK, 1, 0, 0))) == c.Compare({}, begin=False)
    assert isinstance(session.on(c.Compared()), Idle)
    assert not session.comparing


def test_a_comparison_unknown_to_the_parent_does_not_disturb_the_link():
    session = idle()
    session.compare()
    session.start()
    assert isinstance(session.on(Failed("unimplemented", retryable=False)), Idle)
    assert not session.comparing
    assert session.reason == "unimplemented"


def test_a_link_that_breaks_in_a_comparison_waits_and_abandons_the_comparison():
    session = idle()
    session.compare()
    session.start()
    assert isinstance(session.on(GONE), Rest)
    assert not session.comparing


def test_a_comparison_requested_while_the_link_is_down_begins_when_it_is_up():
    session = Session()
    session.compare()
    session.start()
    command = session.on(c.HandshakeDone(Verdict.ACCEPTED))
    while isinstance(command, Read):
        command = session.on(c.BatchRead(Batch(command.lane, 1, 0, 0)))
    assert command == c.Compare({}, begin=True)


def test_a_comparison_requested_during_another_one_runs_after_it():
    session = idle()
    session.compare()
    session.start()
    session.compare()
    assert session.on(c.Compared()) == c.Compare({}, begin=True)
    assert isinstance(session.on(c.Compared()), Idle)


def pushing(more: bool) -> Session:
    """A session whose only batch, up to 9, is on its way."""
    session = connected_session()
    session.on(c.BatchRead(Batch(CONTROL, 1, 0, 0)))
    assert isinstance(session.on(c.BatchRead(batch(BULK, 0, 9), more)), c.Push)
    return session


def test_a_log_that_was_read_to_its_end_is_not_read_again_after_the_push():
    assert pushing(more=False).on(c.Pushed(BULK, 9)) == Idle()
    assert isinstance(pushing(more=True).on(c.Pushed(BULK, 9)), Read)


def test_an_edit_written_while_the_last_batch_is_pushed_is_read_afterwards():
    session = pushing(more=False)
    session.notify(c.WorkAvailable(up=frozenset({BULK})))
    assert session.on(c.Pushed(BULK, 9)) == Read(BULK, 9, BATCH_BYTES_MAX)


def test_the_rest_of_a_partly_acknowledged_batch_is_read_again():
    assert pushing(more=False).on(c.Pushed(BULK, 4)) == Read(BULK, 4, BATCH_BYTES_MAX)
