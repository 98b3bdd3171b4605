/** Finds and calls Helm. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import type { KubeObject } from '../render.ts'

/** The folder of the chart. */
export const CHART = join(import.meta.dirname, 'breakwater')

/** Helm in PATH or from deploy/install-tools.sh; else why there is none. */
export function findHelm (env: NodeJS.ProcessEnv): { readonly command: string } | string {
  for (const command of ['helm', join(env['KUBE_HOME'] ?? '/tmp/kube', 'bin/helm')]) {
    try {
      if (/^v[34]\./.test(helm(command, ['version', '--short']))) return { command }
    } catch {}
  }
  return 'helm is not installed (deploy/install-tools.sh helm installs it)'
}

/** Its output; an error with its words when it fails. */
export function helm (command: string, args: readonly string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 120_000, maxBuffer: 16 * 1024 * 1024 })
}

/** All objects of the chart. Helm built from its module takes an old Kubernetes for granted, so it is told of ours. */
export function template (command: string, args: readonly string[]): KubeObject[] {
  const text = helm(command, ['template', 'test', CHART, '--namespace', 'breakwater', '--kube-version', '1.36.0', ...args])
  return parseAllDocuments(text).map((document) => document.toJS() as KubeObject).filter((one) => one !== null)
}
