# The lab: machines for trying things on. The root Makefile includes this file and provides .venv (LAB_VENV names the
# target that makes it).
LAB_PLAYBOOK := $(CURDIR)/.venv/bin/ansible-playbook
LAB_VENV ?= venv

.PHONY: lab lab-up lab-down lab-clean

lab: $(LAB_VENV) ## prepare this machine for the lab
	$(LAB_PLAYBOOK) lab/host.yml

lab-up: $(LAB_VENV) ## make the boxes that inventory/lab.yml asks for, and start its machines
	$(LAB_PLAYBOOK) -i inventory/lab.yml lab/up.yml

lab-down: $(LAB_VENV) ## take those machines away
	$(LAB_PLAYBOOK) -i inventory/lab.yml lab/down.yml

lab-clean: ## take away all that the lab made: machines, disks, processes, .lab/
	python3 lab/clean.py
