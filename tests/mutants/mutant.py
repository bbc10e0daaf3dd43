"""What a mutant is: one small fault, where it is put, and what must notice it."""

from __future__ import annotations

from dataclasses import dataclass

SEEDS = "seeds"
CRASH = "crash seeds"


@dataclass(frozen=True, slots=True)
class Mutant:
    """`old` occurs once in `file`; replaced by `new`, the product breaks `promise`."""

    name: str
    promise: str
    file: str
    old: str
    new: str
    killer: str = SEEDS
