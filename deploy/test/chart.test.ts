/** The Helm chart: the same objects as kustomize gives, and values that are refused when they mean nothing. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { chartFiles } from '../helm/chart.ts'
import { CHART, findHelm, helm, template } from '../helm/helm.ts'
import { objectsOf, skip as noKustomize, title } from './rendered.ts'
import type { KubeObject } from '../render.ts'

const found = findHelm(process.env)
const skip = typeof found === 'string' ? found : noKustomize
const command = typeof found === 'string' ? '' : found.command

/** By kind and name, without what Helm alone says: a checksum, and the namespace that the release has. */
function byTitle (objects: readonly KubeObject[]): Record<string, unknown> {
  const plain = (_: string, value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).filter(([key]) => key !== 'checksum/settings').toSorted(([a], [b]) => a < b ? -1 : 1))
    : value
  return Object.fromEntries(objects.filter(({ kind }) => kind !== 'Namespace').map((object): [string, unknown] => {
    const { namespace: _, ...metadata } = object.metadata
    return [title(object), JSON.parse(JSON.stringify({ ...object, metadata }, plain))]
  }).toSorted(([a], [b]) => a < b ? -1 : 1))
}

function filesBelow (folder: string): string[] {
  return readdirSync(join(CHART, folder), { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name).slice(CHART.length + 1))
}

t.test('the templates are what kustomize renders (node deploy/helm/write.ts writes them anew)', { skip: noKustomize }, async (t) => {
  const files = chartFiles(objectsOf('overlays/minikube'), objectsOf('overlays/observed'))
  for (const [path, text] of files) {
    t.ok(existsSync(join(CHART, path)) && readFileSync(join(CHART, path), 'utf8') === text, path)
    t.notMatch(text, /@@/, `${path} has no token left`)
  }
  const written = [...filesBelow('templates'), ...filesBelow('files')].filter((path) => !path.endsWith('NOTES.txt'))
  t.same(written.toSorted(), [...files.keys()].toSorted(), 'and nothing else')
})

const MINIKUBE = ['--values', join(CHART, 'values-minikube.yaml')]

t.test('with the values of minikube, Helm gives what the overlay gives', { skip }, async (t) => {
  t.same(byTitle(template(command, MINIKUBE)), byTitle(objectsOf('overlays/minikube')))
})

t.test('by default there are two copies and the budgets of the base', { skip }, async (t) => {
  const chart = byTitle(template(command, []))
  for (const [name, object] of Object.entries(byTitle(objectsOf('base')))) {
    if (/^(?:PodDisruptionBudget|HorizontalPodAutoscaler)\//.test(name)) t.same(chart[name], object, name)
  }
  t.match(chart['Deployment/orders'], { spec: { replicas: 2 } })
})

t.test('parts can be left out, and operators\' objects come in', { skip }, async (t) => {
  const set = (values: string) => Object.keys(byTitle(template(command, ['--set', values])))
  const bare = set('bus.enabled=false,postgres.enabled=false,redis.enabled=false,busUrl=aws://eu-central-1')
  t.same(bare.filter((name) => /bus|postgres|redis/.test(name)), [])
  const observed = template(command, [...MINIKUBE, '--set', 'monitoring.enabled=true,queueScaling.enabled=true'])
  const kinds = ['PodMonitor', 'ScaledObject']
  t.same(byTitle(observed.filter(({ kind }) => kinds.includes(kind))),
    byTitle(objectsOf('overlays/observed').filter(({ kind }) => kinds.includes(kind))))
  for (const one of observed.filter(({ kind, metadata: { name } }) => kind === 'Deployment' && name === 'orders')) {
    t.notMatch(one['spec'], { replicas: Number }, 'KEDA says how many')
  }
})

t.test('changed settings roll the pods of that service, and only those', { skip }, async (t) => {
  const before = checksums([])
  t.same(before, checksums([]))
  const after = checksums(['--set-string', 'settings.users=spring.application.name: users'])
  t.same(Object.keys(before).filter((name) => before[name] !== after[name]), ['users'])
  const all = checksums(['--set-string', 'settings.platform=server.port: 8080'])
  t.same(Object.keys(before).filter((name) => before[name] !== all[name]), Object.keys(before))
})

function checksums (args: string[]): Record<string, string> {
  return Object.fromEntries(template(command, args).filter(({ kind }) => kind === 'Deployment').map((object): [string, string] => {
    const { template: { metadata } } = object['spec'] as { template: { metadata: { annotations: Record<string, string> } } }
    return [object.metadata.name, metadata.annotations['checksum/settings'] ?? '']
  }))
}

t.test('what a service is told beside the chart reaches its container', { skip }, async (t) => {
  const one = '{"name":"OTEL_EXPORTER_OTLP_ENDPOINT","value":"http://collector:4318"}'
  for (const object of template(command, ['--set-json', `extraEnv=[${one}]`]).filter(({ kind }) => kind === 'Deployment')) {
    const { template: { spec } } = object['spec'] as { template: { spec: { containers: Array<{ env: object[] }> } } }
    t.same(spec.containers[0]?.env.at(-1), JSON.parse(one), title(object))
  }
})

t.test('lint is content, and values that mean nothing are refused', { skip }, async (t) => {
  t.match(helm(command, ['lint', '--strict', CHART]), /0 chart\(s\) failed/)
  for (const wrong of ['image.tag=latest', 'image.registry=registry.example.org', 'copies.orders=0', 'copies.order=2', 'busUrl=bus:8080',
    'gateway.nodePort=80', 'replicas=2', 'settings.user=x']) {
    t.throws(() => template(command, ['--set', wrong]), /schema|don't meet/, wrong)
  }
})
