/** A case in the making: the ingredients write into it, each below a name of its own. */
import type { Random } from '@breakwater/messaging/testing'
import type { Question, QuestionKind, SettingsCase } from './case.ts'

const BINDABLE = /^(?:[a-z][a-z0-9-]*(?:\[\w+\])*(?:\.(?=[a-z])|$))*$/

export class Draft {
  readonly random: Random
  readonly env: Record<string, string> = {}
  readonly args: string[] = []
  readonly #documents = new Map<string, string[][]>()
  readonly #texts: Record<string, string> = {}
  readonly #questions: Question[] = []

  constructor (random: Random) {
    this.random = random
  }

  /** Adds lines to a document of a YAML or properties file; document 0 is the first. */
  lines (file: string, lines: readonly string[], document = 0): void {
    const documents = this.#documents.get(file) ?? []
    this.#documents.set(file, documents)
    while (documents.length <= document) documents.push([])
    documents[document]!.push(...lines)
  }

  /** How many documents a file has so far. */
  documents (file: string): number {
    return this.#documents.get(file)?.length ?? 0
  }

  /** A whole file, as it is. */
  text (file: string, text: string): void {
    this.#texts[file] = text
  }

  /** Spring's binder takes keys in one spelling only; its environment takes all. */
  ask (kind: QuestionKind, ...keys: readonly string[]): void {
    for (const key of keys) {
      if (kind !== 'get' && !BINDABLE.test(key)) continue
      if (!this.#questions.some(known => known.kind === kind && known.key === key)) this.#questions.push({ kind, key })
    }
  }

  finish (): SettingsCase {
    const files = { ...this.#texts }
    for (const [file, documents] of this.#documents) files[file] ??= join(file, documents)
    return { files, env: this.env, args: this.args, questions: this.#questions }
  }
}

function join (file: string, documents: readonly string[][]): string {
  const separator = file.endsWith('.properties') ? '#---\n' : '---\n'
  return documents.map(lines => lines.map(line => `${line}\n`).join('')).join(separator)
}
