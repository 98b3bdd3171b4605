/** The renderings that tests look at, with the parts of pods that they name. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { findRenderer, KUBERNETES, render } from '../render.ts'
import type { KubeObject } from '../render.ts'

export interface Container {
  name: string
  image: string
  args?: string[]
  env?: Array<{ name: string, value?: string, valueFrom?: { secretKeyRef?: { name: string } } }>
  envFrom?: Array<{ secretRef?: { name: string }, configMapRef?: { name: string } }>
  ports?: Array<{ name: string, containerPort: number }>
  resources?: { requests?: Record<string, string>, limits?: Record<string, string> }
  securityContext?: object
  lifecycle?: { preStop?: { sleep?: { seconds: number } } }
  volumeMounts?: Array<{ name: string, mountPath: string }>
  [probe: string]: unknown
}

export interface PodSpec {
  serviceAccountName?: string
  automountServiceAccountToken?: boolean
  hostNetwork?: boolean
  terminationGracePeriodSeconds?: number
  securityContext?: { runAsNonRoot?: boolean, runAsUser?: number, seccompProfile?: { type: string } }
  topologySpreadConstraints?: Array<{ labelSelector: { matchLabels: object }, matchLabelKeys: string[] }>
  containers: Container[]
  initContainers?: Container[]
  volumes?: Array<{
    name: string, configMap?: { name: string }, persistentVolumeClaim?: { claimName: string }, hostPath?: unknown
  }>
}

export interface Workload { object: KubeObject, labels: Record<string, string>, spec: PodSpec }

/** Every overlay, as a folder of KUBERNETES. */
export const OVERLAYS = readdirSync(join(KUBERNETES, 'overlays')).map((name) => `overlays/${name}`)
const renderer = findRenderer(process.env)
/** Why nothing can be rendered, or false. */
export const skip = typeof renderer === 'string' ? renderer : false

const rendered = new Map<string, KubeObject[]>()

/** Rendered once for all tests: it takes half a second. */
export function objectsOf (folder: string): KubeObject[] {
  if (typeof renderer === 'string') throw new Error(renderer)
  const objects = rendered.get(folder) ?? render(renderer, folder)
  rendered.set(folder, objects)
  return objects
}

/** Whatever runs pods. */
export function workloads (objects: readonly KubeObject[]): Workload[] {
  return objects.filter((one) => ['Deployment', 'StatefulSet', 'Job'].includes(one.kind)).map((object) => {
    const { template } = object['spec'] as { template: { metadata: { labels: Record<string, string> }, spec: PodSpec } }
    return { object, labels: template.metadata.labels, spec: template.spec }
  })
}

/** Kind and name, for messages. */
export function title (object: KubeObject): string {
  return `${object.kind}/${object.metadata.name}`
}
