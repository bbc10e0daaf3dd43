"""Call pots: bulk leaves slots to control, and who waits longest without a message makes room."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from hub.serve.call_pots import CONTROL_SLOTS, SLOTS, SilentCalls, WorkSlots, is_control
from sync.model.errors import Malformed
from sync.model.limits import PeerLimits
from sync.wire.link.v1 import link_pb2 as pb

LINK = "/silian.link.v1.LinkService/"


class Context:
    """A call that can be ended."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def cancel(self) -> None:
        self.ended.set()


class Cancelled(grpc.RpcError):
    pass


def waiting(context: Context) -> Iterator[Any]:
    """A message that does not come before the call is ended."""
    context.ended.wait()
    raise Cancelled
    yield


def begin(silent: SilentCalls, context: Context) -> threading.Thread:
    def wait() -> None:
        with pytest.raises(Cancelled):
            silent.first(waiting(context), context)  # type: ignore[arg-type]

    thread = threading.Thread(target=wait)
    before = len(silent)
    thread.start()
    while len(silent) == before and not context.ended.is_set() and thread.is_alive():
        if len(silent) >= silent._limits.silent_calls:
            break
    return thread


def test_the_call_that_has_waited_longest_for_its_message_makes_room() -> None:
    silent = SilentCalls(PeerLimits(silent_calls=2))
    contexts = [Context() for _ in range(3)]
    threads = [begin(silent, context) for context in contexts]
    assert contexts[0].ended.wait(30)
    assert not contexts[2].ended.is_set()
    for context in contexts:
        context.cancel()
    for thread in threads:
        thread.join(30)
    assert len(silent) == 0


def test_a_call_is_ended_when_its_time_is_over_and_not_before() -> None:
    now = [0.0]
    silent = SilentCalls(PeerLimits(first_message_s=5), now=lambda: now[0])
    context = Context()
    thread = begin(silent, context)
    now[0] = 4.9
    silent.end_overdue()
    assert not context.ended.is_set()
    now[0] = 5.0
    silent.end_overdue()
    assert context.ended.is_set()
    thread.join(30)


def test_a_call_that_ends_without_a_message_is_malformed() -> None:
    with pytest.raises(Malformed):
        SilentCalls(PeerLimits()).first(iter(()), Context())  # type: ignore[arg-type]


def test_the_control_lane_finds_a_slot_however_much_bulk_is_worked_on() -> None:
    slots, done = WorkSlots(), threading.Event()
    taken = threading.Barrier(SLOTS + 1)

    def bulk() -> None:
        with slots.hold(control=False):
            taken.wait(30)
            done.wait(30)

    threads = [threading.Thread(target=bulk) for _ in range(SLOTS)]
    for thread in threads:
        thread.start()
    taken.wait(30)
    for _ in range(CONTROL_SLOTS + 1):  # one after the other, and each gives its slot back
        with slots.hold(control=True):
            pass
    done.set()
    for thread in threads:
        thread.join(30)


def test_which_calls_are_of_the_control_lane() -> None:
    for lane, control in ((pb.LANE_CONTROL, True), (pb.LANE_BULK, False)):
        assert is_control(f"{LINK}Push", pb.PushRequest(batch=pb.Batch(lane=lane))) is control
        cursor = pb.Cursor(lane=lane)
        assert is_control(f"{LINK}Pull", pb.PullRequest(cursor=cursor)) is control
    assert is_control(f"{LINK}Hello", pb.HelloRequest())
    assert not is_control(f"{LINK}UploadSnapshot", pb.UploadSnapshotRequest())
    assert not is_control("/silian.office.v1.OfficeService/GetStatus", object())
