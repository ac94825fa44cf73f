# One command for everything a person or a machine does here. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

BIN := .venv/bin
READY := .venv/.ready
# A file or folder; by default what pyproject.toml names: the tests of the mesh, and those of every domain.
TESTS ?=
BASE ?= $(firstword $(foreach candidate,python3 python3.11 python3.12 python3.13 python3.14 python,$(if $(shell \
	$(candidate) -c 'import sys; print(sys.version_info >= (3, 11) or "")' 2>/dev/null),$(candidate))))

.PHONY: help
help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(READY)  ## land nine months of real data, run the whole mesh, show what came of it
	@$(BIN)/mesh demo

.PHONY: test
test: check  ## check everything, then run the whole test suite
	@$(BIN)/pytest -n 2 --dist loadfile --ignore=tests/e2e/test_faults.py --ignore=tests/e2e/test_daemon.py $(TESTS)

.PHONY: faults
faults: $(READY)  ## the living mesh, a quarter of an hour: months land, everything is killed; count what was lost
	@$(BIN)/pytest tests/e2e/test_daemon.py tests/e2e/test_faults.py

.PHONY: check
check: $(READY)  ## style, types, the direction of imports
	@$(BIN)/ruff check --output-format concise
	@$(BIN)/ruff format --check --quiet || { echo 'some files are not in the usual form: make format'; exit 1; }
	@$(BIN)/lint-imports
	@$(BIN)/pyright

.PHONY: format
format: $(READY)  ## put the code into its usual form
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

.PHONY: bench
bench: $(READY)  ## measure every figure of the README again and print the table
	@$(BIN)/python -m benchmarks

.PHONY: ui
ui: $(READY)  ## the Dagster webserver and daemon on the whole mesh
	@$(BIN)/mesh ui

.PHONY: setup
setup: $(READY)  ## only set up .venv

.PHONY: lock
lock: $(READY)  ## pin every dependency again, with hashes
	@$(BIN)/uv pip compile pyproject.toml --extra dev --universal -p 3.11 --upgrade --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" -o requirements.lock -q

.PHONY: clean
clean:  ## remove .venv, caches and build output; .mesh (your data and models) stays
	@rm -rf .venv build dist .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './.git/*' -not -path './.mesh/*' -prune -exec rm -rf {} +

# The stamp is older than what it depends on exactly when .venv is.
$(READY): requirements.lock pyproject.toml
	@BASE="$(BASE)" bash .ci/setup
