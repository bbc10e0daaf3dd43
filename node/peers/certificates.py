"""Certificates of an office and of its peers: what it shows, whom it accepts, who was revoked.

An office without credentials is not enrolled: it knows its neighbours by the keys pinned at the
first contact, and reaches them on loopback only. One that is enrolled accepts certificates only.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from node.audit import state
from node.identity import files
from node.identity.authority import moment
from node.identity.chain import (
    Certified,
    Trust,
    check_place,
    read_chain,
    verify,
    verify_authority,
)
from node.identity.files import Credentials
from node.identity.place import Place, place_of
from node.identity.refusals import (
    CertificateBranch,
    CertificateExpired,
    CertificateKey,
    CertificateMissing,
    CertificateRefused,
    RevocationsOlder,
)
from node.identity.revocations import RevocationList, newer, read_list
from node.peers.context import PeerContext
from node.store import certificates as table
from node.store import meta
from node.store.certificates import KeptList
from sync.log import certified
from sync.log.certified import WANTED_MAX

KNOWN_MAX = 1_024  # chains that were verified; beyond it all are verified again
Chain = tuple[bytes, ...]  # DER, the office's certificate first


class Certificates:
    """Thread-safe. A chain is verified once, and again after each change of whom to trust."""

    def __init__(self, office: PeerContext, folder: Path) -> None:
        self._office = office
        self._folder = folder
        self._lock = threading.Lock()
        self._known: dict[Chain, Certified] = {}
        self._kept: dict[str, KeptList] = {}
        self.credentials: Credentials | None = None
        self._trust = Trust(())
        self._parent: Chain = ()  # what the parent has shown last
        self._refused: dict[int, bytes] = {}  # unit -> a key that nothing certified
        self._noted: set[tuple[int, bytes, Chain]] = set()  # that the store has
        self.reload()

    @property
    def enrolled(self) -> bool:
        return self.credentials is not None

    def reload(self) -> None:
        """Read the files again: certificates were issued or renewed. Raises: BadConfig."""
        found = files.load(self._folder)
        if found is None:
            return
        with self._office.store.read() as tx:
            kept = {each.issuer: each for each in table.lists(tx)}
        lists = {
            issuer: read_list(each.der, read_chain([each.authority])[0])
            for issuer, each in kept.items()
        }
        self._note_own(found)
        with self._lock:
            self.credentials, self._kept = found, kept
            self._trust = Trust(found.roots, lists)
            self._known = {}
        me = self._office.replica
        self._note(me.identity.unit, me.signer.public_key, found.ders)
        me.certifier = self.certify

    def _note_own(self, found: Credentials) -> None:
        """Record another certificate of this office, whichever way it came."""
        office, serial = self._office, f"{found.office.serial_number:040x}"
        with office.store.read() as tx:
            known = meta.get(tx, state.CERTIFICATE)
        if known != serial:
            unit = office.identity.unit
            office.store.write(lambda tx: state.note_certificate(tx, office.audit, unit, serial))

    # -- who it is -----------------------------------------------------------------------------

    def own(self) -> Chain:
        """Return what this office shows of itself; empty: it is not enrolled."""
        return self.credentials.ders if self.credentials is not None else ()

    def check(self, unit: int, key: bytes, chain: Sequence[bytes]) -> bool:
        """Return whether a unit's signing key is certified; False: this office is not enrolled.

        Raises: a CertificateRefused.
        """
        if not self.enrolled:
            return False
        if unit == self._office.parent_unit:
            self._parent = tuple(chain)
        if self.certified(tuple(chain), self.place(unit)).office_key != key:
            raise CertificateKey
        self._note(unit, key, chain)
        return True

    def check_carried(self, unit: int, key: bytes, chain: Sequence[bytes]) -> bool:
        """As `check`, for a file that was carried: its certificate may have ended.

        Who has no line cannot renew. A revoked certificate counts for nothing all the same.
        Raises: a CertificateRefused.
        """
        try:
            return self.check(unit, key, chain)
        except CertificateExpired:
            parsed, place = read_chain(chain), self.place(unit)
            end = min(each.not_valid_after_utc for each in parsed)
            if verify(parsed, self._trust, end, place).office_key != key:
                raise CertificateKey from None
            self._note(unit, key, chain)
            return True

    def is_parent_refused(self) -> bool:
        """Return whether the certificate that the parent has shown counts no more."""
        parent = self._office.parent_unit
        if parent is None or not self._parent:
            return False
        try:
            self.certified(self._parent, self.place(parent))
        except CertificateRefused:
            return True
        return False

    def place(self, unit: int) -> Place:
        """Return a unit's place in the tree of today. Raises: CertificateBranch."""
        if unit not in self._office.tree:
            raise CertificateBranch
        return place_of(self._office.tree, unit)

    def certified(
        self, chain: Chain, expected: Place | None = None, *, grace: timedelta = timedelta()
    ) -> Certified:
        """Return what a chain proves now. `grace`: so long after its end it still counts.

        Raises: a CertificateRefused.
        """
        now = moment(self._office.clock.now_ms()) - grace
        with self._lock:
            found, trust = self._known.get(chain), self._trust
        if found is None:
            found = verify(read_chain(chain), trust, now)
            with self._lock:
                if trust is self._trust:
                    if len(self._known) >= KNOWN_MAX:
                        self._known.clear()
                    self._known[chain] = found
        if now > found.until:
            raise CertificateExpired
        if expected is not None:
            check_place(found.place, expected)
        return found

    # -- keys of offices further up and down ----------------------------------------------------

    def certify(self, unit: int, key: bytes, chain: Sequence[bytes]) -> None:
        """Check that a chain names a unit's signing key, whoever has shown it.

        Whose key it is does not end with the certificate, and not with its revocation: the parent
        of that office accepts no call of it from then on, and what it had accepted before counts.
        Of a revoked authority nothing counts. Raises: a CertificateRefused.
        """
        parsed = read_chain(chain)
        if not parsed:
            raise CertificateMissing
        end = min(each.not_valid_after_utc for each in parsed)
        found = verify(parsed, Trust(self._trust.roots), end)
        if parsed[1:]:
            verify_authority(parsed[1:], self._trust, end)
        if found.place.path[-1] != unit:
            raise CertificateBranch
        if found.office_key != key:
            raise CertificateKey

    def note_refused(self, unit: int, key: bytes) -> None:
        """Remember a key that was refused because nothing certified it."""
        with self._lock:
            self._refused[unit] = key
            for first in [*self._refused][:-WANTED_MAX]:
                del self._refused[first]

    def refused(self) -> list[tuple[int, bytes]]:
        """Return the keys that were refused of late, by unit."""
        with self._lock:
            return [*self._refused.items()]

    def _note(self, unit: int, key: bytes, chain: Sequence[bytes]) -> None:
        """Keep a neighbour's chain, to show it to others."""
        noted = (unit, key, tuple(chain))
        if noted in self._noted:
            return
        with self._office.store.read() as tx:
            known = certified.chain_of(tx, unit, key)
        if known != noted[2]:
            self._office.store.write(lambda tx: certified.keep(tx, unit, key, chain))
        if len(self._noted) >= KNOWN_MAX:
            self._noted.clear()
        self._noted.add(noted)

    # -- who was revoked -------------------------------------------------------------------------

    def numbers(self) -> Mapping[str, int]:
        """Return the number of the newest list of each authority."""
        return {issuer: kept.number for issuer, kept in self._kept.items()}

    def lists(self) -> list[tuple[bytes, bytes]]:
        """Return the newest lists, each with its authority's certificate."""
        return [(kept.der, kept.authority) for kept in self._kept.values()]

    def lists_after(self, numbers: Mapping[str, int]) -> list[KeptList]:
        """Return the lists that are newer than those a peer has."""
        return [kept for kept in self._kept.values() if kept.number > numbers.get(kept.issuer, -1)]

    def take_lists(self, given: Iterable[tuple[bytes, bytes]], *, carried: bool = False) -> bool:
        """Keep lists that came, each with its authority's certificate; return whether any is new.

        An older one changes nothing. On a link it is refused: the other side knew our number. In a
        file, which may be read late, it is left alone (`carried`).
        Raises: a CertificateRefused.
        """
        if not self.enrolled:
            return False
        new = []
        for each in given:
            try:
                found = self._read(each)
            except RevocationsOlder:
                if not carried:
                    raise
                continue
            if found is not None:
                new.append(found)
        return bool(new) and self.keep(new)

    def keep(self, new: Sequence[tuple[RevocationList, x509.Certificate]]) -> bool:
        """Keep newer lists in the store; return whether any was new there."""
        rows = [
            KeptList(each.issuer, each.number, each.der, authority.public_bytes(Encoding.DER))
            for each, authority in new
        ]
        changed = self._office.store.write(lambda tx: [table.keep_list(tx, row) for row in rows])
        if any(changed):
            self.reload()
            self._office.log.info("revocations_received", lists=sum(changed))
        return any(changed)

    def _read(self, given: tuple[bytes, bytes]) -> tuple[RevocationList, x509.Certificate] | None:
        der, issuer = given
        (authority,) = read_chain([issuer])
        verify_authority([authority], self._trust, moment(self._office.clock.now_ms()))
        come = read_list(der, authority)
        return (come, authority) if newer(self._trust.lists.get(come.issuer), come) else None
