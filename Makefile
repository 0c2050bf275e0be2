# GWAE Explorer. `make` alone lists the targets.

# Any Python from 3.11 on; for example `make app PYTHON=python3.12`.
PYTHON ?= python3
# Where torch comes from. On Linux the default registry's build brings gigabytes of CUDA libraries, so the CPU build is
# asked for; where this address cannot be reached pip says so and takes the default registry's build. To train on an
# NVIDIA GPU: `make app TORCH_INDEX=` (nothing after the sign).
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
# Further options for every pip call, for example `make app PIP_ARGS="--proxy http://host:port"`; and for npm.
PIP_ARGS ?=
NPM_ARGS ?=
# Processes that share the test files without a browser, one core each. Those with one follow alone, on a quiet machine.
JOBS ?= 2
# Further options for the app and for pytest, for example `make app ARGS="--server.port 8600"`.
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check -q $(PIP_ARGS)
# The browser code is checked where Node is; users of the app need none.
NODE = @if test -d node_modules; then npm run --silent $(1); else echo "No node_modules: the browser code was not checked ($(1))." >&2; fi

.DEFAULT_GOAL := help
.PHONY: help venv app test lint format bench

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The stamp is newer than the pins once everything is installed, which makes the second call instant.
$(VENV)/.app: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, this is %d.%d; say which to use: make PYTHON=python3.12" % sys.version_info[:2])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "No virtual environment could be made; on Debian: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }
	@echo "Installing into $(VENV); the first time this takes a few minutes." >&2
	$(PIP) --no-deps $(if $(TORCH_INDEX),--retries 1 --extra-index-url $(TORCH_INDEX)) $$(grep -E '^torch(vision)?==' requirements.txt)
	$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt package-lock.json $(VENV)/.app
	$(PIP) -r requirements-dev.txt
	@npm ci --no-audit --no-fund --loglevel=error $(NPM_ARGS) || echo "npm installed nothing: the checks of the browser code are skipped (on Debian: apt-get install nodejs npm; then npm ci)." >&2
	@touch $@

venv: $(VENV)/.dev ## make .venv with everything, for development

app: $(VENV)/.app ## install what the app needs, then open it at http://127.0.0.1:8501
	@$(BIN)/python -m explorer.shared.exposure $(ARGS)
	$(BIN)/streamlit run explorer/app.py $(ARGS)

test: $(VENV)/.dev ## run the tests (GWAE_DATA=folder adds those on real data)
	@failed=0; for part in "not browser:$(JOBS)" "browser:0"; do \
		$(BIN)/python -m pytest -q -m "$${part%:*}" -n "$${part#*:}" --dist loadfile $(ARGS) || test $$? = 5 || failed=1; \
	done; exit $$failed

lint: $(VENV)/.dev ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(call NODE,lint)
	$(call NODE,types)

format: $(VENV)/.dev ## correct style and formatting in place
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(call NODE,format)

bench: $(VENV)/.dev ## print the benchmarks: training step, then start and slider to picture in a browser
	$(BIN)/python -m trainer bench
	$(BIN)/python -m tests.benchmarks.step
	$(BIN)/python -m tests.benchmarks.start
	$(BIN)/python -m tests.benchmarks.slider
	$(BIN)/python -m tests.benchmarks.training
	$(BIN)/python -m tests.benchmarks.factors
	$(BIN)/python -m tests.benchmarks.generate
