/** Real repositories for the tests: made with git, served as files or by a git daemon on loopback. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { Settings } from '@breakwater/starter/settings'
import { createConfigServer, REPOSITORY_DEFAULTS, type ConfigServerContext, type ConfigServerOptions, type GitOptions } from '../index.ts'
import { folder, write, type Teardown } from './support.ts'

const ENV = {
  PATH: process.env['PATH'] ?? '', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', HOME: '/nonexistent',
  GIT_AUTHOR_NAME: 'tester', GIT_AUTHOR_EMAIL: 't@example.org', GIT_COMMITTER_NAME: 'tester', GIT_COMMITTER_EMAIL: 't@example.org'
}

/** A work tree in which the tests commit. */
export class WorkTree {
  readonly root: string

  constructor (root: string) {
    this.root = root
  }

  git (...args: string[]): string {
    return execFileSync('git', args, { cwd: this.root, env: ENV, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
  }

  /** Writes files and commits them; returns the commit. */
  async commit (files: Record<string, string | Buffer>, message = 'change'): Promise<string> {
    await write(this.root, files)
    this.git('add', '-A')
    this.git('commit', '-q', '--allow-empty', '-m', message)
    return this.git('rev-parse', 'HEAD')
  }
}

/** Many commits at once, each of the files it changes; returns the last one. */
export function commitAll (tree: WorkTree, commits: readonly Record<string, string>[], branch = 'main'): string {
  const who = 'tester <t@example.org> 1700000000 +0000'
  const text = (content: string) => `data ${Buffer.byteLength(content)}\n${content}\n`
  const stream = commits.map((files, index) => `commit refs/heads/${branch}\ncommitter ${who}\n${text('change')}` +
    (index === 0 ? `from refs/heads/${branch}^0\n` : '') +
    Object.entries(files).map(([name, content]) => `M 100644 inline ${name}\n${text(content)}`).join(''))
  execFileSync('git', ['fast-import', '--quiet'], { cwd: tree.root, env: ENV, input: stream.join('') })
  tree.git('reset', '-q', '--hard')
  return tree.git('rev-parse', 'HEAD')
}

export async function workTree (t: Teardown, files: Record<string, string | Buffer>, branch = 'main'): Promise<WorkTree> {
  const tree = new WorkTree(await folder(t))
  tree.git('init', '-q', '-b', branch)
  await tree.commit(files, 'first')
  return tree
}

/** Everyone may pin and roll out: who may is another test's question. */
export const OPEN = new Settings({
  profiles: ['default'],
  sources: [{
    name: 'test',
    properties: new Map([['breakwater.security.mode', { value: { kind: 'string', text: 'none' }, origin: { source: 'test' } }]])
  }],
  warnings: []
})

/** A server over git repositories, with fetches only when asked for. */
export async function startGit (
  t: Teardown, git: Partial<GitOptions> & { uri: string }, options: Partial<ConfigServerOptions> = {},
  context: ConfigServerContext = {}
) {
  const server = await createConfigServer({
    port: 0,
    backends: [{ type: 'git', git: { ...REPOSITORY_DEFAULTS, refreshMs: 0, timeoutMs: 20_000, repos: [], maxFileBytes: 1_048_576, ...git } }],
    ...options
  }, { environment: process.env, settings: OPEN, ...context })
  t.teardown(() => server.stop())
  return server
}

/** Serves a connection as a git daemon over a folder of repositories does: a process for each, as inetd starts it. */
export function serveGit (base: string, socket: Socket): void {
  const child = spawn('git', ['daemon', '--inetd', '--export-all', `--base-path=${base}`, base],
    { env: { ...ENV, GIT_CONFIG_GLOBAL: join(base, 'gitconfig') }, stdio: ['pipe', 'pipe', 'ignore'] })
  const { stdin, stdout } = child
  // What the daemon has started ends with its input.
  socket.on('error', () => {}).on('close', () => {
    child.kill()
    stdin.destroy()
    stdout.destroy()
  })
  stdin.on('error', () => {})
  socket.pipe(stdin)
  stdout.pipe(socket)
}

/** A git daemon; resolves with its URL once it listens. */
export async function gitDaemon (t: Teardown, base: string): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    serveGit(base, socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `git://127.0.0.1:${(server.address() as AddressInfo).port}`
}
