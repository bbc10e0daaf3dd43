"""Files: an office's certificates and its keys of TLS, in its folder, for its own account only.

`tls.pem`: the private key, the office's certificate, and its district's authority. `roots.pem`: the
city's authorities. `ca.pem`, at the city and at districts: the authority's private key and its
certificate. A private key is made here and never leaves this machine. Whoever has certificates of
another make puts these files there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey as Key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from node.bad_config import BadConfig
from node.identity.authority import Authority, new_key
from node.identity.chain import place_in
from node.identity.refusals import CertificateRefused
from node.private import write_whole

TLS_FILE = "tls.pem"
ROOTS_FILE = "roots.pem"
CA_FILE = "ca.pem"
PENDING_FILE = "tls.pending"  # a key whose certificate was asked for and has not come yet


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an office shows of itself, and whom it goes by."""

    key_pem: bytes
    chain: tuple[x509.Certificate, ...]  # the office's first
    roots: tuple[x509.Certificate, ...]

    @property
    def office(self) -> x509.Certificate:
        return self.chain[0]

    @property
    def chain_pem(self) -> bytes:
        return pem_of(self.chain)

    @property
    def roots_pem(self) -> bytes:
        return pem_of(self.roots)

    @property
    def ders(self) -> tuple[bytes, ...]:
        """The chain as it is sent."""
        return tuple(each.public_bytes(Encoding.DER) for each in self.chain)


def load(folder: Path) -> Credentials | None:
    """Return an office's credentials; None: it is not enrolled. Raises: BadConfig."""
    path = folder / TLS_FILE
    if not path.exists():
        return None
    key, chain = _read(path)
    _, roots = _read(folder / ROOTS_FILE, key=False)
    return Credentials(key, chain, roots)


def save(
    folder: Path, key: Key, chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]
) -> None:
    """Write credentials: an office is enrolled once the last file is there."""
    write_whole(folder / ROOTS_FILE, pem_of(roots))
    write_whole(folder / TLS_FILE, key_pem(key) + pem_of(chain))
    (folder / PENDING_FILE).unlink(missing_ok=True)


def load_authority(folder: Path) -> Authority | None:
    """Return the authority of an office; None: it has none. Raises: BadConfig."""
    path = folder / CA_FILE
    if not path.exists():
        return None
    pem, chain = _read(path)
    try:
        return Authority(_key_of(path, pem), chain[0], place_in(chain[0]))
    except CertificateRefused as error:
        raise _damaged(path, error.en, error.zh) from None


def save_authority(folder: Path, key: Key, certificate: x509.Certificate) -> None:
    write_whole(folder / CA_FILE, key_pem(key) + pem_of((certificate,)))


def pending_key(folder: Path) -> Key:
    """Return the key that a certificate is being asked for: the same again after a failed try."""
    path = folder / PENDING_FILE
    if path.exists():
        return _key_of(path, path.read_bytes())
    key = new_key()
    write_whole(path, key_pem(key))
    return key


def key_pem(key: Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def pem_of(certificates: Sequence[x509.Certificate]) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


def _read(path: Path, *, key: bool = True) -> tuple[bytes, tuple[x509.Certificate, ...]]:
    """Return the private key's PEM and the certificates of a file. Raises: BadConfig."""
    try:
        content = path.read_bytes()
        chain = tuple(x509.load_pem_x509_certificates(content))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", "") or "no certificate in it"
        raise _damaged(path, why, why if hasattr(error, "strerror") else "其中没有证书") from None
    return (key_pem(_key_of(path, content)) if key else b""), chain


def _key_of(path: Path, content: bytes) -> Key:
    try:
        key = load_pem_private_key(content, None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Key):
        raise _damaged(path, "it holds no private key for TLS", "其中没有可用的私钥")
    return key


def _damaged(path: Path, why: str, why_zh: str) -> BadConfig:
    return BadConfig(
        str(path), why, why_zh,
        "Put the right file back, from a backup; or enrol the office again with an invitation.",
        "请从备份恢复该文件，或由上级重新发出邀请办理入网。",
    )  # fmt: skip
