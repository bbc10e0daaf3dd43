"""Place: which office a certificate names, as the units from the city down to it.

    silian://u<district>.u<city>/u<street>/u<community>?level=3

District and city are the host part, because X.509 can limit an authority to a host (RFC 5280,
4.2.1.10): every TLS library then refuses what a district issues outside of its subtree. The units'
permanent numbers are in it, not their codes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from node.domain.units import Level, Tree

SCHEME = "silian"
_LABEL = "u([0-9a-f]{16})"
_URI = re.compile(
    rf"{SCHEME}://(?:{_LABEL}\.)?{_LABEL}(?:/{_LABEL})?(?:/{_LABEL})?\?level=([0-3])", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Place:
    """An office's place in the tree: its unit and those above it, the city first."""

    path: tuple[int, ...]

    @property
    def unit(self) -> int:
        return self.path[-1]

    @property
    def level(self) -> Level:
        return Level(len(self.path) - 1)

    @property
    def host(self) -> str:
        """The district and the city: what an authority's name constraint is about."""
        return ".".join(_label(unit) for unit in reversed(self.path[:2]))

    @property
    def uri(self) -> str:
        """The name that stands in the certificate."""
        rest = "".join(f"/{_label(unit)}" for unit in self.path[2:])
        return f"{SCHEME}://{self.host}{rest}?level={int(self.level)}"

    @property
    def dns(self) -> str:
        """The same as a host's name: gRPC compares no other name of a server."""
        return ".".join(_label(unit) for unit in reversed(self.path))

    def is_within(self, above: Place) -> bool:
        """Return whether this is the office `above`, or one below it."""
        return self.path[: len(above.path)] == above.path


def read_place(uri: str) -> Place | None:
    """Return the place that a URI names; None when it is not written as `Place.uri` writes it."""
    found = _URI.fullmatch(uri)
    if found is None:
        return None
    district, city, street, community, level = found.groups()
    units = [int(unit, 16) for unit in (city, district, street, community) if unit]
    place = Place(tuple(units))
    return place if place.uri == uri and str(int(place.level)) == level else None


def place_of(tree: Tree, unit: int) -> Place:
    """Return a unit's place in a tree. Raises: UnknownUnit."""
    path = [unit]
    while (above := tree.parent(path[0])) is not None:
        path.insert(0, above)
    return Place(tuple(path))


def _label(unit: int) -> str:
    return f"u{unit:016x}"
