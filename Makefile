# The only door. `make` lists what there is; each target prepares what it needs, and a second run prepares nothing.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test quick check format bench pins clean

ARGS ?=
export PYTHON ?=
BENCH ?= survey catalogue terrestrial forms field resurvey totals kernels mutated_clouds chance state anchor line broker register mutations faults
BIN := .venv/bin

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' Makefile

demo: .venv/runtime.stamp ## run the whole line on a simulated stand; ARGS="--once --json" and the like go to `cec demo`
	@$(BIN)/cec demo $(ARGS)

test: .venv/dev.stamp ## run every test, with the real engines and browser that some need (built once, then cached)
	@scripts/engines/all
	@$(BIN)/pytest -m "" --durations=15 $(ARGS)

quick: .venv/dev.stamp ## run the tests that need neither engines nor patience
	@$(BIN)/pytest $(ARGS)

check: .venv/dev.stamp ## check format, lint, types, layers and sizes; changes nothing
	@$(BIN)/ruff format --check . && $(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports && $(BIN)/python scripts/check_sizes.py

format: .venv/dev.stamp ## format the code and make the repairs that are safe
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

bench: .venv/dev.stamp ## measure all, and fail at the end if a goal was missed; BENCH="NAME ..." chooses, ARGS=--json for machines
	@missed=0; for name in $(BENCH); do $(BIN)/python -m benchmarks.$$name $(ARGS) || missed=1; done; exit $$missed

pins: .venv/dev.stamp ## resolve requirements/*.txt again; ARGS=--upgrade to the newest allowed
	@scripts/pin_requirements $(ARGS)

clean: ## remove the environment and all caches in the checkout; keeps data, and engines in their own cache
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/runtime.stamp: requirements/all.txt requirements/uv.txt pyproject.toml
	@scripts/make_environment all

.venv/dev.stamp: requirements/dev.txt requirements/uv.txt pyproject.toml
	@scripts/make_environment dev
