/**
 * `breakwater affected --since REF`: which services a change touches, from the workspaces' own dependencies. What is
 * not named need not be built, tested or deployed again.
 */
import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { error } from './errors.ts'

export interface Workspace {
  readonly name: string
  /** Folder, relative to the root, with `/`. */
  readonly folder: string
  readonly dependencies: readonly string[]
}

/** Files that can change what every package does. */
const SHARED = new Set(['package.json', 'package-lock.json', 'tsconfig.json'])
const TEST_OR_PROSE = /(^|\/)test\/|\.md$/

/**
 * The names of the workspaces that a set of changed files touches, directly or by a dependency. Tests and prose change
 * no deployable. Pure.
 */
export function affectedBy (files: readonly string[], workspaces: readonly Workspace[]): string[] {
  const relevant = files.filter(file => !TEST_OR_PROSE.test(file))
  if (relevant.some(file => SHARED.has(file))) return workspaces.map(workspace => workspace.name).toSorted()
  const touched = new Set(workspaces.filter(({ folder }) => relevant.some(file => file.startsWith(`${folder}/`)))
    .map(workspace => workspace.name))
  for (let size = -1; size !== touched.size;) {
    size = touched.size
    for (const { name, dependencies } of workspaces) if (dependencies.some(one => touched.has(one))) touched.add(name)
  }
  return [...touched].toSorted()
}

/** The command; prints one name a line, or a JSON list. */
export async function affected (
  process: NodeJS.Process, { since, json }: { readonly since?: string, readonly json?: boolean }
): Promise<number> {
  if (since === undefined) throw error('E_USAGE', ['--since REF is needed.'], { where: 'affected' })
  const root = join(import.meta.dirname, '..')
  const names = affectedBy(await changedFiles(root, since), readWorkspaces(root))
  process.stdout.write(json === true ? `${JSON.stringify(names)}\n` : names.map(name => `${name}\n`).join(''))
  return 0
}

async function changedFiles (root: string, since: string): Promise<string[]> {
  // A ref that looks like an option must not become one.
  if (since.startsWith('-')) throw error('E_USAGE', [`"${since}" is no ref.`], { where: 'affected' })
  const git = (...args: string[]) => promisify(execFile)('git', args, { cwd: root, maxBuffer: 64 * 1024 * 1024 })
    .catch((cause: unknown) => {
      throw error('E_USAGE', [`git does not know ${since} here.`], { where: 'affected', cause })
    })
  const [committed, untracked] = await Promise.all([
    git('diff', '--name-only', '-z', since, '--'), git('ls-files', '--others', '--exclude-standard', '-z')])
  return `${committed.stdout}\0${untracked.stdout}`.split('\0').filter(file => file !== '')
}

function readWorkspaces (root: string): Workspace[] {
  const { workspaces } = readManifest(root) as { workspaces: string[] }
  return workspaces.flatMap(pattern => globSync(`${pattern}/package.json`, { cwd: root })).map(file => {
    const folder = dirname(file).replaceAll('\\', '/')
    const { name, dependencies = {} } = readManifest(join(root, folder)) as
      { name: string, dependencies?: Record<string, string> }
    return { name, folder, dependencies: Object.keys(dependencies) }
  })
}

function readManifest (folder: string): unknown {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
}
