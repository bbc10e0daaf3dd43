"""Verbs of the real command in processes of their own, in whatever environment a machine has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Several verbs in one process: a start costs more than a verb. Each ends with a line of its own on
# standard error: which it was, and its exit.
DRIVER = """
import json, os, sys
for limit, most in json.loads(os.environ.pop("TEST_LIMITS", "{}")).items():
    import resource
    resource.setrlimit(getattr(resource, limit), (most, most))
from hub.cli.main import main
for number, verb in enumerate(json.loads(os.environ.pop("TEST_VERBS"))):
    sys.argv = ["silian", *verb]
    if number:
        print("\\x1e", flush=True)
    try:
        main()
        code = 0
    except SystemExit as ended:
        code = ended.code or 0
    if sys.stdout is not None:
        sys.stdout.flush()
    print(f"\\x1eexit {code}", file=sys.stderr, flush=True)
"""
DROPPED = ("SILIAN_", "LC_", "LANG", "TERM", "COLUMNS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An environment: variables (None: not there), working folder, umask, limits, a clock."""

    name: str
    variables: Mapping[str, str | None] = field(default_factory=dict)
    cwd: Path | None = None
    umask: int = 0o022
    limits: Mapping[str, int] = field(default_factory=dict)
    closed: Sequence[int] = ()  # standard streams that are closed
    stdout: str = ""  # a file instead of a pipe


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one verb did."""

    exit: int
    out: bytes
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out.decode("utf-8"))


def run_in(place: Place, *verbs: Sequence[object]) -> list[Evidence]:
    """Run verbs one after the other in one process in a place; a trace in one fails the test."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(DROPPED)}
    asked = {
        **kept, "LANG": "C.UTF-8", **place.variables,
        "TEST_VERBS": json.dumps([[str(part) for part in verb] for verb in verbs]),
        "TEST_LIMITS": json.dumps(dict(place.limits)),
    }  # fmt: skip
    variables = {k: v for k, v in asked.items() if v is not None}

    # The shell closes the streams: code of ours between fork and exec (`preexec_fn`) would run in a
    # copy of this process, with the open channels of gRPC in it.
    closing = "".join(f" {number}>&-" for number in place.closed)

    out = open(place.stdout, "wb") if place.stdout else subprocess.PIPE  # noqa: SIM115
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", f'exec "$@"{closing}', "sh", sys.executable, "-c", DRIVER],
            env=variables, cwd=place.cwd, stdin=subprocess.DEVNULL, stdout=out,
            stderr=subprocess.PIPE, umask=place.umask, check=False,
        )  # fmt: skip
    finally:
        if not isinstance(out, int):
            out.close()
    shown = done.stderr.decode("utf-8", "replace")
    assert "Traceback" not in shown, f"{place.name}: {shown}"
    outs = (done.stdout or b"").split(b"\x1e\n")
    errs = shown.split("\x1eexit ")
    if 2 in place.closed:
        return [Evidence(done.returncode, out, "") for out in outs]
    exits = [int(part.partition("\n")[0]) for part in errs[1:]]
    assert len(exits) == len(verbs), f"{place.name}: {shown}"
    texts = [errs[0], *(part.partition("\n")[2] for part in errs[1:])]
    outs += [b""] * (len(verbs) - len(outs))
    return [Evidence(*each) for each in zip(exits, outs, texts[: len(verbs)], strict=True)]
