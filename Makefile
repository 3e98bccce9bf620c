# make NAME is python -m tasks NAME; `python -m tasks` lists all with a line each, and is all that is needed where there
# is no make. Each makes the environment in .venv by itself, once. More words for some of them:
#
# make bench BENCH="'cluster/*' performance/batch.md"   some rows or a page; BENCH=--write for the pages and
#                                      benchmarks/history.csv; BENCH="--aralia FOLDER --peers PYTHON --long" for all there is
# make fuzz FUZZ="sites --count 1000"  make validation MODELS=FOLDER
# make PYTHON=python3.12 test          the Python that the environment is made with

PYTHON ?= python3
TASKS := report docs test test-all check bench bench-history fuzz validation schema picture sample packages release clean

.PHONY: $(TASKS)

bench bench-history: WORDS = $(BENCH)
fuzz: WORDS = $(FUZZ)
validation: WORDS = $(if $(MODELS),--models $(MODELS))

$(TASKS):
	@$(PYTHON) -m tasks $@ $(WORDS)
