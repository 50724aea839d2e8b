# make up | test | tour | bench | lint; `make help` says what each does.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PLACE := $(shell scripts/place)
BIN := $(PLACE)/.venv/bin
export SANDBOX_HOME ?= $(PLACE)/var
export SANDBOX_POLICIES ?= $(if $(filter $(realpath .),$(PLACE)),policies,$(PLACE)/project/policies)

# Files of tests are spread over the cores; a file's own tests stay together, with what they share.
SPREAD := -n auto --maxprocesses 4 --dist loadfile

.PHONY: help up test test-deploy faults test-spark test-pythons tour bench bench-quick lint setup setup-dev

help:  ## say what each target does
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

setup:
	@scripts/setup

setup-dev:
	@scripts/setup dev

up: setup  ## set up what is missing, start everything, stay until Ctrl-C
	@if [ -S /var/run/docker.sock ]; then scripts/packages mmdebstrap; fi
	@exec $(BIN)/sandbox up

tour: setup  ## walk the whole story without a person, on a sandbox of its own
	@scripts/packages minisign
	@if [ -S /var/run/docker.sock ]; then scripts/packages mmdebstrap; fi
	@exec $(BIN)/sandbox tour

test: setup-dev  ## install what the tests need and run all of them, quick ones first
	@scripts/packages age curl docker.io iptables mmdebstrap bubblewrap minisign chromium fonts-noto-cjk postgresql runsc strace libfaketime openjdk-17-jre-headless
	@scripts/docker-daemon
	@$(BIN)/pytest $(SPREAD) tests/unit
	@$(BIN)/pytest $(SPREAD) tests/integration
	@$(BIN)/pytest tests/faults
	@$(BIN)/pytest -p no:randomly tests/e2e  # in their order: each kind of sandbox is started once

test-deploy: setup-dev  ## build every image and run deploy/compose.yaml, each part in its container; root and Docker
	@scripts/packages curl docker.io docker-compose iptables mmdebstrap runsc
	@scripts/docker-daemon
	@$(BIN)/pytest tests/deploy

faults: setup-dev  ## every fault many times over: kills, races, tampering, power cuts; half an hour
	@scripts/packages postgresql strace libfaketime
	@SANDBOX_FAULTS=long $(BIN)/pytest tests/faults

test-spark: setup-dev  ## every promise of the engines once more on Spark, which takes a while
	@scripts/packages openjdk-17-jre-headless
	@$(BIN)/pytest -m spark tests/integration

test-pythons:  ## unit and integration tests on Python 3.11, 3.12 and 3.13, or on those that PYTHONS="..." names
	@scripts/packages age bubblewrap minisign postgresql
	@scripts/test-pythons $(PYTHONS)

bench: setup  ## measure the query engine beside its goals: a quarter of an hour, 6 GiB of disk
	@$(BIN)/python -m benchmarks

bench-quick: setup  ## the same with smaller tables, two minutes
	@$(BIN)/python -m benchmarks --quick --output $(PLACE)/var/bench-quick.json

lint: setup-dev  ## formatting, ruff, mypy --strict, the direction of imports
	@$(BIN)/ruff format --check sandbox tests benchmarks
	@$(BIN)/ruff check sandbox tests benchmarks
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@scripts/file-lengths
