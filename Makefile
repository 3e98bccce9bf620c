# make report   every level's report and their comparison, in reports/
# make test     all tests but the slow proofs
# make test-all all tests; the slow proofs are those marked 'slow'
# make check    lint, format and types
# make picture  the rooms by floors in CONTRIBUTING.md, and the positions of a role in docs/concepts/takeovers.md
# make bench    what things cost; BENCH="'cluster/*' performance/batch.md" for some rows or a page; BENCH=--write for the pages
#               and benchmarks/history.csv; BENCH="--aralia FOLDER --peers PYTHON --long" for all there is; BENCH=--list
# make bench-history   every row by commit, and what has slipped; BENCH=--write for docs/performance/history.md
# make validation   docs/validation.md, by running every published case; MODELS=FOLDER with SCRAM's chinese.xml for one more
# make docs     the documentation site, build/docs/index.html; without a network, warnings are errors
# make fuzz     inputs that nobody would write, 100,000 of each kind; FUZZ="sites --count 1000" for some
# Each makes the environment in .venv by itself, once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# one process a core; a file's tests stay together, since they share what they render or solve; tests/conftest.py has
# their order. Each has one thread for linear algebra: further ones would spin on the other processes' cores
PYTEST := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

.PHONY: report docs test test-all check bench bench-history fuzz validation schema sample picture clean

report: $(STAMP)
	$(BIN)/k2rel report --all --output reports

test: $(STAMP)
	$(PYTEST) -m 'not slow'

test-all: test
	$(PYTEST) -m slow

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/python benchmarks/run.py $(BENCH)

# what is slower, or needs more memory, than it was at the best earlier commit; the exit code says so
bench-history: $(STAMP)
	$(BIN)/python benchmarks/history.py $(BENCH)

fuzz: $(STAMP)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.fuzz $(FUZZ)

docs: $(STAMP)
	$(BIN)/python -m sphinx -q -W --keep-going -j auto -b html docs build/docs

# data/schema.json is written out so that editors find it beside the site files
schema: $(STAMP)
	$(BIN)/k2rel schema > data/schema.json

validation: $(STAMP)
	$(BIN)/python -m validation.page $(if $(MODELS),--models $(MODELS))

# the rooms by floors in CONTRIBUTING.md, from the imports in the code; the positions of a role in docs/concepts/takeovers.md
picture: $(STAMP)
	$(BIN)/python tests/house.py
	$(BIN)/python tests/positions.py

# the one committed sample of a rendered report
sample: $(STAMP)
	$(BIN)/k2rel report L2R --target 99.99 --no-pdf --output reports/.sample --quiet
	mkdir -p reports/sample && cp reports/.sample/L2R.html reports/sample/L2R.html && rm -rf reports/.sample

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("k2rel needs Python 3.11 or newer; say which with: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache
