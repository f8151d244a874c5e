# make demo   set up from nothing, draw the first pictures through the real queue, serve the portal
# make test   the whole test suite
# make check  what CI checks besides the tests

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN = $(VENV)/bin
ARGS ?=
TEST_PROCESSES ?= 2
PIP_ARGS ?=
CONSTRAINTS = deploy/constraints.txt
POSTGRES_URL ?= postgres://postgres@127.0.0.1:5432/daicho

.PHONY: demo test test-postgres check messages setup lock clean

demo: setup
	$(BIN)/python manage.py demo $(ARGS)

# Workers and browsers share a database and a screenful of processes, so those tests go one after another.
test: setup
	$(BIN)/pytest -n $(TEST_PROCESSES) --dist worksteal -m "not workers and not browser" $(ARGS)
	$(BIN)/pytest -m "workers or browser" $(ARGS)

test-postgres: setup
	DATABASE_URL=$(POSTGRES_URL) $(BIN)/pytest -m postgres $(ARGS)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null

# Needs GNU gettext; the compiled catalogue is in the repository, so nothing else does.
messages: setup
	$(BIN)/python manage.py makemessages -l ja --no-location --no-obsolete -i .venv -i var
	$(BIN)/python manage.py compilemessages -l ja -i .venv -i var

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml $(CONSTRAINTS)
	@test -x $(BIN)/pip || deploy/make-venv "$(PYTHON)" "$(VENV)"
	$(BIN)/pip install --quiet $(PIP_ARGS) "torch==2.13.0"
	$(BIN)/pip install --quiet $(PIP_ARGS) --constraint $(CONSTRAINTS) --editable ".[dev]"
	@touch $@

# The newest releases that pyproject.toml allows, written down once the tests have passed with them.
lock:
	deploy/make-venv "$(PYTHON)" var/venv-lock
	var/venv-lock/bin/pip install --quiet $(PIP_ARGS) "torch==2.13.0"
	var/venv-lock/bin/pip install --quiet $(PIP_ARGS) --editable ".[dev]"
	var/venv-lock/bin/pip freeze --exclude-editable | sed 's/+cpu$$//' > $(CONSTRAINTS)
	rm -rf var/venv-lock

clean:
	rm -rf $(VENV) var
