/** The whole platform as processes of its own, in a folder of its own, on free ports. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Random } from '@breakwater/messaging/testing'
import { BusProxy } from './bus-proxy.ts'
import { LabProcess, type ProcessSpec } from './lab-process.ts'
import type { SharedServers } from './shared-servers.ts'
import { SmallDisk } from './small-disk.ts'

export const SERVICES = ['users-1', 'users-2', 'orders', 'inventory', 'payments', 'order-history'] as const

/** Whose disk may be small. */
export const DISKS = ['users', 'orders', 'inventory', 'payments', 'order-history', 'bus'] as const

/** How the platform is set up. */
export interface PlatformOptions {
  /** As in production, for measuring: the services speak to the bus itself, and wait as long as they do there. */
  readonly measured?: boolean
  /** Shared stores, in the place of files of the services' own. */
  readonly servers?: SharedServers | undefined
  /** Who gets a disk that can be made full, and how large it is. */
  readonly smallDisk?: { readonly of: typeof DISKS[number], readonly megabytes: number }
}

/** Short deadlines, so that a minute sees what production sees in an hour. */
const HURRY: Readonly<Record<string, readonly string[]>> = {
  orders: ['--breakwater.orders.saga.reply=3s', '--breakwater.orders.saga.resend=300ms',
    '--breakwater.orders.saga.cap=2s', '--breakwater.orders.saga.stuck=60s'],
  'order-history': ['--breakwater.order-history.follow=500ms']
}
/** Checks stock after each of its transactions and notes there what is wrong. */
export const STOCK_WATCH = 'stock-violations.jsonl'
/** Rows the checker wants to see are not purged by a clock that jumps an hour. */
const CHECKED = ['--breakwater.messaging.keep-sent=48h']

export class Platform {
  readonly dir: string
  readonly proxy: BusProxy
  readonly processes = new Map<string, LabProcess>()
  /** Undefined where it was not asked for or cannot be had. */
  readonly disk: SmallDisk | undefined
  /** Undefined: services keep their data in files of their own. */
  readonly servers: SharedServers | undefined
  readonly #measured: boolean
  #busUrl = ''

  constructor (dir: string, random: Random, options: PlatformOptions = {}) {
    this.dir = dir
    this.#measured = options.measured === true
    this.servers = options.servers
    mkdirSync(join(dir, 'logs'), { recursive: true })
    const { smallDisk } = options
    this.disk = smallDisk === undefined ? undefined : SmallDisk.mount(join(dir, 'data', smallDisk.of), smallDisk.megabytes)
    this.proxy = new BusProxy(() => this.url('bus'), random)
    for (const spec of this.#specs(options.servers?.urls ?? {})) this.processes.set(spec.name, new LabProcess(spec, join(dir, 'logs')))
  }

  /** In the order in which they need each other. */
  async start (): Promise<void> {
    this.#busUrl = await this.proxy.start()
    await Promise.all(['discovery', 'bus'].map(name => this.process(name).start()))
    if (this.#measured) this.#busUrl = this.url('bus')
    await this.process('users-1').start()
    await Promise.all(['gateway', ...SERVICES.slice(1)].map(name => this.process(name).start()))
  }

  /** Cleanly, so that the stores can be read by others afterwards. */
  async stop (): Promise<void> {
    this.proxy.calm()
    await Promise.all([...this.processes.values()].map(one => one.stop('SIGTERM')))
    this.proxy.stop()
    this.disk?.unmount()
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

  #specs (stores: Readonly<Record<string, string>>): ProcessSpec[] {
    const data = `--breakwater.data.dir=${join(this.dir, 'data')}`
    const clocked = !this.#measured
    const registry = () => ({ EUREKA_CLIENT_SERVICEURL_DEFAULTZONE: `${this.url('discovery')}/eureka/` })
    const servers: ProcessSpec[] = [
      { name: 'discovery', script: 'discovery/main.ts', args: [], env: () => ({}) },
      { name: 'bus', script: 'messaging/main.ts', args: [data], clocked, env: () => ({}) },
      { name: 'gateway', script: 'gateway/main.ts', env: registry,
        args: [`--config=${join(import.meta.dirname, '../gateway.yml')}`, '--management.server.port=0'] }
    ]
    const watch = ['--breakwater.inventory.watch=' + join(this.dir, STOCK_WATCH)]
    const lab = (name: string) => this.#measured
      ? []
      : [...CHECKED, ...HURRY[name] ?? [], ...name === 'inventory' ? watch : []]
    const kindOf = (name: string) => name.replace(/-\d$/, '')
    const storeOf = (name: string) => {
      const url = stores[kindOf(name)]
      return url === undefined ? {} : { BREAKWATER_STORE_URL: url }
    }
    const services = SERVICES.map(name => ({
      name,
      clocked,
      script: `sample-services/${kindOf(name)}/main.ts`,
      args: [data, '--server.accesslog.enabled=false', ...lab(name)],
      env: () => ({ ...registry(), ...storeOf(name), BREAKWATER_BUS_URL: this.#busUrl })
    }))
    return [...servers, ...services]
  }
}
