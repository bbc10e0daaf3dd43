"""Measures of the way from a community to the city: four tiers, four processes, real gRPC."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from contextlib import ExitStack
from statistics import median

from tests.benchmarks import bare, pg, raw
from tests.benchmarks.bench import Bench, Skipped, no_garbage, percentile
from tests.benchmarks.data import rows
from tests.benchmarks.tiers import Tiers, running

EDITS = 300
EDITS_UNDER_LOAD = 100
EDIT_PAUSE_S = 0.005
STRIDE = 331  # edits hit records far from each other
LOAD_SHARE = 0.5  # of what four tiers carry at most: "while a bulk load flows"
ROOT, LEAF = 0, 3
Found = dict[str, list[float]]


def tiers(bench: Bench) -> None:
    """New records, updates and single edits over 4 tiers, against RAW4 and PostgreSQL's cascade."""
    count = bench.count(100_000)
    ours: Found = defaultdict(list)
    theirs: Found = defaultdict(list)
    raw4: list[float] = []
    chain: list[float] = []
    with ExitStack() as stack:
        peer = _peer(bench, stack, count)
        for n in range(bench.runs):
            with bench.folder() as folder:
                raw4.append(raw.rate(folder, count, 4))
            with bench.folder() as folder, running(folder) as line:
                _round(line, count, ours)
            with bench.folder() as folder, running(folder, module=bare.__name__) as line:
                chain.append(median(timed_edits(line, count, first_round=1)))
            if peer is not None:
                _peer_round(peer, count, theirs)
            bench.print_line(f"tiers: round {n + 1} of {bench.runs}")
        name = peer.name if peer is not None else ""
    bench.found("tiers_new", ours["new"], "rows/s", against="RAW4", others=raw4)
    bench.found("single_edit_p50", ours["edit_p50"], "ms", against="bare chain", others=chain)
    for measure, unit in (
        ("new", "rows/s"), ("update_ordered", "rows/s"), ("update_shuffled", "rows/s"),
        ("edit_p50", "ms"),
    ):  # fmt: skip
        label = f"single_{measure}" if measure.startswith("edit") else f"tiers_{measure}"
        if name or measure not in ("new", "edit_p50"):  # above, these have another next to them
            bench.found(label, ours[measure], unit, against=name, others=theirs[measure])
    bench.found(
        "single_edit_p99", ours["edit_p99"], "ms", against="its own p50", others=ours["edit_p50"]
    )
    if name:
        bench.found(
            f"single_edit_p99 of {name}", theirs["edit_p99"], "ms",
            against="its own p50", others=theirs["edit_p50"],
        )  # fmt: skip


def _peer(bench: Bench, stack: ExitStack, count: int) -> pg.Cascade | None:
    try:
        peer = stack.enter_context(pg.cascade(stack.enter_context(bench.folder())))
    except Skipped as missing:
        bench.print_line(f"tiers: nothing beside it: {missing}")
        return None
    peer.prepare(list(rows(count)))
    return peer


def _round(line: Tiers, count: int, found: Found) -> None:
    for tier in (ROOT, LEAF):
        line.ask(tier, "prepare", count=count)
    found["new"].append(new_rate(line, count))
    for round, shuffled in ((1, False), (2, True)):
        began = line.ask(LEAF, "update", round=round, shuffled=shuffled)
        ended = line.ask(ROOT, "wait_phone", record=began["last"], round=round)
        name = "update_shuffled" if shuffled else "update_ordered"
        found[name].append(count / (ended["at"] - began["began"]))
    _note(found, timed_edits(line, count, first_round=10))


def new_rate(line: Tiers, count: int, already: int = 0, leaf: int = LEAF) -> float:
    """Load the prepared rows; return rows a second until all are visible at the root."""
    line.send_command(ROOT, "wait_count", count=already + count)
    began = line.ask(leaf, "load")["began"]
    return float(count / (line.answer(ROOT)["at"] - began))


def timed_edits(
    line: Tiers, count: int, first_round: int, register: str = "bench", edits: int = EDITS
) -> list[float]:
    """Return the milliseconds that single edits took from the community to the city."""
    took = []
    for i in range(edits):
        what = {"n": (i * STRIDE) % count, "round": first_round + i, "register": register}
        line.send_command(ROOT, "wait_phone", **what)
        began = line.ask(LEAF, "edit", **what)["began"]
        took.append((line.answer(ROOT)["at"] - began) * 1e3)
        time.sleep(EDIT_PAUSE_S)
    return took


def _note(found: Found, took: list[float]) -> None:
    found["edit_p50"].append(median(took))
    found["edit_p99"].append(percentile(took, 0.99))


def _peer_round(peer: pg.Cascade, count: int, found: Found) -> None:
    ids = [record_id.hex() for record_id, _ in rows(count)]
    shuffled = list(ids)
    random.Random(5).shuffle(shuffled)
    peer.fresh()
    with no_garbage():
        found["new"].append(peer.load())
        found["update_ordered"].append(peer.update(ids, 2))
        found["update_shuffled"].append(peer.update(shuffled, 3))
    took = []
    for i in range(EDITS):
        took.append(peer.edit(ids[(i * STRIDE) % count], 10 + i) * 1e3)
        time.sleep(EDIT_PAUSE_S)
    _note(found, took)


def under_load(bench: Bench) -> None:
    """Single edits over 4 tiers while bulk flows: of the same lane, and urgent ones."""
    count = bench.count(30_000)
    found: Found = defaultdict(list)
    for _ in range(bench.runs):
        with bench.folder() as folder, running(folder) as line:
            for tier in (ROOT, LEAF):
                line.ask(tier, "prepare", count=count)
            pace = new_rate(line, count) * LOAD_SHARE
            first = count
            for name, register, rate in (
                ("bulk", "bench", pace), ("urgent", "bench_urgent", 0.0),
            ):  # fmt: skip
                line.ask(LEAF, "load_behind", rate=rate, first=first)
                time.sleep(1.0)
                took = timed_edits(line, count, 10, register, EDITS_UNDER_LOAD)
                first += int(line.ask(LEAF, "load_behind", rate=0.0)["count"])
                line.ask(ROOT, "wait_count", count=first)
                found[f"{name}_p50"].append(median(took))
                found[f"{name}_p99"].append(percentile(took, 0.99))
    bench.found("single_edit_under_load_p50", found["bulk_p50"], "ms")
    bench.found(
        "single_edit_under_load_p99", found["bulk_p99"], "ms",
        against="its own p50", others=found["bulk_p50"],
    )  # fmt: skip
    bench.found("urgent_edit_under_burst_p50", found["urgent_p50"], "ms")
    bench.found(
        "urgent_edit_under_burst_p99", found["urgent_p99"], "ms",
        against="its own p50", others=found["urgent_p50"],
    )  # fmt: skip
