"""Backoff: how long to wait before dialling again; full jitter spreads many dialers in time."""

from __future__ import annotations

import random

from sync.model.limits import BACKOFF_BASE_MS, BACKOFF_CAP_MS


def wait_ms(attempt: int, rng: random.Random) -> int:
    """Return milliseconds to wait before attempt number `attempt` (1 is the first retry).

    Uniform between 0 and min(cap, base * 2^(attempt - 1)).
    Source: Brooker, "Exponential Backoff And Jitter" (2015), "full jitter".
    """
    ceiling = min(BACKOFF_CAP_MS, BACKOFF_BASE_MS << min(attempt - 1, 16))
    return rng.randrange(ceiling + 1)
