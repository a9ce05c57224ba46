# make deploy: from a fresh machine to modules proven in /proc.   make test: everything that is checked.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
export PATH := $(BIN):$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
LAB_VENV := $(VENV)/.complete

include lab/lab.mk
include tests/tests.mk
include bench/bench.mk

.PHONY: help deploy clean

help: ## say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# pip's own record of what is there would be slower to ask than this file's age.
$(LAB_VENV): requirements.txt requirements-dev.txt
	tests/venv.sh $(VENV)
	touch $@

deploy: lab lab-up ## lab, machine, and deploy.yml on it
	ansible-playbook deploy.yml

clean: lab-clean ## take away the lab and the virtual environment
	rm -rf $(VENV) .cache .ansible
