# The verbs of deepViz. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test test-gpu test-python lint fmt web e2e bench bench-web doc clean

export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD := 1
MODULES := web/node_modules/.package-lock.json
# Declared by a macro, so that `cargo fmt` does not find them.
OPERATIONS := --edition 2024 --config-path rustfmt.toml crates/net/src/ops/*/mod.rs
# For `make bench`: one that has torch, onnx and onnxruntime.
PYTHON ?= python3

# Runs one part and says how long it took: $(call part,name,command)
part = @echo "== $(1)"; start=$$SECONDS; $(2); echo "== $(1): $$((SECONDS - start)) s"

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

demo: web ## build everything and watch a small network learn at http://127.0.0.1:7878
	cargo build --release --package deepviz
	./target/release/deepviz demo $(ARGS)

test: web lint ## every test: rust, web, browser
	$(call part,rust,cargo test --workspace --quiet)
	$(call part,web-unit,cd web && npm run --silent test)
	$(MAKE) --no-print-directory e2e
	$(call part,cuda,scripts/check/cuda.sh)
	$(call part,rest,scripts/check/rest.sh)
	$(call part,python-small,scripts/check/python_small.sh)
	$(call part,floods,python3 scripts/load/floods.py --binary target/debug/deepviz --seconds 1 --trials pictures,slow-readers,connections)

test-gpu: ## the tests of the CUDA backend on this machine's GPU, and the doctor's
	DEEPVIZ_REQUIRE_GPU=1 cargo test --workspace --quiet --test compute
	DEEPVIZ_REQUIRE_GPU=1 cargo test --workspace --quiet --lib gpu
	cargo run --package deepviz -- doctor --device cuda

test-python: web ## the Python package: its wheel and its tests with PyTorch, in an environment of its own
	$(call part,python,scripts/check/python.sh)

lint: $(MODULES) ## formatting, clippy, dependencies, eslint, svelte-check
	$(call part,rustfmt,cargo fmt --all -- --check && rustfmt --check $(OPERATIONS))
	$(call part,clippy,cargo clippy --workspace --all-targets --quiet -- -D warnings)
	$(call part,dependencies,scripts/check/dependencies.sh)
	$(call part,web-lint,cd web && npm run --silent lint && npm run --silent check)

fmt: $(MODULES) ## format rust and web sources
	cargo fmt --all && rustfmt $(OPERATIONS)
	cd web && npm run --silent fmt

web: $(MODULES) ## the web bundle that the binary embeds, in web/dist
	$(call part,web-build,cd web && npm run --silent build)

e2e: web ## browser tests of the built binary in headless Chromium
	$(call part,binary,cargo build --workspace --quiet)
	$(call part,browser,export CHROMIUM=$$(web/e2e/ensure-chromium.sh); cd web && npm run --silent e2e)

bench: ## measure speed on this machine: kernels, then PyTorch and onnxruntime beside (docs/benchmarks.md)
	cargo build --release --package deepviz-net --example bench_step
	cargo bench --package deepviz-net --bench ops
	for net in 80sec deep; do ./target/release/examples/bench_step $$net --layers --seconds 10; done
	$(PYTHON) scripts/peers/compare.py $(ARGS)

bench-web: web ## measure the dashboard on a run of 1,000 checkpoints; ARGS="--minutes 10"
	cargo build --release --package deepviz
	export CHROMIUM=$$(web/e2e/ensure-chromium.sh); cd web && node bench/measure.mjs $(ARGS)

doc: ## the API documentation of the crates, warnings as errors
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

clean: ## remove everything built
	cargo clean
	rm -rf web/dist web/node_modules .demo

$(MODULES): web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	@touch $@
