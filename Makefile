# The verbs of the project; `make` alone lists them.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name it: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

# One stamp for each lock file: installing again takes a second only when a lock has changed.
$(VENV)/installed: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@ $(VENV)/installed

run: $(VENV)/installed ## start everything on this machine, with a stand-in Safaricom
	@exec $(BIN)/python -m scripts.run_all

tour: $(VENV)/installed ## book, pay, refund, pay out against what `make run` started, step by step
	@exec $(BIN)/python -m scripts.tour

test: $(VENV)/installed-dev ## run the whole suite; what touches the database on SQLite and PostgreSQL
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(VENV)/installed-dev ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/installed-dev ## put the code into its one format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/installed-dev ## measure callbacks a second, as ratios within one run
	$(BIN)/python -m scripts.bench

fuzz: $(VENV)/installed-dev ## fuzz API and webhooks on both engines; FUZZ_EXAMPLES=10, FUZZ_SEED=7
	FUZZ_EXAMPLES=$(or $(FUZZ_EXAMPLES),10) $(BIN)/python -m pytest tests/fuzz -q

torture: $(VENV)/installed-dev ## live through SEEDS=100 seeds of faults; SEED=7 tells one, MUTANTS=1 plants bugs
	$(BIN)/python -m torture --seeds $(or $(SEEDS),100) $(if $(SEED),--seed $(SEED)) $(if $(MUTANTS),--mutants)

chaos: $(VENV)/installed-dev ## kill real processes under load (Linux), KILLS=20; SEED=7, ENGINE=sqlite
	$(BIN)/python -m chaos --kills $(or $(KILLS),20) --seed $(or $(SEED),1) --engine $(or $(ENGINE),both)

lock: $(VENV)/installed-dev ## make the lock files from requirements*.in
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header requirements.in -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header requirements-dev.in -o requirements-dev.txt

clean: ## remove the virtual environment and the caches; the data in instance/ stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

.PHONY: help run tour test lint format bench fuzz torture chaos lock clean
