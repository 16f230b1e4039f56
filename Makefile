# make demo   set up; measure the embedded demo model, tune it, measure it again
# make test   set up and run all tests
# make check  measure the demo model and check it against the committed baseline

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check install --quiet -c constraints.txt

.PHONY: demo test check baseline lint format benchmark statistics demo-model \
  published-results leaderboard constraints clean

demo: $(VENV)/.installed
	@$(BIN)/diffbench demo

test: $(VENV)/.installed-dev
	@$(BIN)/python -m pytest $(PYTEST_FLAGS)

# The demo model on the core tasks, exactly, is what DiffBench itself must not change.
CHECK_RUN := $(VENV)/check/$(shell date +%s)
BASELINE := .ci/baseline.json

check: $(VENV)/.installed
	@$(BIN)/diffbench check --self-test
	@$(BIN)/diffbench run --model demo --device cpu --dtype float32 --output $(CHECK_RUN) > /dev/null
	@$(BIN)/diffbench check $(CHECK_RUN) --baseline $(BASELINE) --config .ci/check.toml --strict

# After the demo model or a task has changed: make baseline REASON="why"
baseline: $(VENV)/.installed
	@$(BIN)/diffbench run --model demo --device cpu --dtype float32 --output $(CHECK_RUN) > /dev/null
	@$(BIN)/diffbench baseline update $(CHECK_RUN) --baseline $(BASELINE) --reason "$(REASON)" --calibrate

lint: $(VENV)/.installed-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/.installed-dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

benchmark: $(VENV)/.installed
	@$(BIN)/python benchmarks/exact_scoring.py
	@$(BIN)/python benchmarks/sampling.py
	@$(BIN)/python benchmarks/tuning.py

# About 6 minutes on one core; overwrites the tables in docs/statistics.md.
statistics: $(VENV)/.installed
	@$(BIN)/python -m simulations.estimators --write
	@$(BIN)/python -m simulations.intervals --write

# About an hour on one core; overwrites diffbench/demo/model.
demo-model: $(VENV)/.installed
	@$(BIN)/python training/build_demo.py

# Measures what leaderboard/results holds; about an hour on 2 cores.
published-results: $(VENV)/.installed
	@$(BIN)/python training/publish_results.py

# The site of the published results, in runs/leaderboard.
leaderboard: $(VENV)/.installed
	@$(BIN)/diffbench leaderboard build --output runs/leaderboard

constraints:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.10 \
	  --no-header --no-annotate | grep -v -E '^(nvidia-|cuda-|triton)' > constraints.txt

clean:
	rm -rf $(VENV) build dist

$(VENV)/bin/python:
	@echo "Making a virtual environment in $(VENV) …"
	@$(PYTHON) -c 'import sys; sys.exit("DiffBench needs Python 3.10 or newer; got " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 …" if sys.version_info < (3, 10) else 0)'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing DiffBench and its libraries (some minutes the first time) …"
	@$(PIP) -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing the test tools …"
	@$(PIP) -e '.[dev]'
	@touch $@
