# Everything works on a fresh machine with python3 >= 3.11 and make; `make help` lists it.

PYTHON ?= python3
BIN := .venv/bin
T ?=
ARGS ?=
# Each test process has its own PostgreSQL and Valkey. Tests wait for a third of their time, so there are three for two
# cores. A single file or test runs in one.
WORKERS ?= $(if $(T),0,$(shell expr $$(nproc) \* 3 / 2))
# One process runs all tests of a module, because they share its fixtures. Modules begin in the order of tests/order.py.
SHARED := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
CHECKS := tests/test_migrations.py tests/test_house.py tests/test_types.py tests/test_schema_changes.py tests/promises/test_breaches.py
# Each test process would compile all modules again: tests write bytecode, whatever the shell says.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help audit demo console test-console drill size test test-long test-providers mutants check lint types migration released-schema fmt lock run-env dev-env
.PHONY: disturb upgrade conformance test-guides bench

help: ## list these
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: run-env ## install and run Tandem with embedded services and a simulated Xero; ARGS=--once runs it and ends
	@$(BIN)/tandem demo --console $(ARGS)

console: ## build the console, which the API serves at /console; without node, node comes from a wheel
	@$(PYTHON) scripts/bootstrap.py run
	@$(PYTHON) scripts/build_console.py

test-console: run-env ## test the console in a real browser at a demo; ARGS=--full settles 500 issues, for ten minutes
	@$(PYTHON) scripts/test_console.py $(ARGS)

test: dev-env ## set up and run the tests, and list the 20 slowest; T=tests/runtime/test_settings.py runs some
	@$(BIN)/pytest $(SHARED) -m "not long" --durations=20 $(T) $(ARGS)

drill: dev-env ## restore a backup of the day before, and check that nothing is made twice at Xero
	@$(BIN)/pytest -n 0 tests/workers/test_restore_drill.py

test-guides: dev-env ## run the examples of docs/guides; those in JavaScript need node, and say so without it
	@command -v npm >/dev/null && npm ci --silent --prefix docs/guides \
	  || echo "test-guides: the JavaScript examples are skipped, because node is not installed or npm cannot install them"
	@$(BIN)/pytest -n 0 -rs tests/guides $(ARGS)

conformance: dev-env ## run public suites against the API; those of npm need node, and say so without it; CI does not run it
	@command -v npm >/dev/null && npm ci --silent --prefix tests/conformance \
	  || echo "conformance: the suites of npm are skipped, because node is not installed or npm cannot install them"
	@.tools/bin/uv venv --quiet --clear --python $(BIN)/python .tools/conformance
	@.tools/bin/uv pip sync --quiet --python .tools/conformance/bin/python --require-hashes requirements/conformance.txt
	@$(BIN)/pytest -n 0 -rs --durations=10 tests/conformance $(ARGS)

upgrade: dev-env ## run the version before at the newest revision, beside the new one; needs the history of git
	@$(BIN)/pytest -n 0 -rs tests/workers/test_version_before.py

bench: dev-env ## measure the short form of all benches for ten minutes, and write the table of docs/PERFORMANCE.md
	@$(BIN)/python -m bench $(ARGS)

size: dev-env ## report how large an installation is, compressed and not
	@$(BIN)/python scripts/report_size.py

test-long: dev-env ## also the deep runs, with many more examples
	@$(BIN)/pytest $(SHARED) --hypothesis-profile=long --timeout=3600 $(T) $(ARGS)

test-providers: dev-env ## sign people in at two real identity providers; needs node, and says so without it
	@command -v npm >/dev/null || { echo "test-providers: skipped, because node is not installed"; exit 0; }; \
	npm ci --silent --prefix tests/oidc_provider && $(BIN)/pytest -n 0 tests/api/auth/test_real_providers.py

disturb: dev-env ## edit both sides while processes are killed and servers fail, and compare; ten to twenty minutes
	@$(BIN)/python -m bench.disturbed $(ARGS)

mutants: dev-env ## put each breach of a promise into a copy of the code; the tests must fail for it
	@$(BIN)/python -m tests.promises.mutants $(ARGS)

check: lint types ## format, lint, import contracts, schema drift and breaks, strict types, migrations, house rules
	$(BIN)/pytest $(SHARED) $(CHECKS)

lint: dev-env ## the checks that take some seconds: format, lint, import contracts, schema drift, the console with node
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/tandem schema --check
	@$(PYTHON) scripts/build_console.py --check

types: dev-env ## strict types
	$(BIN)/mypy

audit: dev-env ## look for known weaknesses of the locked packages; asks the package registry
	@.tools/bin/uv venv --quiet --clear --python $(BIN)/python .tools/audit
	@.tools/bin/uv pip sync --quiet --python .tools/audit/bin/python --require-hashes requirements/audit.txt
	@.tools/audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements/run.txt -r requirements/uv.txt

migration: dev-env ## write a revision of the database from the changed tables; M="add a mobile phone" names it
	@$(BIN)/python scripts/make_revision.py "$(M)"

released-schema: dev-env ## write the schema that clients rely on from now on; at a release
	@$(BIN)/python scripts/released_schema.py

fmt: dev-env ## format, and correct what the linter can correct
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: ## resolve requirements/*.in into locks with hashes and without an index address
	@$(PYTHON) scripts/bootstrap.py dev
	@for name in uv run dev audit node conformance; do \
	  .tools/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-annotate --no-emit-index-url requirements/$$name.in --output-file requirements/$$name.txt || exit 1; done

run-env: ## install .venv with what running needs, and the tandem command
	@$(PYTHON) scripts/bootstrap.py run

dev-env:
	@$(PYTHON) scripts/bootstrap.py dev
