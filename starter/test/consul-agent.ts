/** A real Consul for tests: `consul agent -dev` on free ports of 127.0.0.1. Installed by scripts/install-consul.sh. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { delimiter, join } from 'node:path'
import { tmpdir } from 'node:os'
import type { ChildProcess } from 'node:child_process'

/** Where a consul binary is, or why there is none. */
export function findConsul (env: NodeJS.ProcessEnv): { command: string } | { missing: string } {
  const folders = [env['CONSUL_BIN'] ?? '/tmp/consul-bin', ...(env['PATH'] ?? '').split(delimiter)]
  for (const folder of folders) {
    try {
      execFileSync(join(folder, 'consul'), ['version'], { stdio: 'ignore', timeout: 30_000 })
      return { command: join(folder, 'consul') }
    } catch {}
  }
  return { missing: 'consul is not installed (scripts/install-consul.sh /tmp/consul-bin)' }
}

export interface AgentOptions {
  /** Added to the agent's configuration file. */
  readonly config?: object
  readonly token?: string
}

/** A started agent. */
export class ConsulAgent {
  readonly port: number
  readonly httpsPort: number
  readonly folder: string
  readonly #command: string
  readonly #options: AgentOptions
  readonly #ports: readonly number[]
  #child: ChildProcess | undefined

  private constructor (command: string, options: AgentOptions, ports: readonly number[]) {
    this.#command = command
    this.#options = options
    this.#ports = ports
    this.port = ports[0] ?? 0
    this.httpsPort = ports[1] ?? 0
    this.folder = mkdtempSync(join(tmpdir(), 'breakwater-consul-'))
  }

  static async start (command: string, options: AgentOptions = {}): Promise<ConsulAgent> {
    const agent = new ConsulAgent(command, options, await freePorts(6))
    await agent.run()
    return agent
  }

  /** Starts the process again after {@link kill}; a dev agent forgets everything. */
  async run (): Promise<void> {
    const [http, https, lan, wan, server, grpc] = this.#ports
    const file = join(this.folder, 'agent.json')
    const secure = this.#options.config === undefined ? -1 : https
    const ports = { http, https: secure, dns: -1, serf_lan: lan, serf_wan: wan, server, grpc }
    writeFileSync(file, JSON.stringify({ ports, bind_addr: '127.0.0.1', log_level: 'ERR', ...this.#options.config }))
    this.#child = spawn(this.#command, ['agent', '-dev', `-config-file=${file}`], { stdio: 'ignore' })
    const end = Date.now() + 90_000
    while (!await this.#isLeader()) {
      if (Date.now() > end) throw new Error('consul did not elect itself within 90 s')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  async #isLeader (): Promise<boolean> {
    const answer = await this.request('GET', '/v1/status/leader').catch(() => undefined)
    return answer?.status === 200 && (await answer.text()).length > 4
  }

  /** A call of its API, with the token when one was given. */
  request (method: string, path: string, body?: string): Promise<Response> {
    const headers: Record<string, string> = this.#options.token === undefined ? {} : { 'x-consul-token': this.#options.token }
    return fetch(`http://127.0.0.1:${this.port}${path}`, { method, headers, ...body !== undefined && { body } })
  }

  async put (key: string, value: string): Promise<void> {
    const answer = await this.request('PUT', `/v1/kv/${key}`, value)
    if (answer.status !== 200) throw new Error(`${key}: ${answer.status} ${await answer.text()}`)
  }

  async remove (key: string): Promise<void> {
    await this.request('DELETE', `/v1/kv/${key}`)
  }

  /** SIGKILL: connections are cut. */
  async kill (): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  async stop (): Promise<void> {
    await this.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

async function freePorts (count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => net.createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as net.AddressInfo).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}
