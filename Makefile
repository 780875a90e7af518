# The commands of AlphaPlus. `make run` and `make test` are all the set-up there is.
.DEFAULT_GOAL := help
SHELL := /bin/sh
.PHONY: help install run test system bench bench-long bench-reference bench-markets demo-model lock format wheel clean

VENV := .venv
BIN := $(VENV)/bin
# the newest Python from 3.11 to 3.14 that runs; `make PYTHON=/path/to/python3.12 run` overrides
PYTHON ?= $(shell for name in python3.14 python3.13 python3.12 python3.11 python3; do \
	$$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' >/dev/null 2>&1 && { echo $$name; break; }; done)
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

help:
	@echo "make run      install, then the console on the demo market (headless for 30 s without a terminal)"
	@echo "make test     install what tests need, then format, lint, types, import contracts, all tests"
	@echo "make install  only the virtual environment in $(VENV)"
	@echo "make system   the system packages that some tests want (Debian, Ubuntu; as root)"
	@echo "make bench    print the figures of tests/bench (make bench-long: the 10-minute version)"
	@echo "make demo-model  train the small model that the demo market comes with (5 minutes)"
	@echo "make bench-reference, make bench-markets: models against a reference, and on markets without and with an edge"
	@echo "make format   format the code"
	@echo "make wheel    build the wheel into dist/"
	@echo "make lock     resolve the locks anew (needs uv)"

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 to 3.14 was found on the PATH. Install one, or name it: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		v=$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
		echo "$(PYTHON) cannot make virtual environments: install the package python$$v-venv (Debian, Ubuntu: apt-get install python$$v-venv)"; exit 1; }
	@echo "Creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

# the lock first, hash by hash; then the checkout itself, editable, without looking at any registry
$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing AlphaPlus into $(VENV) (the first time takes a minute or two)"
	@$(PIP_INSTALL) --compile --require-hashes -r requirements.lock
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q alphaplus_tui
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@echo "Installing what the tests need"
	@$(PIP_INSTALL) --compile --require-hashes -r requirements-dev.lock
	@touch $@

install: $(VENV)/.installed

run: install
	@if [ -t 0 ] && [ -t 1 ]; then exec $(BIN)/alphaplus --demo; else \
		echo "There is no terminal here, so the demo runs headless for 30 seconds."; \
		exec $(BIN)/alphaplus --demo --headless --duration 30s; fi

test: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/pytest tests/unit/kernel --cov --cov-report=term:skip-covered -q
	$(BIN)/pytest --ignore=tests/unit/kernel -n 2 --dist loadgroup -q

system:
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends chromium python3-venv util-linux prometheus >/dev/null

bench: $(VENV)/.installed-dev
	$(BIN)/python -m tests.bench

bench-long: $(VENV)/.installed-dev
	$(BIN)/python -m tests.bench --long

bench-reference: $(VENV)/.installed-dev
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m tests.bench.learning_reference

bench-markets: $(VENV)/.installed-dev
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m tests.bench.learning_markets null
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m tests.bench.learning_markets planted

demo-model: $(VENV)/.installed-dev
	$(BIN)/python -m tests.bench.demo_model

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

wheel: $(VENV)/.installed
	$(BIN)/python -m hatchling build -t wheel

LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --no-header --quiet

lock:
	$(LOCK) --group pyproject.toml:build -o requirements.lock
	$(LOCK) --group pyproject.toml:dev -c requirements.lock -o requirements-dev.lock

clean:
	rm -rf $(VENV) dist build .pytest_cache .ruff_cache .hypothesis .coverage
