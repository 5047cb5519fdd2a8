# Needs GNU make 3.81 or newer, a POSIX shell and Python 3.11 or newer. Everything is installed into .venv.

PYTHON ?= python3
STUDY  ?= digits
ARGS   ?=
# These two not from the environment: NAME, for one, is the computer's name on some systems.
DEVICE =
NAME   =

VENV      := .venv
BIN       := $(VENV)/bin
INSTALLED := $(VENV)/.installed
OLDEST    := .venv-oldest
UNDER_WAY := $(VENV)/.under-way

# Recipes read these from their environment, so that paths with spaces and quotes survive.
export STUDY DEVICE NAME PYTHON
NEEDED     = Python 3.11 or newer is needed; if it has another name: make setup PYTHON=python3.12
run_name   = "$${NAME:-$$(basename "$$STUDY" .toml)}"

.DEFAULT_GOAL := help
.PHONY: help setup sweep report dashboard test test-all tools pools oldest check bench soak clean moved
.SUFFIXES:

help:
	@echo "Which learning rate, optimizer, activation function and activation regularization suit a model?"
	@echo
	@echo "  make sweep      run a study and write its report (resumes what is there)"
	@echo "  make test       run the tests but for the slow cases"
	@echo "  make test-all   run all tests"
	@echo "  make tools      install TensorBoard, MLflow, wandb, Trackio, Lightning and Jupyter, and test with them"
	@echo "  make pools      install Dask, Ray and the driver of PostgreSQL, and run a study on each, with workers killed"
	@echo "  make oldest     install the oldest versions that are allowed into $(OLDEST); some tests and a sweep with them"
	@echo "  make setup      install the pinned dependencies into .venv; sweep, test and the others do it by themselves"
	@echo "  make report     write the report of a run again"
	@echo "  make dashboard  look at a run in optuna-dashboard (on this computer only)"
	@echo "  make bench      compare the speed with that of others"
	@echo "  make soak       repeat whole sweeps where the truth is known, and count the claims that hold (15 minutes);"
	@echo "                  then kill runs at every operation on files, and damage run folders at random"
	@echo "  make check      lint, format check and types; changes no file"
	@echo "  make clean      remove caches and build output; runs/, reports/ and .venv stay"
	@echo
	@echo "  STUDY=digits    a built-in study or a path: make sweep STUDY=studies/digits.toml"
	@echo "  ARGS=           further arguments:          make sweep ARGS='--set search.trials=30 --jobs 2'"
	@echo "                                              make test  ARGS='-k schedules -x'"
	@echo "  DEVICE=         auto, cpu, cuda or mps:     make sweep DEVICE=cpu"
	@echo "  NAME=           of the run, if it differs from STUDY's: make report NAME=digits"
	@echo "  PYTHON=python3  makes .venv (3.11 or newer): make setup PYTHON=python3.12"

setup: $(INSTALLED)
	@echo "$(VENV) is ready"

sweep: $(INSTALLED)
	@$(BIN)/sweeper run "$$STUDY" $${DEVICE:+--set training.device="$$DEVICE"} $(ARGS)

report: $(INSTALLED)
	@$(BIN)/sweeper report $(run_name) $(ARGS)

dashboard: $(INSTALLED)
	@$(BIN)/sweeper dashboard $(run_name) $(ARGS)

# A file's tests share what they set up, so each file goes to one process. One that hangs is ended and named, and
# no process takes its place: there the test would hang again.
PARALLEL := --numprocesses=logical --maxprocesses=4 --dist=loadfile --max-worker-restart=0

# Tests start a hundred processes, which need not compile the package anew each. The slow cases wait for test-all,
# unless ARGS ask for some.
test: $(INSTALLED)
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest $(PARALLEL) $(or $(ARGS),--quick)

test-all: $(INSTALLED)
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest $(PARALLEL) $(ARGS)

bench: $(INSTALLED)
	@$(BIN)/python benchmarks/run.py $${DEVICE:+--device "$$DEVICE"} $(ARGS)

soak: $(INSTALLED)
	@SWEEPER_SOAK=1 $(BIN)/python -m pytest -q tests/fuzz tests/answer/test_confirmed.py
	@$(BIN)/python benchmarks/repeated.py $(ARGS)
	@SWEEPER_SOAK=1 $(BIN)/python -m pytest -q tests/faults tests/journey/test_any_order.py tests/records/test_fuzz.py \
	  tests/contracts/test_platforms.py

# The types of torch take long to read: mypy keeps what it learns inside .venv.
check: $(INSTALLED)
	@$(BIN)/ruff check --no-cache .
	@$(BIN)/ruff format --check --no-cache .
	@$(BIN)/mypy --cache-dir=$(VENV)/.mypy_cache

clean:
	@rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis $(VENV)/.mypy_cache
	@find . -path ./$(VENV) -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +
	@echo "kept: runs/, reports/ and .venv; to install anew: rm -r .venv"

# Written last, so an interrupted installation is not taken for a finished one: it is done again from scratch.
$(INSTALLED): pyproject.toml constraints.txt
	@rm -f $(INSTALLED)
	@command -v "$$PYTHON" >/dev/null || { echo "$$PYTHON: not found. $(NEEDED)" >&2; exit 1; }
	@"$$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$$PYTHON is $$("$$PYTHON" --version 2>&1), which is too old. $(NEEDED)" >&2; exit 1; }
	@"$$PYTHON" -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "$$PYTHON cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@if [ -e $(UNDER_WAY) ]; then rm -rf $(VENV); fi
	@mkdir -p $(VENV) && touch $(UNDER_WAY)
	"$$PYTHON" -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@$(BIN)/python -m compileall -q sweeper  # pip leaves to the first sweep what it installs in place
	@pwd -P > $(INSTALLED) && rm -f $(UNDER_WAY)

# The tools of `sweeper export --to`, Lightning and a kernel of notebooks, tested with. In .venv, beside what is there.
tools: $(INSTALLED)
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e ".[tensorboard,mlflow,wandb,trackio,lightning,notebook]"
	@$(BIN)/python -m pytest -q tests/commands/export tests/report/test_notebook.py $(ARGS)
	@$(BIN)/python -m pytest -q tests/equivalence/test_inner_losses.py tests/contracts/test_docs.py -k lightning

# Other machines' engines, each real and on this machine; PostgreSQL's server comes from the system. In .venv, too.
pools: $(INSTALLED)
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e ".[dask,ray,postgres,grpc]"
	@SWEEPER_POOLS=1 $(BIN)/python -m pytest -q $(PARALLEL) tests/journey/test_pools_engines.py \
	  tests/contracts/test_pools.py tests/journey/test_pools.py tests/training/pool/test_dask_pool.py \
	  tests/training/pool/test_ray_pool.py tests/training/pool/test_registry.py tests/search/test_storage_url.py $(ARGS)

# The programs in .venv name the folder they were installed in: when the checkout has moved, install anew.
ifneq ($(wildcard $(INSTALLED)),)
ifneq ($(shell cat $(INSTALLED)),$(shell pwd -P))
$(INSTALLED): moved
moved:
	@touch $(UNDER_WAY)
endif
endif

# Something of every package; the sweep after them writes a report.
OLDEST_TESTS := tests/contracts/test_oldest.py tests/study/test_settings.py \
  tests/data/test_table_files.py tests/data/test_splits.py tests/training/pool tests/records/test_store.py \
  tests/search/test_tpe.py tests/search/test_dashboard.py tests/statistics/test_intervals.py \
  tests/training/stacked/native/test_mathematics.py tests/report/test_progress.py tests/browser/test_live_page.py
OLDEST_SWEEP := --set name=oldest --set search.trials=12 --set training.epochs=2 --set search.sampler=cmaes \
  --set confirm.finalists=2 --set confirm.seeds=3 --quiet

oldest: $(OLDEST)/.installed
	@$(OLDEST)/bin/ruff check --no-cache --quiet .
	@$(OLDEST)/bin/mypy --cache-dir=/dev/null --follow-imports=skip sweeper/suggestions.py
	@$(OLDEST)/bin/python -m pytest -q $(PARALLEL) $(OLDEST_TESTS) $(ARGS)
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT \
	  && $(OLDEST)/bin/sweeper run digits --runs "$$scratch/runs" --reports "$$scratch/reports" $(OLDEST_SWEEP) \
	  && test -s "$$scratch/reports/oldest/index.html" && echo "a sweep with the oldest versions passed"

# What .venv has in its oldest version already is taken from there: torch is most of what there is to install.
$(OLDEST)/.installed: $(INSTALLED) pyproject.toml constraints-oldest.txt
	@rm -rf $(OLDEST)
	"$$PYTHON" -m venv $(OLDEST)
	@site='import sysconfig; print(sysconfig.get_path("purelib"))'; \
	  echo "import site; site.addsitedir('$$($(BIN)/python -c "$$site")')" \
	  > "$$($(OLDEST)/bin/python -c "$$site")/beside.pth"
	PIP_CONSTRAINT=constraints-oldest.txt PIP_BUILD_CONSTRAINT=constraints-oldest.txt \
	  $(OLDEST)/bin/python -m pip install --disable-pip-version-check --no-compile --quiet -e ".[dev]"
	@touch $@
