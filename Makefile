# Every recipe sets up what it needs; `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DBT_READY := $(VENV)-dbt/.ready
PACKAGES := tap-harvest target-harvest-sql harvest-report

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo show test lint bench chaos compose image transform docs lock dist test-dist clean

help: ## List the recipes
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Set up .venv, as every other recipe does by itself

demo: $(READY) ## Sync an invented Harvest account into harvest.db; make its page
	@PYTHONPATH=tests $(BIN)/python -m demo

show: $(READY) ## Make the page of warehouse.db, or of the demo
	@PYTHONPATH=tests $(BIN)/python -m demo.show $(ARGS)

# xdist would begin with the files of most tests, and end with those of few but long ones.
# How many workers `auto` means: tests/fixtures/workers.py.
test: lint ## Run linter, types and tests; ARGS=… names some of them
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(READY) ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY) ## Measure, and write docs/benchmarks.md; ARGS=… names a section
	PYTHONPATH=tests $(BIN)/python -m benchmarks $(ARGS)

chaos: $(READY) ## Sync amid faults and kills, some minutes; ARGS=--help tells more
	PYTHONPATH=tests $(BIN)/python -m chaos $(ARGS)

compose: $(READY) ## Try taps and targets of others; they are installed aside
	$(BIN)/pytest -v tests/pipeline/compose.py $(ARGS)

image: $(READY) ## Build the container, and run a sync in it; needs Docker
	docker build --tag harvest-to-sql .
	$(BIN)/pytest -v tests/pipeline/image.py $(ARGS)

transform: $(READY) $(DBT_READY) ## Test the dbt package in transform/; dbt is installed aside
	$(BIN)/pytest -n 2 tests/pipeline/transform.py $(ARGS)

docs: $(READY) ## Write the generated pages, plugins/ and transform/ anew
	PYTHONPATH=tests $(BIN)/python -m documents.draw_tables
	PYTHONPATH=tests $(BIN)/python -m documents.write_streams
	PYTHONPATH=tests $(BIN)/python -m documents.write_hub
	PYTHONPATH=tests $(BIN)/python -m documents.write_queries
	PYTHONPATH=tests $(BIN)/python -m documents.write_transform

COMPILE := $(BIN)/uv pip compile --upgrade --quiet --no-header --no-emit-index-url --generate-hashes \
	--universal --python-version 3.11
LOCK := $(COMPILE) --all-extras $(PACKAGES:%=%/pyproject.toml)

lock: $(READY) ## Pin the dependencies anew, with hashes
	$(LOCK) --group dev --output-file requirements.txt
	$(LOCK) --group runtime --constraint requirements.txt --output-file requirements-runtime.txt
	$(COMPILE) --no-strip-extras --group dbt --output-file transform/requirements.txt

dist: $(READY) ## Build the packages into dist/
	rm -rf dist
	for package in $(PACKAGES); do \
		$(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python --out-dir dist $$package || exit 1; done

test-dist: $(READY) ## Run the tests on what `make dist` built
	$(PYTHON) -m venv --clear $(VENV)-dist
	$(VENV)-dist/bin/pip install --quiet --require-hashes --requirement requirements.txt
	$(VENV)-dist/bin/pip install --quiet --no-deps dist/*.whl
	$(VENV)-dist/bin/pytest -n auto --dist loadfile --no-loadscope-reorder

clean: ## Remove what the recipes made
	rm -rf $(VENV) $(VENV)-dist $(VENV)-dbt dist .meltano output harvest.db harvest.db-* harvest-report.html .mypy_cache .ruff_cache .pytest_cache .hypothesis

# The environment is made anew when a pin or a package's metadata changes.
$(READY): requirements.txt $(PACKAGES:%=%/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || \
		{ echo "Python 3.11 to 3.14 is needed, and $(PYTHON) is none. Name one: make PYTHON=python3.12" >&2; exit 1; }
	@echo "Setting up $(VENV), once (about a minute)."
	@$(PYTHON) -m venv --clear $(VENV) || \
		{ echo "Python's venv module is needed (Debian and Ubuntu: the package python3-venv)." >&2; exit 1; }
	@$(BIN)/pip install --quiet --require-hashes --requirement requirements.txt
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation $(PACKAGES:%=--editable %)
	@touch $@

# dbt asks for other versions of our dependencies than Meltano does.
$(DBT_READY): transform/requirements.txt
	@echo "Setting up $(VENV)-dbt, once (half a minute)."
	@$(PYTHON) -m venv --clear $(VENV)-dbt
	@$(VENV)-dbt/bin/pip install --quiet --require-hashes --requirement $<
	@touch $@
