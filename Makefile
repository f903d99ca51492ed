# SPDX-License-Identifier: Apache-2.0
#
# The front door, over Meson and Ninja: each target does all that it needs, on a clean clone too.
# `make run` and `make test` install what is missing (tools/deps); the others say what it is.
#
# build/         the program as it is used and developed, with the system's C compiler
# build-clang/   the same by clang, to see that it compiles
# build-asan/    with AddressSanitizer and UndefinedBehaviorSanitizer, for the tests
# build-tsan/    with ThreadSanitizer, what has threads
# build-fuzz/    the fuzz targets, by clang
# build-static/  one stripped file that needs no library
# build-arm64/   the same for 64-bit Arm, by the cross compiler

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# Prerequisites are steps, in their order; ninja runs what can run at once.
.NOTPARALLEL:

# bpftool and qemu's helpers are in sbin, which is not on every user's PATH.
export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin

JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
SOAK_SECONDS ?= 600
SOAK_ROUNDS ?= 10

MESON := meson
NINJA := ninja -j $(JOBS)
# What needs root gets it where it can.
SUDO := $(if $(filter 0,$(shell id -u)),,$(shell command -v sudo))

SANITIZE := -Db_sanitize=address,undefined -Db_lundef=false

.PHONY: help
help: ## list the targets
	@echo 'Tarsier: what every process on this machine does, from the kernel to a readable line.'
	@echo
	@awk -F ':[^#]*## ' '/^[a-z0-9-]+:[^#]*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo 'Variables: ARGS (run, test, bench: arguments), JOBS=$(JOBS), PREFIX=$(PREFIX), DESTDIR,'
	@echo '           FUZZ_SECONDS=$(FUZZ_SECONDS), SOAK_SECONDS=$(SOAK_SECONDS), SOAK_ROUNDS=$(SOAK_ROUNDS)'

# What `make build` needs is only named when it is missing: building changes nothing but build/.
.PHONY: build
build: deps-present build/build.ninja ## build the program: build/tarsier
	@$(NINJA) -C build

.PHONY: run
run: deps-build build/build.ninja ## build, then show live what runs on this machine (ARGS='-e all')
	@$(NINJA) -C build
	@$(SUDO) build/tarsier run $(ARGS)

.PHONY: test
test: deps-test build-all ## build in all ways, then run every test (ARGS='--suite unit -k wire')
	@tests/run $(ARGS)

.PHONY: check
check: deps-check build-clang build-fuzz ## format, cppcheck, clang-tidy, Python and shell syntax
	@tools/check build-clang build-fuzz

.PHONY: bench
bench: deps-bench build/build.ninja static ## measure: cost, losses, memory, against no agent and other tools
	@$(NINJA) -C build
	@bench/run $(ARGS)

.PHONY: fuzz
fuzz: deps-test build-fuzz ## fuzz every target for FUZZ_SECONDS
	@tools/fuzz build-fuzz $(FUZZ_SECONDS)

.PHONY: soak
soak: deps-test build-all ## the slow things: long fuzzing, the live tests SOAK_ROUNDS times
	@tools/fuzz build-fuzz $(SOAK_SECONDS)
	@tests/run --suite live --suite soak --repeat $(SOAK_ROUNDS) $(ARGS)

.PHONY: static
static: deps-present build-static/build.ninja ## build the static program: build-static/tarsier
	@$(NINJA) -C build-static
	@ls -l build-static/tarsier

.PHONY: static-arm64
static-arm64: deps-present ## build the static program for 64-bit Arm: build-arm64/tarsier
	@JOBS=$(JOBS) tools/cross-arm64
	@ls -l build-arm64/tarsier

.PHONY: install
install: build ## install into $(DESTDIR)$(PREFIX)
	@tools/configure build -Dprefix=$(PREFIX)
	@$(NINJA) -C build
	@DESTDIR=$(DESTDIR) $(MESON) install -C build --no-rebuild

.PHONY: clean
clean: ## remove all that was built
	rm -rf build build-arm64 build-asan build-clang build-fuzz build-static build-tsan

# Dependencies: named only, or installed.

.PHONY: deps-present deps-build deps-test deps-bench deps-check
deps-present:
	@tools/deps --check build

deps-build:
	@tools/deps build

# Without root nothing can be installed: what the tests lack is then skipped, with its reason.
deps-test: deps-build
	@tools/deps --soft test

deps-bench: deps-build
	@tools/deps --soft bench

# The fuzz targets are checked, too, and are built for it.
deps-check: deps-build
	@tools/deps test check

# Build folders. tools/configure sets one up, or changes its options where they differ.

build/build.ninja:
	@tools/configure build

build-clang/build.ninja:
	@CC=clang tools/configure build-clang -Dwerror=true

build-asan/build.ninja:
	@tools/configure build-asan -Dwerror=true $(SANITIZE)

build-tsan/build.ninja:
	@tools/configure build-tsan -Dwerror=true -Db_sanitize=thread -Db_lundef=false

build-fuzz/build.ninja:
	@CC=clang tools/configure build-fuzz -Dfuzz=true $(SANITIZE)

build-static/build.ninja:
	@tools/configure build-static -Dstatic=true -Dtests=false -Dc_link_args=-s

.PHONY: build-asan build-clang build-fuzz build-all
build-asan build-clang build-fuzz: %: %/build.ninja
	@$(NINJA) -C $@

# Only what has threads.
.PHONY: build-tsan
build-tsan: build-tsan/build.ninja
	@$(NINJA) -C $@ tests/unit/test_sink tests/unit/test_names \
		tests/threads/read_table src/tarsier

# Warnings are errors here, and not in `make build`: the next compiler's must not stop a user.
build-all: build/build.ninja build-static/build.ninja
	@tools/configure build -Dwerror=true
	@$(NINJA) -C build
	@$(NINJA) -C build-static
	@$(MAKE) build-clang build-asan build-tsan build-fuzz
