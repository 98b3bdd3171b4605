# Written by deploy/docker/write.ts from deploy/docker/pattern.ts: change it there.
# Build from the repository's root: docker build -f deploy/docker/payments.Dockerfile -t breakwater/payments:dev .
# Another place for the same image, where nodes or builders reach their own registry only.
ARG NODE_IMAGE=node:26.10.0-bookworm-slim
FROM ${NODE_IMAGE} AS build
WORKDIR /app
# Manifests first: as long as they stay the same, the libraries below come from the cache.
COPY package.json package-lock.json ./
COPY starter/package.json starter/
COPY messaging/package.json messaging/
COPY sample-services/payments/package.json sample-services/payments/
# Secrets of the build, each of which may be missing: neither is in a layer.
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=ca if [ -f /run/secrets/ca ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca; fi; npm ci --omit=dev --ignore-scripts --no-audit --no-fund -w sample-services/payments
# Types and source maps are two fifths of the libraries and never run.
RUN find node_modules -type f -regextype egrep -regex '.*[.](map|md|d[.][cm]?ts)' -delete
COPY starter starter
COPY messaging messaging
COPY sample-services/payments sample-services/payments
# A volume mounted here takes over this folder's owner.
RUN mkdir ../data

FROM ${NODE_IMAGE}
# What was built, of what: --build-arg VERSION=... --build-arg REVISION=$(git rev-parse HEAD).
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="breakwater payments" org.opencontainers.image.licenses="Apache-2.0" org.opencontainers.image.version="${VERSION}" org.opencontainers.image.revision="${REVISION}"
ENV NODE_ENV=production
WORKDIR /app
# Owned by root and run by another user: a process that is taken over cannot change its own code.
COPY --from=build /app /app
COPY --from=build --chown=1000:1000 /data /data
USER 1000:1000
EXPOSE 8080 8081
CMD ["node", "sample-services/payments/main.ts"]
