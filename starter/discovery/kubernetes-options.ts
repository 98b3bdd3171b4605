/** The settings below `breakwater.kubernetes`, typed. */
import { CLUSTER_DOMAIN } from './service-name.ts'
import type { Settings } from '../settings/index.ts'

export interface KubernetesOptions {
  /** `breakwater.kubernetes.kubeconfig`: a file. Default: `$KUBECONFIG`, `~/.kube/config`, the pod itself. */
  readonly kubeconfig?: string | undefined
  /** `breakwater.kubernetes.namespaces`: which to watch; empty is our own, `*` is all (needs a ClusterRole). */
  readonly namespaces: readonly string[]
  /** `breakwater.kubernetes.port-name`: the Service port to call. Default: see kubernetes-ports.ts. */
  readonly portName?: string | undefined
  /** `breakwater.kubernetes.services.NAME.port-name`, by the names as they are written. */
  readonly portNames?: ReadonlyMap<string, string>
  /** `breakwater.kubernetes.cluster-domain`, left out of names. @default cluster.local */
  readonly domain?: string
  /** `breakwater.kubernetes.zone` and `.node`: where we run, for topology hints (downward API). Empty: no hints. */
  readonly zone?: string | undefined
  readonly node?: string | undefined
  /** `breakwater.kubernetes.start-timeout`: start goes on without a first list after this. @default 5 s */
  readonly startTimeoutMs: number
}

/** Reads them; malformed ones throw with their origin. */
export function readKubernetesOptions (settings: Settings): KubernetesOptions {
  const text = (key: string) => settings.get(`breakwater.kubernetes.${key}`) || undefined
  return {
    kubeconfig: text('kubeconfig'),
    namespaces: settings.list('breakwater.kubernetes.namespaces', []),
    portName: text('port-name'),
    portNames: portNames(settings),
    domain: settings.string('breakwater.kubernetes.cluster-domain', CLUSTER_DOMAIN),
    zone: text('zone'),
    node: text('node'),
    startTimeoutMs: settings.durationMs('breakwater.kubernetes.start-timeout', 5_000)
  }
}

function portNames (settings: Settings): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  for (const [service, key] of settings.members('breakwater.kubernetes.services')) {
    const name = settings.get(`${key}.port-name`)
    if (name !== undefined && name !== '') names.set(service, name)
  }
  return names
}
