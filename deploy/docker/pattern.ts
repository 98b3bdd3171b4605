/**
 * The one pattern of all Dockerfiles. Docker has no include, so `node deploy/docker/write.ts` writes each file out, and
 * a test fails when one differs from the pattern.
 */
import { closureOf, nodeVersion } from './deployables.ts'
import type { Deployable } from './deployables.ts'

/** An .npmrc with registry and tokens, and the authority of a proxy that inspects TLS. */
const MOUNTS = '--mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=ca'
// Node warns of a file that is not there, at each of its processes.
const TRUST = 'if [ -f /run/secrets/ca ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca; fi;'

/** The text of a deployable's Dockerfile. */
export function dockerfileOf (deployable: Deployable): string {
  const folders = closureOf(deployable)
  const base = `node:${nodeVersion()}-bookworm-slim`
  return `# Written by deploy/docker/write.ts from deploy/docker/pattern.ts: change it there.
# Build from the repository's root: docker build -f deploy/docker/${deployable.name}.Dockerfile -t breakwater/${deployable.name}:dev .
# Another place for the same image, where nodes or builders reach their own registry only.
ARG NODE_IMAGE=${base}
FROM \${NODE_IMAGE} AS build
WORKDIR /app
# Manifests first: as long as they stay the same, the libraries below come from the cache.
COPY package.json package-lock.json ./
${folders.map((folder) => `COPY ${folder}/package.json ${folder}/`).join('\n')}
# Secrets of the build, each of which may be missing: neither is in a layer.
RUN ${MOUNTS} ${TRUST} npm ci --omit=dev --ignore-scripts --no-audit --no-fund -w ${deployable.workspace}
# Types and source maps are two fifths of the libraries and never run.
RUN find node_modules -type f -regextype egrep -regex '.*[.](map|md|d[.][cm]?ts)' -delete
${folders.map((folder) => `COPY ${folder} ${folder}`).join('\n')}
# A volume mounted here takes over this folder's owner.
RUN mkdir ../data

FROM \${NODE_IMAGE}
# What was built, of what: --build-arg VERSION=... --build-arg REVISION=$(git rev-parse HEAD).
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="breakwater ${deployable.name}" org.opencontainers.image.licenses="Apache-2.0" org.opencontainers.image.version="\${VERSION}" org.opencontainers.image.revision="\${REVISION}"
ENV NODE_ENV=production
WORKDIR /app
# Owned by root and run by another user: a process that is taken over cannot change its own code.
COPY --from=build /app /app
COPY --from=build --chown=1000:1000 /data /data
USER 1000:1000
EXPOSE 8080 8081
CMD ["node", "${deployable.workspace}/main.ts"]
`
}
