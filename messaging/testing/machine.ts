/** A computer of a world, and the process that runs on it at the moment. */
import type { Clock } from '../clock.ts'
import type { NewId } from '../envelope.ts'
import type { Random } from './random.ts'
import type { Owner, Scheduler } from './scheduler.ts'
import { virtualClock } from './virtual-clock.ts'

/** How a process ends without being asked: a kill leaves what the system has in its memory, a power cut does not. */
export type CrashKind = 'kill' | 'power cut'

/** What outlives the process. */
export class Machine implements Owner {
  readonly name: string
  readonly alive = true
  stillUntilMs = 0
  /** By how much its wall clock is wrong. */
  wallOffsetMs = 0
  /** Undefined while nothing runs. */
  process: Process | undefined
  readonly #scheduler: Scheduler

  constructor (name: string, scheduler: Scheduler) {
    this.name = name
    this.#scheduler = scheduler
  }

  /** For a while nothing of it happens, as after SIGSTOP; whoever calls it waits. */
  standStill (ms: number): void {
    this.stillUntilMs = Math.max(this.stillUntilMs, this.#scheduler.nowMs + ms)
  }

  boot (random: Random): Process {
    this.process = new Process(this, this.#scheduler, random)
    return this.process
  }
}

/** One life of a process. When it is dead nothing of it ever happens again, whatever it was waiting for. */
export class Process implements Owner {
  readonly name: string
  readonly clock: Clock
  readonly random: () => number
  readonly newId: NewId
  alive = true
  /** Whether it takes calls. */
  listening = false
  readonly #machine: Machine
  /** Those who wait for an answer of this process. */
  readonly #callers = new Set<(how: CrashKind) => void>()

  constructor (machine: Machine, scheduler: Scheduler, random: Random) {
    this.name = machine.name
    this.#machine = machine
    this.clock = virtualClock(scheduler, this, random.fork('clock'), () => machine.wallOffsetMs)
    this.random = random.fork('random').next
    this.newId = seededIds(random.fork('ids'))
  }

  get stillUntilMs (): number {
    return this.#machine.stillUntilMs
  }

  end (how: CrashKind): void {
    this.alive = false
    this.listening = false
    if (this.#machine.process === this) this.#machine.process = undefined
    for (const tell of this.#callers) tell(how)
  }

  /** Calls `tell` should the process end before the returned function is called. */
  onEnd (tell: (how: CrashKind) => void): () => void {
    this.#callers.add(tell)
    return () => { this.#callers.delete(tell) }
  }
}

/** UUIDv7 whose random bits are the seed's. */
function seededIds (random: Random): NewId {
  const hex = (digits: number): string => random.below(16 ** digits).toString(16).padStart(digits, '0')
  return nowMs => {
    const time = nowMs.toString(16).padStart(12, '0')
    const variant = (8 + random.below(4)).toString(16)
    return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(3)}-${variant}${hex(3)}-${hex(6)}${hex(6)}`
  }
}
