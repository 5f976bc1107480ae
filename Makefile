# PYTHON: an environment with `pip install -e '.[test,lint]'`; `make .venv` makes one.
PYTHON ?= .venv/bin/python

.PHONY: check test packaging editor fix docs live ci

check: ## everything but the live tests: lint, types, tests, catalog, packaging
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(PYTHON) -m kie_sync.cli catalog check --strict
	$(PYTHON) -m pytest --cov -n auto --dist worksteal
	$(PYTHON) -m pytest -m packaging

test: ## the quick part
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
