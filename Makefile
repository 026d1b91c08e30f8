# Everything a fresh clone needs: Python 3.11 or later, make, and the package index.
PYTHON ?= python3
BIN := .venv/bin
EXTRAS := serving,test,dev,docs
# Processes that share the tests; each grows to about 3 GiB.
JOBS ?= 2
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist loadgroup --no-loadscope-reorder

.PHONY: help quickstart check test slow test-all browser lint types docs docs-test bench clean

help:
	@echo "make quickstart  train a DCGAN on real digits, sample it, export it (minutes)"
	@echo "make check       lint, and the tests that trace no graph: for while you write"
	@echo "make test        all tests but the slow ones: before a change is sent"
	@echo "make slow        the tests that learn something or take long; PART=1/5: a fifth of them"
	@echo "make test-all    every test, slow ones too"
	@echo "make browser     the tests of the pages, in chromium"
	@echo "make lint        ruff, and the types by mypy"
	@echo "make docs        the documentation, strictly"
	@echo "make docs-test   every block of the documentation and its notebooks, cut down"
	@echo "make bench       training benchmark of every model"

# The stamp is newer than setup.cfg once an install went through to its end.
.venv/installed: setup.cfg pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[$(EXTRAS)]'
	@touch $@

quickstart: .venv/installed
	$(BIN)/tfgen train configs/quickstart.yaml --run runs/quickstart
	$(BIN)/tfgen sample runs/quickstart --seeds 0-63 --out runs/quickstart/grid.png
	$(BIN)/tfgen export runs/quickstart --to exports/quickstart
	@cat docs/next.txt

check: lint
	$(PYTEST) -m "not slow and not long and not trace and not docs and not browser"

# The conformance suite in processes of its own: TensorFlow does not give back all memory of graphs.
test: .venv/installed
	$(PYTEST) -m "not slow and not long and not docs and not browser" --ignore tests/test_models.py
	$(PYTEST) -m "not slow and not long" tests/test_models.py

# PART=2/5: the second fifth of them.
# Those that learn are compiled as for users, without what tests/conftest.py leaves out of XLA.
slow: .venv/installed
	TFGEN_TESTS_OPTIMISED=1 $(PYTEST) -m slow $(if $(PART),--part $(PART))
	$(PYTEST) -m "long and not slow" $(if $(PART),--part $(PART))

test-all: test slow

browser: .venv/installed
	$(BIN)/python -m pytest -m browser tests/serving tests/explore/lab

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(MAKE) --no-print-directory types

# mypy takes a module's name from its path, and export/ and serving/ are not where their names say:
# it reads links that are.
types: .venv/installed
	rm -rf build/types
	mkdir -p build/types/tfgen
	ln -s $(CURDIR)/tfgen/* $(CURDIR)/export $(CURDIR)/serving build/types/tfgen/
	cd build/types && $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/pyproject.toml \
		--cache-dir $(CURDIR)/.mypy_cache -p tfgen

docs: .venv/installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

docs-test: .venv/installed
	$(PYTEST) -m docs tests/docs

bench: .venv/installed
	$(BIN)/python -m benchmarks.train

clean:
	rm -rf .venv .mypy_cache build dist site *.egg-info
