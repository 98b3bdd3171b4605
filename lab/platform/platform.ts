/** The whole platform as processes of its own, in a folder of its own, on free ports. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Random } from '../random.ts'
import { BusProxy } from './bus-proxy.ts'
import { LabProcess, type ProcessSpec } from './lab-process.ts'

export const SERVICES = ['users-1', 'users-2', 'orders', 'inventory', 'payments', 'order-history'] as const

/** Short deadlines, so that a minute sees what production sees in an hour. */
const HURRY: Readonly<Record<string, readonly string[]>> = {
  orders: ['--breakwater.orders.saga.reply=3s', '--breakwater.orders.saga.resend=300ms',
    '--breakwater.orders.saga.cap=2s', '--breakwater.orders.saga.stuck=60s'],
  'order-history': ['--breakwater.order-history.follow=500ms']
}

export class Platform {
  readonly dir: string
  readonly proxy: BusProxy
  readonly processes = new Map<string, LabProcess>()
  readonly #direct: boolean
  #busUrl = ''

  /** `direct`: the services speak to the bus itself, for measuring. */
  constructor (dir: string, random: Random, direct = false) {
    this.dir = dir
    this.#direct = direct
    mkdirSync(join(dir, 'logs'), { recursive: true })
    this.proxy = new BusProxy(() => this.url('bus'), random)
    for (const spec of this.#specs()) this.processes.set(spec.name, new LabProcess(spec, join(dir, 'logs')))
  }

  /** In the order in which they need each other. */
  async start (): Promise<void> {
    this.#busUrl = await this.proxy.start()
    await Promise.all(['discovery', 'bus'].map(name => this.process(name).start()))
    if (this.#direct) this.#busUrl = this.url('bus')
    await this.process('users-1').start()
    await Promise.all(['gateway', ...SERVICES.slice(1)].map(name => this.process(name).start()))
  }

  /** Cleanly, so that the stores can be read by others afterwards. */
  async stop (): Promise<void> {
    this.proxy.calm()
    await Promise.all([...this.processes.values()].map(one => one.stop('SIGTERM')))
    this.proxy.stop()
  }

  process (name: string): LabProcess {
    return this.processes.get(name)!
  }

  url (name: string): string {
    return this.process(name).url
  }

  /** Starts everything that is not running: who died of a kill point comes back as under a supervisor. */
  async revive (): Promise<string[]> {
    const dead = [...this.processes.values()].filter(one => !one.running)
    await Promise.all(dead.map(one => one.start()))
    return dead.map(one => one.name)
  }

  #specs (): ProcessSpec[] {
    const data = `--breakwater.data.dir=${join(this.dir, 'data')}`
    const registry = () => ({ EUREKA_CLIENT_SERVICEURL_DEFAULTZONE: `${this.url('discovery')}/eureka/` })
    const servers: ProcessSpec[] = [
      { name: 'discovery', script: 'discovery/main.ts', args: [], env: () => ({}) },
      { name: 'bus', script: 'messaging/main.ts', args: [data], env: () => ({}) },
      { name: 'gateway', script: 'gateway/main.ts', env: registry,
        args: [`--config=${join(import.meta.dirname, '../gateway.yml')}`, '--management.server.port=0'] }
    ]
    const services = SERVICES.map(name => ({
      name,
      script: `sample-services/${name.replace(/-\d$/, '')}/main.ts`,
      args: [data, '--server.accesslog.enabled=false', ...HURRY[name] ?? []],
      env: () => ({ ...registry(), BREAKWATER_BUS_URL: this.#busUrl })
    }))
    return [...servers, ...services]
  }
}
