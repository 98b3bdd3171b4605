/** What can be deployed on its own, and what each needs of the repository. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One image. */
export interface Deployable {
  /** Image and Deployment name. */
  readonly name: string
  /** Folder of its workspace; it starts with `main.ts` there. */
  readonly workspace: string
}

/** The repository's root. */
export const ROOT = join(import.meta.dirname, '../..')

/** Every image that deploy/ knows. */
export const DEPLOYABLES: readonly Deployable[] = [
  { name: 'gateway', workspace: 'gateway' },
  { name: 'discovery', workspace: 'discovery' },
  { name: 'config-server', workspace: 'config-server' },
  { name: 'bus', workspace: 'messaging' },
  ...['users', 'orders', 'inventory', 'payments', 'order-history'].map((name) => ({ name, workspace: `sample-services/${name}` }))
]

/** The folders an image needs: its own workspace and the workspaces that this one depends on, dependencies first. */
export function closureOf (deployable: Deployable): string[] {
  const folders = new Map(workspaces().map((folder) => [packageOf(folder).name, folder]))
  const found: string[] = []
  const visit = (folder: string) => {
    if (found.includes(folder)) return
    for (const name of Object.keys(packageOf(folder).dependencies ?? {})) {
      const dependency = folders.get(name)
      if (dependency !== undefined) visit(dependency)
    }
    found.push(folder)
  }
  visit(deployable.workspace)
  return found
}

function workspaces (): string[] {
  return ['starter', 'messaging', ...DEPLOYABLES.map((one) => one.workspace)]
}

function packageOf (folder: string): { name: string, dependencies?: Record<string, string> } {
  return JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8'))
}

/** The version of Node in package.json: images run what the tests ran on. */
export function nodeVersion (): string {
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  return devDependencies.node
}
