/** The settings below `breakwater.kubernetes`, typed. */
import type { Settings } from '../settings/index.ts'

export interface KubernetesOptions {
  /** `breakwater.kubernetes.kubeconfig`: a file. Default: `$KUBECONFIG`, `~/.kube/config`, the pod itself. */
  readonly kubeconfig?: string | undefined
  /** `breakwater.kubernetes.namespaces`: which to watch; empty is our own, `*` is all (needs a ClusterRole). */
  readonly namespaces: readonly string[]
  /** `breakwater.kubernetes.port-name`: the Service port to call. Default: `http`, then `https`, then the first. */
  readonly portName?: string | undefined
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
    zone: text('zone'),
    node: text('node'),
    startTimeoutMs: settings.durationMs('breakwater.kubernetes.start-timeout', 5_000)
  }
}
