"""The verifier for strangers, as docs/examples has it: a file of its own, run on its own."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

FILE = Path(__file__).resolve().parents[2] / "docs/examples/verify_audit.py"


def verifier() -> ModuleType:
    """Return the verifier as a module."""
    spec = importlib.util.spec_from_file_location("verify_audit", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_verifier(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run it as a stranger does: from its file alone, without the product."""
    command = [sys.executable, "-I", str(FILE), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
