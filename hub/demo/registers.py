"""Registers (scene 1): each community's, written as a workbook and imported at its office."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from hub.client.files import record_pieces
from hub.demo.network import Network, Place
from hub.demo.population import StreetPlan, plan_streets
from hub.demo.preparation import Job, leave_ctrl_c, make_offices, prepare_one
from hub.demo.processes import DemoFailed
from node.domain.units import Tree
from sync.wire.office.v1 import registers_pb2 as pb

WORKERS = 2
WORKBOOK = "workbook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What one community's clerk imported, by register."""

    code: str
    workbook: Path
    rows: dict[str, int]


def plan_of(tree: Tree, street: int, as_of: date, scale: float) -> StreetPlan:
    """Return what is to be generated for a street."""
    (plan,) = plan_streets(tree, street, as_of=as_of, scale=scale)
    return plan


def prepare(
    network: Network,
    plan: StreetPlan,
    workbooks: Path,
    tree_csv: bytes,
    tree_from: date,
    report: Callable[[str], None],
) -> dict[str, Path]:
    """Write every community's workbook and make every office; return workbooks by unit code.

    Two processes do it: generating and writing 70,000 residents is work for both cores.
    """
    workbooks.mkdir(parents=True)
    jobs = []
    for each in plan.communities:
        place = network.at(each.unit.unit_id)
        path = workbooks / f"{place.folder.name}.xlsx"
        jobs.append(Job(each, place.folder, path, tree_csv, tree_from))
    upper = [(p.folder, p.code) for p in (network.city, network.district, network.street)]
    with ProcessPoolExecutor(
        WORKERS, multiprocessing.get_context("spawn"), initializer=leave_ctrl_c
    ) as pool:
        runs: list[Future[None]] = [pool.submit(make_offices, upper, tree_csv, tree_from)]
        # The largest first: at the end nobody waits for one.
        runs += [
            pool.submit(prepare_one, job)
            for job in sorted(jobs, key=lambda job: -job.plan.residents)
        ]
        try:
            for done, run in enumerate(runs):
                run.result()
                report(f"{done}/{len(jobs)}")
        except BrokenProcessPool:
            raise DemoFailed(
                "a helper that writes workbooks was ended", "生成工作簿的辅助进程被终止"
            ) from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return {job.plan.unit.code: job.workbook for job in jobs}


def bring_in(
    network: Network, workbooks: dict[str, Path], report: Callable[[str], None]
) -> list[Imported]:
    """Import every workbook through its office, in both processes at once.

    Raises: DemoFailed when a row is refused: a generated workbook has no faults.
    """
    done: dict[str, int] = {}
    lock = threading.Lock()

    def one(place: Place) -> Imported:
        def report_rows(rows: int) -> None:
            with lock:
                done[place.code] = rows
                report(f"{sum(done.values()):,}")

        path = workbooks[place.code]
        return Imported(
            code=place.code, workbook=path,
            rows=import_file(place, WORKBOOK, path.read_bytes(), path.name, report_rows),
        )  # fmt: skip

    return network.each_community(one)


def import_file(
    place: Place,
    register: str,
    data: bytes,
    filename: str,
    report_rows: Callable[[int], None] = lambda _rows: None,
) -> dict[str, int]:
    """Import a file as a clerk does; return the records added, by register.

    Raises: DemoFailed with the first fault when anything is refused.
    """
    reports: Sequence[pb.ImportReport] = ()
    for update in place.office.import_records(
        record_pieces(data, register=register, filename=filename)
    ):
        if update.HasField("progress"):
            report_rows(update.progress.done)
        elif update.HasField("outcome"):
            reports = update.outcome.reports
    for report in reports:
        if not report.done or report.refused:
            why = report.summary[0].text if report.summary else None
            raise DemoFailed(
                f"{place.name} refused {filename}: {report.register}: {why.en if why else '-'}",
                f"{place.name}未能导入 {filename}：{report.register}：{why.zh if why else '-'}",
            )
    rows = {report.register: report.new for report in reports}
    report_rows(sum(rows.values()))
    return rows
