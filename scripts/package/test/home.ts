/** A folder of somebody else's, outside of the checkout, and the commands that are run there. */
import { execFile, spawn, type ChildProcess, type ExecFileOptions } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'

const run = promisify(execFile)
const INSTALL_MS = 240_000

/** Nothing of the checkout's: neither its commands nor what npm and tap have told the test. */
export function ownEnvironment (): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(npm_|TAP|NODE_OPTIONS|NODE_V8)/.test(name))
  const path = process.env.PATH!.split(delimiter).filter(part => !part.includes('node_modules'))
  return { ...Object.fromEntries(kept), PATH: path.join(delimiter) }
}

/** This runner loads its hooks into every process that a test starts, at the start itself. */
const ALONE = ['-u', 'NODE_OPTIONS']

export function runAlone (command: string, args: readonly string[], options: ExecFileOptions): Promise<Said> {
  return run('env', [...ALONE, command, ...args], { maxBuffer: 2 ** 26, encoding: 'utf8', ...options }) as Promise<Said>
}

interface Said { readonly stdout: string, readonly stderr: string }

export class Home {
  readonly dir: string
  readonly #env: NodeJS.ProcessEnv

  /** A new folder, or with `asItIs` one that somebody has made. */
  constructor (dir: string, registry: string, { asItIs = false } = {}) {
    this.dir = dir
    mkdirSync(dir, { recursive: true })
    if (!asItIs) writeFileSync(join(dir, 'package.json'), '{ "name": "home", "version": "1.0.0", "type": "module" }')
    writeFileSync(join(dir, '.npmrc'), `@breakwater:registry=${registry}\n`)
    this.#env = ownEnvironment()
  }

  file (name: string, text: string | Buffer): string {
    mkdirSync(dirname(join(this.dir, name)), { recursive: true })
    writeFileSync(join(this.dir, name), text)
    return join(this.dir, name)
  }

  /** Whether a text stands in its stack file. */
  has (text: string): boolean {
    return readFileSync(join(this.dir, 'breakwater.yml'), 'utf8').includes(text)
  }

  /** Those that its package.json names, and these. */
  async install (...packages: readonly string[]): Promise<void> {
    await runAlone('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...packages],
      { cwd: this.dir, env: this.#env, timeout: INSTALL_MS })
  }

  /** Packages that are there, without the folder's own. */
  get installed (): string[] {
    const lock = JSON.parse(readFileSync(join(this.dir, 'package-lock.json'), 'utf8')) as { packages: Record<string, unknown> }
    return Object.keys(lock.packages).filter(path => path !== '')
  }

  /** What a command says, on both of its ways; rejects when it fails. */
  async say (command: string, args: readonly string[], node = process.execPath): Promise<string> {
    const { stdout, stderr } = await runAlone(command, args, { cwd: this.dir, env: this.#with(node) })
    return stdout + stderr
  }

  /** A process that runs until the test ends. */
  start (t: Test, command: string, args: readonly string[], node = process.execPath): ChildProcess {
    const child = spawn('env', [...ALONE, command, ...args], { cwd: this.dir, env: this.#with(node), stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    t.teardown(() => child.kill('SIGKILL'))
    return child
  }

  #with (node: string): NodeJS.ProcessEnv {
    return { ...this.#env, PATH: `${join(this.dir, 'node_modules/.bin')}${delimiter}${dirname(node)}${delimiter}${this.#env.PATH}` }
  }
}

/** A place for folders, gone with the test. */
export function homes (t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'breakwater-homes-'))
  t.teardown(() => { rmSync(dir, { recursive: true, force: true }) })
  return dir
}

/** The URL that a server of ours reports when it is ready; rejects with what it said when it ended before. */
export function ready (child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk: Buffer) => { said += chunk.toString() })
    child.on('message', message => { resolve((message as { url: string }).url) })
    child.on('exit', code => { reject(new Error(`it ended with ${code}: ${said}`)) })
  })
}
