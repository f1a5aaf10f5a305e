# make run    sets up .venv and runs the main job        make run ARGS="portfolio=miners scenarios=100000"
# make test   sets up .venv and runs the tests           make test TESTS="tests/data -k reader"
# make help   lists the rest

PYTHON      ?= python3
VENV         = .venv
CONSTRAINTS  = constraints.txt
WORKERS     ?= 2
ARGS        ?=
TESTS       ?=

BIN      = $(VENV)/bin
READY    = $(VENV)/.ready
LINT     = .venv-lint
LINTED   = $(LINT)/.ready
CODE     = src kernels models conf data tests bench
export PIP_DISABLE_PIP_VERSION_CHECK = 1

# $(call new_venv,FOLDER): an empty environment with the pinned pip, or one clear sentence.
define new_venv
	@command -v $(PYTHON) >/dev/null || { echo "rackrisk: $(PYTHON) not found; name a Python >= 3.11: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "rackrisk: needs Python >= 3.11, but $(PYTHON) is $$($(PYTHON) --version 2>&1); name another: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "setting up $(1) with $$($(PYTHON) --version) (a minute or two)" >&2
	@$(PYTHON) -m venv --clear $(1)
	@$(1)/bin/python -m pip install --quiet --no-input --constraint $(CONSTRAINTS) pip
endef

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help env run test test-all test-oldest test-python coverage lint format wheel clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1@/p' $(MAKEFILE_LIST) | awk -F@ '{ printf "  make %-12s %s\n", $$1, $$2 }'

env: $(READY) ## .venv with the rackrisk command and what the tests need

$(READY): pyproject.toml $(CONSTRAINTS)
	$(call new_venv,$(VENV))
	@$(BIN)/python -m pip install --quiet --no-input --constraint $(CONSTRAINTS) --build-constraint $(CONSTRAINTS) --editable '.[test]'
	@touch $@

run: $(READY) ## the main job; overrides in ARGS="..."
	@$(BIN)/rackrisk run $(ARGS)

test: $(READY) ## the tests; pytest arguments in TESTS="..."
	$(BIN)/pytest -n $(WORKERS) --dist worksteal $(TESTS)

test-all: $(READY) ## the tests and the slow ones
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "slow or not slow" $(TESTS)

test-oldest: ## the tests with the oldest supported dependencies
	@$(MAKE) --no-print-directory test VENV=.venv-oldest CONSTRAINTS=constraints-oldest.txt

test-python: ## the tests on another Python: PY=3.13
	@$(MAKE) --no-print-directory test VENV=.venv-$(PY) PYTHON=python$(or $(PY),$(error say which: make test-python PY=3.13))

coverage: $(READY) ## the tests, with a table of lines not reached
	$(BIN)/pytest -n $(WORKERS) --cov --cov-report=term-missing:skip-covered $(TESTS)

$(LINTED): pyproject.toml $(CONSTRAINTS)
	$(call new_venv,$(LINT))
	@$(LINT)/bin/python -m pip install --quiet --no-input --constraint $(CONSTRAINTS) ruff basedpyright
	@touch $@

lint: $(READY) $(LINTED) ## ruff and the type checker
	$(LINT)/bin/ruff check $(CODE)
	$(LINT)/bin/ruff format --check $(CODE)
	$(LINT)/bin/basedpyright --pythonpath $(BIN)/python

format: $(LINTED) ## put the code into the house format
	$(LINT)/bin/ruff check --fix $(CODE)
	$(LINT)/bin/ruff format $(CODE)

wheel: $(READY) ## dist/*.whl and the source archive
	$(BIN)/python -m build

clean: ## remove what the above made, but no run folder
	rm -rf .venv .venv-* dist build .pytest_cache .ruff_cache .hypothesis .coverage .coverage.* htmlcov
	find $(CODE) -name __pycache__ -prune -exec rm -rf {} +
