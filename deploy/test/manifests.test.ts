/** The manifests, without a cluster: rendered, validated against Kubernetes' own schemas, and held to our policies. */
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import t from 'tap'
import { parse } from 'yaml'
import { discoveryKind } from '@breakwater/starter'
import { loadSettings } from '@breakwater/starter/settings'
import { readOptions as readConfigServerOptions } from '../../config-server/options.ts'
import { optionsFrom } from '../../discovery/settings.ts'
import { configurationOf } from '../../gateway/settings/configuration.ts'
import { readOptions as readGatewayOptions } from '../../gateway/settings/read-options.ts'
import { DEPLOYABLES, nodeVersion, ROOT } from '../docker/deployables.ts'
import { commandOf, IGNORED, labelsOf, parseDockerfile, withArguments } from '../docker/build.ts'
import { dockerfileOf } from '../docker/pattern.ts'
import { KUBERNETES } from '../render.ts'
import { matches, mayScrape, mayTalk } from './flows.ts'
import { objectsOf, OVERLAYS, skip, title, workloads } from './rendered.ts'
import type { KubeObject } from '../render.ts'
import type { Container, PodSpec } from './rendered.ts'

/** Kinds of other projects: checked for the fields we rely on, as their schemas are not Kubernetes' own. */
const FOREIGN = new Set([
  'external-secrets.io/v1/ExternalSecret', 'external-secrets.io/v1/SecretStore',
  'monitoring.coreos.com/v1/PodMonitor', 'keda.sh/v1alpha1/ScaledObject'
])

t.test('every kustomization renders, and every object passes the schemas of Kubernetes', { skip }, async (t) => {
  const schemas = JSON.parse(readFileSync(join(import.meta.dirname, '../schemas/kubernetes.json'), 'utf8')) as {
    kinds: Record<string, { $ref: string }>, definitions: object
  }
  const ajv = new Ajv({ strict: false, allErrors: true })
  ajv.addSchema({ $id: 'kubernetes', definitions: schemas.definitions })
  const validate = (kind: string, object: unknown) => ajv.validate({ $ref: `kubernetes${schemas.kinds[kind]?.$ref}` }, object)
  for (const folder of ['base', ...OVERLAYS]) {
    const objects = objectsOf(folder)
    t.ok(objects.length > 20, `${folder} has ${objects.length} objects`)
    for (const object of objects) {
      const kind = `${object.apiVersion}/${object.kind}`
      if (FOREIGN.has(kind)) continue
      if (schemas.kinds[kind] === undefined) {
        t.fail(`${kind} is in no schema: add it to deploy/schemas/generate.ts`)
        continue
      }
      if (!validate(kind, object)) t.fail(`${folder} ${title(object)}: ${ajv.errorsText()}`)
    }
  }

  const [deployment] = objectsOf('base').filter((one) => one.kind === 'Deployment') as [KubeObject]
  const check = (change: object) => validate('apps/v1/Deployment', { ...deployment, ...change })
  t.notOk(check({ spec: { ...deployment['spec'] as object, replica: 3 } }), 'a misspelt field is found')
  t.notOk(check({ spec: { ...deployment['spec'] as object, strategy: { type: 'Recrate' } } }), 'a value outside the enumeration is found')
})

for (const overlay of OVERLAYS) {
  t.test(overlay, { skip }, async (t) => {
    const objects = objectsOf(overlay)
    const pods = workloads(objects)
    const has = (kind: string, name: string) => objects.some((one) => one.kind === kind && one.metadata.name === name)

    t.test('everything that is named exists', async (t) => {
      for (const { object, spec } of pods) {
        const where = title(object)
        t.ok(has('ServiceAccount', spec.serviceAccountName ?? ''), `${where} has its own service account`)
        const volumes = spec.volumes ?? []
        for (const volume of volumes) {
          if (volume.configMap !== undefined) t.ok(has('ConfigMap', volume.configMap.name), `${where} mounts ${volume.configMap.name}`)
          const claim = volume.persistentVolumeClaim?.claimName
          if (claim !== undefined) t.ok(has('PersistentVolumeClaim', claim), `${where} claims ${claim}`)
        }
        for (const container of spec.containers) {
          for (const mount of container.volumeMounts ?? []) {
            t.ok(volumes.some((volume) => volume.name === mount.name), `${where} has the volume ${mount.name}`)
          }
          for (const name of secretsOf(container)) t.ok(hasSecret(objects, name), `${where} reads the secret ${name}`)
        }
      }
    })

    t.test('Services, disruption budgets and autoscalers meet their pods', async (t) => {
      for (const object of objects) {
        const spec = object['spec'] as { selector?: Record<string, string> & { matchLabels?: Record<string, string> }, ports?: Array<{ targetPort: string }>, scaleTargetRef?: { kind: string, name: string } }
        if (object.kind === 'Service') {
          const behind = pods.filter((pod) => matches({ matchLabels: spec.selector ?? {} }, pod.labels))
          t.equal(behind.length, 1, `${title(object)} has one workload behind it`)
          for (const port of spec.ports ?? []) {
            t.ok(behind[0]?.spec.containers.some((one) => one.ports?.some((own) => own.name === port.targetPort)), `${title(object)} finds port ${port.targetPort}`)
          }
        }
        if (object.kind === 'PodDisruptionBudget') {
          t.equal(pods.filter((pod) => matches(spec.selector ?? {}, pod.labels)).length, 1, `${title(object)} covers one workload`)
        }
        if (object.kind === 'HorizontalPodAutoscaler') {
          const target = pods.find((pod) => pod.object.metadata.name === spec.scaleTargetRef?.name)
          t.ok(target, `${title(object)} scales something`)
          t.notMatch(target?.object['spec'], { replicas: Number }, `${title(object)} is not overruled at every apply`)
        }
      }
    })

    t.test('pods are restricted: no root, no writable root, no rights, no token without need', async (t) => {
      for (const { object, spec } of pods) {
        const where = title(object)
        t.match(spec.securityContext, { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }, where)
        t.ok((spec.securityContext?.runAsUser ?? 0) >= 1000, `${where} runs as a plain user`)
        t.notOk(spec.hostNetwork || spec.volumes?.some((one) => one.hostPath !== undefined), `${where} stays off the node`)
        t.equal(tokenMounted(objects, spec), RBAC_USERS.has(object.metadata.name), `${where} has a token only if it uses the API`)
        for (const container of [...spec.containers, ...spec.initContainers ?? []]) {
          t.match(container.securityContext, {
            allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] }
          }, `${where} ${container.name}`)
        }
      }
    })

    t.test('containers have limits, probes, a pinned image and time to end', async (t) => {
      for (const { object, spec } of pods) {
        for (const container of spec.containers) {
          const where = `${title(object)} ${container.name}`
          t.ok(container.resources?.requests?.['cpu'] && container.resources.requests['memory'], `${where} requests`)
          t.ok(container.resources?.limits?.['memory'], `${where} limits its memory`)
          t.match(container.image, /:(?!latest$)[\w.-]+$|@sha256:/, `${where} has a tag other than latest`)
          for (const probe of ['readinessProbe', 'livenessProbe']) t.ok(container[probe], `${where} ${probe}`)
          if (object.kind !== 'Deployment') continue
          const sleep = container.lifecycle?.preStop?.sleep?.seconds ?? 0
          const platform = readFileSync(join(KUBERNETES, 'base/platform/application.yml'), 'utf8')
          const drain = Number(/timeout-per-shutdown-phase: (\d+)s/.exec(platform)?.[1])
          t.ok(sleep > 0 && sleep + drain < (spec.terminationGracePeriodSeconds ?? 30), `${where} sleeps, drains and ends before it is killed`)
        }
        const spread = spec.topologySpreadConstraints ?? []
        t.ok(object.kind !== 'Deployment' || spread.length > 0, `${title(object)} is spread`)
        // The API accepts such a Deployment and then refuses each of its pods.
        t.notOk(spread.some((one) => one.matchLabelKeys.some((key) => key in one.labelSelector.matchLabels)), `${title(object)} has no key twice`)
      }
    })

    t.test('what a pod announces to scrapers is a port on which its program answers them, and they may reach it', async (t) => {
      const platform = parse(readFileSync(join(KUBERNETES, 'base/platform/application.yml'), 'utf8')) as
        { management: { server: { port: number } } }
      for (const { object, labels, spec } of pods) {
        const { template } = object['spec'] as { template: { metadata: { annotations?: Record<string, string> } } }
        const { 'prometheus.io/scrape': scrape, 'prometheus.io/port': port } = template.metadata.annotations ?? {}
        if (scrape !== 'true') continue
        t.equal(port, String(platform.management.server.port), title(object))
        const named = spec.containers[0]?.ports?.find(({ containerPort }) => String(containerPort) === port)
        t.ok(named !== undefined && mayScrape(objects, labels, named.name), `${title(object)} may be scraped`)
      }
    })

    t.test('only these may talk to each other', async (t) => {
      const names = pods.map((pod) => pod.object.metadata.name)
      const expected = ALLOWED.filter(([from, to]) => names.includes(from) && names.includes(to)).map((flow) => flow.join(' -> ')).toSorted()
      const found: string[] = []
      for (const from of pods) {
        for (const to of pods) {
          const port = to.spec.containers[0]?.ports?.[0]?.name ?? ''
          if (from !== to && mayTalk(objects, from.labels, to.labels, port)) found.push(`${from.object.metadata.name} -> ${to.object.metadata.name}`)
        }
      }
      t.same(found.toSorted(), expected)
      t.notOk(mayTalk(objects, { 'app.kubernetes.io/name': 'gateway' }, { 'app.kubernetes.io/name': 'users' }, 'management'), 'management ports are closed')
      t.ok(mayTalk(objects, { 'app.kubernetes.io/name': 'order-history' }, { 'app.kubernetes.io/name': 'orders' }, 'management'), 'but for the streams')
    })

    t.test('the API server is used by those who have the right, and the right is list and watch of EndpointSlices', async (t) => {
      const roles = objects.filter((one) => one.kind === 'Role')
      t.notOk(objects.some((one) => one.kind === 'ClusterRole'), 'nothing reaches beyond the namespace')
      for (const role of roles) {
        t.same(role['rules'], [{ apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] }])
      }
      const bound = objects.filter((one) => one.kind === 'RoleBinding').flatMap((one) => one['subjects'] as Array<{ name: string }>)
      t.ok(bound.every((one) => RBAC_USERS.has(one.name)))
    })
  })
}

/** Who asks the API server for anything. */
const RBAC_USERS = new Set(['gateway', 'discovery'])

const SERVICES = ['users', 'orders', 'inventory', 'payments', 'order-history']
const ALLOWED: Array<[string, string]> = [
  ...SERVICES.map((name): [string, string] => ['gateway', name]), ['orders', 'users'],
  ...SERVICES.map((name): [string, string] => [name, 'bus']),
  ...['gateway', ...SERVICES].map((name): [string, string] => [name, 'config-server']),
  ...SERVICES.filter((name) => name !== 'inventory').map((name): [string, string] => [name, 'postgres']),
  ['inventory', 'redis']
]

function secretsOf (container: Container): string[] {
  const single = (container.env ?? []).map((one) => one.valueFrom?.secretKeyRef?.name)
  const whole = (container.envFrom ?? []).map((one) => one.secretRef?.name)
  return [...single, ...whole].filter((name) => name !== undefined)
}

function hasSecret (objects: readonly KubeObject[], name: string): boolean {
  // Passwords stand in no file: deploy/minikube.sh makes them, External Secrets fetches them.
  const made = readFileSync(join(ROOT, 'deploy/minikube.sh'), 'utf8').includes(`create secret generic ${name} `)
  const external = objects.filter((one) => one.kind === 'ExternalSecret')
  return external.length === 0 ? made : external.some((one) => (one['spec'] as { target: { name: string } }).target.name === name)
}

/** The pod's word counts, then its account's, then yes. */
function tokenMounted (objects: readonly KubeObject[], spec: PodSpec): boolean {
  const account = objects.find((one) => one.kind === 'ServiceAccount' && one.metadata.name === spec.serviceAccountName)
  return spec.automountServiceAccountToken ?? account?.['automountServiceAccountToken'] !== false
}

t.test('an image can be built behind a proxy: its authority and an .npmrc come as secrets, and may be missing', async t => {
  const folder = t.testdir({ npm: '#!/bin/sh\necho "npm $1 $NODE_EXTRA_CA_CERTS"\n', ca: 'PEM' })
  chmodSync(join(folder, 'npm'), 0o755)
  for (const deployable of DEPLOYABLES) {
    const install = parseDockerfile(dockerfileOf(deployable)).find(([word, text]) => word === 'RUN' && text.includes('npm ci'))![1]
    t.match(install, /^--mount=type=secret,id=npmrc,target=\/root\/\.npmrc --mount=type=secret,id=ca /)
    const run = (ca: string) => execFileSync('/bin/sh', ['-ec', commandOf(install).replaceAll('/run/secrets/ca', join(folder, ca))],
      { env: { PATH: `${folder}:/usr/bin:/bin` }, encoding: 'utf8' }).trim()
    t.equal(run('ca'), `npm ci ${join(folder, 'ca')}`, deployable.name)
    t.equal(run('missing'), 'npm ci', 'without one, nothing is said of it')
  }
})

t.test('Dockerfiles', async (t) => {
  for (const deployable of DEPLOYABLES) {
    const text = readFileSync(join(ROOT, `deploy/docker/${deployable.name}.Dockerfile`), 'utf8')
    t.equal(text, dockerfileOf(deployable), `${deployable.name}.Dockerfile follows the pattern (node deploy/docker/write.ts writes it anew)`)
    const lines = parseDockerfile(text)
    const froms = lines.filter(([word]) => word === 'FROM')
    t.same(froms.map(([, image]) => image.split(' ')[0]), ['${NODE_IMAGE}', '${NODE_IMAGE}'], 'two stages of one image')
    const args = lines.filter(([word]) => word === 'ARG').map(([, text]) => text)
    const base = `node:${nodeVersion()}-bookworm-slim`
    t.same(args, [`NODE_IMAGE=${base}`, 'VERSION=dev', 'REVISION=unknown'], 'the tested Node, unless told otherwise')
    const labels = lines.filter(([word]) => word === 'LABEL').map(([, pairs]) => labelsOf(pairs))
    t.same(labels, [Object.fromEntries(Object.entries({
      title: `breakwater ${deployable.name}`, licenses: 'Apache-2.0', version: '${VERSION}', revision: '${REVISION}'
    }).map(([name, value]) => [`org.opencontainers.image.${name}`, value]))], 'an image says what it is made of')
    t.same(lines.filter(([word]) => word === 'USER').map(([, user]) => user), ['1000:1000'], 'not root')
    t.notOk(lines.some(([word, rest]) => word === 'COPY' && /\s\.\s|^\. /.test(rest)), 'nothing is copied wholesale')
  }
  const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  t.same(ignored, IGNORED.map((name) => `**/${name}`), '.dockerignore says the same as the builder without Docker')
})

t.test('the builder without Docker fills build arguments in, and leaves the variables of a shell alone', async (t) => {
  const args = new Map([['VERSION', '1.2.3']])
  t.same(labelsOf(withArguments('a.version="${VERSION}" a.title="two words"', args)), { 'a.version': '1.2.3', 'a.title': 'two words' })
  t.equal(withArguments('echo ${HOME}', args), 'echo ${HOME}')
})

t.test('every image that a manifest names can be built', { skip }, async (t) => {
  const known = new Set(DEPLOYABLES.map((one) => `breakwater/${one.name}`))
  for (const overlay of OVERLAYS) {
    for (const { spec } of workloads(objectsOf(overlay))) {
      for (const { image } of spec.containers) {
        const name = image.replace(/[:@].*$/, '').replace(/^.*\/(?=breakwater\/)/, '')
        if (name.startsWith('breakwater/')) t.ok(known.has(name), image)
      }
    }
  }
})

t.test('the settings in the ConfigMaps mean something to the programs that read them', async (t) => {
  const settingsOf = async (name: string, own: string) => {
    const folder = t.testdir({
      config: {
        'a-platform': { 'application.yml': readFileSync(join(KUBERNETES, 'base/platform/application.yml'), 'utf8') },
        'b-own': { 'application.yml': readFileSync(join(KUBERNETES, own, 'application.yml'), 'utf8') }
      }
    })
    return loadSettings({ name, folder, profiles: ['k8s'], watch: false })
  }
  const warnings: unknown[] = []
  const gateway = await settingsOf('gateway', 'base/gateway')
  const options = readGatewayOptions(gateway)
  const { routes } = configurationOf(gateway, options, (warning) => warnings.push(warning))
  t.same(warnings, [])
  const local = await loadSettings({ name: 'gateway', file: join(ROOT, 'deploy/local/gateway.yml'), profiles: ['local'], watch: false })
  const wordsOf = (value: unknown) => JSON.stringify(value, (key, inner: unknown) => key === 'origin' ? undefined : inner)
  const atHome = configurationOf(local, readGatewayOptions(local), () => {}).routes
  t.equal(wordsOf(routes), wordsOf(atHome), 'the same calls as with npm start')
  t.equal(gateway.string('server.address'), '0.0.0.0')
  t.equal(discoveryKind(gateway), 'kubernetes')
  t.equal(discoveryKind(await settingsOf('users', 'base/users')), 'dns')
  const discovery = await settingsOf('discovery', 'components/discovery/app')
  t.match(optionsFrom(discovery), { host: '0.0.0.0', port: 8080 })
  t.equal(discovery.string('breakwater.discovery.backend'), 'kubernetes')
  const config = readConfigServerOptions(await settingsOf('config-server', 'components/config-server/app'))
  t.match(config.backends, [{ type: 'native', native: { searchLocations: ['file:/config-repo/'] } }])
})

t.test('compose.yaml', async (t) => {
  const compose = parse(readFileSync(join(ROOT, 'deploy/compose.yaml'), 'utf8'), { merge: true }) as {
    services: Record<string, ComposeService>, volumes: object
  }
  t.same(Object.keys(compose.services).toSorted(), DEPLOYABLES.map((one) => one.name).toSorted(), 'everything that can be deployed')
  for (const [name, service] of Object.entries(compose.services)) {
    t.equal(service.build.dockerfile, `deploy/docker/${name}.Dockerfile`)
    t.match(service, {
      image: /:dev$/, read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'], mem_limit: String,
      healthcheck: { test: ['CMD', 'node', '-e', /^fetch\('http:\/\/127\.0\.0\.1:/] }
    }, name)
    for (const port of service.ports ?? []) t.match(port, /^127\.0\.0\.1:/, `${name} is published to this machine only`)
    for (const [needed, { condition }] of Object.entries(service.depends_on ?? {})) {
      t.ok(needed in compose.services && condition === 'service_healthy', `${name} waits for ${needed}`)
    }
    for (const volume of service.volumes ?? []) {
      const [source = ''] = volume.split(':')
      t.ok(source.startsWith('.') ? existsSync(join(ROOT, 'deploy', source)) : source in compose.volumes, `${name} has ${source}`)
    }
  }
})

interface ComposeService {
  build: { dockerfile: string }
  ports?: string[]
  volumes?: string[]
  depends_on?: Record<string, { condition: string }>
}
