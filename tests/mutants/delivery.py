"""Checks of what leaves the machine and what comes onto it: metrics and bundles, opened again."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

METRICS = "tests/integration/test_metrics.py"
READING = "tests/unit/hub/test_metrics.py"
INSTALL = "tests/unit/deploy/test_install_checks.py"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        "a metric's label is a child's name",
        "labels",
        "hub/serve/metrics.py",
        "((code, line.code), line)",
        "((code, line.name), line)",
        METRICS,
    ),
    Mutant(
        "a metric's label is a job and its run",
        "labels",
        "hub/serve/metrics.py",
        "((code, job.job), job)",
        '((code, f"{job.job} {job.runs}"), job)',
        METRICS,
    ),
    Mutant(
        "a metric's label is the text of a problem",
        "labels",
        "hub/serve/metrics.py",
        "family.add_metric((code, severity.name.lower()), counts[severity])",
        "[family.add_metric((code, each.en), 1) for each in found.status.problems]",
        METRICS,
    ),
    Mutant(
        "problems are counted under no severity",
        "labels",
        "hub/serve/metrics.py",
        "Counter(problem.severity for problem in",
        "Counter(problem.code for problem in",
        READING,
    ),
    Mutant(
        "what a child never reported is counted as 0",
        "unknown is never zero",
        "hub/serve/metrics.py",
        "        lambda line: line.conflicts if line.received else None,",
        "        lambda line: line.conflicts,",
        READING,
    ),
    Mutant(
        "every page of the metrics port is the metrics",
        "authorisation",
        "hub/serve/metrics_port.py",
        '        if environ["PATH_INFO"] == PATH:',
        "        if True:",
        METRICS,
    ),
    Mutant(
        "a bundle counts under any signature",
        "delivery",
        "deploy/bundle/install.py",
        "    if done.returncode:\n        _refuse_bundle(",
        "    if False:\n        _refuse_bundle(",
        INSTALL,
    ),
    Mutant(
        "a bundle counts whoever has signed it",
        "delivery",
        "deploy/bundle/install.py",
        '[tool, "-Y", "verify", "-f", str(signers), "-I", SIGNER, "-n", NAMESPACE,',
        '[tool, "-Y", "check-novalidate", "-n", NAMESPACE,',
        INSTALL,
    ),
    Mutant(
        "a changed file of a bundle is installed",
        "delivery",
        "deploy/bundle/install.py",
        "        if _digest(path) != digest:",
        "        if False:",
        INSTALL,
    ),
    Mutant(
        "a file that the manifest does not name is installed",
        "delivery",
        "deploy/bundle/install.py",
        "    if extra:\n",
        "    if False:\n",
        INSTALL,
    ),
    Mutant(
        "a missing file of a bundle is not missed",
        "delivery",
        "deploy/bundle/install.py",
        '            _refuse_bundle(path, "the file is missing", "缺少该文件")\n',
        "            continue\n",
        INSTALL,
    ),
    Mutant(
        "a manifest names files outside of its bundle",
        "delivery",
        "deploy/bundle/install.py",
        ' or ".." in Path(matched[2]).parts or',
        " or",
        INSTALL,
    ),
    Mutant(
        "a link in a bundle is followed",
        "delivery",
        "deploy/bundle/install.py",
        "            mode = path.lstat().st_mode",
        "            mode = path.stat().st_mode",
        INSTALL,
    ),
    Mutant(
        "a bundle for another machine is installed",
        "delivery",
        "deploy/bundle/install.py",
        "        if facts[name] != found:",
        "        if False:",
        INSTALL,
    ),
)
