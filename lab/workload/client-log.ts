/**
 * What the clients know: each request is noted before it is sent, each answer when it came. The checker believes this
 * log and the stores, and nothing that the platform says of itself.
 */
import { appendFileSync } from 'node:fs'

export interface Entry {
  readonly n: number
  readonly kind: 'register' | 'deposit' | 'stock' | 'order' | 'cancel' | 'change'
  readonly key: string
  readonly path: string
  readonly body: Readonly<Record<string, unknown>>
  /** Every answer that came, of every try. */
  readonly answers: Array<{ readonly status: number, readonly body: Record<string, unknown> }>
  /** Tries that brought no answer. */
  silent: number
}

export class ClientLog {
  readonly entries: Entry[] = []
  readonly #file: string

  constructor (file: string) {
    this.#file = file
  }

  open (entry: Omit<Entry, 'n' | 'answers' | 'silent'>): Entry {
    const opened: Entry = { ...entry, n: this.entries.length + 1, answers: [], silent: 0 }
    this.entries.push(opened)
    this.#write({ asks: opened.n, ...entry })
    return opened
  }

  answer (entry: Entry, status: number, body: Record<string, unknown>): void {
    entry.answers.push({ status, body })
    this.#write({ n: entry.n, status, body })
  }

  silence (entry: Entry, why: string): void {
    entry.silent++
    this.#write({ n: entry.n, silent: why })
  }

  #write (line: object): void {
    appendFileSync(this.#file, `${JSON.stringify(line)}\n`)
  }
}
