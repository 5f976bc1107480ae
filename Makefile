# PYTHON: an environment with `pip install -e '.[test,lint]'`; `make .venv` makes one.
PYTHON ?= .venv/bin/python

.PHONY: check coverage test packaging editor fix docs live ci

check: ## everything but the live tests: lint, types, tests, catalog, packaging
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(PYTHON) -m kie_sync.cli catalog check --strict
	$(PYTHON) -m pytest -n auto --dist worksteal
	$(PYTHON) -m pytest -m packaging
	$(MAKE) coverage

coverage: ## how much of the core the tests of its modules cover, whole flows left out: 95 % at least
	$(PYTHON) -m pytest -n auto --dist worksteal -m "not live and not packaging and not editor and not flow" \
		--ignore=tests/test_architecture.py --cov --cov-report=
	$(PYTHON) -m coverage report --fail-under=95 --include='kie_sync/*.py'

test: ## the tests
	$(PYTHON) -m pytest

fix: ## let ruff repair what it can
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

docs: ## write what is generated
	$(PYTHON) docs/model_ids.py

editor: ## what an editor makes of the catalog's files; asks npm for a server once
	$(PYTHON) -m pytest -m editor tests/editor

live: ## spends credits on the real platform; needs KIE_API_KEY
	$(PYTHON) -m pytest -m live

ci: ## what CI runs: everything, from a clean copy, on every Python found
	.ci/run

.venv:
	python3 -m venv .venv
	.venv/bin/python -m pip install -q -e '.[test,lint]'
