/** What the NetworkPolicies of a rendering let through, evaluated as the API describes it (pods of one namespace). */
import type { KubeObject } from '../render.ts'

type Labels = Readonly<Record<string, string>>

interface Selector {
  matchLabels?: Record<string, string>
  matchExpressions?: Array<{ key: string, operator: string, values?: string[] }>
}
interface Peer { podSelector?: Selector, namespaceSelector?: Selector, ipBlock?: { cidr: string } }
interface Rule { from?: Peer[], to?: Peer[], ports?: Array<{ port: string | number, protocol?: string }> }
interface PolicySpec { podSelector: Selector, policyTypes: string[], ingress?: Rule[], egress?: Rule[] }

/** Whether a pod with the first labels may open a connection to the named port of a pod with the second ones. */
export function mayTalk (objects: readonly KubeObject[], from: Labels, to: Labels, port: string): boolean {
  const specs = objects.filter((one) => one.kind === 'NetworkPolicy').map((one) => one['spec'] as PolicySpec)
  return allowed(specs, 'Egress', from, to, port) && allowed(specs, 'Ingress', to, from, port)
}

/** Whether some other namespace may open a connection to the named port of a pod with these labels. */
export function mayScrape (objects: readonly KubeObject[], to: Labels, port: string): boolean {
  const specs = objects.filter((one) => one.kind === 'NetworkPolicy').map((one) => one['spec'] as PolicySpec)
  return specs.some(({ podSelector, policyTypes, ingress = [] }) => policyTypes.includes('Ingress') && matches(podSelector, to) &&
    ingress.some(({ from = [], ports = [] }) =>
      from.some((peer) => peer.namespaceSelector !== undefined) && ports.some((one) => one.port === port)))
}

/** Whether a pod with these labels may reach a namespace or an address block (as it is written) at a port. */
export function mayReach (objects: readonly KubeObject[], from: Labels, outside: string, port: number, protocol = 'TCP'): boolean {
  const specs = objects.filter((one) => one.kind === 'NetworkPolicy').map((one) => one['spec'] as PolicySpec)
  const rules = specs.filter(({ policyTypes, podSelector }) => policyTypes.includes('Egress') && matches(podSelector, from))
    .flatMap(({ egress }) => egress ?? [])
  return rules.some(({ to = [], ports = [] }) =>
    ports.some((one) => one.port === port && (one.protocol ?? 'TCP') === protocol) &&
    to.some(({ namespaceSelector, ipBlock }) =>
      ipBlock?.cidr === outside || namespaceSelector?.matchLabels?.['kubernetes.io/metadata.name'] === outside))
}

function allowed (specs: PolicySpec[], type: 'Ingress' | 'Egress', own: Labels, other: Labels, port: string): boolean {
  const applying = specs.filter((spec) => spec.policyTypes.includes(type) && matches(spec.podSelector, own))
  if (applying.length === 0) return true
  return applying.some((spec) => ((type === 'Ingress' ? spec.ingress : spec.egress) ?? []).some((rule) => {
    const peers = type === 'Ingress' ? rule.from : rule.to
    // Pods of other namespaces and addresses outside the cluster are not what is asked about.
    const inside = (peers ?? []).filter((one) => one.namespaceSelector === undefined && one.ipBlock === undefined)
    const peer = peers === undefined || inside.some((one) => matches(one.podSelector ?? {}, other))
    return peer && (rule.ports === undefined || rule.ports.some((one) => one.port === port))
  }))
}

/** Whether labels match a label selector. */
export function matches (selector: Selector, labels: Labels): boolean {
  return Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value) &&
    (selector.matchExpressions ?? []).every((one) => {
      if (one.operator !== 'In') throw new Error(`${one.operator} is not used here`)
      return (one.values ?? []).includes(labels[one.key] ?? '')
    })
}
