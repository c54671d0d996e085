# Everything one does in this checkout. Nothing here needs root, and nothing is written outside
# the checkout and the system's folder for temporary files.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

PYTHON ?= python3
SEEDS ?= 100000
KILLS ?= 2000
OPERATIONS ?= 10000
# More than the smallest machine has cores, for many tests wait for processes and browsers.
TEST_PROCESSES ?= 3
VENV := .venv
BIN := $(VENV)/bin

# No caches in the user's home, no advice about pip itself.
export PIP_NO_CACHE_DIR := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
export UV_NO_CACHE := 1
export UV_NO_PROGRESS := 1
export UV_PYTHON_DOWNLOADS := never

PIP := $(BIN)/python -m pip install --quiet
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	--no-header pyproject.toml

.PHONY: help
help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

.PHONY: install
install: $(VENV)/.project-installed ## Put the project and everything it needs into .venv

.PHONY: run
run: install ## Serve on SQLite with the simulated Stripe account
	@$(BIN)/markethub serve

.PHONY: test
test: install ## Run all tests, on a real PostgreSQL too
	$(BIN)/pytest --numprocesses $(TEST_PROCESSES) --dist worksteal

.PHONY: check
check: lint types imports deps test ## Run lint, types, import contracts, dependency check, tests

.PHONY: lint
lint: install ## Check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: types
types: install ## Check the types, strictly
	$(BIN)/mypy

.PHONY: imports
imports: install ## Check the architecture's import contracts
	$(BIN)/lint-imports

.PHONY: deps
deps: install ## Check that dependencies are declared, used and locked without addresses
	$(BIN)/deptry src
	@! grep -nE '://|^ *--(index|extra|find|trusted)' requirements.txt requirements-dev.txt

.PHONY: bench
bench: install ## Measure the use cases and the webhook, and print a table
	@set -e; for script in bench/[!_]*.py; do $(BIN)/python $$script; done

.PHONY: simulate
simulate: install ## Live through SEEDS histories in which everything goes wrong
	$(BIN)/markethub simulate --seeds $(SEEDS)

.PHONY: storm
storm: install ## Do OPERATIONS from eight processes on one PostgreSQL, looked at while they run
	$(BIN)/python -m tests.storm --operations $(OPERATIONS)

.PHONY: kill-test
kill-test: install ## Kill KILLS real processes while people go on, and compare the books
	$(BIN)/python -m tests.kills --kills $(KILLS)

.PHONY: screenshots
screenshots: install ## Take the pictures of the main screens in docs/screenshots anew
	$(BIN)/python -m tests.browser.screenshots

.PHONY: format
format: install ## Format the code and fix what ruff can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: lock
lock: install ## Resolve the dependencies anew after a change in pyproject.toml
	$(COMPILE) --output-file requirements.txt
	$(COMPILE) --group dev --constraint requirements.txt --output-file requirements-dev.txt

.PHONY: clean
clean: ## Remove what the other targets made; databases stay
	rm -rf $(VENV) .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find bench src tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "Python cannot make virtual environments here; try: apt install python3-venv" >&2; \
		exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

# uv installs in seconds what takes pip a minute. Where it cannot be had, pip does the same.
$(VENV)/.dependencies-installed: requirements-dev.txt $(VENV)/.made
	@awk '/^[^ #]/ { mine = /^uv==/ } mine && !/^ *#/' requirements-dev.txt > $(VENV)/uv.txt
	{ $(PIP) --require-hashes --no-deps -r $(VENV)/uv.txt \
		&& $(UV) --require-hashes -r requirements-dev.txt; } \
		|| $(PIP) --require-hashes -r requirements-dev.txt
	@touch $@

$(VENV)/.project-installed: pyproject.toml $(VENV)/.dependencies-installed
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@
