# The operator's image. `make image` builds it; by hand:
#
#   docker build -t sharenet-operator .                           the operator
#   docker build -t sharenet-operator:ceph --target librados .    with Ceph's libraries, for driver cephfs
#
# It runs as 65532 on a read-only root, writes nothing, and needs no shell.

# Any image with Node.js 22.19 or newer and, in the stage "bundle", its npm.
ARG NODE_IMAGE=docker.io/library/node:26-slim

FROM ${NODE_IMAGE} AS bundle
WORKDIR /source
COPY package.json package-lock.json ./
# No package needs its scripts: what is native comes built.
RUN npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
COPY . .
RUN node tools/bundle/bundle.ts /bundle

FROM ${NODE_IMAGE} AS runtime
# Package managers are of no use here, and of some to an intruder.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn* \
      /usr/local/bin/yarn /usr/local/bin/yarnpkg
LABEL org.opencontainers.image.title="Sharenet operator" \
      org.opencontainers.image.description="Share networks, security services, share servers and access rules of shared file systems" \
      org.opencontainers.image.licenses="Apache-2.0"
# The user has no home, and no entry in /etc/passwd where Node.js could find one.
ENV NODE_ENV=production HOME=/nonexistent
COPY --from=bundle /bundle/operator /opt/sharenet
USER 65532:65532
EXPOSE 8080 8081 9443
# SIGUSR1 must not open a debugger, which reads everything that the operator holds.
ENTRYPOINT ["node", "--disable-sigusr1", "/opt/sharenet/sharenet-operator.js"]

FROM runtime AS librados
LABEL org.opencontainers.image.title="Sharenet operator with the libraries of Ceph"
USER 0:0
# Not pinned: a release of Debian keeps one version and corrects it, and its archive has the last correction only.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends librados2 libcephfs2 && rm -rf /var/lib/apt/lists/* /var/log/*
USER 65532:65532

# The last stage is what a build without --target makes.
FROM runtime AS operator
