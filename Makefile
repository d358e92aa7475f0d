# Every target sets up .venv by itself when it is missing or older than the files that say what is in it.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
PEERS := .venv-peers/ready

# Tests start many processes: without compiled files, each of them would compile the project again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test ui check lint bench docs kills crowd audit simulate contract

demo: $(READY)  ## Watch real imports run, from a local Snowflake into a local CleverTap
	$(BIN)/clevertap-import demo

test: $(READY)  ## Run the test suite; TESTS=FILE for some of it
	$(BIN)/python -m pytest -n auto --dist loadscope --no-loadscope-reorder $(TESTS)

ui: $(READY)  ## Dagster's UI on the local Snowflake and CleverTap, until Ctrl-C
	$(BIN)/clevertap-import sandbox

check: $(READY)  ## Check all imports against the Snowflake that the environment names
	$(BIN)/clevertap-import check

lint: $(READY)  ## Style, types and import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)  ## Rows per second, CPU seconds and memory, beside what else one could use; OPTIONS=--quick
	-@$(MAKE) --no-print-directory $(PEERS)
	$(BIN)/python -m clevertap_import_tests.benchmarks $(OPTIONS)

kills: $(READY)  ## Kill imports of 100,000 rows 20 times, and look what arrives
	KILLS=20 KILL_ROWS=100000 $(BIN)/python -m pytest -n 0 -s clevertap_import_tests/scenarios/test_kills.py

crowd: $(READY)  ## Many imports of one account at once, one of a million rows
	LONG_ROWS=1000000 $(BIN)/python -m pytest -n 0 -s clevertap_import_tests/system/test_many_at_once.py

simulate: $(READY)  ## Play the faults of many seeds on simulated processes; SEEDS=2000 FIRST=1, SCRIPT=FILE, or FIXES=1
	$(BIN)/python -m clevertap_import_tests.simulation \
		$(if $(SCRIPT),--script $(SCRIPT),$(if $(FIXES),--fixes) --seeds $(or $(SEEDS),2000) --first $(or $(FIRST),1))

audit: $(READY)  ## Look the pinned packages up among known vulnerabilities, where there is a network
	$(BIN)/python scripts/audit.py

docs: $(READY)  ## Make docs/reference.md and docs/import.schema.json from the code
	$(BIN)/python -m scripts.reference

contract: $(READY)  ## Write down anew what users see and write: commands, JSON, YAML keys, metadata
	$(BIN)/python -m clevertap_import_tests.contracts

# Other people's tools, to compare with; the benchmarks go on without them.
$(PEERS): clevertap_import_tests/benchmarks/peers.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $(PEERS)

$(READY): pyproject.toml setup.py constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt --editable '.[dev]'
	# On all cores, where pip uses one. Some packages bring files for other versions of Python.
	$(BIN)/python -m compileall -qq -j 0 .venv/lib || true
	touch $(READY)
