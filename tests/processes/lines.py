"""The line between two offices as the nemesis sees it: begun faults, ended faults."""

from __future__ import annotations

import random
from typing import Protocol

from tests.processes.plan import Step
from tests.support.proxy import Direction, Faults, Proxy


class Line(Protocol):
    """What lies between an office and its parent."""

    def begin(self, step: Step, rng: random.Random) -> None:
        """Break it as a step says."""

    def end(self, step: Step) -> None:
        """Undo what the step began."""

    def reset(self) -> None:
        """End every connection at once."""

    def clear_faults(self) -> None:
        """Make it whole."""

    def close(self) -> None: ...


def directions_of(kind: str) -> tuple[Direction, ...]:
    """Return which ways a kind of fault breaks: "lose up" one, "lose" both."""
    return {"up": (Direction.UP,), "down": (Direction.DOWN,)}.get(
        kind.rsplit(maxsplit=1)[-1], tuple(Direction)
    )


class ProxyLine(Proxy):
    """A line of TCP connections that go through a proxy on the loopback."""

    def begin(self, step: Step, rng: random.Random) -> None:
        directions = directions_of(step.kind)
        match step.kind.split()[0]:
            case "reset" | "flap":
                self.reset()
            case "refuse":
                self.refuse()
            case "half":
                self.half_close(rng.choice(directions))
            case "cut":
                self.faults[rng.choice(directions)].reset_after = step.size
            case "stall":
                for direction in directions:
                    self.faults[direction].stalled = True
            case "lose":
                for direction in directions:
                    self.faults[direction].lost = True
            case "slow":
                for direction in directions:
                    self.faults[direction] = Faults(latency_ms=step.size, jitter_ms=step.size)
            case "narrow":
                for direction in directions:
                    self.faults[direction].bytes_per_s = step.size
            case _:
                raise AssertionError(step.kind)

    def end(self, step: Step) -> None:
        self.clear_faults()
        if step.kind.startswith(("lose", "half")):
            self.reset()  # the next byte would find out; nobody waits for it here
