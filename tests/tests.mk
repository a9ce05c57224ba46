# The checks. `make check` is the fast part; `make test` adds the page in a browser, and every scenario on real kernels.
TARGET_CODE := plugins/modules plugins/module_utils
PYTHON_CODE := plugins tests lab molecule bench
SHELL_CODE = $(shell git ls-files '*.sh' .ci/run)
# The longest first: two run at a time, and the short ones fill the end.
LONGEST := upgrade own fleet
SCENARIOS = $(LONGEST) $(filter-out $(LONGEST),$(sort $(notdir $(patsubst %/molecule.yml,%,$(wildcard molecule/*/molecule.yml)))))

# From Debian. The C files are compiled here as well as on the machines, against this Debian's kernel; sparse is the
# kernel's own checker; shellcheck reads the shell; git lists the files that are ours.
CHECK_PACKAGES := make gcc linux-headers-amd64 sparse shellcheck git
# Opens the page without a screen, and something to write with.
PAGE_PACKAGES := chromium fonts-dejavu-core

.PHONY: check test unit page kernels-page kmod-check tools

check: $(LAB_VENV) tools ## lint, types, C files, unit tests
	ruff check --quiet $(PYTHON_CODE)
	ruff format --quiet --check $(PYTHON_CODE)
	MYPYPATH=collections mypy
	vermin --quiet --no-tips --violations -t=3.8- $(TARGET_CODE)
	yamllint --strict .
	ansible-lint --offline -q
	shellcheck $(SHELL_CODE)
	$(MAKE) --no-print-directory kmod-check
	pytest tests/unit

unit: $(LAB_VENV) ## the unit tests alone
	pytest tests/unit

page: $(LAB_VENV) ## the page in headless Chromium; the pictures stay in .cache/page/
	tests/packages.sh $(PAGE_PACKAGES)
	pytest tests/page

kernels-page: $(LAB_VENV) ## docs/kernels.md with the table of the last run of the scenario kernels
	PYTHONPATH=collections $(BIN)/python -m ansible_collections.procfleet.procfs.tests.kernels

kmod-check: $(LAB_VENV) tools ## W=1 and sparse on the C files: a word is a failure
	tests/kmod-check.sh

tools: $(LAB_VENV)
	@tests/packages.sh $(CHECK_PACKAGES)

test: check page lab ## everything: check, the page, then every scenario
	tests/scenarios.py $(SCENARIOS)
