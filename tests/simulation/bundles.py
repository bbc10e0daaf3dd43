"""Bundles: what waits for a neighbour, in files that somebody carries and that are read late."""

from __future__ import annotations

import io
import random
from functools import partial
from typing import TYPE_CHECKING

from node.services.upkeep import bundles
from sync.model.limits import BATCH_BYTES_MIN
from tests.simulation.clockwork import Violation
from tests.simulation.plan import HOUR_MS, START_MS

if TYPE_CHECKING:
    from tests.simulation.process import Process
    from tests.simulation.workload import People
    from tests.simulation.world import World

MINUTE_MS = 60_000
LONGEST_MS = 6 * HOUR_MS  # without a line


class File(io.BytesIO):
    """A file on a stick: what was written stays when it is closed."""

    kept = b""

    def close(self) -> None:
        self.kept = self.getvalue()
        super().close()


def carry(people: People, process: Process, rng: random.Random) -> None:
    """A line is down for some hours: somebody is sent with what waits for its other end."""
    world, me = people._world, process.index
    ends = ([world.plan.parents[me]] if me else []) + world.children(me)
    left_ms = START_MS + world.plan.horizon_ms - world.clockwork.now_ms
    lasts_ms = min(MINUTE_MS + int(LONGEST_MS * rng.random() ** 3), left_ms)
    if not ends or left_ms < MINUTE_MS:
        raise people.nothing
    to, why = rng.choice(ends), object()
    line = me if to == world.plan.parents[me] and me else to
    world.network.cut(line, why)
    later = world.clockwork.later
    later(lasts_ms, f"line {line} is back", lambda: world.network.restore_link(line, why))
    trips = [rng.randrange(lasts_ms // 2) for _ in range(rng.choice((1, 1, 2)))]
    later(lasts_ms // 2, f"bundle of {me}", lambda: send(world, me, to, trips, rng))


def send(world: World, me: int, to: int, trips: list[int], rng: random.Random) -> None:
    """Write what waits, and let it arrive: perhaps twice, for a stick may be read again."""
    process = world.processes.get(me)
    if process is None:
        return  # nobody is there to write it
    files: list[File] = []

    def new_file(_number: int) -> File:
        files.append(File())
        return files[-1]

    def write() -> None:
        bundles.write_bundle(
            process.office, world.units[to].unit_id, new_file,
            max_bytes=rng.choice((0, 0, 2 * BATCH_BYTES_MIN)), start_over=rng.random() < 0.2,
        )  # fmt: skip
        content = [file.kept or file.getvalue() for file in files]
        rng.shuffle(content)
        for trip_ms in trips:
            harm = rng.random() < 0.15
            world.clockwork.later(
                trip_ms, f"bundle for {to}",
                partial(arrive, world, to, content, harm=harm, rng=rng),
            )  # fmt: skip

    def work() -> None:
        process.doing = "bundle"
        world.attempt(process, "bundle", write)

    process.when_awake(work)


def arrive(world: World, to: int, content: list[bytes], *, harm: bool, rng: random.Random) -> None:
    """Read files at the office that they are for, if somebody is there."""
    process = world.processes.get(to)
    if process is None:
        world.ledger.note("bundle", "nobody there")
        return
    if harm:
        content = [damaged(part, rng) for part in content]

    def read() -> None:
        survey = bundles.read_bundles(process.office, [io.BytesIO(part) for part in content])
        if harm:
            raise Violation("INV-31 a damaged file was taken", f"office {to}")
        new = sum(survey.new.values())
        world.ledger.note("bundle", "brought something new" if new else "was known already")

    def work() -> None:
        process.doing = "bundle"
        if not world.attempt(process, "bundle", read):
            world.ledger.note("bundle", "a damaged one was refused" if harm else "refused")

    process.when_awake(work)


def damaged(part: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(part))
    return part[:at] + bytes([part[at] ^ (1 << rng.randrange(8))]) + part[at + 1 :]
