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
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet
PYTEST_ARGS ?=

.PHONY: demo
demo: $(VENV)/.project ## Archive a backup from the built-in simulator, step by step
	$(BIN)/backupd demo

.PHONY: test
test: $(VENV)/.project ## Run the tests that need nothing but Python
	$(BIN)/python -m pytest $(PYTEST_ARGS)

.PHONY: test-system
test-system: $(VENV)/.project ## Run the program as its users do; installs what it needs if it is root
	tests/system/install-tools
	$(BIN)/python -m pytest -m "system or crash" $(PYTEST_ARGS)

.PHONY: check
check: $(VENV)/.project ## Check style, types and layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: $(VENV)/.project ## Set the code in the project's style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: lock
lock: $(VENV)/.requirements ## Choose the newest versions that fit and lock them (make lock UPGRADE= keeps what still fits)
	$(LOCK) $(UPGRADE) pyproject.toml --output-file requirements/runtime.txt
	$(LOCK) $(UPGRADE) pyproject.toml --group dev --constraints requirements/runtime.txt --output-file requirements/dev.txt
	$(LOCK) --group pyproject.toml:build --constraints requirements/dev.txt --output-file requirements/build.txt
	@! grep -nE '://|--(extra-)?index-url|--find-links' requirements/*.txt || { echo "a lock names a host"; exit 1; }
UPGRADE ?= --upgrade

.PHONY: clean
clean: ## Remove everything that is made here
	rm -rf $(VENV) build dist .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find backupd tests -name __pycache__ -prune -exec rm -rf {} +

.PHONY: help
help: ## Say what there is
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 22

# The environment is made once; again when the lock changes. --no-build-isolation: the build backend comes from the lock too.
$(VENV)/.project: pyproject.toml $(VENV)/.requirements
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.requirements: requirements/dev.txt
	@[[ -n "$(PYTHON)" ]] || { echo "backupd needs Python 3.11 or newer, and none was found. Install one, or say where: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) cannot be run or is older than Python 3.11, which backupd needs." >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || { echo "$(PYTHON) cannot make a virtual environment (Debian and Ubuntu: install python3-venv)." >&2; exit 1; }
	@echo "Installing the Python packages into $(VENV), once ..."
	$(PIP) install --require-hashes --only-binary :all: --requirement requirements/dev.txt
	@touch $@
