# Each line calls a tool; the tools work without make, too (docs/commands.md).
PYTHON ?= python3
ARCH   ?=
ARGS   ?=
NAME   ?=
DECK   ?=
SEEDS  ?= 1

# Where a virtual environment keeps its programs: bin, or Scripts on Windows.
BIN := .venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
# Neither a folder that is called so nor a link that leads nowhere.
SCRIPTS := $(foreach script,$(wildcard code/*.py),$(if $(realpath $(script)/.),,\
	$(if $(realpath $(script)),$(script))))
LESSONS := $(basename $(notdir $(SCRIPTS)))

.PHONY: present test check train notebooks results figures lesson new-course models site pdf handout pictures samples students accept clean node browser
.DELETE_ON_ERROR:

present: node_modules/.ready  ## the lecture in a browser (PORT=1948, OPEN=0: no browser)
	@node slides/reveal/serve/present.mjs

test: browser .venv/.ready-test  ## every test (ARGS="-k resume": some)
	@# With as many processes as two cores, these were idle for a fifteenth of the time.
	$(BIN)/python -m pytest --numprocesses=3 --dist=worksteal $(ARGS)

check: browser  ## what an audience would stumble over in the decks (DECK=architectures: in one)
	@node slides/reveal/check/check.mjs $(DECK)

ifneq ($(filter $(LESSONS),$(ARCH)),)
train: .venv/.ready  ## one network: make train ARCH=lenet ARGS="--epochs 5"
	@$(BIN)/python code/$(ARCH).py $(ARGS)
else
train:
	@echo "make train: ARCH=$(ARCH) is not a lesson; choose one of: $(LESSONS)" >&2; exit 2
endif

notebooks: .venv/.ready-notebooks  ## a notebook beside every script, for Jupyter
	@$(BIN)/python -m course.notebooks

results: .venv/.ready  ## train and record what is not recorded yet (ARCH=resnet, SEEDS=3, REPLACE=1)
	@$(BIN)/python -m course.results $(ARCH) --seeds $(SEEDS) $(if $(REPLACE),--replace) -- $(ARGS)

figures: .venv/.ready-test  ## figures and facts, drawn and counted from the networks
	@$(BIN)/python -m course.figures

lesson: .venv/.ready-test  ## a new lesson to start from, script and slides: make lesson NAME=toy
	@$(BIN)/python -m course.lesson $(if $(NAME),$(NAME),--help)
	@$(if $(NAME),$(BIN)/python -m course.figures >/dev/null)

new-course: browser .venv/.ready-test  ## a course of your own in this clone: make new-course NAME=vision
	@$(BIN)/python -m course.new_course $(if $(NAME),$(NAME),--help)
	@$(if $(NAME),node slides/reveal/print/pictures.mjs)

models: .venv/.ready-test  ## networks of the live slides, from their recorded runs (ARCH=lenet)
	@$(BIN)/python -m course.models $(ARCH) $(ARGS)

# The lessons as pages need Python and minutes: they are there where it is set up.
site: node_modules/.ready  ## the course as a static site in _site/
	@if [ -e .venv/.ready-notebooks ] || [ -e .venv/.ready-test ]; then $(BIN)/python -m course.pages; fi
	@node slides/reveal/site/build.mjs

pdf: browser  ## the lecture as a PDF (DECK=architectures: one deck alone)
	@node slides/reveal/print/pdf.mjs $(DECK)

handout: browser  ## the slides with their notes, on A4: for students and for the lecturer (DECK=architectures: of one deck)
	@node slides/reveal/print/pdf.mjs --handout $(DECK)

pictures: browser  ## pictures of slides, for the first page and for README.md
	@node slides/reveal/print/pictures.mjs

samples: .venv/.ready  ## ten test images for the live slides on this machine (ARGS="--data FOLDER")
	@$(BIN)/python -m course.samples $(ARGS)

# Without the answers of the exercise, and without the mistakes that the checker is tried on.
students:  ## the students' edition of what is committed, students.zip
	git archive --prefix=course/ --output=students.zip HEAD -- . ':!tests/lessons'

accept: node_modules/.ready .venv/.ready  ## the lecture as it is now, for the tests and for README.md
	@$(BIN)/python -m course.lecture

clean: $(if $(wildcard _site),node)  ## remove what was built, but not trainings, data or the set-up
	@if [ -e _site ]; then node slides/reveal/site/site.mjs; fi
	find slides -name '*.md' | sed 's|^slides/||; s|/|-|g; s|\.md$$||' | while read -r deck; do \
	rm -f "$$deck.pdf" "$$deck-handout.pdf" "$$deck-notes.pdf"; done
	rm -rf students.zip .lessons .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find code slides tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# Each mark is a copy of what was installed: a newer date alone reinstalls nothing, because without
# a network it could not, and `npm ci` would first remove what is there.
.venv/.ready: pyproject.toml
	@cmp -s pyproject.toml $@ || { $(PYTHON) -m venv .venv && $(BIN)/python setup/pytorch.py && \
	$(BIN)/python -m pip install --quiet --editable . ; }
	@cp pyproject.toml $@

.venv/.ready-test .venv/.ready-notebooks: .venv/.ready-%: .venv/.ready
	@cmp -s pyproject.toml $@ || $(BIN)/python -m pip install --quiet --editable '.[$*]'
	@cp pyproject.toml $@

node_modules/.ready: package-lock.json | node
	@cmp -s package-lock.json $@ || npm ci --prefer-offline
	@cp package-lock.json $@

browser: node_modules/.ready
	@node slides/reveal/print/get-chromium.mjs

# Without it, npm would be what is missing.
node:
	@command -v node >/dev/null || \
	{ echo "make: Node is not installed: get Node 20 or newer from https://nodejs.org" >&2; exit 2; }
