# Every target sets up what it needs. A machine needs Python 3.11 or later with pip and venv, make and git.

PYTHON ?= python3
UV_VERSION := 0.13.9
SEEDS ?= 25
JOBS ?= 2
ROLES ?= --roles
KEY ?= release.key

export UV_PYTHON_DOWNLOADS := never
# An office's network often has a certificate authority of its own, which the system knows.
export UV_SYSTEM_CERTS ?= true
export UV_PROJECT_ENVIRONMENT := .venv
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME

BIN := .venv/bin
CHECKED := node hub sync proto deploy tests

.DEFAULT_GOAL := help
.PHONY: help setup demo test soak check proto bench sim mutants fmt bundle deb clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

# uv lives in the environment that it manages; `--inexact` keeps it there.
$(BIN)/uv:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(v < (3, 11) and "Python 3.11 or later is needed, this is %d.%d: make PYTHON=python3.11" % v)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.synced: pyproject.toml uv.lock | $(BIN)/uv
	$(BIN)/uv sync --quiet --locked --inexact
	@touch $@

setup: .venv/.synced ## make .venv with everything that uv.lock names

demo: setup ## run a four-level city on this machine
	@command -v ip >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		apt-get install --quiet --quiet --yes iproute2 >/dev/null; } || true # for network namespaces
	$(BIN)/silian demo

test: setup ## run every test
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal tests

soak: setup ## run what is too long or too wide for every test run
	-$(BIN)/uv sync --quiet --locked --inexact --group fuzz # no wheel: what needs it is left out
	$(BIN)/python -m pytest -m soak -n $(JOBS) --dist worksteal tests
	HYPOTHESIS_PROFILE=explore $(BIN)/python -m pytest -n $(JOBS) --dist worksteal tests/property tests/unit

check: setup ## format, lint, types, layers, wire contract, lock: all that is not a test
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.checks.words
	$(BIN)/python -m tests.checks.reached
	$(BIN)/python proto/generate.py --check
	cd proto && ../$(BIN)/buf lint
	$(BIN)/uv lock --check

proto: setup ## generate sync/wire from proto/
	$(BIN)/python proto/generate.py

bench: setup ## run the benchmarks
	$(BIN)/python -m tests.benchmarks

sim: setup ## run the simulator on SEEDS seeds (default 25), with lies; ROLES= leaves them out
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) $(ROLES)

mutants: setup ## break the code on purpose and see that a test notices
	$(BIN)/python -m tests.mutants

fmt: setup ## format and repair what ruff can
	$(BIN)/ruff check --fix $(CHECKED)
	$(BIN)/ruff format $(CHECKED)

bundle: setup ## build the air-gapped bundle, signed with KEY, into dist
	$(BIN)/python -m deploy.bundle --key $(KEY)

deb: setup ## build the Debian package from the bundle in dist
	$(BIN)/python -m deploy.deb $(BUNDLE)

clean: ## remove caches, build output and the demo's data; .venv stays
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage build dist demo
	find node hub sync proto tests -name __pycache__ -type d -prune -exec rm -rf {} +
