"""Some seeds in every run of the tests; `make sim SEEDS=200` runs more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation.aimed import AIMS, stages
from tests.simulation.ledger import OFTEN, Ledger
from tests.simulation.plan import COPIES, OPERATIONS, Fault, Op, Plan, plan_from_json, plan_of
from tests.simulation.run import Result, run

REGRESS = sorted((Path(__file__).resolve().parents[1] / "regress").glob("*.json"))
HORIZON_MS = 8 * 3_600_000
OFFICES_MAX = 8
SEEDS = [seed for seed in range(20) if len(plan_of(seed).parents) <= OFFICES_MAX][:4]


def small(seed: int) -> Plan:
    """Return the plan of a seed, cut down so that all of them take a minute."""
    plan = plan_of(seed)
    return plan.within(min(plan.horizon_ms, HORIZON_MS))


def story_of(result: Result) -> str:
    return f"{result.detail}\n" + "\n".join(result.story)


@pytest.mark.parametrize("seed", [129, 182], ids=["a copy", "a backup"])
def test_a_run_in_which_stores_keep_their_keys_differs_and_passes(seed: int) -> None:
    without, with_key = run(plan_of(seed)), run(plan_of(seed).without(keys=True))
    assert with_key.passed, story_of(with_key)
    assert without.trace != with_key.trace, "the key file was not beside the store"


def test_every_fault_verdict_and_quarantine_reason_occurs_and_breaks_nothing() -> None:
    ledger = Ledger()
    for plan in stages():
        result = run(plan)
        assert result.passed, f"stage {plan.seed}: {story_of(result)}"
        ledger.add(result.ledger)
    assert ledger.missing() == []


def test_a_crash_is_aimed_at_each_operation_that_must_survive_one() -> None:
    assert set(AIMS) == set(OFTEN)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_city_under_faults_loses_nothing_and_becomes_idle(seed: int) -> None:
    result = run(small(seed))
    assert result.passed, story_of(result)


def test_a_store_that_has_recovered_is_not_taken_for_a_restored_one_again() -> None:
    """It forgets the token of its backup: each call would begin another recovery."""
    plan = plan_from_json((REGRESS[0].parent / "bc28a807ddbe.json").read_text(encoding="utf-8"))
    result = run(plan)
    assert result.passed, story_of(result)
    assert 0 < result.ledger.counts["verdict", "RESTORED"] < 5


def test_a_commit_that_a_power_cut_ended_counts_if_the_store_has_it() -> None:
    result = run(plan_of(1, "crash").within(37_000_000))
    assert result.passed, story_of(result)
    assert result.ledger.counts["fault", "power_cut_in_write"]


def test_the_same_seed_leaves_the_same_trace() -> None:
    assert run(small(SEEDS[0])).trace == run(small(SEEDS[0])).trace


def test_another_seed_leaves_another_trace() -> None:
    one, other = (small(seed).within(600_000) for seed in SEEDS[:2])
    assert run(one).trace != run(other).trace


def test_power_cuts_in_a_city_lose_nothing_acknowledged() -> None:
    result = run(plan_of(2, "crash").within(HORIZON_MS))
    assert result.passed, f"{result.detail}\n" + "\n".join(result.story)


@pytest.mark.parametrize("path", REGRESS, ids=lambda path: path.stem)
def test_every_plan_that_failed_once_passes(path: Path) -> None:
    result = run(plan_from_json(path.read_text(encoding="utf-8")))
    assert result.passed, story_of(result)


def test_a_plan_round_trips_through_json() -> None:
    assert plan_from_json(plan_of(7).to_json()) == plan_of(7)


def test_bit_rot_on_a_disk_is_found_and_repaired_by_a_comparison() -> None:
    plan = small(SEEDS[0])
    bit_rots = tuple(
        Fault(at_ms, at_ms, office, "bit_rot", at_ms + office)
        for office in range(len(plan.parents))
        for at_ms in (HORIZON_MS // 2, HORIZON_MS - 1)
    )
    faults = tuple(sorted((*plan.faults, *bit_rots), key=lambda fault: (fault.at_ms, fault.seed)))
    result = run(plan.without(faults=faults))
    assert result.passed, f"{result.detail}\n" + "\n".join(result.story)
    assert result.ledger.counts["fault", "bit_rot"] >= 3
    assert result.ledger.counts["log", "records_differed"] >= 1


def with_snapshots(plan: Plan) -> Plan:
    """Return a plan in which every disk is lost and every store put back, with short logs."""
    offices = range(1, len(plan.parents))
    gone = tuple(
        Fault(at_ms, at_ms + 600_000, office, kind, at_ms + office)
        for office in offices
        for at_ms, kind in (
            (HORIZON_MS // 3 + office * 1_200_000, "lost_disk"),
            (HORIZON_MS // 2 + office * 1_200_000, "restore"),
        )
    )
    cuts = tuple(
        Op(share * HORIZON_MS // 10 + office * 300_000, office, "retire", share)
        for office in offices
        for share in (2, 5, 8)
    )
    return plan.without(
        faults=tuple(sorted(gone, key=lambda fault: (fault.at_ms, fault.seed))),
        ops=tuple(sorted((*plan.ops, *cuts), key=lambda op: (op.at_ms, op.seed))),
        copies=COPIES,
    )


def with_redaction(plan: Plan, every_ms: int = 600_000) -> Plan:
    """Return a plan in which records are ended, edited apart and re-created, and all redact."""
    offices = range(len(plan.parents))
    kinds = ("retire", "end", "end_clash", "retire", "recreate", "change", "retire", "resolve")
    ops = tuple(
        Op(at_ms + office * 7_000, office, kind, at_ms + office)
        for n, at_ms in enumerate(range(HORIZON_MS // 8, HORIZON_MS, every_ms))
        for office in offices
        if (kind := kinds[(n + office) % len(kinds)]) in ("retire", "change")
        or plan.levels[office] == 3
    )
    every = tuple(sorted((*plan.ops, *ops), key=lambda op: (op.at_ms, op.seed)))
    return plan.without(ops=every, copies=0)


def test_deleted_records_are_redacted_everywhere_and_never_restored() -> None:
    ledger = Ledger()
    for seed in SEEDS[:2]:
        result = run(with_redaction(small(seed)))
        assert result.passed, story_of(result)
        ledger.add(result.ledger)
    assert ledger.counts["retention", "reduced"] >= 20
    assert ledger.counts["retention", "a stub at rest"] >= 1
    assert ledger.counts["operation", "recreate"] >= 20


def test_lost_disks_and_old_backups_are_recovered_by_snapshot_with_every_acknowledged_entry() -> (
    None
):
    result = run(with_snapshots(small(SEEDS[0])))
    assert result.passed, story_of(result)
    counts = result.ledger.counts
    assert counts["fault", "lost_disk"] >= 3
    for kind, least in (("into a restored store", 3), ("whole", 3), ("handed up", 10)):
        assert counts["snapshot", kind] >= least, kind


@pytest.mark.parametrize("seed", [1, 40])
def test_a_city_that_loses_its_disk_makes_no_second_index_key_that_hides_a_duplicate(
    seed: int,
) -> None:
    """Its tick comes before its children give it back the first: then two stand for a while."""
    plan = plan_of(seed)
    lost = Fault(plan.horizon_ms // 2, plan.horizon_ms // 2, 0, "lost_disk", seed)
    result = run(
        plan.without(
            ops=tuple(op for op in plan.ops if op.kind not in OPERATIONS["money"]),
            faults=tuple(sorted((*plan.faults, lost), key=lambda fault: fault.at_ms)),
        )
    )
    assert result.passed, story_of(result)
    assert result.ledger.counts["fault", "lost_disk"] == 1
    assert [key for key in result.ledger.counts if key[0] == "case"]
