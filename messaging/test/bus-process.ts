import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { until } from './until.ts'

/** The bus as its operator starts it. */
export class BusProcess {
  url = ''
  readonly #dir: string
  #child: ChildProcess | undefined

  constructor (dir: string) {
    this.#dir = dir
  }

  async start (port: number): Promise<void> {
    const child = this.#spawn(port, 'inherit')
    this.#child = child
    child.on('message', (ready: { url?: string }) => { this.url = ready.url ?? '' })
    this.url = ''
    await until(() => this.url !== '' || child.exitCode !== null, 'the bus is ready')
  }

  /** Starts, which must fail; returns what it said. */
  async failToStart (): Promise<string> {
    const child = this.#spawn(0, 'pipe')
    let said = ''
    child.stderr?.on('data', (chunk: Buffer) => { said += String(chunk) })
    await until(() => child.exitCode !== null, 'it has ended')
    return said
  }

  /** As its operator stops it. */
  async stop (): Promise<void> {
    const child = this.#child!
    child.kill('SIGTERM')
    await until(() => child.exitCode !== null, 'the bus has stopped')
  }

  #spawn (port: number, stderr: 'inherit' | 'pipe'): ChildProcess {
    return spawn(process.execPath, [join(import.meta.dirname, '..', 'main.ts'), '--port', String(port),
      `--breakwater.data.dir=${this.#dir}`], { stdio: ['ignore', 'ignore', stderr, 'ipc'] })
  }

  async kill (): Promise<void> {
    const child = this.#child!
    child.kill('SIGKILL')
    await until(() => child.signalCode !== null || child.exitCode !== null, 'the bus is dead')
  }

  async restart (): Promise<void> {
    const { port } = new URL(this.url)
    await this.kill()
    await this.start(Number(port))
  }
}
