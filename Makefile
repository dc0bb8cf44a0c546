# `make cloud` builds and proves a highly available OpenStack on this machine; `make test` runs every test.
# Everything is idempotent and quiet when there is nothing to do.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CLOUD ?= examples/lab.yaml
BIN := .venv/bin
HAVEN := $(BIN)/haven --file $(CLOUD)
PYTEST := $(BIN)/pytest -q
READY := .venv/.ready

# Runs its argument and prints how long it took.
timed = @started=$$(date +%s); status=0; $(2) || status=$$?; \
	printf '%-12s %4d s  %s\n' '$(1)' $$(($$(date +%s) - started)) \
	"$$([ $$status = 0 ] && echo passed || echo FAILED)" >> .venv/.times; exit $$status

.PHONY: help
help:  ## Show this list.
	@grep -hE '^[a-z0-9]+:.*##' Makefile | sed -E 's/^([a-z0-9]+):.*## (.*)/\1\t\2/' | expand -t 14

.PHONY: setup
setup: $(READY)  ## Install what this host lacks, and haven itself into .venv.
	@:

$(READY): pyproject.toml uv.lock tools/setup-host
	@echo "installing haven and what this host lacks; a minute or two, the first time"
	@tools/setup-host
	@test -x $(BIN)/python || python3 -m venv .venv
	@test -x .venv/uv/bin/uv || { python3 -m venv .venv/uv && .venv/uv/bin/pip install --quiet uv; }
	@.venv/uv/bin/uv sync --quiet --frozen --no-python-downloads --python $(BIN)/python
	@touch $@

.PHONY: cloud
cloud: setup  ## Build the lab and the cloud of examples/lab.yaml, prove it, say how to sign in.
	@$(HAVEN) up
	@$(HAVEN) verify
	@$(HAVEN) access

.PHONY: test
test: setup  ## Run every check and every test, and say where the time went.
	@rm -f .venv/.times; trap 'echo; cat .venv/.times' EXIT; \
	for part in lint unit integration e2e; do $(MAKE) --no-print-directory $$part; done

.PHONY: lint
lint: setup  ## Check style, types and who may import whom.
	$(call timed,lint,$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check . && $(BIN)/mypy --no-error-summary && { $(BIN)/lint-imports > .venv/.imports || { cat .venv/.imports; false; }; })

.PHONY: unit
unit: setup  ## Run the tests that touch no machine.
	$(call timed,unit,$(PYTEST) -m unit -n auto --durations=5 tests/unit)

.PHONY: integration
integration: setup  ## Run the tests with real daemons and namespaces (root).
	$(call timed,integration,$(PYTEST) -m integration --durations=10 tests/integration)

.PHONY: e2e
e2e: setup  ## Run the tests with whole clouds in the lab (root, minutes).
	$(call timed,e2e,$(PYTEST) -m e2e --durations=10 tests/e2e)

.PHONY: baddays
baddays: setup  ## Of these, only what breaks the whole cloud on purpose (root, a quarter of an hour).
	$(call timed,baddays,$(PYTEST) -m e2e --durations=10 tests/e2e/test_drills.py tests/e2e/test_bad_days.py)

.PHONY: bench
bench: setup  ## Measure, and write docs/performance.md.
	@$(BIN)/python -m bench

.PHONY: docs
docs: setup  ## Write the reference pages from the program.
	@$(BIN)/python -m stackhaven.cli.reference docs/reference

.PHONY: clean
clean:  ## Take that cloud down with all its traces, and remove what was installed here.
	@if test -x $(BIN)/haven; then $(HAVEN) lab down --purge; fi
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist build test-results
