/**
 * The road of a question, top to bottom: ask -> find -> parse -> order -> decrypt -> answer.
 *
 * Finding, parsing and ordering lie in the back end (`backends/`, `environment/`), because only it knows its files;
 * the forms of the answer lie in `render/`.
 */
import type { Property } from '@breakwater/starter/settings'
import type { Asker, Backend } from './backends/backend.ts'
import { ByteCache } from './byte-cache.ts'
import type { Ask } from './environment/ask.ts'
import { toEnvironment, type Environment } from './environment/environment.ts'
import { error } from './errors.ts'
import { fingerprint, tagOf } from './render/fingerprint.ts'
import { render, type Form } from './render/render.ts'

/** A checked question and the form its answer shall have. */
export interface Question {
  readonly ask: Ask
  readonly form: Form
  /** Only for the flat forms: whether `${...}` is filled in from the same environment. */
  readonly resolvePlaceholders: boolean
}

/** A ready answer: the same bytes go to everyone who asks the same of the same state. */
export interface Answer {
  readonly body: Buffer
  readonly etag: string
  /** How many secrets are in it: reading any is audited. */
  readonly secrets: number
}

/** An answer, and what it was made of when it was made just now. */
export interface Made {
  readonly answer: Answer
  readonly environment: Environment | undefined
}

/** Replaces the secrets in what was found: `{cipher}` values, and references to other stores, read for who asks. */
export type Decrypt = (environment: Environment, asker: Asker) => Promise<Environment>

export interface RoadParts {
  readonly backend: Backend
  readonly decrypt: Decrypt
  readonly overrides: ReadonlyMap<string, Property>
  readonly acceptEmpty: boolean
  readonly stripDocument: boolean
  readonly cacheBytes: number
}

export class EnvironmentRoad {
  readonly #parts: RoadParts
  readonly #answers: ByteCache<Answer>
  readonly #underWay = new Map<string, Promise<Made>>()
  readonly counts = { hits: 0, misses: 0 }

  constructor (parts: RoadParts) {
    this.#parts = parts
    this.#answers = new ByteCache(parts.cacheBytes)
  }

  /** A kept answer at once, without any I/O, or a promise of a new one. */
  answer (question: Question, asker: Asker): Answer | Promise<Answer> {
    const kept = this.#look(question, asker)
    return kept instanceof Promise ? kept.then(({ answer }) => answer) : kept
  }

  /** The same, with its environment where that had to be found: both are of one state. */
  async made (question: Question, asker: Asker): Promise<Made> {
    const kept = this.#look(question, asker)
    return kept instanceof Promise ? kept : { answer: kept, environment: undefined }
  }

  #look (question: Question, asker: Asker): Answer | Promise<Made> {
    const stamp = this.#parts.backend.stamp(question.ask, asker)
    if (stamp === undefined) return this.#make(question, asker)
    const key = keyOf(question, stamp)
    const kept = this.#answers.get(key)
    if (kept !== undefined) {
      this.counts.hits++
      return kept
    }
    // A thousand clients starting at once ask the same: one of them does the work.
    return this.#underWay.get(key) ?? this.#begin(key, question, asker, stamp)
  }

  /** The environment itself, decrypted, for those who compare or explain it. */
  async environment (ask: Ask, asker: Asker): Promise<Environment> {
    // Find, parse, order: the store's files (or rows, or secrets) as property sources, highest priority first.
    const found = await this.#parts.backend.find(ask, asker)
    if (found.sources.length === 0 && this.#parts.overrides.size === 0 && !this.#parts.acceptEmpty) {
      throw error('E_CONFIG_EMPTY', [`${ask.name}/${ask.profile}`])
    }
    // Decrypt: last of all, so that nothing encrypted or decrypted lies in the caches of files.
    const decrypted = await this.#parts.decrypt(toEnvironment(ask, found), asker)
    // Override: after decryption, as in Spring; these values come from the operator's own settings.
    return toEnvironment(ask, decrypted, this.#parts.overrides)
  }

  async #begin (key: string, question: Question, asker: Asker, stamp: string): Promise<Made> {
    const promise = this.#make(question, asker)
    this.#underWay.set(key, promise)
    try {
      const made = await promise
      const { answer } = made
      // The store may have changed meanwhile: then the answer is right but not known under this stamp.
      if (this.#parts.backend.stamp(question.ask, asker) === stamp) {
        this.#answers.set(key, answer, answer.body.length + key.length + 256)
      }
      return made
    } finally {
      this.#underWay.delete(key)
    }
  }

  // Answer: the form the client asked for, and a strong tag of its bytes.
  async #make (question: Question, asker: Asker): Promise<Made> {
    this.counts.misses++
    const environment = await this.environment(question.ask, asker)
    const { resolvePlaceholders } = question
    const { stripDocument } = this.#parts
    const body = bytesOf(render(environment, question.form, { resolvePlaceholders, stripDocument }))
    const answer = { body, etag: tagOf(body, fingerprint(environment.sources)), secrets: environment.secrets }
    return { answer, environment }
  }
}

// Memory of its own: Buffer.from takes a piece of a block that one kept answer would hold as a whole.
function bytesOf (text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text))
  bytes.write(text)
  return bytes
}

function keyOf ({ ask, form, resolvePlaceholders }: Question, stamp: string): string {
  return `${stamp}\n${form}${resolvePlaceholders ? '' : '-'}\n${ask.name}\n${ask.profile}\n${ask.label ?? '\u0000'}`
}
