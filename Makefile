# Wayside. `make` lists the targets; ARGS goes to the command: make demo ARGS=--once, make test ARGS="tests/jobs -k claim"

.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-print-directory

ARGS ?=
PYTHON ?=
WORKERS ?= 2

# Every run starts hundreds of Python processes: without cached bytecode each compiles all it imports anew.
unexport PYTHONDONTWRITEBYTECODE

# Paths stay relative, so that a checkout in a folder with spaces in its name works.
BIN := .venv/bin
SETUP := @PYTHON="$(PYTHON)" sh requirements/setup.sh

.PHONY: help demo test lint format bench lock schemas clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

demo: ## start everything on this machine and run the main job on the CWE catalogue (ARGS=--once to exit after it)
	$(SETUP) run
	@$(BIN)/wayside demo $(ARGS)

test: ## run every test: unit, on real PostgreSQL and NATS, end to end with real processes
	$(SETUP) dev
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal $(ARGS)

lint: ## check style, types, import rules and locks
	$(SETUP) dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python requirements/lock.py --check

format: ## let ruff format the code and mend what it can
	$(SETUP) dev
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: ## measure; figures and how they were taken are in benchmarks/README.md
	$(SETUP) dev
	@$(BIN)/python -m benchmarks.jobs $(ARGS)

lock: ## resolve the distributions' dependencies into requirements/*.txt (ARGS=--upgrade for the newest)
	$(SETUP) dev
	$(BIN)/python requirements/lock.py $(ARGS)

schemas: ## write the JSON Schemas, AsyncAPI and OpenAPI documents anew from the classes
	$(SETUP) dev
	$(BIN)/python docs/generate.py

clean: ## remove .venv and the caches, nothing else
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
