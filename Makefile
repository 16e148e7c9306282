# What a person does with this repository; `make` alone lists it. Each target does all the set-up that it needs.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

# The storage driver of the demo: dummy, cephfs or samba.
DRIVER ?= dummy
# How long `make soak` goes on.
HOURS ?= 1
# Flags of `make run` and names of checks and test projects for `make test`: `make test ARGS="types unit"`.
ARGS ?=
# The operator's image, as `name:tag` or `name@digest`.
IMAGE ?=

# Tests that also pass while the operator is slow: they neither count its writes nor stand between it and the API server.
SLOW_TESTS := $(addprefix test/integration/,access-rules/rules.test.ts deletion/orders.test.ts main-job.test.ts model)

# The fetched Node comes first if there is one, then the commands of the installed packages.
export PATH := $(CURDIR)/tools/node/node_modules/.bin:$(CURDIR)/node_modules/.bin:$(PATH)

# What was installed is recognised by a copy of the lockfile, not by times: those change with every checkout.
NODE_LOCK := tools/node/package-lock.json
NODE_STAMP := tools/node/node_modules/.installed-package-lock.json
STAMP := node_modules/.installed-package-lock.json
# No package runs a script of its own at installation; the lockfile has the digest of each archive.
NPM_FLAGS := --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error

NEED_NPM = command -v npm >/dev/null || { \
  echo "npm is not on the PATH: install Node.js (any version that brings npm 7 or newer) from https://nodejs.org" >&2; exit 1; }

.PHONY: help setup demo run test test-nightly test-slow e2e-ceph e2e-samba bench bench-ceph soak crds chart manifests docs bundle image image-test kind-up kind-down format node

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## /\1\t/p' Makefile | while IFS='	' read -r name text; do printf '  make %-12s %s\n' "$$name" "$$text"; done

setup: node ## install what bin/sharenet-operator needs: Node.js if the machine's is too old, and the packages
	@cmp -s package-lock.json $(STAMP) || { \
	  $(NEED_NPM); \
	  echo "installing the packages of package-lock.json"; \
	  npm ci $(NPM_FLAGS) && cp package-lock.json $(STAMP); }

# Fetched only where the machine's Node is too old; renewed when its lockfile changes.
node:
	@if [ -d tools/node/node_modules ]; then cmp -s $(NODE_LOCK) $(NODE_STAMP); else tools/node/find.sh >/dev/null 2>&1; fi || { \
	  $(NEED_NPM); \
	  echo "fetching Node.js (once, about 60 MB): the machine's own is older than 22.19 or missing"; \
	  rm -rf tools/node/node_modules; \
	  npm ci --prefix tools/node $(NPM_FLAGS) && cp $(NODE_LOCK) $(NODE_STAMP); \
	  tools/node/find.sh >/dev/null; }

demo: setup ## show the main features on a real control plane, which runs until Ctrl-C; DRIVER=cephfs: access keys on a real Ceph cluster; DRIVER=samba, as root: real Active Directory domains
	@exec env DRIVER=$(DRIVER) node test/demo/demo.ts

run: setup ## run the operator against the current KUBECONFIG; ARGS="--log-level debug" passes flags
	@bin/sharenet-operator $(ARGS)

test: setup ## run all checks and tests; ARGS="types unit": only these
	@node tools/checks/run-all.ts $(ARGS)

test-nightly: setup ## run in full what `make test` samples: random steps, crash points, fuzzing, thousands of rules; takes hours
	@FUZZ_RUNS=$${FUZZ_RUNS:-5000} vitest run --project unit test/fuzz
	@LOAD_RULES=$${LOAD_RULES:-4000} vitest run --project integration test/integration/tenancy/load.test.ts
	@MODEL_STEPS=$${MODEL_STEPS:-10000} FAULTS=all vitest run --project integration --no-file-parallelism test/integration/model test/integration/crash
	@$(MAKE) test-slow

test-slow: setup ## run integration tests on an operator with random delays of writes and watches
	@node test/kube/cli.ts build >/dev/null
	@SLOW_OPERATOR=$${SLOW_OPERATOR:-$$(date +%s)} && export SLOW_OPERATOR && echo "SLOW_OPERATOR=$$SLOW_OPERATOR repeats this run" && \
	  vitest run --project integration $(SLOW_TESTS)

e2e-ceph: setup ## run the tests on a real Ceph cluster; it is installed from Debian or Ubuntu where it is missing
	@node tools/checks/run-all.ts e2e-ceph

e2e-samba: setup ## run the tests on real Samba hosts and domains, as root; installed from Debian or Ubuntu where missing
	@node tools/checks/run-all.ts e2e-samba

bench: setup ## measure cost and speed on a real control plane
	@node test/kube/cli.ts build >/dev/null
	@node test/bench/bench.ts

soak: setup ## change, disturb and kill for HOURS (1), then report what is stuck, left behind or growing
	@node test/kube/cli.ts build >/dev/null
	@node test/soak/soak.ts $(HOURS)

bench-ceph: setup ## measure access keys and shares on a real Ceph cluster, compared with the bare commands
	@node test/kube/cli.ts build >/dev/null
	@node test/labs/ceph/cli.ts install
	@node test/bench/ceph/bench-ceph.ts

crds: setup ## generate crds/ from src/api/v1alpha1, and the chart's copy
	@node tools/crds/generate.ts
	@node tools/chart/generate.ts

chart: setup ## generate the Helm chart's copies of crds/, and docs/chart-values.md from its values
	@node tools/chart/generate.ts

manifests: setup ## write dist/install.yaml, everything in one file; IMAGE=registry.example.com/sharenet-operator:0.1.0: with that image
	@node tools/manifests/build.ts --image "$(IMAGE)"

docs: setup ## build the documentation site into docs/site/.vitepress/dist, after its generated pages
	@node tools/docs/conditions.ts
	@node tools/docs/driver-pages.ts
	@node tools/docs/api-reference.ts
	@node tools/docs/site.ts

bundle: setup ## write dist/operator and dist/kubectl-sharenet: each program as one file, with licences and bill of materials
	@node tools/bundle/bundle.ts

image: setup ## build the image sharenet-operator with docker or podman; ARGS="--target librados": with Ceph's libraries
	@node tools/image/cli.ts build $(ARGS)

image-test: setup ## build the image and run it on a real API server as its Pods run; ARGS as of `make image`
	@node tools/image/cli.ts test $(ARGS)

kind-up: setup ## start a cluster of kind with the image, the chart and the samples
	@node tools/image/cli.ts kind-up

kind-down: setup ## delete the cluster of kind-up
	@node tools/image/cli.ts kind-down

format: setup ## format the code and apply the linter's fixes
	@npm run --silent format
