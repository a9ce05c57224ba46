# Side by side with what people would use instead. The root Makefile includes this file.
BENCH_PYINFRA := .cache/bench/pyinfra
BENCH := PYTHONPATH=collections $(BIN)/python -m ansible_collections.procfleet.procfs.bench

.PHONY: bench bench-plan bench-growth bench-call bench-page bench-down

bench: $(BENCH_PYINFRA)/.complete lab ## measure against what people would use instead; hours, see bench-plan
	$(BENCH).run

bench-plan: $(LAB_VENV) ## what bench would do, and how long that takes; narrow it with the variables in bench/run.py
	@$(BENCH).run --plan

# Its sshd stands in for hosts; Debian's package runs another one by itself, where nothing forbids that.
bench-growth: $(LAB_VENV) ## what more hosts cost the controller; BENCH_HOSTS and BENCH_SETTINGS as in bench/growth.py
	tests/packages.sh openssh-server
	$(BENCH).growth

bench-call: lab ## where the time of one remote call goes, on one machine
	$(BENCH).remote_call

bench-page: $(LAB_VENV) ## docs/bench.md and its picture from bench/results.csv
	$(BENCH).page

bench-down: $(LAB_VENV) ## take the bench's machines away
	$(LAB_PLAYBOOK) -i bench/inventory.yml lab/down.yml

# In an environment of its own: nothing of ours runs with it.
$(BENCH_PYINFRA)/.complete: bench/requirements.txt | $(LAB_VENV)
	python3 -m venv $(BENCH_PYINFRA)
	$(BENCH_PYINFRA)/bin/pip install --quiet --disable-pip-version-check -r bench/requirements.txt
	touch $@
