# EventShop's commands. `make` alone lists them.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# How many tests of each half run side by side; each of these has a database and a browser of its own.
JOBS ?= 3
# In the order of tests/conftest.py, not that of pytest-xdist, which begins few long tests last.
PYTEST := $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder --durations=10 -n
ON_SQLITE := --database sqlite --ignore=tests/kafka --ignore=tests/chaos
ON_POSTGRES := --database postgres tests/kafka tests/chaos tests/integration
# Only for the tools of `check`: they import the settings, which refuse to start without a key.
CHECK_KEY := only-for-static-checks-never-for-a-server

.DEFAULT_GOAL := help
.PHONY: help install install-dev run stack stack-down test test-on-sqlite test-on-postgres test-fast chaos coverage fuzz check lock audit words bench clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "EventShop needs Python 3.11 or newer; no python3 was found on the PATH." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; ok = sys.version_info >= (3, 11); ok or print("EventShop needs Python 3.11 or newer; $(PYTHON) is " + sys.version.split()[0] + ". Name another one: make PYTHON=/path/to/python3.11", file=sys.stderr); sys.exit(not ok)'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Could not make $(VENV). Debian and Ubuntu have venv in the package python3-venv." >&2; exit 1; }

$(VENV)/.installed: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

# The same versions without digests: pip wants digests of all packages or of none, and tools have none.
$(VENV)/constraints.txt: requirements.txt $(VENV)/.installed
	@sed -n 's/^\([A-Za-z0-9_.-]*\)\(\[[a-z,]*\]\)\{0,1\}\(==[^ ]*\).*/\1\3/p' requirements.txt > $@

$(VENV)/.installed-dev: pyproject.toml $(VENV)/constraints.txt
	@$(BIN)/python -c 'import tomllib; print(*sum(tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"].values(), []), sep="\n")' > $(VENV)/requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(VENV)/constraints.txt -r $(VENV)/requirements-dev.txt
	@touch $@

install: $(VENV)/.installed ## make .venv with what EventShop needs to run

install-dev: $(VENV)/.installed-dev ## add the tools for check, test and bench

run: install ## start EventShop on http://127.0.0.1:8000 (PORT=8001 for another port, FAULTS=off for a demo without faults)
	@$(BIN)/python -m deploy.local

$(VENV)/.installed-stack: pyproject.toml $(VENV)/constraints.txt
	@$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["stack"], sep="\n")' > $(VENV)/requirements-stack.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(VENV)/constraints.txt -r $(VENV)/requirements-stack.txt
	@touch $@

stack: $(VENV)/.installed-stack ## EventShop on PostgreSQL, Kafka and Redis (BROKERS=3, PORT=8001); Ctrl-C stops it
	@$(BIN)/python -m deploy.stack up --foreground

stack-down: $(VENV)/.installed-stack ## stop whatever of it still runs
	@$(BIN)/python -m deploy.stack down

test: install-dev ## all tests on SQLite, beside what uses the database on PostgreSQL, Kafka and Redis (JOBS=1 for a small machine)
	@$(MAKE) --no-print-directory --jobs=2 --keep-going test-on-sqlite test-on-postgres

# The halves run side by side: where one waits for a server, the other computes.
test-on-sqlite: install-dev
	$(PYTEST) $(JOBS) $(ON_SQLITE)

# Its output comes as a whole when it ends, and not between the lines of the other half.
test-on-postgres: install-dev
	@output=$$(mktemp); $(PYTEST) $(JOBS) $(ON_POSTGRES) > $$output 2>&1; status=$$?; cat $$output; rm $$output; exit $$status

test-fast: install-dev ## unit tests and the integration tests of the engine and of orders, on SQLite: for every few minutes
	$(PYTEST) $(JOBS) --database sqlite -m "not data" tests/unit $(addprefix tests/integration/,eventshop/eventstore eventshop/projections eventshop/sagas orders/sagas orders/api)

chaos: export CHAOS_TIMES ?= 20
chaos: install-dev ## the long tests: three brokers, every crash point twenty times (CHAOS_SEED=1 as pytest prints it)
	$(PYTEST) $(JOBS) --long --database sqlite -m "chaos or long" tests/chaos tests/unit tests/contract tests/browser
	$(PYTEST) $(JOBS) --long --database postgres -m "chaos or long" tests/chaos tests/kafka tests/integration

coverage: install-dev ## test with branch coverage; lists the modules below 85 %
	$(BIN)/coverage erase
	$(PYTEST) $(JOBS) $(ON_SQLITE) --cov --cov-report=
	$(PYTEST) $(JOBS) $(ON_POSTGRES) --cov --cov-append --cov-report=
	@$(BIN)/coverage report | awk '/^(Name|TOTAL)/ || $$NF + 0 < 85'

fuzz: install-dev ## send the API ten thousand requests of every kind
	FUZZ_EXAMPLES=110 $(BIN)/python -m pytest -s tests/contract/test_fuzz.py

check: export SECRET_KEY := $(CHECK_KEY)
check: export ENV_FILE :=
check: install-dev ## formatting, lint, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m tools.import_contracts
	$(BIN)/python manage.py check
	$(BIN)/python manage.py check_schemas

lock: install-dev ## make requirements.txt, with digests of every file, of requirements.in
	$(BIN)/uv pip compile requirements.in --quiet --universal --generate-hashes --python-version 3.11 --annotation-style line --custom-compile-command "make lock" --output-file requirements.txt

audit: install-dev ## ask whether advisories name one of the packages; status 2 when that cannot be known
	@$(BIN)/python -m tools.audit

pin-images: $(BIN)/python ## write the digest of each image behind its tag, in Dockerfile and compose.yaml; needs docker
	@$(BIN)/python -m tools.pin_images

words: $(BIN)/python ## list names that a reviewer should look at; fails nothing
	@$(BIN)/python tools/words.py $(BELOW)

bench: install-dev ## measure commands, events and projections per second
	$(BIN)/python -m benchmarks

clean: ## remove caches and .venv; keeps var/ and .env, your data and your password
	rm -rf $(VENV) .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
