# Needs python3 with venv and pip. Everything else is installed into .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OTHER_PYTHONS ?= 3.10 3.11 3.12 3.13

.PHONY: demo test test-others test-loaders test-engines test-peers matrix fuzz fuzz-odd check docs site proto wheel bench clean soak endurance coverage mutants

demo: $(VENV)/core.stamp
	$(BIN)/tfrecord-lite demo --out demo

test: $(VENV)/test.stamp .venv-proto/stamp
	$(BIN)/python -m pytest --numprocesses 2 $(PYTEST_ARGS)

# The suite, but for what starts and kills processes, under every one of OTHER_PYTHONS that is on this machine, each in an
# environment of its own.
test-others:
	@for version in $(OTHER_PYTHONS); do \
	    test "$$version" != "$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')" || continue; \
	    for python in python$$version $$HOME/.pyenv/versions/$$version.*/bin/python; do \
	        "$$python" -c 'import venv' 2>/dev/null || continue; \
	        echo "-- Python $$version"; \
	        $(MAKE) --no-print-directory test PYTHON="$$python" VENV=.venv-$$version PYTEST_ARGS='$(PYTEST_ARGS) -m "not slow"' || exit 1; \
	        break; \
	    done; \
	done

# Old and new versions of what everything rests on, see noxfile.py.
matrix: .venv-matrix/stamp
	.venv-matrix/bin/nox --noxfile noxfile.py --reuse-existing-virtualenvs $(NOX_ARGS)

# What reads under the loaders of torch and grain, which live in an environment of their own.
test-loaders: .venv-loaders/stamp
	.venv-loaders/bin/python -m pytest $(PYTEST_ARGS) tests/test_source_loaders.py tests/test_torch.py tests/test_pinned_memory.py \
	    tests/test_grain.py tests/test_jax.py tests/test_same_everywhere.py

# With clusters of the engines on this machine; Spark wants Java 17. Beam has an environment of its own: it wants another
# protobuf than the rest.
test-engines: .venv-engines/stamp .venv-beam/stamp
	.venv-engines/bin/python -m pytest $(PYTEST_ARGS) tests/test_spark.py
	.venv-engines/bin/python -m pytest $(PYTEST_ARGS) tests/test_ray.py
	.venv-engines/bin/python -m pytest $(PYTEST_ARGS) tests/test_dask.py
	.venv-engines/bin/python -m pytest $(PYTEST_ARGS) tests/test_engines_s3.py
	.venv-beam/bin/python -m pytest $(PYTEST_ARGS) tests/test_beam.py tests/test_engines_s3.py

# What other programs write read by us, and what we write by them; npm's where there is node.
test-peers: $(VENV)/test.stamp .venv-peers/stamp .venv-peers-node/stamp
	$(BIN)/python -m pytest --numprocesses 2 $(PYTEST_ARGS) tests/test_peers.py

# Which lines and branches the suite runs: all of format/, of everything 95 % or more. What is left out: setup.cfg.
# Of processes that tests kill there is no data, or half of a file, which is said and passed over.
coverage: $(VENV)/coverage.stamp .venv-proto/stamp
	$(BIN)/python -m coverage erase
	CI=true $(BIN)/python -m coverage run -m pytest --numprocesses 2 $(PYTEST_ARGS)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report --fail-under=95
	$(BIN)/python -m coverage report --fail-under=100 --include='tfrecord_lite/format/*'

# FUZZ_SECONDS are shared by all targets of tests/fuzz; what breaks one is kept in fuzzing/crashes and printed as a vector.
FUZZ_SECONDS ?= 3600
ODD_CASES ?= 100000
fuzz: .venv-fuzz/stamp
	PYTHONPATH=tests .venv-fuzz/bin/python -m fuzz.run fuzzing $(FUZZ_SECONDS)

# Odd messages with protobuf as the oracle, a hundred thousand of each kind: minutes.
fuzz-odd: .venv-fuzz/stamp
	ODD_CASES=$(ODD_CASES) .venv-fuzz/bin/python -m pytest -q -k odd $(PYTEST_ARGS) tests/test_fuzz_targets.py

# One process that writes, reads, kills, mends and salvages, and must not grow.
SOAK_SECONDS ?= 3600
soak: $(VENV)/test.stamp
	PYTHONPATH=tests $(BIN)/python -m soak.run $(SOAK_SECONDS)

# 10^8 records in a file, a file of 64 GiB, 100,000 shards: some 15 minutes, and 6 GB while it runs.
ENDURANCE_DIRECTORY ?= build/endurance
endurance: $(VENV)/test.stamp
	PYTHONPATH=tests $(BIN)/python -m endurance.run $(ENDURANCE_DIRECTORY)

# Small changes to the code, one at a time, each of which a test must notice: hours for all, see [mutmut] in setup.cfg. What
# has been tried is in mutants/ and not tried again; MUTANTS="tfrecord_lite.format.framing*" is one module.
MUTANTS ?=
# In KiB: a mutant may ask for an array of a CRC's size.
MUTANTS_MEMORY = 6000000
mutants: .venv-mutants/stamp
	ulimit -v $(MUTANTS_MEMORY) && .venv-mutants/bin/mutmut run --max-children 1 $(foreach name,$(MUTANTS),"$(name)")

check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_import_order.py

# All of it, with results into benchmarks/results: an hour or more on a machine that does nothing else.
bench: $(VENV)/bench.stamp
	$(BIN)/python -m benchmarks.run $(BENCH_ARGS)

# The reference of the command line; tests/test_manners.py notices when it no longer matches the commands.
docs: $(VENV)/core.stamp
	$(BIN)/python -m tfrecord_lite.cli.reference > docs/commands.md

# Regenerates the message classes; tests/test_proto.py notices when they no longer match proto/*.proto.
proto: .venv-proto/stamp
	.venv-proto/bin/python -m grpc_tools.protoc -Itfrecord_lite/proto=proto --python_out=. --pyi_out=. \
		$(patsubst proto/%,tfrecord_lite/proto/%,$(wildcard proto/*.proto))

# And the sdist; both are the same bytes wherever they are built of one commit.
wheel: $(VENV)/dev.stamp
	$(BIN)/python release/same_bytes.py dist

# The documentation as a web site, into site/; a broken link is an error.
site: .venv-docs/stamp
	.venv-docs/bin/mkdocs build --strict --quiet

clean:
	rm -rf .venv .venv-* build dist demo site fuzzing mutants *.egg-info

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/core.stamp: $(VENV)/bin/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/test.stamp: $(VENV)/core.stamp
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	touch $@

$(VENV)/coverage.stamp: $(VENV)/test.stamp
	$(BIN)/python -m pip install --quiet --editable ".[coverage]"
	touch $@

$(VENV)/bench.stamp: $(VENV)/test.stamp
	$(BIN)/python -m pip install --quiet --editable ".[plot]"
	touch $@

$(VENV)/dev.stamp: $(VENV)/test.stamp
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@

.venv-loaders/stamp: setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv-loaders
	.venv-loaders/bin/python -m pip install --quiet --editable ".[loaders]"
	touch $@

.venv-engines/stamp: setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv-engines
	.venv-engines/bin/python -m pip install --quiet --editable ".[spark,ray,dask,engines]"
	touch $@

.venv-fuzz/stamp: setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv-fuzz
	.venv-fuzz/bin/python -m pip install --quiet --editable ".[fuzz]"
	touch $@

.venv-mutants/stamp: setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv-mutants
	.venv-mutants/bin/python -m pip install --quiet --editable ".[mutants]"
	touch $@

.venv-beam/stamp: setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv-beam
	.venv-beam/bin/python -m pip install --quiet --editable ".[beam,engines]"
	touch $@

# All of them in one: each runs in a process of its own. Their faults are those of these versions. The sources of tfr-reader are
# for Cython below 3.1.
.venv-peers/stamp:
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet tfrecord==1.14.6 grain==0.2.18 "apache-beam==2.77.*" google-crc32c
	echo "cython<3.1" > .venv-peers/constraints.txt
	PIP_CONSTRAINT=.venv-peers/constraints.txt PIP_BUILD_CONSTRAINT=.venv-peers/constraints.txt \
	    .venv-peers/bin/python -m pip install --quiet tfr-reader==1.1.0 || echo "tfr-reader cannot be built here"
	touch $@

.venv-peers-node/stamp:
	mkdir -p .venv-peers-node
	npm install --prefix .venv-peers-node --ignore-scripts --no-audit --no-fund --silent \
	    --fetch-retries=0 --fetch-timeout=20000 tfrecord@0.2.0 || \
	    echo "tfrecord of npm cannot be installed here"
	touch $@

# Its own environment: what this compiler generates runs on every protobuf since 3.20, but the compiler itself wants an old one.
.venv-proto/stamp:
	$(PYTHON) -m venv .venv-proto
	.venv-proto/bin/python -m pip install --quiet grpcio-tools==1.62.3 "setuptools<80"
	touch $@

.venv-matrix/stamp:
	$(PYTHON) -m venv .venv-matrix
	.venv-matrix/bin/python -m pip install --quiet "nox>=2024.4"
	touch $@

.venv-docs/stamp: setup.cfg
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python -m pip install --quiet --editable ".[docs]"
	touch $@
