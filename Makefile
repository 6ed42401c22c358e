# The only door. Each target says in one line what it does; the work is in scripts/.
.DEFAULT_GOAL := help
PYTHON ?= python3.11
BIN := .venv/bin

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

demo: .venv/runtime.stamp  ## run the whole line on a simulated stand; ARGS="--cloud FILE --once --json"
	@$(BIN)/python -m cec demo $(ARGS)

test: .venv/dev.stamp  ## run every test, with the real servers that some of them need
	@scripts/engines/all
	$(BIN)/python -m pytest -m "" --durations=15

quick: .venv/dev.stamp  ## run the tests that need no server
	$(BIN)/python -m pytest

check: .venv/dev.stamp  ## check format, lint, types, layers and sizes; change nothing
	$(BIN)/ruff format --check . && $(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports && $(BIN)/python scripts/check_sizes.py

format: .venv/dev.stamp  ## put the code in its form
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

bench: .venv/dev.stamp  ## measure the figures
	@for name in anchor survey line; do $(BIN)/python -m benchmarks.$$name $(ARGS) || exit 1; done

pins: .venv/dev.stamp  ## resolve the pinned versions again
	@scripts/pin_requirements

clean:  ## delete what can be made again
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/runtime.stamp: requirements/all.txt requirements/uv.txt
	@scripts/make_environment $(PYTHON) all

.venv/dev.stamp: requirements/dev.txt requirements/uv.txt
	@scripts/make_environment $(PYTHON) dev

.PHONY: help demo test quick check format bench pins clean
