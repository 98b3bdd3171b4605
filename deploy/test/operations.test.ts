/** What somebody who runs a cluster needs of the manifests: drains, names, credentials, metrics, traces, scaling. */
import t from 'tap'
import { queueOf } from '../../messaging/options.ts'
import { mayReach, matches } from './flows.ts'
import { objectsOf, OVERLAYS, skip, title, workloads } from './rendered.ts'
import type { KubeObject } from '../render.ts'
import type { Workload } from './rendered.ts'

interface Budget { selector: { matchLabels: Record<string, string> }, maxUnavailable?: number, minAvailable?: number }

/** The fewest copies that a workload has by its manifest or its autoscaler. */
function copiesOf (objects: readonly KubeObject[], { object }: Workload): number {
  const scaler = objects.find((one) => ['HorizontalPodAutoscaler', 'ScaledObject'].includes(one.kind) &&
    (one['spec'] as { scaleTargetRef: { name: string } }).scaleTargetRef.name === object.metadata.name)
  const least = scaler?.['spec'] as { minReplicas?: number, minReplicaCount?: number } | undefined
  return least?.minReplicas ?? least?.minReplicaCount ?? (object['spec'] as { replicas?: number }).replicas ?? 1
}

for (const overlay of ['base', ...OVERLAYS]) {
  t.test(overlay, { skip }, async (t) => {
    const objects = objectsOf(overlay)
    const pods = workloads(objects)

    t.test('a drain takes one of several copies, and never the only one', async (t) => {
      for (const budget of objects.filter((one) => one.kind === 'PodDisruptionBudget')) {
        const spec = budget['spec'] as Budget
        const [pod] = pods.filter((one) => matches(spec.selector, one.labels))
        const copies = pod === undefined ? 0 : copiesOf(objects, pod)
        const takes = spec.maxUnavailable ?? copies - (spec.minAvailable ?? 0)
        t.ok(copies - takes >= 1, `${title(budget)} leaves one of ${copies}`)
        t.ok(copies === 1 || takes >= 1, `${title(budget)} lets a node be drained`)
      }
    })

    t.test('every pod can ask for names, wherever the cluster answers them', async (t) => {
      for (const { object, labels } of pods) {
        for (const protocol of ['UDP', 'TCP']) {
          for (const [place, port] of [['kube-system', 53], ['169.254.20.10/32', 53], ['openshift-dns', 5353]] as const) {
            t.ok(mayReach(objects, labels, place, port, protocol), `${title(object)} ${place} ${protocol}`)
          }
        }
      }
    })
  })
}

const CONSUMERS = ['orders', 'inventory', 'payments', 'order-history']

t.test('on EKS, the services that call AWS reach the agent of Pod Identity, and the gateway does not', { skip }, async (t) => {
  const objects = objectsOf('overlays/eks')
  for (const { object, labels } of workloads(objects)) {
    for (const agent of ['169.254.170.23/32', 'fd00:ec2::23/128']) {
      t.equal(mayReach(objects, labels, agent, 80), object.metadata.name !== 'gateway', `${title(object)} ${agent}`)
    }
  }
})

t.test('a PodMonitor finds every pod that announces metrics, at a port that it has', { skip }, async (t) => {
  const objects = objectsOf('overlays/observed')
  const [monitor] = objects.filter((one) => one.kind === 'PodMonitor') as [KubeObject]
  const { selector, podMetricsEndpoints } = monitor['spec'] as
    { selector: object, podMetricsEndpoints: Array<{ port: string, path: string }> }
  const [endpoint] = podMetricsEndpoints
  for (const { object, labels, spec } of workloads(objects)) {
    const { template } = object['spec'] as { template: { metadata: { annotations?: Record<string, string> } } }
    if (template.metadata.annotations?.['prometheus.io/scrape'] !== 'true') continue
    t.ok(matches(selector, labels), title(object))
    t.ok(spec.containers[0]?.ports?.some(({ name }) => name === endpoint?.port), `${title(object)} has ${endpoint?.port}`)
    t.equal(template.metadata.annotations['prometheus.io/path'], endpoint?.path)
  }
})

t.test('spans go to a collector that the pods may reach', { skip }, async (t) => {
  const objects = objectsOf('overlays/observed')
  const senders = workloads(objects).filter(({ spec }) =>
    spec.containers[0]?.env?.some(({ name }) => name === 'OTEL_EXPORTER_OTLP_ENDPOINT'))
  t.same(senders.map(({ object }) => object.metadata.name).toSorted(), ['bus', 'gateway', 'users', ...CONSUMERS].toSorted())
  for (const { object, labels, spec } of senders) {
    const { hostname, port } = new URL(spec.containers[0]?.env?.find(({ name }) => name === 'OTEL_EXPORTER_OTLP_ENDPOINT')?.value ?? '')
    t.ok(mayReach(objects, labels, hostname.split('.')[1] ?? '', Number(port)), title(object))
  }
})

t.test('each consumer is scaled by its own queue, by one autoscaler, and no apply sets it back', { skip }, async (t) => {
  const objects = objectsOf('overlays/observed')
  const scaled = objects.filter((one) => one.kind === 'ScaledObject')
  t.same(scaled.map((one) => one.metadata.name).toSorted(), CONSUMERS.toSorted())
  for (const one of scaled) {
    const { scaleTargetRef: { name }, triggers } = one['spec'] as
      { scaleTargetRef: { name: string }, triggers: Array<{ type: string, metadata: { query?: string } }> }
    t.match(triggers[0], { type: 'prometheus', metadata: { query: `{queue="${queueOf('breakwater', name)}"}` } })
    const target = workloads(objects).find(({ object }) => object.metadata.name === name)
    t.notMatch(target?.object['spec'], { replicas: Number }, name)
    t.notOk(objects.some((two) => two.kind === 'HorizontalPodAutoscaler' && two.metadata.name === name), `${name} has one autoscaler`)
  }
})

/** Resident megabytes of an idle pod, measured on Kubernetes 1.36 and Node 26. */
const IDLE_MB = { gateway: 217, ...Object.fromEntries(['users', ...CONSUMERS].map((name) => [name, 135])) }

t.test('a pod asks for more memory than it uses when nobody calls it', { skip }, async (t) => {
  const pods = workloads(objectsOf('base'))
  for (const [name, idle] of Object.entries(IDLE_MB)) {
    const { memory = '' } = pods.find(({ object }) => object.metadata.name === name)?.spec.containers[0]?.resources?.requests ?? {}
    t.match(memory, /^\d+Mi$/)
    t.ok(Number.parseInt(memory, 10) * 1.048576 > idle, `${name}: ${memory} > ${idle} MB`)
  }
})
