/**
 * Which commit a label stands for, for whom: a pin holds everyone at one commit, a rollout gives a new commit to a
 * share of the instances first. Kept in a file, so that a restart does not undo either.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import type { Asker } from '../backend.ts'

/** A new commit for some of the instances of a label. */
export interface Rollout {
  /** What the others keep. */
  readonly from: string
  readonly to: string
  readonly percent: number
}

/** What an operator asks for; without `from` the others keep what the label has now. */
export interface RolloutWish {
  readonly from?: string | undefined
  readonly to: string
  readonly percent: number
}

export interface Choices {
  readonly pins: Readonly<Record<string, string>>
  readonly rollouts: Readonly<Record<string, Rollout>>
}

const NONE: Choices = { pins: {}, rollouts: {} }

export class LabelChoice {
  readonly #file: string | undefined
  #pins = new Map<string, string>()
  #rollouts = new Map<string, Rollout>()
  #writing: Promise<void> = Promise.resolve()

  /** Without a file the choices end with the process. */
  constructor (file?: string) {
    this.#file = file
    const { pins, rollouts } = file === undefined ? NONE : readChoices(file)
    this.#pins = new Map(Object.entries(pins))
    this.#rollouts = new Map(Object.entries(rollouts))
  }

  /** The commit of a label for one asker; `now` is the one that the repository has. */
  choose (label: string, now: string, asker: Asker): string {
    const pinned = this.#pins.get(label)
    if (pinned !== undefined) return pinned
    const rollout = this.#rollouts.get(label)
    if (rollout === undefined) return now
    return isWithin(asker.instance ?? '', rollout) ? rollout.to : rollout.from
  }

  get current (): Choices {
    return { pins: Object.fromEntries(this.#pins), rollouts: Object.fromEntries(this.#rollouts) }
  }

  async pin (label: string, commit: string | undefined): Promise<void> {
    if (commit === undefined) this.#pins.delete(label)
    else this.#pins.set(label, commit)
    await this.#save()
  }

  async rollOut (label: string, rollout: Rollout | undefined): Promise<void> {
    if (rollout === undefined) this.#rollouts.delete(label)
    else this.#rollouts.set(label, rollout)
    await this.#save()
  }

  // Written aside and renamed: a process killed here leaves the old choices or the new ones.
  async #save (): Promise<void> {
    const file = this.#file
    if (file === undefined) return
    const text = JSON.stringify(this.current)
    this.#writing = this.#writing.catch(() => {}).then(async () => {
      await writeFile(`${file}.new`, text, { mode: 0o600 })
      await rename(`${file}.new`, file)
    })
    await this.#writing
  }
}

/** Sticky: the same instance is always on the same side for one commit, and a growing share only adds instances. */
export function isWithin (instance: string, { to, percent }: Rollout): boolean {
  const hash = createHash('sha256').update(`${to} ${instance}`).digest()
  return hash.readUInt32BE(0) / 2 ** 32 * 100 < percent
}

function readChoices (file: string): Choices {
  try {
    const { pins, rollouts } = JSON.parse(readFileSync(file, 'utf8')) as Choices
    return { pins: { ...pins }, rollouts: { ...rollouts } }
  } catch {
    return NONE
  }
}
