"""The lies of a stranger: it reaches an office's port, and has no key and no place in the tree."""

from __future__ import annotations

from typing import Any

from sync.link.possession import CHILD, PARENT, Sides, sign
from sync.model.limits import LISTED_MAX
from sync.store import peers
from sync.wire.link.v1 import link_pb2 as pb
from tests.simulation.lie import FOREIGN, End, Lies, Role, Scene, refused, verdict

LIES = Lies()
UNKNOWN = 77  # a unit of no tree


def says(method: str, falsifies: str, end: End) -> Any:
    return LIES.add(Role.OUTSIDER, method, falsifies, end)


def _invented(scene: Scene) -> dict[str, int]:
    return {"session": scene.rng.getrandbits(62), "unit": scene.unit}


# -- without a session -----------------------------------------------------------------------------


@says("Push", "the session: invented", refused("session_unknown"))
def a_push_without_a_session(scene: Scene) -> Any:
    batch = pb.Batch(lane=pb.LANE_BULK, incarnation=9)
    return pb.PushRequest(batch=batch, **_invented(scene))


@says("Pull", "the session: invented", refused("session_unknown"))
def a_pull_without_a_session(scene: Scene) -> Any:
    return pb.PullRequest(cursor=pb.Cursor(lane=pb.LANE_BULK), **_invented(scene))


@says("Replay", "the session: invented", refused("session_unknown"))
def a_replay_without_a_session(scene: Scene) -> Any:
    return pb.ReplayRequest(**_invented(scene))


@says("RestoreParent", "the session: invented", refused("session_unknown"))
def a_restore_without_a_session(scene: Scene) -> Any:
    return pb.RestoreParentRequest(last=True, **_invented(scene))


@says("Digest", "the session: invented", refused("session_unknown"))
def a_comparison_without_a_session(scene: Scene) -> Any:
    return pb.DigestRequest(**_invented(scene))


@says("Snapshot", "the session: invented", refused("session_unknown"))
def a_snapshot_without_a_session(scene: Scene) -> Any:
    return pb.SnapshotRequest(**_invented(scene))


@says("UploadSnapshot", "the session: invented", refused("session_unknown"))
def an_upload_without_a_session(scene: Scene) -> Any:
    return pb.UploadSnapshotRequest(**_invented(scene))


@says("Pull", "the session: one that is over", refused("session_unknown"))
def a_session_that_is_over(scene: Scene) -> Any:
    sessions = scene.world.roles.sessions_over(scene.listener, scene.unit)
    if not sessions:
        return None
    cursor = pb.Cursor(lane=pb.LANE_BULK)
    return pb.PullRequest(cursor=cursor, session=scene.rng.choice(sessions), unit=scene.unit)


@says("Pull", "the unit: another than the session's", refused("session_unknown"))
def a_session_of_another_office(scene: Scene) -> Any:
    open_one = scene.listener.parent.sessions.session_of(scene.unit)
    if open_one is None:
        return None
    cursor = pb.Cursor(lane=pb.LANE_BULK)
    return pb.PullRequest(cursor=cursor, session=open_one.session, unit=UNKNOWN)


# -- in the handshake ------------------------------------------------------------------------------


def _hello(scene: Scene, **claims: Any) -> pb.HelloRequest:
    """Return what is public of a child, under a key of one's own."""
    level = scene.listener.office.routes.level(scene.unit)
    claims = {
        "unit": scene.unit, "level": level, "incarnation": scene.rng.getrandbits(62),
        "protocol_min": 1, "protocol_max": 1, "public_key": FOREIGN.public_key,
        "process": scene.rng.getrandbits(62), "challenge": scene.rng.randbytes(16), **claims,
    }  # fmt: skip
    return pb.HelloRequest(**claims)


def _proven(
    scene: Scene, hello: pb.HelloRequest, purpose: bytes = CHILD, other: int = 0
) -> pb.HelloRequest | None:
    """Return a handshake again, with the challenge of its answer signed; `other`: as another."""
    assert scene.ask is not None
    reply = scene.ask(hello)
    if reply is None or reply.verdict != pb.VERDICT_CHALLENGE:
        return None
    sides = Sides(hello.unit + other, reply.unit, hello.incarnation, reply.incarnation)
    again = pb.HelloRequest()
    again.CopyFrom(hello)
    again.signed_challenge = reply.challenge
    again.signature = sign(FOREIGN, purpose, sides, reply.challenge)
    return again


@says("Hello", "the unit: of no tree", verdict("WRONG_PARENT"))
def a_unit_of_no_tree(scene: Scene) -> Any:
    return _hello(scene, unit=UNKNOWN, level=3)


@says("Hello", "the unit: a number beyond 63 bits", verdict("WRONG_PARENT"))
def a_unit_out_of_range(scene: Scene) -> Any:
    return _hello(scene, unit=(1 << 64) - 1, incarnation=(1 << 64) - 1)


@says("Hello", "the unit: a child's, under its public key alone", verdict("CHALLENGE"))
def a_public_key_and_nothing_else(scene: Scene) -> Any:
    return _hello(scene, public_key=_pinned(scene)) if _pinned(scene) else None


@says("Hello", "the key of a child: another one, and it is shown", refused("key_refused"))
def a_child_under_a_key_of_its_own(scene: Scene) -> Any:
    return _proven(scene, _hello(scene)) if _pinned(scene) else None


@says("Hello", "no key, for an office that has one", refused("key_refused"))
def a_child_without_a_key(scene: Scene) -> Any:
    return _hello(scene, public_key=b"") if _pinned(scene) else None


@says("Hello", "the signature: by another hand than the key shown", refused("key_not_shown"))
def a_public_key_signed_for_by_another(scene: Scene) -> Any:
    return _proven(scene, _hello(scene, public_key=_pinned(scene))) if _pinned(scene) else None


@says("Hello", "a challenge signed as a parent signs", refused("key_not_shown"))
def a_challenge_signed_as_a_parent(scene: Scene) -> Any:
    return _proven(scene, _hello(scene), purpose=PARENT)


@says("Hello", "a challenge signed for another office", refused("key_not_shown"))
def a_challenge_signed_for_another_office(scene: Scene) -> Any:
    return _proven(scene, _hello(scene), other=1)


@says("Hello", "a recorded handshake, sent again", verdict("CHALLENGE"))
def a_recorded_handshake(scene: Scene) -> Any:
    return scene.world.roles.recorded_hello(scene.listener, scene.unit)


@says("Hello", "the incarnation: that of its parent", refused("unauthorised"))
def a_child_under_its_parents_incarnation(scene: Scene) -> Any:
    return _hello(scene, incarnation=scene.them.incarnation)


@says("Hello", "a key of small order", refused("malformed"))
def a_child_under_a_key_of_small_order(scene: Scene) -> Any:
    return _hello(scene, public_key=bytes([1]) + bytes(31))


@says("Hello", "how many streams an office has", refused("malformed"))
def a_handshake_too_long(scene: Scene) -> Any:
    head = pb.StreamHead(lane=pb.LANE_BULK)
    return _hello(scene, heads=[head] * (LISTED_MAX + 1))


@says("Hello", "a stream of no lane", refused("malformed"))
def a_handshake_with_a_stream_of_no_lane(scene: Scene) -> Any:
    return _hello(scene, heads=[pb.StreamHead(lane=9)])  # type: ignore[arg-type]


@says("Push", "bytes that are no message", refused("malformed"))
def bytes_that_are_no_message(scene: Scene) -> Any:
    return b"\xff" * 30


def _pinned(scene: Scene) -> bytes:
    """Return the key under which the listener knows the child."""
    with scene.listener.office.store.read() as tx:
        return bytes.fromhex(peers.load(tx, scene.unit).key_pinned)
