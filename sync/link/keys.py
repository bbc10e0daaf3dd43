"""Keys: offices ask a neighbour for the certificates of keys that they took without one.

That is so for keys from before an office was enrolled, and where a stream began before its office
was. A child gives those of offices at and below it, a parent those of offices at and above it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlalchemy import Connection

from sync.apply.host import Host
from sync.codec.entry import chain_from_wire, key_from_wire
from sync.log import certified, signatures
from sync.log.certified import WANTED_MAX, Shown
from sync.log.signatures import KeyUncertified
from sync.wire.link.v1 import link_pb2 as pb

Key = tuple[int, bytes]  # unit, public key


def exchange_keys(
    host: Host, asked: Iterable[Key], peer: int, *, from_child: bool
) -> list[pb.CertifiedKey]:
    """Return the certificates that a neighbour asks for, and, without any, what we ask it for.

    `from_child`: the neighbour is a child.
    """
    ours, theirs = _shown_by_us(host, peer, to_child=from_child), _shown_by(host, peer, from_child)
    with host.store.read() as tx:
        given = [
            pb.CertifiedKey(unit=unit, public_key=key, certificates=chain)
            for unit, key in asked
            if ours(unit) and (chain := certified.chain_of(tx, unit, key))
        ]
        wanted = certified.wanted(tx, theirs)
    refused = (key for key in host.certificates.refused() if theirs(key[0]))
    needed = [*dict.fromkeys((*refused, *wanted))][:WANTED_MAX]
    return given + [pb.CertifiedKey(unit=unit, public_key=key) for unit, key in needed]


def take_keys(
    host: Host, given: Iterable[pb.CertifiedKey], peer: int, *, from_child: bool
) -> list[Key]:
    """Keep the certificates that a neighbour gives; return what it asks for.

    One that certifies nothing is reported; the others are kept. Raises: Malformed.
    """
    theirs, shown, asked = _shown_by(host, peer, from_child), list[Shown](), list[Key]()
    for each in [*given][: 2 * WANTED_MAX]:
        unit, key = each.unit, key_from_wire(each.public_key)
        chain = chain_from_wire(each.certificates)
        if not chain:
            asked.append((unit, key))
        elif theirs(unit):
            shown.append((unit, key, chain))
    with host.store.read() as tx:
        new = [each for each in shown if not certified.chain_of(tx, *each[:2])]
    for one in new:
        try:
            host.store.write(_keeping(host, one))
        except KeyUncertified as error:
            host.signature_refused(peer, error)
    return asked


def _keeping(host: Host, one: Shown) -> Callable[[Connection], None]:
    return lambda tx: signatures.take_chains(tx, host.replica.certifier, [one])


def _shown_by(host: Host, peer: int, from_child: bool) -> Callable[[int], bool]:
    """Return of which units a neighbour shows certificates."""
    routes, me = host.replica.routes, host.replica.identity.unit
    if from_child:
        return lambda unit: routes.covers(peer, unit)
    return lambda unit: unit != me and routes.covers(unit, me)


def _shown_by_us(host: Host, peer: int, *, to_child: bool) -> Callable[[int], bool]:
    routes, me = host.replica.routes, host.replica.identity.unit
    if to_child:
        return lambda unit: unit != peer and routes.covers(unit, peer)
    return lambda unit: routes.covers(me, unit)
