# `make demo` and `make test` do all the set-up on a fresh machine; `make` alone prints this help.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Hundreds of processes are started by the tests: none of them is to compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test e2e dynoxide lint types docs sim soak bench clean

help: ## print this help
	@echo "Batchwright: workflows of AWS Batch jobs, advanced by Batch's own events."
	@echo
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  Options: PYTHON=python3.12 (at the first call) chooses the interpreter, 3.11 or newer."

demo: $(VENV)/.run ## run the movie-ratings workflow on a local AWS; no account needed
	@$(BIN)/batchwright demo

# Four processes also on two cores: half of the time is waiting, for processes to start, to end and to be told of.
test: $(VENV)/.dev ## lint, check types and run the whole suite
	@$(MAKE) --no-print-directory lint types dynoxide
	@$(BIN)/python -m pytest -n 4 -rs -m "not long"

# In this order, and in one process: the tests of a stage's life follow each other.
e2e: $(VENV)/.dev ## the demo, and a stage in a MiniStack: deploy it, run the example there, remove it (up to half an hour)
	@$(MAKE) --no-print-directory dynoxide
	@$(BIN)/python -m pytest tests/e2e -rs
	@$(BIN)/python -m pytest tests -n 2 -rs -m long

# At each call, because npm may have come since the last one.
dynoxide: $(VENV)/.dev
	@VENV="$(VENV)" sh .ci/dynoxide

lint: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check -q . || { echo "run: $(BIN)/ruff format ."; exit 1; }

types: $(VENV)/.dev
	@$(BIN)/mypy

docs: $(VENV)/.dev ## write the pages of docs/reference from the code
	@$(BIN)/python -m docs.generate

sim: $(VENV)/.dev ## simulate the engine under faults: SEEDS=1000000 for so many schedules, SEED=7 tells the story of one
	@$(BIN)/python -m tests.simulation --seeds $(or $(SEEDS),20000) $(if $(SEED),--seed $(SEED) --scope "$(SCOPE)")

bench: $(VENV)/.dev ## measure: a cold start, cost of a task, 1,000 tasks, compiling a plan, reading files of any size, submissions a second, lists of jobs (minutes)
	@$(BIN)/python -m bench.compile
	@$(BIN)/python -m bench.readers
	@$(BIN)/python -m bench.cold_start
	@$(BIN)/python -m bench.task_cost
	@$(BIN)/python -m bench.thousand_tasks
	@$(BIN)/python -m bench.governor
	@$(BIN)/python -m bench.jobs_list

soak: $(VENV)/.dev ## kill workers and lose events for MINUTES=10, on two databases, and check what came of it
	@$(BIN)/python -m tests.soak --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))

clean: ## stop the local AWS, remove the virtual environment and what runs left behind
	@if [ -x $(BIN)/batchwright ]; then $(BIN)/batchwright local down; fi
	@rm -rf $(VENV) .batchwright build *.egg-info

# Two stamps: what a run needs, and what the tests need on top of it.
$(VENV)/.run: pyproject.toml
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh .ci/venv ""
	@touch $@

$(VENV)/.dev: pyproject.toml
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh .ci/venv "[dev]"
	@touch $@ $(VENV)/.run
