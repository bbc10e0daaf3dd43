"""Measures of what protection costs: TLS, signatures and audit on, against all three off."""

from __future__ import annotations

import random
from collections import defaultdict
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

from node.config import OfficeConfig
from node.domain.catalogue import load_catalogue
from node.domain.unit_csv import read_units
from node.identity import files
from node.identity.authority import Authority, found_authority, new_key
from node.identity.place import Place
from node.keys import signer_of
from node.open import open_office
from node.reference import SHIPPED_FROM, shipped_tree_bytes
from node.setup import init_office
from sync.codec.signing import Signer
from tests.benchmarks import children, unprotected
from tests.benchmarks.bench import Bench, percentile
from tests.benchmarks.cascade import LEAF, ROOT, new_rate, timed_edits
from tests.benchmarks.idle import communities, tree_of
from tests.benchmarks.offices import CODES, EXTRA, catalogue, now_ms
from tests.benchmarks.tiers import OFFICE, Tiers, running
from tests.support.silian import free_ports

RECORDS = 30_000
WARM = 1_000  # records before anything is timed
BLOCKS, EDITS = 5, 30  # edits of one side, then as many of the other
CHILDREN = 1_000
STREET = CODES[2]
Found = dict[str, list[float]]
# Whether TLS, signatures and audit are on.
ON, OFF = "on", "off"


class Authorities:
    """A city's authority and one district's; certificates for who asks, without a network."""

    def __init__(self, city: int, district: int) -> None:
        now = datetime.now(UTC)
        self.path = (city, district)
        self.root = found_authority(new_key(), Place((city,)), "试市", now)
        key, place = new_key(), Place((city, district))
        made = self.root.issue_authority(place, key.public_key(), "试区", now)
        self.district = Authority(key, made, place)

    def credentials(self, place: Place, office_key: bytes) -> files.Credentials:
        """Return what an office shows: a new key of TLS, and a chain that names its signing key."""
        by = self.root if len(place.path) < 3 else self.district
        key, now = new_key(), datetime.now(UTC)
        made = by.issue_office(place, key.public_key(), office_key, "单位", now)
        chain = (made,) if by is self.root else (made, by.certificate)
        return files.Credentials(files.key_pem(key), chain, (self.root.certificate,))

    def enrol(self, folder: Path, place: Place, signer: Signer) -> None:
        found = self.credentials(place, signer.public_key)
        for name, content in (
            (files.ROOTS_FILE, found.roots_pem), (files.TLS_FILE, found.key_pem + found.chain_pem),
        ):  # fmt: skip
            (folder / name).touch(mode=0o600)
            (folder / name).write_bytes(content)


def make_line(folder: Path, *, enrolled: bool) -> None:
    """Make four tiers, one below the other, before their processes start."""
    units = {u.code: u.unit_id for u in read_units(shipped_tree_bytes(), "tree", SHIPPED_FROM)}
    path: list[int] = []
    authorities = Authorities(units[CODES[0]], units[CODES[1]])
    above = ""
    for code in CODES:
        listen = f"127.0.0.1:{free_ports('127.0.0.1')}"
        config = OfficeConfig(unit=code, extra_catalogue=(str(EXTRA),), parent=above, listen=listen)
        made = init_office(folder / code, config, catalogue(), rng=random.Random(code))
        above = listen
        path.append(made.unit_id)
        if enrolled:
            signer = signer_of(folder / code, random.Random(code), made.unit_id)
            authorities.enrol(folder / code, Place(tuple(path)), signer)


def tls(bench: Bench) -> None:
    """TLS, signatures and audit on against off: four tiers, handshakes, 1,000 that reconnect."""
    tls_tiers(bench)
    tls_children(bench)


def tls_tiers(bench: Bench) -> None:
    """New records and single edits over two lines of four tiers, one protected, in turn."""
    count = bench.count(RECORDS)
    found: dict[str, Found] = {ON: defaultdict(list), OFF: defaultdict(list)}
    with bench.folder() as folder, ExitStack() as stack:
        lines = {}
        for side, module in ((ON, OFFICE), (OFF, unprotected.__name__)):
            make_line(folder / side, enrolled=side == ON)
            lines[side] = stack.enter_context(running(folder / side, module=module))
            _warm_up(lines[side])
        for n in range(bench.runs):
            sides = [*lines.items()][:: 1 if n % 2 else -1]
            for side, line in sides:
                _new(line, count, WARM + n * count, found[side])
            for block in range(BLOCKS):
                for side, line in sides:
                    _edits(line, count, (n * BLOCKS + block + 1) * EDITS, found[side])
            bench.print_line(f"tls_tiers: round {n + 1} of {bench.runs}")
    on, off = found[ON], found[OFF]
    bench.found("tls_tiers_new", on["new"], "rows/s", against=OFF, others=off["new"])
    for name, part in (("p50", 0.5), ("p99", 0.99)):
        took, others = (percentile(side["edit"], part) for side in (on, off))
        bench.found(f"tls_single_edit_{name}", [took], "ms", against=OFF, others=[others])
    bench.found("tls_single_edit_cpu", on["cpu"], "ms", against=OFF, others=off["cpu"])


def _warm_up(line: Tiers) -> None:
    """Have some records arrive: all tiers are connected then."""
    line.ask(LEAF, "prepare", count=WARM)
    new_rate(line, WARM)


def _new(line: Tiers, count: int, already: int, found: Found) -> None:
    for tier in (ROOT, LEAF):
        line.ask(tier, "prepare", count=count, first=already)
    found["new"].append(new_rate(line, count, already))


def _edits(line: Tiers, count: int, first_round: int, found: Found) -> None:
    before = _cpu(line)
    found["edit"] += timed_edits(line, count, first_round, edits=EDITS)
    found["cpu"].append((_cpu(line) - before) / EDITS * 1e3)


def _cpu(line: Tiers) -> float:
    return sum(float(line.ask(tier, "usage")["cpu"]) for tier in range(len(CODES)))


# -- many children ---------------------------------------------------------------------------------


def tls_children(bench: Bench) -> None:
    """1,000 children that reconnect at once, and handshakes a second, protected and not in turn."""
    count = bench.count(CHILDREN)
    found: dict[str, Found] = {ON: defaultdict(list), OFF: defaultdict(list)}
    for n in range(bench.runs):
        for side in (ON, OFF) if n % 2 else (OFF, ON):
            with bench.folder() as folder:
                hub, name = _with_children(folder, count, enrolled=side == ON)
                measured = children.measured(hub, name, protected=side == ON)
            for what, value in measured.items():
                found[side][what].append(value)
        bench.print_line(f"tls_children: round {n + 1} of {bench.runs}")
    for what, unit in children.UNITS.items():
        bench.found(f"tls_{what}", found[ON][what], unit, against=OFF, others=found[OFF][what])


def _with_children(folder: Path, count: int, *, enrolled: bool) -> tuple[Path, str]:
    """Make a street and what its children show; return its folder, and its name if enrolled."""
    codes, hub = communities(count), folder / "hub"
    config = OfficeConfig(unit=STREET, listen=f"127.0.0.1:{free_ports('127.0.0.1')}")
    made = init_office(
        hub, config, load_catalogue(), rng=random.Random(STREET), tree_csv=tree_of(codes)
    )
    with closing(open_office(hub, wall_ms=now_ms, rng=random.Random(STREET))) as office:
        place, signer = office.certificates.place(made.unit_id), office.replica.signer
        below = office.tree.children(made.unit_id)
        places = {unit: office.certificates.place(unit) for unit in below}
    authorities = Authorities(*place.path[:2])
    if enrolled:
        authorities.enrol(hub, place, signer)
    shown = folder / "children"
    shown.mkdir()
    for unit, where in places.items():
        (shown / str(unit)).mkdir()
        if enrolled:
            authorities.enrol(shown / str(unit), where, children.signer_of(unit))
    return hub, place.dns if enrolled else ""
