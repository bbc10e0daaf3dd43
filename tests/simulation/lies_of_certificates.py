"""The lies about certificates: forged, stolen, revoked, another office's; and old revocation lists.

They are told only where offices are enrolled. What TLS would refuse already comes through here, so
that the offices' own checks judge it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from node.identity.authority import DER, Authority, moment
from node.identity.revocations import key_id
from sync.log import certified
from sync.log import entries as log
from sync.model.report import NodeStatus
from sync.model.schema import Lane
from sync.wire.link.v1 import link_pb2 as pb
from tests.simulation.authorities import LIFE, Authorities
from tests.simulation.lie import DOWN, FOREIGN, UP, End, How, Lies, Role, Scene, Way, refused
from tests.simulation.lie import verdict as sent_away
from tests.simulation.lies_of_bundles import file_for
from tests.simulation.lies_of_copies import signed_hello, with_status

LIES = Lies()
NOTHING = End(How.NOTHING)
# Lies of other kinds that a certificate ends in another way than a pinned key.
OTHERWISE: dict[str, End] = {
    "a handshake under another key": refused("certificate_key"),
    "a hub under another key": refused("certificate_key"),
    "a bundle under another key": refused("certificate_key"),
}

Chain = tuple[bytes, ...]


def outsider(method: str, falsifies: str, end: End) -> Any:
    return LIES.add(Role.OUTSIDER, method, falsifies, end)


def push(falsifies: str, end: End) -> Any:
    return LIES.add(Role.CHILD, "Push", falsifies, end)


def in_hello(falsifies: str, end: End) -> Any:
    return LIES.add(Role.CHILD, "Hello", falsifies, end, Way.REQUEST)


def answers(method: str, falsifies: str, end: End) -> Any:
    return LIES.add(Role.HUB, method, falsifies, end, Way.REPLY)


def carries(role: Role, falsifies: str, end: End) -> Any:
    return LIES.add(role, "bundle", falsifies, end, Way.CARRIED)


# -- what it can show ------------------------------------------------------------------------------


def _city(scene: Scene) -> Authorities:
    assert scene.world.authorities is not None
    return scene.world.authorities


def _index(scene: Scene, unit: int) -> int:
    return next(i for i, each in enumerate(scene.world.units) if each.unit_id == unit)


def _now(scene: Scene) -> Any:
    return moment(scene.world.clockwork.now_ms)


def _ders(chain: tuple[x509.Certificate, ...]) -> Chain:
    return tuple(each.public_bytes(DER) for each in chain)


def _chain_of(scene: Scene, index: int) -> Chain:
    """Return what an office shows to whoever connects: it is no secret."""
    process = scene.world.processes.get(index)
    return process.office.certificates.own() if process is not None else ()


def _key_of(scene: Scene, index: int) -> bytes:
    return scene.world.processes[index].office.replica.signer.public_key  # type: ignore[union-attr]


def _others(scene: Scene, *, same_level: bool) -> list[int]:
    """Return offices that run, other than the one whose name is used and the listener."""
    level = scene.listener.office.routes.level(scene.unit)
    return [
        i for i, process in scene.world.processes.items()
        if process is not None and _chain_of(scene, i)
        and scene.world.units[i].unit_id not in (scene.unit, scene.them.unit)
        and (scene.world.plan.levels[i] == level) is same_level
    ]  # fmt: skip


def _knows_as_revoked(scene: Scene, chain: Chain) -> bool:
    serial = x509.load_der_x509_certificate(chain[0]).serial_number
    return any(
        revoked.serial_number == serial
        for der, _ in scene.listener.office.certificates.lists()
        for revoked in x509.load_der_x509_crl(der)
    )


# -- who calls -------------------------------------------------------------------------------------


def _hello(scene: Scene, chain: Chain, key: bytes, host: Chain | None = None) -> pb.HelloRequest:
    """Return a handshake in a child's name. `host`: what TLS has proven; None: the same chain."""
    assert scene.context is not None
    scene.context.shown = chain if host is None else host
    return pb.HelloRequest(
        unit=scene.unit, level=scene.listener.office.routes.level(scene.unit),
        incarnation=scene.rng.getrandbits(62), protocol_min=1, protocol_max=1, public_key=key,
        process=scene.rng.getrandbits(62), challenge=scene.rng.randbytes(16), certificates=chain,
    )  # fmt: skip


@outsider("Hello", "the certificate of an authority of its own", refused("certificate_foreign"))
def a_chain_of_a_false_city(scene: Scene) -> Any:
    city = _city(scene)
    index = _index(scene, scene.unit)
    chain = city.chain(index, FOREIGN.public_key, _now(scene), by=city.false)
    return _hello(scene, _ders(chain), FOREIGN.public_key)


@outsider("Hello", "the signature of the child's authority", refused("certificate_foreign"))
def a_certificate_that_its_authority_never_signed(scene: Scene) -> Any:
    city, index = _city(scene), _index(scene, scene.unit)
    issuer = city.issuer_of(index)
    if not issuer:
        return None  # the city's own are tested with the city's false name
    false, _ = city.chain(index, FOREIGN.public_key, _now(scene), by=city.false)
    above = city.real[issuer].certificate
    return _hello(scene, _ders((false, above)), FOREIGN.public_key)


@outsider("Hello", "the district's authority: of a false city", refused("certificate_foreign"))
def a_district_of_a_false_city(scene: Scene) -> Any:
    city, index = _city(scene), _index(scene, scene.unit)
    issuer = city.issuer_of(index)
    if not issuer:
        return None
    chain = city.chain(index, FOREIGN.public_key, _now(scene), by=city.false)
    return _hello(scene, _ders(chain), FOREIGN.public_key)


@outsider("Hello", "its certificate: another office's of that level", refused("certificate_branch"))
def the_certificate_of_another_branch(scene: Scene) -> Any:
    others = _others(scene, same_level=True)
    if not others:
        return None
    index = scene.rng.choice(others)
    return _hello(scene, _chain_of(scene, index), _key_of(scene, index))


@outsider("Hello", "its certificate: an office's of another level", refused("certificate_level"))
def the_certificate_of_another_level(scene: Scene) -> Any:
    others = _others(scene, same_level=False)
    if not others:
        return None
    index = scene.rng.choice(others)
    return _hello(scene, _chain_of(scene, index), _key_of(scene, index))


@outsider("Hello", "a certificate and a key that were revoked", refused("certificate_revoked"))
def a_revoked_certificate(scene: Scene) -> Any:
    stolen = _city(scene).stolen[_index(scene, scene.unit)]
    if not _knows_as_revoked(scene, stolen.ders):
        return None
    return _hello(scene, stolen.ders, stolen.signer.public_key)


@outsider("Hello", "a host's certificate that was revoked", refused("certificate_revoked"))
def a_host_whose_certificate_was_revoked(scene: Scene) -> Any:
    index = _index(scene, scene.unit)
    stolen, chain = _city(scene).stolen[index], _chain_of(scene, index)
    if not chain or not _knows_as_revoked(scene, stolen.ders):
        return None
    return _hello(scene, chain, _key_of(scene, index), stolen.ders)


@outsider("Hello", "a certificate that has ended", refused("certificate_expired"))
def an_expired_certificate(scene: Scene) -> Any:
    now = _now(scene) - LIFE - timedelta(days=3)
    chain = _city(scene).chain(_index(scene, scene.unit), FOREIGN.public_key, now)
    return _hello(scene, _ders(chain), FOREIGN.public_key)


@outsider("Hello", "a certificate that begins later", refused("certificate_early"))
def a_certificate_that_begins_later(scene: Scene) -> Any:
    now = _now(scene) + timedelta(days=500)
    chain = _city(scene).chain(_index(scene, scene.unit), FOREIGN.public_key, now)
    return _hello(scene, _ders(chain), FOREIGN.public_key)


@outsider("Hello", "its key: another than its certificate names", refused("certificate_key"))
def a_childs_certificate_under_another_key(scene: Scene) -> Any:
    chain = _chain_of(scene, _index(scene, scene.unit))
    others = _others(scene, same_level=False)
    if not chain or not others:
        return None
    return _hello(scene, chain, FOREIGN.public_key, _chain_of(scene, scene.rng.choice(others)))


@outsider("Hello", "a child's certificate, and not its key", sent_away("CHALLENGE"))
def a_childs_certificate_and_nothing_else(scene: Scene) -> Any:
    index = _index(scene, scene.unit)
    chain, others = _chain_of(scene, index), _others(scene, same_level=False)
    if not chain or not others:
        return None
    host = _chain_of(scene, scene.rng.choice(others))
    return _hello(scene, chain, _key_of(scene, index), host)


@outsider("Hello", "no certificate of the office, only its host's", refused("certificate_missing"))
def a_host_without_an_office(scene: Scene) -> Any:
    others = _others(scene, same_level=True)
    return _hello(scene, (), FOREIGN.public_key, _chain_of(scene, others[0])) if others else None


@outsider("Hello", "a certificate that a district's office issued", refused("certificate_depth"))
def a_certificate_that_an_office_issued(scene: Scene) -> Any:
    city, index = _city(scene), _index(scene, scene.unit)
    district = city.issuer_of(index)
    process = scene.world.processes.get(district)
    if not district or process is None:
        return None
    own = process.office.certificates.credentials
    assert own is not None
    key: Any = load_pem_private_key(own.key_pem, None)
    by = {district: Authority(key, own.office, city.places[district])}
    chain = city.chain(index, FOREIGN.public_key, _now(scene), by=by)
    return _hello(scene, _ders(chain), FOREIGN.public_key)


@outsider("Hello", "a name outside of the district that issued it", refused("certificate_outside"))
def a_district_that_issues_for_others(scene: Scene) -> Any:
    city = _city(scene)
    district = next(i for i in city.real if i)
    authority = city.real[district]
    key = city.new_key().public_key()
    made = authority.issue_office(city.places[0], key, FOREIGN.public_key, "市", _now(scene))
    return _hello(scene, _ders((made, authority.certificate)), FOREIGN.public_key)


@outsider("Pull", "the host: another than the session's", refused("session_unknown"))
def a_session_over_the_line_of_another_host(scene: Scene) -> Any:
    open_one = scene.listener.parent.sessions.session_of(scene.unit)
    others = _others(scene, same_level=False)
    if open_one is None or not others:
        return None
    assert scene.context is not None
    scene.context.shown = _chain_of(scene, scene.rng.choice(others))
    cursor = pb.Cursor(lane=pb.LANE_BULK)
    return pb.PullRequest(cursor=cursor, session=open_one.session, unit=scene.unit)


# -- first keys ------------------------------------------------------------------------------------


def _as_new_writer(
    scene: Scene, index: int, chain: Chain, key: Any = FOREIGN, **claims: Any
) -> Any:
    """Return an entry of an office under an incarnation that nobody knows, and its signature."""
    unit = scene.world.units[index]
    claims = {
        "incarnation": scene.rng.getrandbits(62), "unit": unit.unit_id, "level": unit.level,
        **claims,
    }  # fmt: skip
    entry = scene.entry(blocks=[], **claims)
    signature = scene.signed(entry, key)
    signature.certificates.extend(chain)
    return entry, signature


def _pushed(scene: Scene, chain: Callable[[int], Chain]) -> Any:
    index = scene.rng.choice(scene.world.below(scene.teller.index))
    entry, signature = _as_new_writer(scene, index, chain(index), audience=UP)
    return scene.push(entry, signatures=[signature])


@push("a first key that nothing certifies", refused("key_uncertified"))
def a_writer_without_a_certificate(scene: Scene) -> Any:
    return _pushed(scene, lambda _index: ())


@push("a first key with a forged chain", refused("key_uncertified"))
def a_writer_with_a_forged_chain(scene: Scene) -> Any:
    city = _city(scene)
    return _pushed(
        scene,
        lambda i: _ders(city.chain(i, FOREIGN.public_key, _now(scene), by=city.false)),
    )


@push("a first key with its office's chain, which names another", refused("key_uncertified"))
def a_writer_with_the_chain_of_another_key(scene: Scene) -> Any:
    return _pushed(scene, lambda i: _chain_of(scene, i))


@push("a first key with the chain of another office", refused("key_uncertified"))
def a_writer_with_the_chain_of_its_parent(scene: Scene) -> Any:
    city, above = _city(scene), scene.listener.index
    return _pushed(scene, lambda _i: _ders(city.chain(above, FOREIGN.public_key, _now(scene))))


@in_hello("a status of its own office, under a first key that nothing certifies", NOTHING)
def a_status_that_nothing_certifies(scene: Scene) -> Any:
    incarnation, listener = scene.rng.getrandbits(62), scene.listener
    scene.notes["kept"] = lambda: _knows_writer(listener, incarnation)
    return with_status(scene, NodeStatus(
        unit=scene.me.unit, at_ms=scene.world.clockwork.now_ms, incarnation=incarnation,
        waiting_up=0,
    ))  # fmt: skip


@in_hello("the chain of an office that is not below it", NOTHING)
def a_chain_of_another_branch(scene: Scene) -> Any:
    hello, other = signed_hello(scene), scene.elsewhere()
    if hello is None or other is None:
        return None
    index = scene.world.units.index(other)
    chain = _city(scene).chain(index, FOREIGN.public_key, _now(scene))
    hello.keys.append(
        pb.CertifiedKey(
            unit=other.unit_id, public_key=FOREIGN.public_key, certificates=_ders(chain)
        )
    )
    listener = scene.listener
    scene.notes["kept"] = lambda: _has_chain(listener, other.unit_id, FOREIGN.public_key)
    return hello


def _knows_writer(listener: Any, incarnation: int) -> bool:
    with listener.office.store.read() as tx:
        return bool(log.writers_of(tx, {incarnation}))


def _has_chain(listener: Any, unit: int, key: bytes) -> bool:
    with listener.office.store.read() as tx:
        return bool(certified.chain_of(tx, unit, key))


@answers("Pull", "a first key of the city that nothing certifies", refused("key_uncertified"))
def a_city_without_a_certificate(scene: Scene) -> Any:
    return _handed_down(scene, ())


@answers("Pull", "a first key of the city with a forged chain", refused("key_uncertified"))
def a_city_with_a_forged_chain(scene: Scene) -> Any:
    city = _city(scene)
    return _handed_down(scene, _ders(city.chain(0, FOREIGN.public_key, _now(scene), by=city.false)))


def _handed_down(scene: Scene, chain: Chain) -> Any:
    cursor = scene.request.cursor
    if not scene.me.level:
        return None
    lane = Lane(cursor.lane)
    entry, signature = _as_new_writer(scene, 0, chain, audience=DOWN, lane=lane)
    scene.reply.batch.CopyFrom(scene.batch([entry.wire], [signature], lane, cursor.position))
    return scene.reply


@answers("Hello", "the chain of a key of the city: forged", NOTHING)
def a_forged_chain_that_a_child_is_given(scene: Scene) -> Any:
    reply, city = _accepted(scene), _city(scene)
    if reply is None:
        return None
    chain = _ders(city.chain(0, FOREIGN.public_key, _now(scene), by=city.false))
    unit, listener = scene.world.units[0].unit_id, scene.listener
    reply.keys.append(pb.CertifiedKey(unit=unit, public_key=FOREIGN.public_key, certificates=chain))
    scene.notes["kept"] = lambda: _has_chain(listener, unit, FOREIGN.public_key)
    return reply


# -- who answers -----------------------------------------------------------------------------------


def _accepted(scene: Scene) -> pb.HelloResponse | None:
    reply: pb.HelloResponse = scene.reply
    return reply if reply.verdict == pb.VERDICT_ACCEPTED else None


def _under(scene: Scene, chain: Chain, key: bytes = b"") -> Any:
    """Return a handshake's answer under another chain; None for an answer that brings lists."""
    reply = _accepted(scene)
    if reply is None or reply.revocations:
        return None
    del reply.certificates[:]
    reply.certificates.extend(chain)
    reply.public_key = key or reply.public_key
    return reply


@answers("Hello", "its certificate: none", refused("certificate_missing"))
def a_hub_without_a_certificate(scene: Scene) -> Any:
    return _under(scene, ())


@answers("Hello", "its certificate: of a false city", refused("certificate_foreign"))
def a_hub_of_a_false_city(scene: Scene) -> Any:
    city = _city(scene)
    chain = city.chain(scene.teller.index, scene.key.public_key, _now(scene), by=city.false)
    return _under(scene, _ders(chain))


@answers("Hello", "its certificate: its child's", refused("certificate_level"))
def a_hub_under_its_childs_certificate(scene: Scene) -> Any:
    return _under(scene, _chain_of(scene, scene.listener.index))


@answers("Hello", "its certificate and key: revoked ones", refused("certificate_revoked"))
def a_hub_under_a_revoked_certificate(scene: Scene) -> Any:
    stolen = _city(scene).stolen[scene.teller.index]
    if not _knows_as_revoked(scene, stolen.ders):
        return None
    return _under(scene, stolen.ders, stolen.signer.public_key)


@answers("Hello", "its certificate: one that has ended", refused("certificate_expired"))
def a_hub_under_an_expired_certificate(scene: Scene) -> Any:
    now = _now(scene) - LIFE - timedelta(days=3)
    chain = _city(scene).chain(scene.teller.index, scene.key.public_key, now)
    return _under(scene, _ders(chain))


@answers("Hello", "its key: another than its certificate names", refused("certificate_key"))
def a_hub_under_a_key_that_its_certificate_does_not_name(scene: Scene) -> Any:
    return _under(scene, _chain_of(scene, scene.teller.index), FOREIGN.public_key)


# -- revocation lists ------------------------------------------------------------------------------


def _with_list(scene: Scene, made: x509.CertificateRevocationList, by: Authority) -> Any:
    reply = _accepted(scene)
    if reply is None or reply.revocations:
        return None
    shown = by.certificate.public_bytes(DER)
    reply.revocations.append(pb.RevocationList(list=made.public_bytes(DER), authority=shown))
    return reply


def _known_number(scene: Scene, authority: Authority) -> int:
    numbers = scene.listener.office.certificates.numbers()
    return numbers.get(key_id(authority.certificate), 0)


@answers("Hello", "a revocation list: an older one", refused("revocations_older"))
def a_list_that_is_rolled_back(scene: Scene) -> Any:
    root = _city(scene).real[0]
    number = _known_number(scene, root)
    if not number:
        return None
    return _with_list(scene, root.revocation_list(number - 1, (), _now(scene)), root)


@answers("Hello", "a revocation list: signed by another", refused("revocations_forged"))
def a_forged_list(scene: Scene) -> Any:
    city = _city(scene)
    number = _known_number(scene, city.real[0]) + 1
    return _with_list(scene, city.false[0].revocation_list(number, (), _now(scene)), city.real[0])


@answers("Hello", "a revocation list: of a false city", refused("certificate_foreign"))
def a_list_of_a_false_city(scene: Scene) -> Any:
    false = _city(scene).false[0]
    return _with_list(scene, false.revocation_list(9, (), _now(scene)), false)


@answers("Hello", "revocation lists: kept back", NOTHING)
def lists_that_are_kept_back(scene: Scene) -> Any:
    reply = _accepted(scene)
    if reply is not None:
        del reply.revocations[:]
    return reply


# -- in files --------------------------------------------------------------------------------------


def _signed_file(scene: Scene, chain: Chain, signer: Any) -> bytes:
    def header(head: Any) -> None:
        head.public_key = signer.public_key
        del head.certificates[:]
        head.certificates.extend(chain)
        del head.revocations[:]

    return file_for(scene, signer=signer, header=header)


@carries(Role.CHILD, "its key and certificate: revoked ones", refused("certificate_revoked"))
def a_file_under_a_revoked_certificate(scene: Scene) -> Any:
    stolen = _city(scene).stolen[scene.teller.index]
    if not _knows_as_revoked(scene, stolen.ders):
        return None
    return _signed_file(scene, stolen.ders, stolen.signer)


@carries(Role.CHILD, "its certificate: of a false city", refused("certificate_foreign"))
def a_file_under_a_forged_chain(scene: Scene) -> Any:
    city = _city(scene)
    chain = city.chain(scene.teller.index, FOREIGN.public_key, _now(scene), by=city.false)
    return _signed_file(scene, _ders(chain), FOREIGN)


@carries(Role.HUB, "its certificate: another office's", refused("certificate_level"))
def a_file_under_the_certificate_of_another_office(scene: Scene) -> Any:
    return _signed_file(scene, _chain_of(scene, scene.listener.index), scene.key)


@carries(Role.HUB, "a revocation list: an older one", NOTHING)
def a_file_with_an_older_list(scene: Scene) -> Any:
    root = _city(scene).real[0]
    number = _known_number(scene, root)
    if not number:
        return None
    made = root.revocation_list(number - 1, (), _now(scene)).public_bytes(DER)

    def header(head: Any) -> None:
        del head.revocations[:]
        shown = root.certificate.public_bytes(DER)
        head.revocations.append(pb.RevocationList(list=made, authority=shown))

    listener = scene.listener
    scene.notes["kept"] = lambda: _number_of(listener, root) != number
    return file_for(scene, header=header)


def _number_of(listener: Any, authority: Authority) -> int:
    numbers = listener.office.certificates.numbers()
    return int(numbers.get(key_id(authority.certificate), 0))
