"""Joining: what `silian join` does, step by step. Each step can be repeated after a failure."""

from __future__ import annotations

import random
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey as Key

from hub.api.tokens import token_of
from hub.cli.arguments import usage
from hub.cli.letters import Letter
from hub.client.client import wall_ms
from hub.link import enroller
from node.config import FILE, OfficeConfig, load_config, parse_config, write_config
from node.domain.catalogue import load_catalogue
from node.domain.units import Level
from node.host import LinkedOffice
from node.identity import authority, files
from node.open import open_office
from node.services.enrolment.requests import request_of
from node.setup import init_office
from sync.codec.signing import fingerprint
from sync.rpc.channel import Secure
from sync.wire.link.v1 import enrolment_pb2 as pb


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line says besides the letter; "" and None: as it is, or the default."""

    listen: str = ""
    enrolment: str = ""
    store: str = ""
    tree: bytes | None = None
    tree_from: date | None = None


def join_office(folder: Path, letter: Letter, settings: Settings) -> dict[str, Any]:
    """Enrol the office of a folder, which is made if there is none; return what it is now.

    An office that is there already keeps all that it has; its key becomes the certified one.
    Raises: BadConfig, OfficeBusy, NobodyEnrols, what the parent refuses, a CertificateRefused.
    """
    rng = random.SystemRandom()
    if not (folder / FILE).exists():
        _make(folder, letter, settings, rng)
    with closing(open_office(folder, wall_ms=wall_ms, rng=rng)) as office:
        if office.unit.code != letter.unit:
            raise usage(
                f"the letter is for {letter.unit} {letter.name}, and this is the office "
                f"{office.unit.code} {office.unit.name}",
                f"邀请函属于 {letter.unit} {letter.name}，而此目录是"
                f" {office.unit.code} {office.unit.name}",
                "Use the letter of this office.", "请使用本单位的邀请函。",
            )  # fmt: skip
        _enrol(office, letter)
        own = office.replica.signer.public_key
        parent = office.parent_unit
        assert parent is not None, "the city joins nobody"
        # A former letter is always the parent's own.
        name = letter.parent_tls_name if letter.enrols_at else letter.tls_name
        same = name == office.certificates.place(parent).dns
        changed = {
            "parent": letter.parent, "parent_enrolment": _renews_at(letter),
            "parent_tls_name": "" if same else name,
            **{name: value for name in ("listen", "enrolment")
               if (value := getattr(settings, name))},
        }  # fmt: skip
        config = load_config(folder).model_copy(update=changed)
        write_config(folder, parse_config(str(folder / FILE), config.model_dump()))
        return {
            "code": office.unit.code, "name": office.unit.name, "level": int(office.level),
            "key": fingerprint(own), "parent": letter.parent, "folder": str(folder),
            "authority": letter.fingerprint,
        }  # fmt: skip


def _make(folder: Path, letter: Letter, settings: Settings, rng: random.Random) -> None:
    asked: dict[str, Any] = {
        "unit": letter.unit, "parent": letter.parent, "store": settings.store,
        "parent_enrolment": _renews_at(letter), "enrolment": settings.enrolment,
        **({"listen": settings.listen} if settings.listen else {}),
    }  # fmt: skip
    config: OfficeConfig = parse_config("silian join", asked)
    init_office(
        folder, config, load_catalogue(), rng=rng, tree_csv=settings.tree,
        tree_from=settings.tree_from, parent_key=letter.parent_key,
    )  # fmt: skip
    token_of(folder)


def _enrol(office: LinkedOffice, letter: Letter) -> None:
    """Get the first certificate and put it into the folder."""
    roots = x509.load_pem_x509_certificates(letter.authority.encode())
    key = files.pending_key(office.folder)
    authority_key = _authority_key(office)
    request = request_of(office.replica.signer, office.identity.unit, key, authority_key)
    invites = office.tree.find(letter.enrols_at or letter.parent_unit).unit_id
    secure = Secure(letter.authority.encode(), letter.tls_name)
    reply = enroller.enrol(
        letter.enrolment,
        secure,
        pb.EnrolRequest(
            parent=invites, secret=bytes.fromhex(letter.secret), request=enroller.to_wire(request)
        ),
    )
    grant = enroller.grant_of(reply)
    enroller.must_be_ours(office, grant, roots)
    if grant.authority is not None and authority_key is not None:
        files.save_authority(office.folder, authority_key, grant.authority)
    files.save(office.folder, key, grant.chain, roots)
    office.certificates.reload()
    office.certificates.take_lists((each.list, each.authority) for each in reply.revocations)


def _renews_at(letter: Letter) -> str:
    return letter.parent_enrolment or letter.enrolment


def _authority_key(office: LinkedOffice) -> Key | None:
    """Return the key of a district's authority: the one that it has, else a new one."""
    if office.level is not Level.DISTRICT:
        return None
    own = files.load_authority(office.folder)
    return own.key if own is not None else authority.new_key()
