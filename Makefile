# What one does with a checkout. It needs Python 3.11 or later with venv, make and git; everything else goes into .venv.
# docs/operations.md says what `make install` puts where.

PYTHON ?= python3
WORKERS ?= 4
PREFIX ?= /opt/credwatch
DESTDIR ?=
KILLS ?= 5000
FILES ?= 1000
EXAMPLES ?= 20
NOTICES ?= notices

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SHARE := $(DESTDIR)$(PREFIX)/share/credwatch
# The tests may take this many seconds before they are ended; a busy machine needs several times what an idle one does.
TEST_SECONDS ?= 4800
# Modules are compiled once, whatever the caller's environment says, and not again by each process that a test starts.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench kills properties stores notices latest lowest lock install clean
.DELETE_ON_ERROR:

help:
	@echo "make demo     a working day in a minute: log lines, detections, incidents, delivered notices"
	@echo "make test     formatting, lint, types, dead code, import floors, all tests; installs Debian packages where it may"
	@echo "make lint     the first five of them"
	@echo "make bench    what it costs: speed, growth, latency, memory, each held to its floor"
	@echo "make kills    the daemon is killed KILLS=$(KILLS) times under all kinds of sources, some with FILES=$(FILES) logs: every line once"
	@echo "make properties  the dearest properties of parsers and engine with EXAMPLES=$(EXAMPLES) times as many examples"
	@echo "make stores   the scenarios and kills once more, with every store on a PostgreSQL server"
	@echo "make notices  a page with every notice, as text, and as pictures where chromium is installed: NOTICES=notices"
	@echo "make latest   the tests with the newest version of every library"
	@echo "make lowest   the tests with the lowest versions that pyproject.toml allows"
	@echo "make lock     renew requirements.lock and requirements-dev.lock"
	@echo "make install  into PREFIX=$(PREFIX), with the systemd unit; understands DESTDIR"
	@echo "make clean    remove .venv and caches"

demo: $(READY)
	@$(BIN)/credwatch demo

test: lint
	@tests/install-packages
	@timeout --foreground --kill-after=20 $(TEST_SECONDS) $(BIN)/python -m pytest -q -n $(WORKERS) tests

lint: $(READY)
	@$(BIN)/ruff format --check --quiet daemon tests || { echo "run: $(BIN)/ruff format daemon tests"; exit 1; }
	@$(BIN)/ruff check --quiet daemon tests
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/vulture
	@$(BIN)/lint-imports --no-logo || { echo "see docs/architecture.md for which folder may import which"; exit 1; }

bench: $(READY)
	@tests/install-packages
	@PYTHONPATH=tests $(BIN)/python -m bench

kills: $(READY)
	@CREDWATCH_KILLS=$(KILLS) CREDWATCH_KILL_FILES=$(FILES) $(BIN)/python -m pytest -q tests/kills tests/scenarios/test_killed_daemon.py

properties: $(READY)
	@CREDWATCH_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest -q -n $(WORKERS) tests/properties

stores: $(READY)
	@tests/install-packages
	@timeout --foreground --kill-after=20 $(TEST_SECONDS) $(BIN)/python -m pytest -q -n $(WORKERS) --store postgresql tests/scenarios

notices: $(READY)
	@PYTHONPATH=tests $(BIN)/python -m gallery $(NOTICES)

# Breaks that are coming are found on purpose, in environments of their own; nothing else uses them.
latest: UNLOCKED := --upgrade
lowest: UNLOCKED := --resolution lowest-direct
latest lowest: $(READY)
	@$(PYTHON) -m venv .venv-$@
	@VIRTUAL_ENV=.venv-$@ $(BIN)/uv pip install --quiet $(UNLOCKED) --editable '.[dev,demo]'
	@tests/install-packages
	@timeout --foreground --kill-after=20 $(TEST_SECONDS) .venv-$@/bin/python -m pytest -q -n $(WORKERS) tests

# One file for all versions of CPython and all platforms, with the digest of each file that may be installed.
LOCK := $(BIN)/uv pip compile pyproject.toml --group build --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-header --quiet --upgrade
lock: $(READY)
	@$(LOCK) --output-file requirements.lock
	@$(LOCK) --extra dev --extra demo --constraint requirements.lock --output-file requirements-dev.lock

# The stamp is newer than what is asked for as long as that is what is installed.
$(READY): pyproject.toml requirements-dev.lock
	@$(call check_python)
	@$(BIN)/python -c '' 2>/dev/null || rm -rf $(VENV)
	@test -x $(BIN)/python || { echo "making $(VENV) (once; takes a minute)"; $(PYTHON) -m venv $(VENV); }
	@set -e; $(call install_locked,$(BIN),requirements-dev.lock,--editable .)
	@touch $@

install:
	@$(call check_python)
	@$(PYTHON) -c 'import pathlib, sys; sys.exit(pathlib.Path(sys.executable).resolve().parts[1] in ("home", "root"))' || { \
	  echo "$(PYTHON) lies in somebody's home, where the daemon may not look."; \
	  echo "Name another one: make install PYTHON=/usr/bin/python3"; exit 1; }
	@test -n "$(DESTDIR)" || test "$$(id -u)" -eq 0 || { echo "make install needs root, or a DESTDIR"; exit 1; }
	@umask 022; set -eu; \
	$(PYTHON) -m venv "$(DESTDIR)$(PREFIX)"; \
	$(call install_locked,$(DESTDIR)$(PREFIX)/bin,requirements.lock,.); \
	"$(DESTDIR)$(PREFIX)/bin/credwatch" version; \
	install -d "$(SHARE)" "$(DESTDIR)/usr/local/bin"; \
	cp -R config/examples config/prometheus config/grafana docs "$(SHARE)/"; \
	ln -sf "$(PREFIX)/bin/credwatch" "$(DESTDIR)/usr/local/bin/credwatch"; \
	install -d "$(DESTDIR)/etc/systemd/system" "$(DESTDIR)/etc/sysusers.d" "$(DESTDIR)/etc/tmpfiles.d"; \
	for unit in credwatch.service credwatch-collect.service; do \
	  sed 's#/opt/credwatch#$(PREFIX)#' "systemd/$$unit" > "$(DESTDIR)/etc/systemd/system/$$unit"; \
	done; \
	install -m 0644 systemd/credwatch.sysusers "$(DESTDIR)/etc/sysusers.d/credwatch.conf"; \
	install -m 0644 systemd/credwatch.tmpfiles "$(DESTDIR)/etc/tmpfiles.d/credwatch.conf"; \
	install -d -m 0750 "$(DESTDIR)/etc/credwatch"; \
	test -e "$(DESTDIR)/etc/credwatch/credwatch.toml" \
	  || install -m 0640 config/credwatch.toml "$(DESTDIR)/etc/credwatch/credwatch.toml"
ifneq ($(DESTDIR),)
	@cd "$(DESTDIR)$(PREFIX)" && grep -rlIZF '$(DESTDIR)$(PREFIX)' bin pyvenv.cfg | xargs -0r sed -i 's|$(DESTDIR)$(PREFIX)|$(PREFIX)|g'
else
	@if command -v systemd-sysusers >/dev/null; then \
	  systemd-sysusers credwatch.conf && systemd-tmpfiles --create credwatch.conf; \
	else \
	  echo "no systemd here: make the user credwatch and the folders of systemd/credwatch.tmpfiles yourself"; \
	fi
	@if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
	@echo "installed. Next: edit /etc/credwatch/credwatch.toml, then: credwatch check && systemctl enable --now credwatch"
endif

clean:
	@rm -rf $(VENV) .venv-latest .venv-lowest .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage dist build

# Nothing is installed but what the lock file names, with the digests that it names, and then the checkout itself.
define install_locked
"$(1)/python" -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $(2); \
"$(1)/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(3)
endef

define check_python
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
  echo "credwatch needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>&1 || true)."; \
  echo "Name another one: make PYTHON=python3.12 ..."; exit 1; }; \
$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
  echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
endef
