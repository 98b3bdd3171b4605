/**
 * `breakwater affected --since REF`: which deployables a change touches, from the workspaces' own dependencies and from
 * each one's Dockerfile, manifests and settings. What is not named need not be built or deployed again.
 */
import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { error } from './errors.ts'

export interface Workspace {
  readonly name: string
  /** Folder, relative to the root, with `/`. */
  readonly folder: string
  readonly dependencies: readonly string[]
}

/** What `deploy/` makes an image and a Deployment of. */
interface Deployable {
  readonly name: string
  /** The folder of its workspace. */
  readonly workspace: string
}

/** Files that can change what every image holds. */
const SHARED = new Set(['package.json', 'package-lock.json', 'tsconfig.json', '.dockerignore'])
const TEST_OR_PROSE = /(^|\/)test\/|\.md$/
const MANIFESTS = 'deploy/kubernetes/'

/**
 * The names, as images and Deployments have them, of what a set of changed files touches. Tests and prose change
 * nothing. Pure.
 */
export function affectedBy (
  files: readonly string[], workspaces: readonly Workspace[], deployables: readonly Deployable[]
): string[] {
  const relevant = files.filter(file => !TEST_OR_PROSE.test(file))
  const folders = touchedFolders(relevant, workspaces)
  const ofAll = relevant.some(file => isOfAll(file, deployables))
  return deployables.filter(one => ofAll || folders.has(one.workspace) || relevant.some(file => isOwn(file, one.name)))
    .map(one => one.name).toSorted()
}

/** A Dockerfile, or manifests and settings that one deployable has to itself. */
function isOwn (file: string, name: string): boolean {
  return file === `deploy/docker/${name}.Dockerfile` ||
    [`base/${name}/`, `components/${name}/app/`].some(folder => file.startsWith(MANIFESTS + folder))
}

/** Of the manifests, what is nobody's own is put into every pod, or names stores and secrets that several have. */
function isOfAll (file: string, deployables: readonly Deployable[]): boolean {
  return SHARED.has(file) || (file.startsWith(MANIFESTS) && !deployables.some(({ name }) => isOwn(file, name)))
}

/** Folders of the workspaces touched, directly or by a dependency. */
function touchedFolders (relevant: readonly string[], workspaces: readonly Workspace[]): Set<string> {
  const touched = new Set(workspaces.filter(({ folder }) => relevant.some(file => file.startsWith(`${folder}/`)))
    .map(workspace => workspace.name))
  for (let size = -1; size !== touched.size;) {
    size = touched.size
    for (const { name, dependencies } of workspaces) if (dependencies.some(one => touched.has(one))) touched.add(name)
  }
  return new Set(workspaces.filter(({ name }) => touched.has(name)).map(({ folder }) => folder))
}

/** The command; prints one name a line, or a JSON list. */
export async function affected (
  process: NodeJS.Process, { since, json }: { readonly since?: string, readonly json?: boolean }
): Promise<number> {
  if (since === undefined) throw error('E_USAGE', ['--since REF is needed.'], { where: 'affected' })
  const root = join(import.meta.dirname, '..')
  const names = affectedBy(await changedFiles(root, since), readWorkspaces(root), await readDeployables(root))
  process.stdout.write(json === true ? `${JSON.stringify(names)}\n` : names.map(name => `${name}\n`).join(''))
  return 0
}

/** Paths that differ from `since` or are new, relative to `root`; a moved file is there twice. */
export async function changedFiles (root: string, since: string): Promise<string[]> {
  // A ref that looks like an option must not become one.
  if (since.startsWith('-')) throw error('E_USAGE', [`"${since}" is no ref.`], { where: 'affected' })
  const git = (...args: string[]) => promisify(execFile)('git', args, { cwd: root, maxBuffer: 64 * 1024 * 1024 })
    .catch((cause: unknown) => {
      throw error('E_USAGE', [`git does not know ${since} here.`], { where: 'affected', cause })
    })
  const [committed, untracked] = await Promise.all([
    // A file that moved from one service to another has changed both.
    git('diff', '--name-only', '--no-renames', '-z', since, '--'), git('ls-files', '--others', '--exclude-standard', '-z')])
  return `${committed.stdout}\0${untracked.stdout}`.split('\0').filter(file => file !== '')
}

/** Of the checkout: it is no part of what is published, and cannot be imported by its name. */
async function readDeployables (root: string): Promise<readonly Deployable[]> {
  const file = pathToFileURL(join(root, 'deploy/docker/deployables.ts')).href
  const { DEPLOYABLES } = await import(file) as { DEPLOYABLES: readonly Deployable[] }
  return DEPLOYABLES
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
