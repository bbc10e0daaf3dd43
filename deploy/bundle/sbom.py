"""List of parts (SBOM) in CycloneDX 1.6, made from the wheels that are in the bundle themselves."""

from __future__ import annotations

import hashlib
import uuid
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.parser import Parser
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

SCHEMA = SchemaVersion.V1_6


@dataclass(frozen=True, slots=True)
class Part:
    """What a wheel's metadata has, and the wheel's hash."""

    name: str
    version: str
    licence: str
    needs: frozenset[str]
    sha256: str


def part_of(wheel: Path) -> Part:
    """Read one wheel."""
    with zipfile.ZipFile(wheel) as opened:
        (path,) = (n for n in opened.namelist() if n.endswith(".dist-info/METADATA"))
        found = Parser().parsestr(opened.read(path).decode(), headersonly=True)
    extras = ("", "binary")  # psycopg's; the product asks for no other
    needs = {
        canonicalize_name(each.name)
        for each in map(Requirement, found.get_all("Requires-Dist", []))
        if each.marker is None or any(each.marker.evaluate({"extra": e}) for e in extras)
    }
    name = canonicalize_name(found["Name"])
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return Part(name, found["Version"], _licence(found), frozenset(needs), digest)


def _licence(found: object) -> str:
    get, get_all = found.get, found.get_all  # type: ignore[attr-defined]
    classified = [c.rpartition(" :: ")[2] for c in get_all("Classifier", []) if "License ::" in c]
    text = get("License-Expression") or ", ".join(classified) or get("License") or "unknown"
    return str(text).strip().splitlines()[0]


def sbom(wheels: Iterable[Path], *, product: str, made: datetime) -> str:
    """Return the list of parts as JSON; the same wheels give the same text."""
    parts = {part.name: part for part in map(part_of, sorted(wheels))}
    components = {name: _component(part, name == product) for name, part in parts.items()}
    bom = Bom(components=[c for name, c in components.items() if name != product])
    bom.metadata.component = components[product]
    bom.metadata.timestamp = made.astimezone(UTC)
    content = "\n".join(f"{part.name} {part.sha256}" for part in parts.values())
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, content)
    for name, part in parts.items():
        known = [components[each] for each in sorted(part.needs) if each in components]
        bom.register_dependency(components[name], known)
    text: str = make_outputter(bom, OutputFormat.JSON, SCHEMA).output_as_string(indent=2)
    return text + "\n"


def _component(part: Part, product: bool) -> Component:
    return Component(
        name=part.name, version=part.version,
        type=ComponentType.APPLICATION if product else ComponentType.LIBRARY,
        bom_ref=f"{part.name}@{part.version}",
        purl=PackageURL("pypi", None, part.name, part.version),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=part.sha256)],
        licenses=[LicenseFactory().make_from_string(part.licence)],
    )  # fmt: skip
