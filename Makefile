# Everything a person types. The work is in tools/; each recipe is one line of it.

SHELL := bash
.DEFAULT_GOAL := help
# A word of the command line is a task here, never a file to make; and tasks that share cargo's lock gain nothing side by side.
.PHONY: help setup dev test soak bench bench-engine lint fmt worker clean
.NOTPARALLEL:

help: ## list the tasks
	@echo "Partwright. Tasks:"; \
	sed -nE 's/^([a-z-]+): ## (.*)/  make \1\t\2/p' Makefile | expand -t 18

setup: ## install what is missing for all of the below (make dev and make test do so by themselves)
	@tools/setup.sh

dev: ## start all of it on this machine; PORT=8788 chooses another port; Ctrl-C stops it
	@tools/dev.sh

test: ## run every check; ONLY=name runs only the Rust tests whose names contain it
	@ONLY="$(ONLY)" tools/test.sh

soak: ## what make test does a tenth of, in full; ONLY=name does only what has that in its name
	@ONLY="$(ONLY)" tools/soak.sh

bench: ## the service against its predecessor's recipe, in one run, as ratios; keeps tests/bench/RESULTS.md
	@ONLY="$(ONLY)" tools/bench.sh

bench-engine: ## the engine against plain FreeCAD, in one run: times, ratios, memory
	@source tools/env.sh && tools/setup.sh rust freecad && cargo build --quiet --locked --release -p freecad-runner && python3 tests/bench/engine.py

lint: ## check format and lints, no tests
	@tools/test.sh lint

fmt: ## format the Rust sources
	@source tools/env.sh && cargo fmt --all

worker: ## build the Worker for deployment into build/
	@tools/build-worker.sh release

clean: ## remove what was built here (the tools stay in the cache, make dev's data in .wrangler)
	@source tools/env.sh && rm -rf build && cargo clean
