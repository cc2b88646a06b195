# The commands of the project. Each recipe is one line; the scripts are in tools/.

SHELL := bash
.DEFAULT_GOAL := help
# Every target is a task, never a file. Tasks run one at a time, because they share cargo's lock.
.PHONY: help setup dev test soak bench bench-engine lint fmt worker clean
.NOTPARALLEL:

help: ## list the tasks
	@echo "Partwright. Tasks:"; \
	sed -nE 's/^([a-z-]+): ## (.*)/  make \1\t\2/p' Makefile | expand -t 20

setup: ## install what the other tasks need (make dev and make test do so by themselves)
	@tools/setup.sh

dev: ## start Worker, bucket and runner on this machine; PORT=8788 chooses another port; Ctrl-C stops them
	@tools/dev.sh

test: ## run every check and report all failures; ONLY=name runs only the Rust tests whose names contain it
	@ONLY="$(ONLY)" tools/test.sh

soak: ## run the long tests in full (make test runs a tenth); ONLY=name runs only the tests whose names contain it
	@ONLY="$(ONLY)" tools/soak.sh

bench: ## measure the service beside its predecessor's; writes tests/bench/RESULTS.md; ONLY=name measures one part
	@ONLY="$(ONLY)" tools/bench.sh

bench-engine: ## measure the runner's engine beside plain FreeCAD: times, ratios, memory
	@source tools/env.sh && tools/setup.sh rust freecad && cargo build --quiet --locked --release -p freecad-runner && python3 tests/bench/engine.py

lint: ## check format and lints, no tests
	@tools/test.sh lint

fmt: ## format the Rust sources
	@source tools/env.sh && cargo fmt --all

worker: ## build the Worker for deployment into build/
	@tools/build-worker.sh release

clean: ## delete build output (keeps the tools in the cache and the data of make dev in .wrangler)
	@source tools/env.sh && rm -rf build && cargo clean
