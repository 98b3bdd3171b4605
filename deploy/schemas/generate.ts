/**
 * Makes kubernetes.json, the JSON schemas that the manifests are checked with offline, from a running API server, which
 * describes itself (its published description lacks the allowed values of enumerations). With the test cluster up:
 *
 *   KUBECONFIG=/tmp/kube/etc/admin.kubeconfig node deploy/schemas/generate.ts
 *
 * Only the kinds below and what they refer to are kept, without prose. Unknown fields become errors, as with
 * `kubectl apply --validate=strict`: a misspelt field is the commonest defect of a manifest, and dropped silently.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const KINDS = [
  'v1/ConfigMap', 'v1/Namespace', 'v1/Secret', 'v1/Service', 'v1/ServiceAccount', 'v1/PersistentVolumeClaim',
  'apps/v1/Deployment', 'apps/v1/StatefulSet', 'autoscaling/v2/HorizontalPodAutoscaler', 'batch/v1/Job',
  'networking.k8s.io/v1/Ingress', 'networking.k8s.io/v1/IngressClass', 'networking.k8s.io/v1/NetworkPolicy',
  'policy/v1/PodDisruptionBudget', 'rbac.authorization.k8s.io/v1/Role', 'rbac.authorization.k8s.io/v1/RoleBinding',
  'rbac.authorization.k8s.io/v1/ClusterRole', 'rbac.authorization.k8s.io/v1/ClusterRoleBinding'
]

interface Schema { [key: string]: unknown }
interface Definition extends Schema {
  'properties'?: Record<string, Schema>
  'x-kubernetes-group-version-kind'?: Array<{ group: string, version: string, kind: string }>
}

const groups = new Set(KINDS.map((kind) => kind.split('/').slice(0, -1).join('/')))
const described = new Map([...groups].flatMap(readSchemas))
const { gitVersion } = JSON.parse(kubectl('/version')) as { gitVersion: string }

const definitions: Record<string, object> = {}
const kinds = Object.fromEntries(KINDS.map((kind) => [kind, keep(definitionOf(kind))]))
writeFileSync(join(import.meta.dirname, 'kubernetes.json'), JSON.stringify({
  source: `Kubernetes ${gitVersion}, /openapi/v3, Apache License 2.0`, kinds, definitions
}, null, 1) + '\n')

function readSchemas (group: string): Array<[string, Definition]> {
  const path = group.includes('/') ? `apis/${group}` : `api/${group}`
  const document = JSON.parse(kubectl(`/openapi/v3/${path}`)) as { components: { schemas: Record<string, Definition> } }
  return Object.entries(document.components.schemas)
}

function kubectl (path: string): string {
  return execFileSync('kubectl', ['get', '--raw', path], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
}

function definitionOf (kind: string): string {
  for (const [name, definition] of described) {
    const own = definition['x-kubernetes-group-version-kind'] ?? []
    if (own.length === 1 && own.some((one) => [one.group, one.version, one.kind].filter(Boolean).join('/') === kind)) return name
  }
  throw new Error(`no definition of ${kind}`)
}

/** Copies a definition and, before returning, all it refers to. */
function keep (name: string): object {
  const reference = { $ref: `#/definitions/${name}` }
  if (name in definitions) return reference
  definitions[name] = {}
  definitions[name] = strict(described.get(name) ?? {})
  return reference
}

function strict (schema: Definition): Schema {
  const { properties } = schema
  const kept = convert(schema)
  return properties === undefined ? kept : { ...kept, additionalProperties: false }
}

function convert (schema: Schema): Schema {
  const result: Schema = {}
  for (const [key, value] of Object.entries(schema)) {
    if (key === '$ref') Object.assign(result, keep(String(value).replace('#/components/schemas/', '')))
    else if (['type', 'enum', 'required'].includes(key)) result[key] = value
    else if (key === 'allOf' || key === 'oneOf') result[key] = (value as Schema[]).map(convert)
    else if (key === 'items' || key === 'additionalProperties') result[key] = convert(value as Schema)
    else if (key === 'properties') {
      const fields = Object.entries(value as Record<string, Schema>)
      result[key] = Object.fromEntries(fields.map(([name, one]) => [name, convert(one)]))
    }
  }
  return result
}
