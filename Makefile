# fleetrun: `make demo` shows it, `make test` proves it. Nothing else is needed
# on a fresh Debian or Ubuntu machine with Python 3.11 and make.
SHELL := /bin/sh
# The first Python that runs and is new enough: a name on the PATH is no proof (a version manager's
# shim for a version that is not selected answers with an error).
ifndef PYTHON
PYTHON := $(shell for p in python3.11 python3.12 python3.13 python3; do \
    $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
ifeq ($(PYTHON),)
$(error no Python 3.11 or newer found; install it (apt-get install python3) or name one: make PYTHON=/path/to/python3)
endif
endif
VENV ?= .venv
BIN := $(VENV)/bin
JOBS ?= 2

.PHONY: help demo test test-all check lint types bench bench-inventory bench-bastion docs lab clean packages bench-peers oracle

help:
	@echo "make demo       a rollout over 50 simulated devices (about 30 s)"
	@echo "make test       everything that must hold, under 15 minutes"
	@echo "make test-all   the slow rest too"
	@echo "make check      format, lint, types, architecture, unit tests of the pure core"
	@echo "make bench      figures beside other tools"
	@echo "make docs       write docs/reference again from the code"

# -- set up ---------------------------------------------------------------------

$(VENV)/.run: pyproject.toml
	@PYTHON=$(PYTHON) .ci/packages venv
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

packages:
	@.ci/packages test

# -- the two commands -----------------------------------------------------------

demo: $(VENV)/.run
	@.ci/packages demo
	$(BIN)/fleetrun demo

test: $(VENV)/.dev packages lint types
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -q

test-all: $(VENV)/.dev packages lint types oracle
	@.ci/packages slow
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -q -m "not bench"

# -- parts ----------------------------------------------------------------------

lint: $(VENV)/.dev
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy

check: lint types
	$(BIN)/python -m pytest -q tests/test_architecture.py tests/model tests/planning tests/remote

bench: $(VENV)/.dev packages
	$(BIN)/python tests/bench/bench_play.py $(BENCH_ARGS)

# ansible-core, in an environment of its own: the slow tests ask it what they hold against fleetrun.
oracle: .venv-oracle/.made
.venv-oracle/.made:
	$(PYTHON) -m venv .venv-oracle
	.venv-oracle/bin/python -m pip install --quiet --disable-pip-version-check "ansible-core>=2.19,<2.20"
	@touch $@

bench-bastion: $(VENV)/.dev
	$(BIN)/python -m tests.bench.bench_bastion $(BENCH_ARGS)

# Other tools, in an environment of their own, to be measured beside fleetrun.
bench-peers:
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/pip install --quiet pyinfra "ansible-core>=2.19,<2.20" mitogen

docs: $(VENV)/.dev
	$(BIN)/python -m fleetrun.testing.docs

lab: $(VENV)/.run
	$(BIN)/fleetrun lab up

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
