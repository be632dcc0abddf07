# make check   every theory check, report in results/ (options: ARGS="--help")
# make test    lint, then the test suite           (options: ARGS="-k name", WORKERS=4)
# make bench   the benchmarks
# make clean   removes the environment and caches, never results/
#
# PYTHON names the interpreter of the environment; EXTRAS=dev,images,cuda adds the GPU packages.

PYTHON ?= python3
EXTRAS ?= dev,images
WORKERS ?= 2
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
comma := ,
STAMP := $(VENV)/.installed-$(subst $(comma),-,$(EXTRAS))

.DEFAULT_GOAL := check
.PHONY: check test lint format bench clean

# A refuted or undecided claim is a result and told as one; only a run that did not come to its end is an error of make.
check: $(STAMP)
	@$(BIN)/python -m theory_checks.all $(ARGS); status=$$?; \
	case $$status in \
	  1) echo "make check: a claim is refuted (exit status 1 of theory_checks.all)" >&2 ;; \
	  3) echo "make check: a claim is undecided (exit status 3 of theory_checks.all)" >&2 ;; \
	  *) exit $$status ;; \
	esac

test: lint
	$(BIN)/python -m pytest --quiet -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

format: $(STAMP)
	$(BIN)/ruff check --quiet --fix --exit-zero .
	$(BIN)/ruff format .

bench: $(STAMP)
	@$(BIN)/python -m benchmarks $(ARGS)

# An environment that works is kept, so that a changed pin does not pull it from under a running job.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "error: '$(PYTHON)' is not Python 3.11 or newer; name one with PYTHON=, e.g. make PYTHON=python3.12" >&2; \
	  exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "installing purifyjax[$(EXTRAS)] into $(VENV)" >&2
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .hypothesis .ruff_cache
	find . -name .git -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +
