"""Preparation by helper processes before the start: workbooks, offices. Imports little."""

from __future__ import annotations

import random
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from hub.api.tokens import token_of
from hub.demo.population import CommunityPlan
from hub.demo.sheets import write_community_workbook
from node.config import OfficeConfig
from node.domain.catalogue import load_catalogue
from node.setup import init_office

SYNC_INTERVAL_S = 10


@dataclass(frozen=True, slots=True)
class Job:
    """One community: what to generate, where its workbook and its office go."""

    plan: CommunityPlan
    folder: Path
    workbook: Path
    tree_csv: bytes
    tree_from: date


def leave_ctrl_c() -> None:
    """Leave Ctrl-C to the demonstration: it ends its helpers itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def prepare_one(job: Job) -> None:
    """Write a community's workbook and make its office."""
    write_community_workbook(job.workbook, job.plan, load_catalogue().registers)
    make_offices([(job.folder, job.plan.unit.code)], job.tree_csv, job.tree_from)


def make_offices(folders: Sequence[tuple[Path, str]], tree_csv: bytes, tree_from: date) -> None:
    """Make offices in folders, by unit code."""
    catalogue = load_catalogue()
    for folder, code in folders:
        init_office(
            folder,
            OfficeConfig(unit=code, sync_interval_s=SYNC_INTERVAL_S),
            catalogue,
            rng=random.SystemRandom(),
            tree_csv=tree_csv,
            tree_from=tree_from,
        )
        token_of(folder)
