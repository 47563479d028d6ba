# Every target sets up what it needs; all it takes is Python 3.11 to 3.13 with pip.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
TORCH := $(shell sed -n 's/^torch==//p' constraints.txt)
CPU_WHEELS := https://download.pytorch.org/whl/cpu

.PHONY: help demo test test-slow test-gpu lint drift doctor bench generated clean

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: $(READY)  ## grade the small class in tests/submissions, and show the table
	@$(BIN)/autograder grade tests/submissions -o demo-results --seed 1 --timeout 3 --trust

test: $(READY)  ## run the tests, but for those that take minutes
	$(BIN)/pytest -n 2 --dist loadfile -m "not slow"

test-slow: $(READY)  ## run those that take minutes: more fuzzing, and a class of 1,000
	$(BIN)/pytest -n 2 --dist loadfile -m slow

# It needs a torch that is built for CUDA: pip install one into .venv.
test-gpu: $(READY)  ## run the programs of the simulated GPU, and grading, on a real one
	@if $(BIN)/python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; \
		then $(BIN)/pytest -m gpu tests/test_simulated_gpu.py tests/test_real_gpu.py; \
		else echo "Not run: there is no GPU here that this torch can use."; fi

lint: $(READY)  ## check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

drift: $(READY)  ## check that everything that is generated is current
	$(BIN)/autograder stubs --check
	$(BIN)/autograder record --check
	$(BIN)/python tests/messages.py --check

generated: $(READY)  ## write everything that is generated
	$(BIN)/autograder stubs
	$(BIN)/autograder record
	$(BIN)/python tests/messages.py

doctor: $(READY)  ## prove that the checks accept, catch and name what they must
	$(BIN)/autograder doctor

bench: $(READY)  ## measure time and memory, beside a fresh Python and otter
	$(BIN)/python -m tests.bench

clean:  ## remove what make made
	rm -rf .venv demo-results

# The CPU build of torch first: the default wheel for Linux brings gigabytes of CUDA that nobody
# needs here. Found with pip's own settings, else on PyTorch's own index, else (macOS) by its name.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
		|| { echo "Python 3.11 to 3.13 is needed; run: make PYTHON=/path/to/python3.12"; exit 1; }
	@echo "Setting up .venv (once, a few minutes) …"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install -q --disable-pip-version-check "torch==$(TORCH)+cpu" -c constraints.txt 2>/dev/null \
		|| $(BIN)/pip install -q --disable-pip-version-check "torch==$(TORCH)+cpu" \
			--extra-index-url $(CPU_WHEELS) -c constraints.txt 2>/dev/null \
		|| $(BIN)/pip install -q --disable-pip-version-check "torch==$(TORCH)" -c constraints.txt
	@$(BIN)/pip install -q --disable-pip-version-check -e ".[dev]" -c constraints.txt
	@touch $@
