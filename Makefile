# Every verb does the set-up it needs; a second call reuses it.
PYTHON ?= python3
VENV   := .venv/bin/python
RUN    := $(VENV) -m tools.run
PYTEST := .venv/bin/pytest
SETUP  := @$(PYTHON) tools/setup_comfyui.py
PURE   := attention mask_ops sampling pictures prompts

.PHONY: setup demo test test-pure test-comfyui test-browser lint format serve bench bench-quality bench-turns bench-gpu train-demo
.DEFAULT_GOAL := setup

setup:
	$(SETUP)

demo: setup            ## UNET=.. CLIP=.. VAE=.. use real weights
	$(RUN) tools.demo.run_demo

test: test-pure test-comfyui test-browser

test-pure:
	$(SETUP)
	$(PYTEST) --no-skips -m "not gpu" tests --ignore=tests/with_comfyui --ignore=tests/browser

test-comfyui:
	$(SETUP) --old
	$(PYTEST) --no-skips -m "not gpu" tests/with_comfyui

test-browser:          ## CHROME=.. uses another Chromium; pictures are kept in build/screenshots
	$(SETUP) --front-end
	$(PYTEST) --no-skips tests/browser

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/pyright $(wildcard $(PURE))

format: setup
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

serve: setup           ## ARGS="--port 8188 --listen" go to ComfyUI
	$(VENV) -m tools.serve $(ARGS)

bench: setup
	$(RUN) benchmarks.speed.bias
	$(RUN) benchmarks.speed.speed
	$(RUN) benchmarks.speed.speed_forward

bench-quality: setup
	$(RUN) benchmarks.leak.quality

bench-turns: setup
	$(RUN) benchmarks.turns.turns

bench-gpu: setup
	$(RUN) benchmarks.speed.speed --gpu
	$(RUN) benchmarks.speed.speed_forward --gpu

train-demo: setup
	$(RUN) demo.training.train
