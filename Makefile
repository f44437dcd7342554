# Needs Python >= 3.10 and make, nothing else; everything goes into .venv. `make help` lists the targets.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: $(READY) ## the environment: Poetry, this plugin (editable), the development tools

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "error: $(PYTHON) is older than 3.10; name another: make PYTHON=python3.12 ..." >&2; exit 2; }
	@$(PYTHON) -m venv .venv || { echo "error: $(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 2; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@touch $@

demo: $(READY) ## what would be built here, on a GTX 970 and on an RTX 5090; builds a small image where there is an engine
	@$(BIN)/python tools/demo.py

test: $(READY) ## unit and integration tests
	$(BIN)/python -m pytest

e2e: $(READY) ## real builds on a private engine (Linux, root; fetches it on the first run)
	GPU_BUILD_E2E=require $(BIN)/python -m pytest tests/e2e

lint: $(READY) ## ruff, mypy, and the docs check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tools/docs.py --check

docs: $(READY) ## write the generated pages of docs/ anew
	$(BIN)/python tools/docs.py

clean: ## remove what the targets made
	rm -rf .venv dist build .mypy_cache .pytest_cache .ruff_cache

.PHONY: help setup demo test e2e lint docs clean
