# Pocketvisor: `make run` opens the workbench, `make test` tests everything, `make help` lists the rest.
# Both set up what they need: a virtual environment in .venv, the C half, and system libraries where they may.

PYTHON ?= $(shell test -x /usr/bin/python3 && echo /usr/bin/python3 || command -v python3)
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --quiet --disable-pip-version-check --retries 10 --timeout 60
NEED := tools/need-packages

# The tests of a file stay in one process, in their order: some share a guest. More than four processes want more memory than
# they save time.
WORKERS ?= $(shell n=$$(nproc); echo $$(( n < 4 ? n : 4 )))

C_FILES := $(wildcard core/native/*.[ch])
C_FORMATTED := $(shell find core/native sample_guests -name build -prune -o -name '*.[ch]' -print)
TEST_PACKAGES := e2fsprogs xvfb xauth x11-xkb-utils xkb-data xdotool openbox pcmanfm
BENCH_PACKAGES := qemu-system-arm ipxe-qemu u-boot-qemu passt iperf3

.DEFAULT_GOAL := help
.PHONY: help run tour test test-native test-sanitized test-long pytest lint format bench debian clean
.NOTPARALLEL:

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.installed ## open the workbench with two guests (ARGS="..."); without a display, a tour offscreen
	@$(call need_libraries)
	@$(VENV)/bin/pocketvisor workbench $(ARGS)

test: $(VENV)/.tools ## everything: lint, the C tests under sanitizers, guests, Debian, the window
	@$(MAKE) --no-print-directory lint test-native test-sanitized debian pytest

pytest: $(VENV)/.tools ## the Python tests alone (ARGS="tests/core -k name", WORKERS=0 for one process)
	@$(call need_libraries,with a window)
	@$(NEED) "tests in a real window" $(TEST_PACKAGES)
	@echo "== tests"
	@QT_QPA_PLATFORM=offscreen $(PY) -m pytest -m "not long" -n $(WORKERS) --dist loadfile $(ARGS)

test-native: $(VENV)/.installed ## the C tests alone, under AddressSanitizer and UndefinedBehaviorSanitizer
	@echo "== C tests under sanitizers"
	@$(MAKE) --no-print-directory -C core/native test PYTHON=$(abspath $(PY))

test-sanitized: $(VENV)/.tools ## random traffic on every device, with the C half under sanitizers
	@$(call need_libraries)
	@echo "== devices under random traffic"
	@$(MAKE) --no-print-directory -C core/native extension-sanitized PYTHON=$(abspath $(PY)) > $(VENV)/sanitized.log 2>&1 || \
		{ cat $(VENV)/sanitized.log; exit 1; }
	@core/native/run-sanitized $(abspath $(PY)) -m pytest -q -p no:cacheprovider tests/core/devices/campaign

test-long: $(VENV)/.tools ## the long runs, which `make test` leaves out
	@$(call need_libraries)
	@QT_QPA_PLATFORM=offscreen $(PY) -m pytest -m long $(ARGS)

lint: $(VENV)/.tools ## ruff, mypy, stubtest and clang-format
	@echo "== lint"
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/ruff format --check --quiet . || { echo "Not formatted: make format"; exit 1; }
	@$(VENV)/bin/clang-format --dry-run -Werror $(C_FORMATTED) || { echo "Not formatted: make format"; exit 1; }
	@$(VENV)/bin/mypy --no-error-summary
	@MYPYPATH=core $(PY) -m mypy.stubtest --concise pocketvisor._native

format: $(VENV)/.tools ## bring Python and C into shape
	@$(VENV)/bin/ruff check --quiet --fix . || true
	@$(VENV)/bin/ruff format --quiet .
	@$(VENV)/bin/clang-format -i $(C_FORMATTED)

bench: $(VENV)/.tools debian ## figures beside QEMU's, on this machine (ARGS="...")
	@$(NEED) "the benchmarks" $(BENCH_PACKAGES)
	@$(VENV)/bin/pocketvisor bench $(ARGS)

debian: $(VENV)/.installed ## fetch Debian's kernel and installer with apt; in CI a failure, else tests skip them
	@$(VENV)/bin/pocketvisor guests fetch debian || { test -n "$$CI" && sleep 30 && $(VENV)/bin/pocketvisor guests fetch debian; } || \
		{ test -z "$$CI" && echo "Tests with Debian are skipped"; }

clean: ## remove all that was built or set up
	rm -rf $(VENV) build dist *.egg-info core/native/build sample_guests/build core/pocketvisor/*.so screenshots
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- what is set up, each once

# What Qt's own libraries need of the system; offscreen it is less.
define need_libraries
	$(NEED) "the workbench" $$($(PY) -c "import os; from pocketvisor_workbench.preflight import missing_packages; \
	print(*missing_packages(offscreen=not '$(1)' and not os.environ.get('DISPLAY')))")
endef

# A download that breaks off goes on where it was, or begins anew, once.
pip_install = $(PIP) install $(1) || { echo "That did not work: once more" >&2; $(PIP) install $(1); }

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; make PYTHON=/path/to/python3"; exit 1; }
	@command -v gcc > /dev/null || $(NEED) "building the C half" gcc libc6-dev
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || $(NEED) "a virtual environment" python3-venv
	@$(PYTHON) -c 'import os, sysconfig as s; os.stat(os.path.join(s.get_path("include"), "Python.h"))' \
		2> /dev/null || $(NEED) "building the C half" python3-dev
	@echo "Making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(call pip_install,--upgrade "pip>=23" "setuptools>=77" wheel)
	@touch $@

$(VENV)/.dependencies: $(VENV)/.created pyproject.toml
	@echo "Installing what Pocketvisor stands on (about 150 MB to download, once)"
	@$(PY) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")' \
		> $(VENV)/requirements.txt
	@$(call pip_install,-r $(VENV)/requirements.txt)
	@touch $@

$(VENV)/.installed: $(VENV)/.dependencies setup.py $(C_FILES)
	@echo "Building the C half"
	@$(PIP) install --no-build-isolation --no-deps --editable . > $(VENV)/build.log 2>&1 || \
		{ cat $(VENV)/build.log; exit 1; }
	@touch $@

$(VENV)/.tools: $(VENV)/.installed
	@echo "Installing the tools for tests"
	@$(PY) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["dev"], sep="\n")' \
		> $(VENV)/requirements-dev.txt
	@$(call pip_install,-r $(VENV)/requirements-dev.txt)
	@touch $@
