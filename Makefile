.DEFAULT_GOAL := help
PYTHON ?= python3.11
BIN := .venv/bin
LOCKED := .venv/.locked

.PHONY: help run test demo lint fmt clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

run: $(LOCKED) ## Start the service with its own database on 127.0.0.1:8000
	@exec $(BIN)/findings serve

# Three share two cores, as tests of processes often wait. The long files come first: those of
# tests/integration, which by the number of their tests would be last. Byte code spares each of the
# many processes to compile the service anew.
test: export PYTHONDONTWRITEBYTECODE =
test: $(LOCKED) ## Run every test (no Docker, no browser and no running database needed)
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --ignore=tests/browser --durations=10
	$(BIN)/python -m pytest tests/browser

demo: $(LOCKED) ## File a finding, review it and prove it, against a fresh service
	$(BIN)/python -m app.cli.demo

lint: $(LOCKED) ## Check style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

fmt: $(LOCKED) ## Put the code into shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean: ## Remove the virtual environment and caches; data stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The mark is newer than the lock file once the locked versions are in place.
$(LOCKED): requirements.lock pyproject.toml tests/support/older_mcp.txt
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: set PYTHON=/path/to/python3.11"; exit 2; }
	@echo "Installing the locked dependencies into .venv: about 400 MB to download with a CPU build of PyTorch (190 MB of it), 1.5 GB on disk. This happens once."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target .venv/mcp-1 -r tests/support/older_mcp.txt
	@touch $@
