/** The processes under attack, started by the audit itself on ports that are free, in a folder of their own. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { LabProcess } from '../platform/lab-process.ts'
import type { Door, Profile } from './attack.ts'
import { TlsInstances } from './certificates.ts'
import { CONFIGURATION, PROGRAMS, type Wiring } from './settings.ts'
import { Witness } from './witness.ts'

/** What attacks are run against, be it ours or somebody's. */
export interface Target {
  /** Undefined: there is no such door. */
  url (door: Door): URL | undefined
  /** Undefined: nobody said how it is set up. */
  readonly profile: Profile | undefined
  /** Undefined: not our own stack, so that nobody knows what reached an instance. */
  readonly own: Own | undefined
}

export interface Own {
  readonly witness: number
  heard (mark: string): string[]
  /** Everything that the processes have written. */
  logs (): string
  /** Programs that fell over by themselves. */
  crashes (): readonly string[]
}

/** Gone afterwards, with all that it has written. */
export async function onOwnStack<Result> (profile: Profile, work: (stack: Target) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-audit-'))
  const stack = new Stack(profile, folder)
  try {
    await stack.start()
    return await work(stack)
  } finally {
    await stack.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

class Stack implements Target, Own {
  readonly profile: Profile
  readonly #folder: string
  readonly #witness = new Witness()
  readonly #tls = new TlsInstances()
  readonly #processes = new Map<string, LabProcess>()
  witness = 0

  constructor (profile: Profile, folder: string) {
    this.profile = profile
    this.#folder = folder
  }

  get own (): Own {
    return this
  }

  async start (): Promise<void> {
    for (const [name, text] of Object.entries(CONFIGURATION)) {
      const file = join(this.#folder, 'configuration', name)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text)
    }
    this.witness = await this.#witness.listen()
    await this.#tls.listen(this.#folder, this.#witness.take)
    const wiring: Wiring = {
      profile: this.profile, folder: this.#folder, witness: this.witness, tls: this.#tls, url: name => this.#processes.get(name)?.url ?? ''
    }
    for (const { name, script, settings } of PROGRAMS) {
      const env = () => ({ SPRING_APPLICATION_JSON: JSON.stringify(settings(wiring)) })
      this.#processes.set(name, new LabProcess({ name, script, args: [], env }, this.#folder))
    }
    const start = (...names: string[]) => Promise.all(names.map(name => this.#processes.get(name)!.start()))
    await start('registry', 'bus', 'config')
    await start('users', 'orders', 'gateway')
  }

  async stop (): Promise<void> {
    await Promise.all([...this.#processes.values()].map(one => one.stop('SIGTERM')))
    this.#witness.close()
    this.#tls.close()
  }

  url (door: Door): URL | undefined {
    const found = door === 'admin' ? this.#processes.get('gateway')?.management : this.#processes.get(door)?.url
    return URL.parse(found ?? '') ?? undefined
  }

  heard (mark: string): string[] {
    return this.#witness.heard.filter(text => text.includes(mark))
  }

  logs (): string {
    return [...this.#processes.keys()].map(name => readFileSync(join(this.#folder, `${name}.log`), 'utf8')).join('\n')
  }

  crashes (): readonly string[] {
    return [...this.#processes.values()].flatMap(one => [...one.crashes, ...one.running ? [] : [`${one.name} has ended`]])
  }
}
