# Everything runs inside .venv, which the first target makes.
PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: install try repro test test-all check format link-shared picture site

install: .venv/.installed

.venv/.installed: requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	pip install --quiet -r requirements.txt
	pip install --quiet --no-deps --editable .
	touch $@

try: install  ## all seven stages in a minute, in a copy of the project, then talk with what came of it
	rm -rf .try
	git clone --quiet . .try
	cd .try && tezgah preset smoke minute && dvc repro && tezgah report
	@python -m pipeline.cli.after_try
	cd .try && tezgah chat

repro: install  ## all seven stages, then the figures
	tezgah doctor
	dvc repro
	tezgah report

test: install  # two files of tests at a time: each needs one core
	pytest -n 2 --dist loadfile --no-loadscope-reorder

test-all: install .venv-transformers4/.installed .venv-llama/.installed .venv/.ray .venv/.page .venv/.s3 .venv/.notebook .venv/.site  ## the slow proofs too
	pytest -m "slow or not slow"

# The chat page is tried in a Chromium that the system has, such as that of `apt install chromium`.
.venv/.page: .venv/.installed
	pip install --quiet playwright==1.65.2 axe-playwright-python==0.1.8
	touch $@

# A backup to S3 is tried against a server on this machine.
.venv/.s3: .venv/.installed
	pip install --quiet dvc-s3==3.3.0 'moto[s3,server]==5.2.5'
	touch $@

# The notebook is executed as Jupyter does.
.venv/.notebook: .venv/.installed
	pip install --quiet nbclient==0.11.0 nbformat==5.11.1 ipykernel==7.4.0
	touch $@

# The corpus on several machines: ray is no part of the usual environment.
.venv/.ray: .venv/.installed
	pip install --quiet --editable '.[ray]'
	touch $@

.venv-transformers4/.installed: requirements.txt  # our models must open there as well
	$(PYTHON) -m venv .venv-transformers4
	.venv-transformers4/bin/pip install --quiet "$$(grep '^torch==' requirements.txt)" "transformers==4.57.6"
	touch $@

.venv-llama/.installed:  # llama.cpp, built from source in some minutes: it must read our vocabulary
	$(PYTHON) -m venv .venv-llama
	.venv-llama/bin/pip install --quiet llama-cpp-python==0.3.36
	touch $@

check: install
	ruff check .
	ruff format --check .
	mypy
	tezgah check

format: install
	ruff check --fix .
	ruff format .

# The README's picture: the beginning of the page of the run, as a browser shows it.
CHROMIUM ?= $(firstword $(shell command -v chromium chromium-browser google-chrome))
picture:
	$(CHROMIUM) --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1200,1180 \
	  --screenshot=docs/report.png file://$(CURDIR)/reports/index.html

# The pages as a site: what git knows of them is copied, so that every link between them holds.
PAGES := README.md README.tr.md CONTRIBUTING.md Dockerfile docs experiments notebooks reports/index.html 'pipeline/*.py'
site: .venv/.site
	rm -rf .site && mkdir -p .site/pages
	git ls-files $(PAGES) | tar -cf - -T - | tar -xf - -C .site/pages
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet
	@echo .site/html/index.html

.venv/.site: .venv/.installed
	pip install --quiet --editable '.[site]'
	touch $@

# For development: real text that lies beside the checkout, linked file by file, for presets/real-mini.yaml.
SHARED ?= ../shared/data
link-shared:
	@cd $(SHARED) && for file in corpus/tbmm_*.gz corpus/laws.txt.gz corpus/wiki_sentences.csv sft/*.jsonl \
	    eval/*.json* eval/turblimp/*.csv morph/ud_stem_boundary.tsv; do \
	  mkdir -p $(CURDIR)/data/raw/$$(dirname $$file) && ln -sfn $$PWD/$$file $(CURDIR)/data/raw/$$file; \
	done
