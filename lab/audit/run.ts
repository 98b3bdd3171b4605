/** Runs a corpus against a target, theme by theme; what takes long runs beside each other in the end. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Attack, Door, Must, Sent, Theme } from './attack.ts'
import { exchange, type Exchange } from './exchange.ts'
import { judge } from './judge.ts'
import { passwordOf } from './settings.ts'
import type { Target } from './stack.ts'

export interface Outcome {
  readonly theme: string
  readonly attack: Attack
  /** Where it ran: the profile of an own stack, or `given`. */
  readonly where: string
  readonly kind: 'sound' | 'fault' | 'skipped'
  /** What is wrong; of one that was skipped, why. */
  readonly faults: readonly string[]
}

export interface RunOptions {
  /** Leaves out what takes longer than a minute. */
  readonly quick: boolean
  readonly onOutcome: (outcome: Outcome) => void
}

const PATIENCE_MS = 5_000
/** A server that does not answer another caller by then has been stopped by the attack. */
const ALIVE_MS = 5_000
/** What reaches the instance behind the answer, or is logged, comes by then. */
const LATE_MS = 2_000
const AT_ONCE = 6
const SLOW_AT_ONCE = 24

export async function runCorpus (themes: readonly Theme[], target: Target, options: RunOptions): Promise<Outcome[]> {
  const run = new Run(target, options)
  for (const theme of themes) await run.theme(theme)
  await run.slowOnes()
  return run.outcomes
}

class Run {
  readonly outcomes: Outcome[] = []
  readonly #target: Target
  readonly #options: RunOptions
  readonly #slow: Work[] = []
  #count = 0

  constructor (target: Target, options: RunOptions) {
    this.#target = target
    this.#options = options
  }

  async theme ({ name, before = [], alone = false, attacks }: Theme): Promise<void> {
    if (this.#target.own !== undefined) {
      for (const sent of before) await this.#send(sent, this.#fill('', sent.door), PATIENCE_MS)
    }
    const plain: Work[] = []
    for (const attack of attacks) {
      const why = this.#whyNot(attack)
      if (why !== undefined) this.#tell(name, attack, 'skipped', [why])
      else (attack.slow === true ? this.#slow : plain).push(() => this.#attack(name, attack))
    }
    await inTurn(plain, alone ? 1 : AT_ONCE)
  }

  async slowOnes (): Promise<void> {
    await inTurn(this.#slow.splice(0), SLOW_AT_ONCE)
  }

  #whyNot ({ door, profiles, own = false, long = false, must }: Attack): string | undefined {
    const { own: stack, profile } = this.#target
    if (this.#target.url(door) === undefined) return `no ${door} was given`
    if (long && this.#options.quick) return 'it takes longer than a minute'
    const unseen = stack === undefined && (own || Object.keys(seenFromOutside(must)).length === 0)
    if (unseen) return 'needs the instance and the settings of the audit\'s own stack'
    return profiles === undefined || (profile !== undefined && profiles.includes(profile))
      ? undefined
      : `is about the profile ${profiles.join(', ')}`
  }

  async #attack (theme: string, attack: Attack): Promise<void> {
    const mark = `x${(this.#count++).toString(36)}x`
    const fill = this.#fill(mark, attack.door)
    for (const sent of attack.first ?? []) await this.#send(sent, this.#fill(mark, sent.door), PATIENCE_MS)
    const seen = await this.#send(attack, fill, attack.patienceMs ?? PATIENCE_MS)
    const must = this.#target.own === undefined ? seenFromOutside(attack.must) : attack.must
    const faults = await this.#faultsOf(filled(must, fill), seen, mark)
    const dead = await this.#whoIsDead(attack.door)
    this.#tell(theme, attack, faults.length + dead.length === 0 ? 'sound' : 'fault', [...faults, ...dead])
  }

  async #send (sent: Sent & Partial<Attack>, fill: Fill, patienceMs: number): Promise<Exchange> {
    const url = this.#target.url(sent.door)
    if (url === undefined) throw new Error(`there is no ${sent.door}`)
    return exchange(url.hostname.replace(/^\[|\]$/g, ''), Number(url.port || 80), fill(sent.bytes), {
      trickle: sent.trickle, halfClose: sent.halfClose, untilEnd: sent.must?.endsWithinMs !== undefined, patienceMs
    })
  }

  /** What must be there may come a moment later; what must not be there is looked for once it could have come. */
  async #faultsOf (must: Must, seen: Exchange, mark: string): Promise<string[]> {
    const { own } = this.#target
    const look = (): string[] => judge(must, { exchange: seen, heard: own?.heard(mark) ?? [], logs: () => own?.logs() ?? '' })
    const until = performance.now() + LATE_MS
    for (;;) {
      const faults = look()
      if (faults.length === 0 || performance.now() > until || (must.heard ?? must.logged) === undefined) return faults
      await sleep(20)
    }
  }

  async #whoIsDead (door: Door): Promise<string[]> {
    const path = door === 'gateway' ? '/{mark}-alive' : '/actuator/health'
    const bytes = `GET ${path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n`
    const { answers } = await this.#send({ door, bytes }, this.#fill('alive', door), ALIVE_MS)
    const crashes = this.#target.own?.crashes() ?? []
    return [...answers.length === 0 ? [`the ${door} answers nobody within ${ALIVE_MS} ms afterwards`] : [], ...crashes]
  }

  #tell (theme: string, attack: Attack, kind: Outcome['kind'], faults: readonly string[]): void {
    const outcome = { theme, attack, where: this.#target.own === undefined ? 'given' : this.#target.profile ?? '', kind, faults }
    this.outcomes.push(outcome)
    this.#options.onOutcome(outcome)
  }

  #fill (mark: string, door: Door): Fill {
    const port = (name: string): string => this.#target.url(name as Door)?.port ?? ''
    const words: Readonly<Record<string, (argument: string) => string>> = {
      mark: () => mark,
      host: () => this.#target.url(door)?.host ?? '',
      port,
      witness: () => String(this.#target.own?.witness ?? 0),
      as: user => `Basic ${Buffer.from(`${user}:${passwordOf(user)}`).toString('base64')}`
    }
    return text => withLength(text.replaceAll(WORDS, (_all, word: string, argument = '') => words[word]!(argument as string)))
  }
}

const WORDS = /\{(mark|host|port|witness|as)(?::(\w+))?\}/g
/** Nobody sees from outside what reached an instance, or what was logged. */
function seenFromOutside (must: Must): Must {
  const { heard: _heard, unheard: _unheard, logged: _logged, unlogged: _unlogged, ...seen } = must
  return seen
}

type Fill = (text: string) => string
type Work = () => Promise<void>

async function inTurn (works: Work[], atOnce: number): Promise<void> {
  const waiting = works.values()
  await Promise.all(Array.from({ length: atOnce }, async () => { for (const work of waiting) await work() }))
}

/** So many of each theme, evenly spread over it: what a test has time for. */
export function sampled (themes: readonly Theme[], count: number): Theme[] {
  return themes.map(theme => {
    const step = Math.max(1, theme.attacks.length / count)
    const slot = (at: number): number => Math.floor(at / step)
    return { ...theme, attacks: theme.attacks.filter((_attack, at) => slot(at) !== slot(at - 1)) }
  })
}

function withLength (text: string): string {
  return text.replace('{length}', () => String(text.length - text.indexOf('\r\n\r\n') - 4))
}

/** The same expectations with their words filled in. */
function filled (must: Must, fill: Fill): Must {
  const entries = Object.entries(must).map(([name, wanted]: [string, unknown]) => {
    if (typeof wanted === 'string') return [name, fill(wanted)]
    return [name, Array.isArray(wanted) ? wanted.map((one: unknown) => typeof one === 'string' ? fill(one) : one) : wanted]
  })
  return Object.fromEntries(entries) as Must
}
