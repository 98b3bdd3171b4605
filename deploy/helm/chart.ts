/**
 * The Helm chart, made of what kustomize renders: one source of truth. `node deploy/helm/write.ts` writes it out, and a
 * test fails when it differs. A token such as `@@image gateway@@` marks what a value decides, until the text is there.
 */
import { stringify } from 'yaml'
import type { KubeObject } from '../render.ts'

const AUTOSCALED = ['gateway', 'users']
const CONSUMERS = ['orders', 'inventory', 'payments', 'order-history']

/** Path below the chart and text of every file that is written. */
export function chartFiles (minikube: readonly KubeObject[], observed: readonly KubeObject[]): Map<string, string> {
  const files = new Map<string, string>()
  const add = (path: string, text: string) => files.set(path, (files.get(path) ?? '') + text)
  const known = new Set(minikube.map(titleOf))
  for (const object of minikube.filter(({ kind }) => kind !== 'Namespace')) {
    for (const [name, text] of Object.entries(settingsOf(object))) files.set(`files/${object.metadata.name}/${name}`, text)
    add(`templates/${partOf(object)}.yaml`, documentOf(object, conditionOf(object)))
  }
  for (const object of observed.filter((one) => ['PodMonitor', 'ScaledObject'].includes(one.kind) && !known.has(titleOf(one)))) {
    add('templates/operators.yaml', documentOf(object, object.kind === 'PodMonitor' ? 'monitoring' : 'queueScaling'))
  }
  return files
}

function titleOf ({ kind, metadata: { name } }: KubeObject): string {
  return `${kind}/${name}`
}

function partOf (object: KubeObject): string {
  return object.kind === 'NetworkPolicy' ? 'network' : object.metadata.labels?.['app.kubernetes.io/name'] ?? 'platform'
}

/** The value that switches an object on; none for what is always there. */
function conditionOf (object: KubeObject): string | undefined {
  const part = object.metadata.labels?.['app.kubernetes.io/name'] ?? object.metadata.name.replace(/^to-/, '')
  return ['bus', 'postgres', 'redis'].find((one) => part === one || object.metadata.name === `${one}-init`)
}

function settingsOf (object: KubeObject): Record<string, string> {
  const own = object.kind === 'ConfigMap' && object.metadata.name.endsWith('-config')
  return own ? object['data'] as Record<string, string> : {}
}

function documentOf (object: KubeObject, condition: string | undefined): string {
  const text = filled(stringify(marked(object), { lineWidth: 0, aliasDuplicateObjects: false }))
  return condition === undefined ? `---\n${text}` : `{{- if .Values.${condition}.enabled }}\n---\n${text}{{- end }}\n`
}

/** The fields that values decide; where a kind has no such field, its mark does not look. */
interface Markable {
  kind: string
  metadata: { name: string, namespace?: string }
  subjects?: Array<{ namespace?: string }>
  data: Record<string, string>
  spec: {
    type?: string
    budget?: string
    minAvailable?: number
    minReplicas?: string
    maxReplicas?: string
    minReplicaCount?: string
    maxReplicaCount?: string
    replicas?: string
    triggers: [{ metadata: Record<string, string> }]
    template: {
      metadata: { annotations: Record<string, string> }
      spec: { containers: [Container] }
    }
  }
}

interface Container {
  image: string
  resources: unknown
  env: Array<string | { name: string, value?: string }>
}

function marked (source: KubeObject): Markable {
  const object = structuredClone(source) as unknown as Markable
  const { name } = object.metadata
  delete object.metadata.namespace
  for (const subject of object.subjects ?? []) subject.namespace = '@@namespace@@'
  for (const key of Object.keys(settingsOf(source))) object.data[key] = `@@settings ${name} ${key}@@`
  MARKS[object.kind]?.(object, name)
  return object
}

const MARKS: Record<string, (object: Markable, name: string) => void> = {
  Service: ({ spec }, name) => {
    if (name === 'gateway') spec.type = '@@serviceType@@'
  },
  PodDisruptionBudget: ({ spec }, name) => {
    delete spec.minAvailable
    spec.budget = `@@budget ${name}@@`
  },
  HorizontalPodAutoscaler: ({ spec }, name) => {
    spec.minReplicas = `@@autoscaling ${name} min@@`
    spec.maxReplicas = `@@autoscaling ${name} max@@`
  },
  ScaledObject: ({ spec }) => {
    spec.minReplicaCount = '@@queueScaling min@@'
    spec.maxReplicaCount = '@@queueScaling max@@'
    spec.triggers[0].metadata.serverAddress = '@@queueScaling prometheus@@'
  },
  Deployment: ({ spec }, name) => {
    const { metadata, spec: pod } = spec.template
    const [container] = pod.containers
    if (CONSUMERS.includes(name)) spec.replicas = `@@copies ${name}@@`
    // So that changed settings make new pods, and a rollback does.
    metadata.annotations['checksum/settings'] = `@@checksum ${name}@@`
    container.image = `@@image ${name}@@`
    container.resources = `@@resources ${name}@@`
    for (const one of container.env) {
      if (typeof one !== 'string' && one.name === 'BREAKWATER_BUS_URL') one.value = '@@busUrl@@'
    }
    container.env.push('@@extraEnv@@')
  }
}

function filled (text: string): string {
  return LINES.reduce((done, [line, template]) => done.replace(line, template), text)
    .replaceAll(/"?@@(\w+) ?([\w.-]*) ?([\w.-]*)@@"?/g, (whole, what: string, one: string, two: string) => WORDS[what]?.(one, two) ?? whole)
}

/** Whole lines that may be there or not. */
const LINES: ReadonlyArray<readonly [RegExp, (line: string, indent: string, name: string) => string]> = [
  [/^( *)nodePort: .*$/m, (_, indent) => `${indent}{{- with .Values.gateway.nodePort }}\n${indent}nodePort: {{ . }}\n${indent}{{- end }}`],
  [/^( *)- "?@@extraEnv@@"?$/m, (_, indent) =>
    `${indent}{{- with .Values.extraEnv }}\n${indent}{{- toYaml . | nindent ${indent.length} }}\n${indent}{{- end }}`],
  [/^( *)replicas: "?@@copies ([\w-]+)@@"?$/m, (_, indent, name) =>
    `${indent}{{- if not .Values.queueScaling.enabled }}\n${indent}replicas: {{ index .Values.copies "${name}" }}\n${indent}{{- end }}`],
  [/^( *)budget: "?@@budget ([\w-]+)@@"?$/m, (_, indent, name) =>
    `${indent}{{ if gt (int ${copiesOf(name)}) 1 }}maxUnavailable{{ else }}minAvailable{{ end }}: 1`]
]

function copiesOf (name: string): string {
  return AUTOSCALED.includes(name) ? `.Values.autoscaling.${name}.min` :
    `(ternary .Values.queueScaling.min (index .Values.copies "${name}") .Values.queueScaling.enabled)`
}

function settings (name: string, key: string): string {
  const own = `(index .Values.settings "${name.replace(/-config$/, '')}")`
  return `(${own} | default (.Files.Get "files/${name}/${key}"))`
}

const WORDS: Record<string, (one: string, two: string) => string> = {
  namespace: () => '{{ .Release.Namespace }}',
  serviceType: () => '{{ .Values.gateway.serviceType }}',
  busUrl: () => '{{ .Values.busUrl | quote }}',
  settings: (name, key) => `{{ ${settings(name, key)} | toJson }}`,
  checksum: (name) =>
    `{{ print ${settings('platform-config', 'application.yml')} ${settings(`${name}-config`, 'application.yml')} | sha256sum }}`,
  image: (name) => `{{ printf "%sbreakwater/%s:%s" .Values.image.registry "${name}" .Values.image.tag | quote }}`,
  resources: (name) => `{{ index .Values.resources "${name}" | toJson }}`,
  autoscaling: (name, end) => `{{ .Values.autoscaling.${name}.${end} }}`,
  queueScaling: (key) => `{{ .Values.queueScaling.${key} }}`
}
