# Two commands do all of their own set-up (virtual environment, Rust build, dependencies):
#     make run       replay a paper and print its verdicts
#     make test      the whole test suite

PAPER ?= global-mp
PROFILE ?= mini
BENCH ?=
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Tests and static checks use every core through processes, so each process keeps to one thread.
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1

.DEFAULT_GOAL := help
.PHONY: help run test test-fast check format bench wheel-test readme statistics conformance criteria decisions golden plugins site clean

help: ## this list
	@grep -E '^[a-z-]+:.*[#][#] ' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 14

$(BIN)/.installed: pyproject.toml Cargo.toml Cargo.lock $(wildcard rust/*/Cargo.toml rust/*/src/*.rs)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@# uv unpacks torch in a fifth of the time that pip takes, and once for all environments
	$(BIN)/python -m pip install --quiet 'uv>=0.5'
	$(BIN)/python -m uv pip install --quiet --python $(BIN)/python --editable '.[dev]'
	touch $@

run: $(BIN)/.installed ## replay a paper: PAPER=global-mp PROFILE=mini
	@# statuses 1 and 2 are verdicts (a claim fails, or is inconclusive), not failures of the run
	$(BIN)/repro run $(PAPER) --profile $(PROFILE) || test $$? -le 2

test: $(BIN)/.installed ## all tests, Rust and Python
	cargo test --quiet --workspace --release
	$(ONE_THREAD) $(BIN)/python -m pytest -n auto --dist worksteal

test-fast: $(BIN)/.installed ## Python tests without the slow ones
	$(ONE_THREAD) $(BIN)/python -m pytest -n auto --dist worksteal -m 'not slow'

check: $(BIN)/.installed ## static checks
	cargo fmt --all --check
	cargo clippy --quiet --workspace --all-targets --release -- -D warnings
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy tests/typing
	$(BIN)/lint-imports --no-cache
	$(BIN)/stubtest pruneproof._engine

format: $(BIN)/.installed ## format all sources
	cargo fmt --all
	$(BIN)/ruff check --fix --quiet || true
	$(BIN)/ruff format

bench: $(BIN)/.installed ## time the engine against plain passes over memory and against other tools: BENCH=--record writes a record
	cargo bench --quiet --package pruneproof-core --bench selection
	$(BIN)/python benches/prune.py --gigabytes 1 --repeats 2
	$(BIN)/python benches/selection.py $(BENCH)
	$(BIN)/python benches/training.py $(BENCH)

readme: $(BIN)/.installed ## write README's tables of claims from the committed records, and the notebook's outputs
	$(BIN)/python docs/update_readme.py
	$(BIN)/python docs/update_notebook.py

statistics: $(BIN)/.installed ## simulate the claim tests anew for docs/statistics.md, about a minute
	$(BIN)/python docs/update_statistics.py

conformance: $(BIN)/.installed ## write the lists of laws in docs/conformance.md from the laws
	$(BIN)/python docs/update_conformance.py

criteria: $(BIN)/.installed ## write docs/criteria, a page per criterion, from the criteria and the papers
	$(BIN)/python docs/update_criteria.py

decisions: $(BIN)/.installed ## write the index of docs/adr from the decisions
	$(BIN)/python docs/update_decisions.py

golden: $(BIN)/.installed ## write tests/golden from the papers as they stand: look at what changed before you commit it
	PRUNEPROOF_GOLDEN=1 $(BIN)/python -m pytest --quiet tests/golden

wheel-test: $(BIN)/.installed ## build the wheel, install it in a clean environment elsewhere, run a paper there
	VENV=$(abspath $(VENV)) tests/wheel_test.sh

plugins: $(BIN)/.installed ## install each plugin of plugins/ in an environment of its own, test and check it there
	$(ONE_THREAD) VENV=$(abspath $(VENV)) plugins/test_plugins.sh

site: $(BIN)/.installed ## build the site into site/, in an environment of its own
	test -x $(VENV)-site/bin/mkdocs || { $(PYTHON) -m venv $(VENV)-site && $(VENV)-site/bin/python -m pip install --quiet \
		'mkdocs-material>=9.5' 'mkdocstrings[python]>=0.26'; }
	$(BIN)/python docs/site/assemble.py
	NO_MKDOCS_2_WARNING=1 $(VENV)-site/bin/mkdocs build --strict --quiet --config-file docs/site/mkdocs.yml
	$(BIN)/python docs/site/check_links.py

clean: ## remove everything that was built
	rm -rf $(VENV) $(VENV)-site target dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find python -name '*.so' -delete
