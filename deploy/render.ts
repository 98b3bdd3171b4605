/** Renders a kustomization with whatever tool the machine has. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'

/** An object of the Kubernetes API, loosely typed; schemas check the rest. */
export interface KubeObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string, readonly namespace?: string, readonly labels?: Record<string, string> }
  // Manifests are data of a hundred shapes; tests look into them by path.
  readonly [field: string]: unknown
}

/** A tool that can render, and how it is called. */
export interface Renderer {
  readonly description: string
  readonly command: readonly string[]
}

/** The folders of deploy/kubernetes that stand on their own. */
export const KUBERNETES = join(import.meta.dirname, 'kubernetes')

const OLDEST_KUBECTL = 27
const HOME = (env: NodeJS.ProcessEnv) => join(env['KUBE_HOME'] ?? '/tmp/kube', 'bin')

/** kubectl >= 1.27 in PATH, the test cluster's, or kustomize from deploy/install-tools.sh; else why there is none. */
export function findRenderer (env: NodeJS.ProcessEnv): Renderer | string {
  for (const kubectl of ['kubectl', join(HOME(env), 'kubectl')]) {
    const version = run([kubectl, 'version', '--client', '--output=json'])
    const minor = Number(/"minor":\s*"(\d+)/.exec(version ?? '')?.[1] ?? 0)
    if (minor >= OLDEST_KUBECTL) return { description: `${kubectl} 1.${minor}`, command: [kubectl, 'kustomize'] }
  }
  for (const kustomize of [join(HOME(env), 'kustomize'), 'kustomize']) {
    const version = run([kustomize, 'version'])
    if (version !== undefined) return { description: `${kustomize} ${version.trim()}`, command: [kustomize, 'build'] }
  }
  return 'neither kubectl >= 1.27 nor kustomize is installed (deploy/install-tools.sh installs one)'
}

/** All objects of a kustomization, in the order of the output. */
export function render (renderer: Renderer, folder: string): KubeObject[] {
  const [command = '', ...args] = renderer.command
  const text = execFileSync(command, [...args, join(KUBERNETES, folder)], { encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 })
  return parseAllDocuments(text).map((document) => document.toJS() as KubeObject)
}

function run ([command = '', ...args]: string[]): string | undefined {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 30_000 })
  } catch {
    return undefined
  }
}
