/** Three registries as processes that know each other, and what can be done to them. */
import { once } from 'node:events'
import { mkdir, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LabProcess } from '../platform/lab-process.ts'
import { History } from '../simulation/registry/history.ts'
import { REGISTRIES, type Harm } from './plan.ts'

/** What was answered so shortly before a SIGKILL may not have been told to anybody. */
const UNHEARD_MS = 2000
/** A stream that is silent for 45 s is left for another registry. */
const NOTICED_MS = 55_000
const CAUGHT_UP_MS = 5000

export class RegistryCluster {
  readonly history = new History()
  readonly counts = new Map<string, number>()
  readonly #folder: string
  readonly #stillMs: number
  readonly #stillness = new Map<string, { readonly from: number, to: number }>()
  #processes: LabProcess[] = []
  urls: readonly string[] = []

  /** Logs and snapshots stand in the folder. */
  constructor (folder: string, stillMs: number) {
    this.#folder = folder
    this.#stillMs = stillMs
  }

  async start (): Promise<void> {
    await mkdir(this.#folder, { recursive: true })
    const ports = await freePorts(REGISTRIES)
    this.urls = ports.map(port => `http://127.0.0.1:${port}/eureka/`)
    this.#processes = ports.map((port, at) => new LabProcess({
      name: `registry-${at}`,
      script: 'discovery/main.ts',
      args: [`--port=${port}`, `--eureka.client.service-url.defaultZone=${this.urls.join()}`,
        `--eureka.server.my-url=${this.urls[at]}`, `--breakwater.discovery.snapshot-file=${this.#snapshot(at)}`],
      env: () => ({})
    }, this.#folder))
    await Promise.all(this.#processes.map(process => process.start()))
  }

  count (what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }

  /** Resolves when all run again. */
  async harm ({ kind, at, awayMs }: Harm): Promise<void> {
    this.count(`harm: ${kind}`)
    switch (kind) {
      case 'still': return this.#standStill(at, () => sleep(this.#stillMs))
      case 'still-and-kill': return this.#standStill(at, async () => {
        await sleep(this.#stillMs / 2)
        await this.#kill((at + 1) % REGISTRIES, this.#stillMs / 4)
        await sleep(this.#stillMs / 4)
      })
      case 'kill': return this.#kill(at, awayMs)
      case 'forget': return this.#kill(at, awayMs, () => rm(this.#snapshot(at), { force: true }))
      case 'rolling': return this.#roll(awayMs / REGISTRIES)
    }
  }

  async stop (): Promise<void> {
    await Promise.all(this.#processes.map(process => process.stop('SIGTERM')))
  }

  /** Programs that fell over by themselves. */
  get crashes (): readonly string[] {
    return this.#processes.flatMap(({ crashes }) => crashes)
  }

  /** Whether whoever follows this registry cannot have heard yet what the others know. */
  isDeaf (url: string): boolean {
    const { from, to } = this.#stillness.get(url) ?? { from: 0, to: 0 }
    return Date.now() - from < NOTICED_MS && Date.now() - to < CAUGHT_UP_MS
  }

  async #standStill (at: number, meanwhile: () => Promise<unknown>): Promise<void> {
    const still = { from: Date.now(), to: Infinity }
    this.#stillness.set(this.urls[at]!, still)
    this.#processes[at]!.pause()
    await meanwhile()
    this.#processes[at]!.resume()
    still.to = Date.now()
  }

  async #kill (at: number, awayMs: number, then: () => Promise<void> = async () => {}): Promise<void> {
    await this.#processes[at]!.stop('SIGKILL')
    this.#voidUnheard(at)
    await then()
    await sleep(awayMs)
    await this.#processes[at]!.start()
  }

  async #roll (pauseMs: number): Promise<void> {
    for (const process of this.#processes) {
      await process.stop('SIGTERM')
      await process.start()
      await sleep(pauseMs)
    }
  }

  #voidUnheard (at: number): void {
    const since = Date.now() - UNHEARD_MS
    this.history.voidSaidAt(new URL(this.urls[at]!).origin, since)
  }

  #snapshot (at: number): string {
    return join(this.#folder, `snapshot-${at}`)
  }
}

/** Peers have to know each other's addresses before they start. */
async function freePorts (count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map(server => once(server, 'listening')))
  const ports = servers.map(server => (server.address() as AddressInfo).port)
  for (const server of servers) server.close()
  await Promise.all(servers.map(server => once(server, 'close')))
  return ports
}
