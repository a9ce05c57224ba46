# The checks. `make check` is the fast part; `make test` adds every scenario on real kernels.
TARGET_CODE := plugins/modules plugins/module_utils
PYTHON_CODE := plugins tests lab molecule
SHELL_CODE = $(shell git ls-files '*.sh' .ci/run)
SCENARIOS = $(sort $(notdir $(patsubst %/molecule.yml,%,$(wildcard molecule/*/molecule.yml))))

.PHONY: check test unit kmod-check tools

check: $(LAB_VENV) tools ## lint, types, C files, unit tests
	ruff check $(PYTHON_CODE)
	ruff format --check $(PYTHON_CODE)
	MYPYPATH=collections mypy
	vermin --no-tips --violations -t=3.8- $(TARGET_CODE)
	yamllint --strict .
	ansible-lint --offline
	shellcheck $(SHELL_CODE)
	$(MAKE) --no-print-directory kmod-check
	pytest tests/unit

unit: $(LAB_VENV) ## the unit tests alone
	pytest tests/unit

kmod-check: $(LAB_VENV) tools ## W=1 and sparse on the C files: a word is a failure
	tests/kmod-check.sh

tools: $(LAB_VENV) # compiler, headers, sparse
	@tests/tools.sh

test: check lab ## everything: check, then every scenario
	tests/scenarios.py $(SCENARIOS)
