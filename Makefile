# Every target makes the environment it needs; nothing has to be installed by hand but Python, a C compiler and make.
#
#   .venv           test, lint       core with invariants and live-object counters (URLMON_DEBUG=1)
#   .venv-release   demo, bench      optimised core, as users get it
#   .venv-debug     debug            the same as .venv, unoptimised, with annotated C (URLMON_DEBUG=2)
#   .venv-thread, .venv-address      the sanitizer builds (sanitize)
#
# Variables: PYTHON (interpreter of the environments), TESTS and BENCH (paths), ARGS (more arguments for pytest), JOBS (test processes),
# SCALE (length of the hammers, 10), SECONDS (of the soak, 60), ROUNDS (of kills, 200), SEED (of both, 0).

PYTHON ?= python3
TESTS ?= tests
BENCH ?= benchmarks
SANITIZE_TESTS ?= $(wildcard tests/core tests/integration)
ARGS ?=
JOBS ?= 2
SCALE ?= 10
SECONDS ?= 60
ROUNDS ?= 200
SEED ?= 0

export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help demo test lint bench bench-quick screenshot debug hammers sanitize sanitize-thread sanitize-address model soak crash allocations sdist-test venv clean
.DELETE_ON_ERROR:

help:
	@echo "make demo | test | lint | bench | bench-quick | debug | model | sanitize | soak | crash | allocations | sdist-test | clean"

# What the package is made from; folders too, so that a removed file is noticed.
SOURCES := pyproject.toml setup.py $(shell find src python \( -name __pycache__ -prune \) -o \
	\( -type d -o -name '*.py' -o -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.h' -o -name py.typed \) -print)

# $(call environment,folder,dependency groups,build variables): rules for <folder>/.tools and <folder>/.core.
# pip is upgraded first: those that come with older Pythons do not know dependency groups.
# "loops" among the groups stands for event loops that do not exist for every Python.
# No build isolation: an isolated Cython is new each time, and everything would be translated again.
# setuptools never removes files from its build folder: what is not compiled is copied anew each time.
define environment
$(1)/.tools: pyproject.toml
	$(PYTHON) -m venv $(1)
	$(1)/bin/python -m pip install --quiet --upgrade pip
	$(1)/bin/python -m pip install --quiet $(addprefix --group ,build $(filter-out loops,$(2)))
	$(if $(filter loops,$(2)),for group in uvloop pyside pyqt; do \
		$(1)/bin/python -m pip install --quiet --only-binary :all: --group $$$$group \
			|| echo "$$$$group: no wheel for this Python; its tests will be skipped"; done)
	@touch $$@

$(1)/.core: $(1)/.tools $$(SOURCES)
	@find build -path '*/lib.*' -type f ! -name '*.so' -delete 2>/dev/null || true
	$(3) $(1)/bin/python -m pip install --quiet --no-build-isolation '.[cli,cache]'
	@touch $$@
endef

$(eval $(call environment,.venv,test lint loops,URLMON_DEBUG=1 URLMON_WERROR=1))
$(eval $(call environment,.venv-release,,))
$(eval $(call environment,.venv-debug,test loops,URLMON_DEBUG=2 URLMON_WERROR=1))
$(eval $(call environment,.venv-thread,test,URLMON_DEBUG=1 URLMON_SANITIZE=thread))
$(eval $(call environment,.venv-address,test,URLMON_DEBUG=1 URLMON_SANITIZE=address))

venv: .venv/.core

demo: .venv-release/.core
	.venv-release/bin/urlmon demo

test: .venv/.core
	.venv/bin/python -m pytest -n $(JOBS) $(TESTS) $(ARGS)

lint: .venv/.core
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy python src $(wildcard examples)
	.venv/bin/python -m mypy.stubtest urlmon_core --mypy-config-file pyproject.toml --ignore-disjoint-bases \
		--allowlist tools/stubtest-allowlist.txt --ignore-unused-allowlist
	PATH="$(CURDIR)/.venv/bin:$$PATH" cython-lint src
	.venv/bin/python tools/check_headers.py

.venv-release/.bench: .venv-release/.tools
	.venv-release/bin/python -m pip install --quiet --group bench
	@touch $@

# The peers of the throughput benchmarks have an environment each under .venv-peers; one that cannot be made is reported.
bench: .venv-release/.core .venv-release/.bench
	.venv-release/bin/python -m benchmarks.peers
	.venv-release/bin/python -m pytest --timeout 3600 --report $(BENCH) $(ARGS)

bench-quick: .venv-release/.core .venv-release/.bench
	.venv-release/bin/python -m benchmarks.peers
	.venv-release/bin/python -m pytest --timeout 900 --quick --rounds 1 benchmarks/bench_throughput.py $(ARGS)

# The window of examples/qt_downloads.py.
screenshot: .venv/.core
	.venv/bin/python -m tools.screenshot docs/qt_downloads.png

debug: .venv-debug/.core
	.venv-debug/bin/python -X dev -m pytest -n $(JOBS) $(TESTS) $(ARGS)
	@echo "Annotated C: build/debug2/temp.*/cython/src/urlmon_core/*.html"
	@echo "Debugger:    gdb --args .venv-debug/bin/python -X dev -m pytest $(TESTS)"

sanitize: hammers sanitize-thread sanitize-address

# The hammers as programs without Python (tests/hammers/main.c): what no hammer reaches is dropped, so nothing needs an interpreter.
# `weakened` is the same with every release made relaxed: if ThreadSanitizer does not see that, it does not look.
HAMMER_DIRECTIVES := -X boundscheck=False -X wraparound=False -X cdivision=True -X initializedcheck=False
HAMMER_FLAGS := -std=gnu11 -pthread -O1 -g -fno-omit-frame-pointer -ffunction-sections -fdata-sections -Wl,--gc-sections \
	-D_GNU_SOURCE -DURLMON_DEBUG=1 -iquote src/urlmon_core

HAMMERS := $(patsubst src/urlmon_core/%.pyx,build/hammers/%,$(wildcard src/urlmon_core/_hammers_*.pyx))

$(HAMMERS:=.c): build/hammers/%.c: src/urlmon_core/%.pyx .venv/.tools $(wildcard src/urlmon_core/*.pxd src/urlmon_core/*.h)
	@mkdir -p build/hammers
	.venv/bin/cython -3 -I src $(HAMMER_DIRECTIVES) $< -o $@

$(HAMMERS:=.weakened.c): %.weakened.c: %.c
	sed 's/memory_order_release\b/memory_order_relaxed/g' $< > $@

build/hammers/thread build/hammers/weakened: SANITIZER := -fsanitize=thread
# Instrumented globals would keep what is not reached, and the interpreter with it.
build/hammers/address: SANITIZER := -fsanitize=address,undefined -fno-sanitize-recover=undefined --param asan-globals=0
build/hammers/weakened: $(HAMMERS:=.weakened.c)
build/hammers/thread build/hammers/address: $(HAMMERS:=.c)
build/hammers/thread build/hammers/address build/hammers/weakened: tests/hammers/main.c
	$(CC) $(HAMMER_FLAGS) $(SANITIZER) -I"$$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("include"))')" \
		$(filter %.c,$^) -o $@

hammers: build/hammers/thread build/hammers/address build/hammers/weakened
	tools/sanitized --linked build/hammers/thread $(SCALE)
	tools/sanitized --linked build/hammers/address $(SCALE)
	@echo "and with weakened memory orders, where ThreadSanitizer has to find races:"
	@if tools/sanitized --linked build/hammers/weakened 1 1 >build/hammers/weakened.log 2>&1; then \
		echo "it found none"; exit 1; fi; \
	grep -q 'WARNING: ThreadSanitizer: data race' build/hammers/weakened.log && echo "found"

# Slow down for the instrumentation: five times the limit of a normal run.
sanitize-thread sanitize-address: sanitize-%: .venv-%/.core
	tools/sanitized $* .venv-$*/bin/python -m pytest -n $(JOBS) --timeout 300 $(SANITIZE_TESTS) $(ARGS)

# The fault server against random clients; every seed is another run.
soak: .venv/.core
	.venv/bin/python -m tests.faults.soak --seconds $(SECONDS) --seed $(SEED)

# Every allocation of the core fails once; glibc only. The allocator is loaded first, the core is as it is.
build/failing.so: tests/allocations/failing.c
	@mkdir -p build
	$(CC) -shared -fPIC -O1 -g -Wall -Wextra -Werror $< -o $@

allocations: .venv/.core build/failing.so
	LD_PRELOAD=$(CURDIR)/build/failing.so .venv/bin/python -m tests.allocations.walk $(ARGS)

# kill -9 at random moments during downloads to files.
crash: .venv/.core
	.venv/bin/python -m tests.crash.rounds --rounds $(ROUNDS) --seed $(SEED)

# Every state of the models in tests/models, and the broken variants beside them.
model:
	$(PYTHON) tools/check_models.py

# The sdist and the wheel made from it, each installed in an empty environment and tested from a folder elsewhere.
sdist-test:
	$(PYTHON) tools/check_dist.py $(ARGS)

clean:
	rm -rf build dist *.egg-info .venv .venv-release .venv-peers .venv-debug .venv-thread .venv-address
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks docs/_build
	find src python tests benchmarks tools -name __pycache__ -type d -exec rm -rf {} + 2>/dev/null || true
