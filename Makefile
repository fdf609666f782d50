# Everything a developer does, from a fresh clone, with Python 3.11 or newer, make and the Python packages only.
# `make help` lists it. Another interpreter: make PYTHON=python3.13 test

.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash -euo pipefail

# The first Python that is new enough.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$python"; break; }; done)
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet install
LOCKED := $(INSTALL) --require-hashes --only-binary :all:
COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet
PYTEST_ARGS ?=

# Compiling every module anew at each start would take longer than most commands do.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo
demo: $(VENV)/.program ## Archive a backup from the built-in simulator, step by step
	@$(BIN)/backupd demo

.PHONY: test
test: $(VENV)/.tools ## Run the tests that need nothing but Python
	PYTEST_DEBUG_TEMPROOT=$(SCRATCH) $(BIN)/python -m pytest -n $(AT_ONCE) --dist worksteal $(PYTEST_ARGS)

# More than two cores can do: now and then a test waits.
AT_ONCE = 3

# The quick tests sync every file they write: into memory, where there is a gigabyte of it.
SCRATCH = $(shell free=$$(df --output=avail /dev/shm 2>/dev/null | tail -1); \
	if [[ $${free:-0} -gt 1000000 && -w /dev/shm ]]; then echo /dev/shm; else echo "$${TMPDIR:-/tmp}"; fi)

.PHONY: test-system
test-system: $(VENV)/.tools ## Run the program as its users do; installs what it needs, if it is root
	tests/system/install-tools
	$(BIN)/python -m pytest -m "slow or system or crash" $(PYTEST_ARGS)
	PYTEST_DEBUG_TEMPROOT=$(SCRATCH) $(BIN)/python -m pytest -n 2 -m hypothesis --hypothesis-profile=thorough --timeout 600 $(PYTEST_ARGS)

.PHONY: bench
bench: $(VENV)/.tools ## Measure downloads against other tools (BENCH_ARGS="fast --rounds 3", docs/bench.md)
	$(BIN)/python -m tests.bench $(BENCH_ARGS)
BENCH_ARGS ?=

.PHONY: soak
soak: $(VENV)/.tools ## Let the daemon run for an hour, and see what grows (SOAK_ARGS="--minutes 10")
	$(BIN)/python -m tests.bench.soak $(SOAK_ARGS)
SOAK_ARGS ?=

.PHONY: check
check: $(VENV)/.tools ## Check style, types and layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: $(VENV)/.tools ## Set the code in the project's style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: lock
lock: $(VENV)/.tools ## Lock the newest versions that fit (make lock UPGRADE= changes only what must change)
	$(LOCKED) --requirement requirements/lock.txt
	$(COMPILE) $(UPGRADE) pyproject.toml --output-file requirements/runtime.txt
	$(COMPILE) $(UPGRADE) pyproject.toml --extra notify --constraints requirements/runtime.txt --output-file requirements/notify.txt
	$(COMPILE) $(UPGRADE) pyproject.toml --group dev --constraints requirements/notify.txt --output-file requirements/dev.txt
	$(COMPILE) --group pyproject.toml:build --constraints requirements/dev.txt --output-file requirements/build.txt
	$(COMPILE) $(UPGRADE) --group pyproject.toml:lock --output-file requirements/lock.txt
	@! grep -nE '://|index-url|find-links' requirements/*.txt || { echo "A lock names a host." >&2; exit 1; }
UPGRADE ?= --upgrade

.PHONY: clean
clean: ## Remove everything that is made here
	rm -rf $(VENV) build dist .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find backupd tests -name __pycache__ -prune -exec rm -rf {} +

.PHONY: help
help: ## Say what there is
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 22

# The environment is made once, and again when a lock changes. --no-build-isolation: the build backend is locked as well.
$(VENV)/.tools: requirements/dev.txt $(VENV)/.program
	@echo "Installing what tests and checks need into $(VENV), once ..."
	@$(LOCKED) --requirement requirements/dev.txt
	@touch $@

$(VENV)/.program: pyproject.toml requirements/runtime.txt requirements/build.txt | $(VENV)/.python
	@echo "Installing backupd and what it needs into $(VENV), once ..."
	@$(LOCKED) --requirement requirements/runtime.txt --requirement requirements/build.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.python:
	@[[ -n "$(PYTHON)" ]] || { echo "backupd needs Python 3.11 or newer, and none was found. Install one, or say where: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) cannot be run or is older than Python 3.11, which backupd needs." >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || { echo "$(PYTHON) cannot make a virtual environment (on Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }
	@touch $@
