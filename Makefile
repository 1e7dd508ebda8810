# Everything starts from Python 3.11, 3.12 or 3.13, make and the package registries.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
BIN := .venv/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: up quick test clients mutants fuzz soak train bench capacity lint format proto rules settings walk constraints

## Serve the shipped models until Ctrl-C; GET http://127.0.0.1:8000/docs, or another PORT=…
up: .venv/local.installed
	@$(BIN)/tfgate up $(if $(PORT),--port '$(PORT)')

## Run every test that needs no process beside its own and trains nothing: a minute or two
quick: .venv/dev.installed
	@$(BIN)/pytest --quick --numprocesses 2 --dist loadfile

## Run every test, those against real servers first
test: .venv/dev.installed
	@$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

## Install the clients that people have, which some tests run, each apart: minutes and 4 GB, once
clients: .venv/dev.installed
	@$(BIN)/python -m tests.foreign.clients

## Change the code a little in many places; list the changes that no test notices. Hours for all of it;
## for one module: make mutants ONLY='serving.gateway.inference.batcher*'
mutants: .venv/dev.installed
	@rm -rf mutants
	@$(BIN)/mutmut run --max-children 2 $(if $(ONLY),'$(ONLY)')
	@$(BIN)/mutmut results

## Decode damaged pictures for ten minutes: each is answered or refused, and nothing else happens
fuzz: .venv/dev.installed
	@$(BIN)/python -m tests.serving.pictures.fuzz

## Ten minutes under load, with versions swapped and the model server killed; docs/operations.md
soak: .venv/dev.installed
	@mkdir -p build
	@$(BIN)/python -m soak --json build/soak.json --log build/soak.log

## Train all three models anew; DATA=folder names data sets that are here already
train: .venv/training.installed
	@$(BIN)/tfgate train all $(if $(DATA),--data $(DATA))

## Measure tfgate and its peers anew, for docs/benchmarks.md: half an hour on a quiet machine
bench: .venv/bench.installed
	@rm -rf build/bench/results.jsonl build/bench/dialects.jsonl build/bench/reference.json build/bench/models
	@$(BIN)/python -m bench install
	@$(BIN)/python -m bench run
	@$(BIN)/python -m bench overload
	@$(BIN)/python -m bench breakdown
	@$(BIN)/python -m bench report
	@$(BIN)/python -m bench dialects

## Measure what requests cost, simulate fleets with it, write docs/capacity.md: some minutes
capacity: .venv/bench.installed
	@$(BIN)/python -m bench.capacity measure
	@$(BIN)/python -m bench.capacity report

## Check style and types; mypy knows what the oldest Python does not have yet, and the newest no more
lint: .venv/dev.installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/mypy --python-version 3.13

## Put the code into its one format
format: .venv/dev.installed
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

## Generate the message classes after a change to proto/*.proto
proto: .venv/dev.installed
	@$(BIN)/python -m proto.generate

## Write k8s/base/prometheus-rule.yaml after a change to monitoring/rules; RUNBOOK=https://… is where
## the alerts then say that docs/runbook.md can be read
rules: .venv/dev.installed
	@$(BIN)/python -m monitoring.prometheus_rule $(if $(RUNBOOK),--runbook '$(RUNBOOK)')

## Write docs/settings.md after a change to serving/gateway/settings.py
settings: .venv/dev.installed
	@$(BIN)/python -m tfgate.settings_page

## Write the lines that docs/architecture.md names after a change to the way of a request
walk: .venv/dev.installed
	@$(BIN)/python -m tests.contract.walk

## Move every dependency to its newest allowed version
constraints:
	@$(PYTHON) -m venv --clear build/constraints
	@build/constraints/bin/pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@build/constraints/bin/pip freeze --exclude-editable > constraints.txt
	@rm -rf build/constraints

.venv/%.installed: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing tfgate[$*] into .venv: about a minute, once"
	@$(INSTALL) --editable '.[$*]'
	@touch $@
