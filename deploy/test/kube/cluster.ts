/** The cluster under test: our own, built and started here, or the one that KUBECONFIG names. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from '../../docker/deployables.ts'
import { follow } from './follow.ts'

const run = promisify(execFile)
const HOME = process.env['KUBE_HOME'] ?? '/tmp/kube'
const NAMESPACE = 'breakwater'

/** A pod, the parts that tests look at. */
export interface Pod {
  readonly name: string
  readonly ip: string
  readonly ready: boolean
  readonly restarts: number
  readonly ending: boolean
}

export class Cluster {
  /** True: deploy/test-cluster, whose processes may be stopped by a test. */
  readonly own: boolean
  readonly #env: NodeJS.ProcessEnv
  readonly #log: (line: string) => void

  private constructor (own: boolean, env: NodeJS.ProcessEnv, log: (line: string) => void) {
    this.own = own
    this.#env = env
    this.#log = log
  }

  /** Without KUBECONFIG: builds (minutes, once) and starts (seconds) the test cluster. */
  static async start (log: (line: string) => void): Promise<Cluster> {
    const path = `${join(ROOT, 'node_modules/.bin')}:${join(HOME, 'bin')}:${process.env['PATH']}`
    const given = process.env['KUBECONFIG']
    if (given !== undefined) {
      log(`using the cluster of KUBECONFIG=${given}`)
      return new Cluster(false, { ...process.env, PATH: path }, log)
    }
    log(`building the test cluster in ${HOME} (minutes when it is new, else seconds), then starting it`)
    const env = { ...process.env, PATH: path, KUBECONFIG: join(HOME, 'etc/admin.kubeconfig') }
    const cluster = new Cluster(true, env, log)
    for (const script of ['build.sh', 'up.sh']) await cluster.script(`test-cluster/${script}`)
    return cluster
  }

  get kubeconfig (): string {
    return this.#env['KUBECONFIG'] ?? ''
  }

  /** Runs a script of deploy/ and tells its lines; an error with its output when it fails. */
  async script (path: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<void> {
    this.#log(`deploy/${path} ${args.join(' ')}`.trim())
    await follow(join(ROOT, 'deploy', path), args, { env: { ...this.#env, ...env }, timeoutMs: 45 * 60_000, onLine: this.#log })
  }

  /** kubectl in the namespace of the services. */
  async kubectl (...args: string[]): Promise<string> {
    const { stdout } = await run('kubectl', ['-n', NAMESPACE, ...args], { env: this.#env, maxBuffer: 16 * 1024 * 1024, timeout: 300_000 })
    return stdout.trim()
  }

  async json (...args: string[]): Promise<unknown> {
    return JSON.parse(await this.kubectl(...args, '-o', 'json'))
  }

  /** The pods of a service by name; those on their way out only when asked for. */
  async pods (service: string, ending = false): Promise<Pod[]> {
    const { items } = await this.json('get', 'pods', '-l', `app.kubernetes.io/name=${service}`) as { items: ApiPod[] }
    return items.map(toPod).filter((pod) => ending || !pod.ending).toSorted((a, b) => a.name < b.name ? -1 : 1)
  }

  /** The first node's address, where NodePorts listen. */
  async nodeAddress (): Promise<string> {
    const { items } = await this.json('get', 'nodes') as { items: Array<{ status: { addresses: Array<{ type: string, address: string }> } }> }
    const address = items[0]?.status.addresses.find((one) => one.type === 'InternalIP')?.address
    if (address === undefined) throw new Error('no node has an InternalIP')
    return address
  }

  /** Takes the API server away, as a broken control plane would; up.sh brings it back. */
  killApiServer (): void {
    if (!this.own) throw new Error('only the test cluster may be broken')
    const [pid = ''] = readFileSync(join(HOME, 'run/apiserver.pid'), 'utf8').split(' ')
    process.kill(Number(pid), 'SIGKILL')
  }

  /** SIGKILL for a pod, now: no preStop hook, no SIGTERM handler, connections cut. */
  async killPod (name: string): Promise<void> {
    await this.kubectl('delete', 'pod', name, '--grace-period=0', '--force', '--wait=false')
  }

  async stop (): Promise<void> {
    if (this.own && process.env['KUBE_KEEP'] === undefined) await this.script('test-cluster/down.sh')
  }
}

interface ApiPod {
  metadata: { name: string, deletionTimestamp?: string }
  status: {
    podIP?: string
    conditions?: Array<{ type: string, status: string }>
    containerStatuses?: Array<{ restartCount: number }>
  }
}

function toPod (pod: ApiPod): Pod {
  return {
    name: pod.metadata.name,
    ip: pod.status.podIP ?? '',
    ready: pod.status.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') ?? false,
    restarts: pod.status.containerStatuses?.[0]?.restartCount ?? 0,
    ending: pod.metadata.deletionTimestamp !== undefined
  }
}
