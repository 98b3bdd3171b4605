/**
 * One long-lived `git cat-file --batch`: a question is a line, answers come in order. Blobs are read by id, so what
 * is fetched or force-pushed meanwhile cannot mix into an answer. A process that hangs or dies is replaced.
 */
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { endGroup, startGit, type GitEnvironment } from './git-process.ts'

export interface GitObject {
  readonly id: string
  readonly type: string
  /** Undefined when larger than the limit. */
  readonly content: Buffer | undefined
  readonly size: number
}

interface Waiting {
  readonly resolve: (object: GitObject | undefined) => void
  readonly reject: (failure: Error) => void
}

const DEADLINE_MS = 10_000
const MAX_TREE_BYTES = 16 * 1_048_576
const MAX_WAITING = 10_000

export class ObjectReader {
  readonly #folder: string
  readonly #environment: GitEnvironment
  readonly #maxBytes: number
  #child: ChildProcessWithoutNullStreams | undefined
  #waiting: Waiting[] = []
  #chunks: Buffer[] = []
  #buffered = 0
  #needed = 1
  /** Bytes of an object over the limit that still have to pass by. */
  #skip = 0
  #timer: NodeJS.Timeout | undefined

  constructor (folder: string, environment: GitEnvironment, maxBytes: number) {
    this.#folder = folder
    this.#environment = environment
    this.#maxBytes = maxBytes
  }

  /**
   * Reads an object by its id, or by `id^{commit}`; undefined when there is none. Only hexadecimal ids come here:
   * git's whole language of revisions must not be open to whoever can name a label.
   */
  async read (name: string): Promise<GitObject | undefined> {
    if (!/^[0-9a-f]{4,64}(?:\^\{commit\})?$/.test(name)) return undefined
    if (this.#waiting.length >= MAX_WAITING) throw new Error('too many reads are waiting for git')
    const child = this.#child ?? this.#start()
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      child.stdin.write(`${name}\n`)
      this.#watchOver()
    })
  }

  stop (): void {
    this.#drop(new Error('stopped'))
  }

  #start (): ChildProcessWithoutNullStreams {
    const child = startGit(['cat-file', '--batch'], this.#folder, this.#environment)
    this.#child = child
    child.stdout.on('data', (chunk: Buffer) => { if (this.#child === child) this.#take(chunk) })
    child.stdin.on('error', () => {})
    const ended = (cause?: unknown): void => {
      if (this.#child === child) this.#drop(new Error('git cat-file ended', { cause }))
    }
    child.on('error', ended)
    child.on('close', () => ended())
    return child
  }

  // Everyone waiting is told at once; the next read starts a new process.
  #drop (failure: Error): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const waiting = this.#waiting
    const child = this.#child
    this.#child = undefined
    this.#waiting = []
    this.#chunks = []
    this.#buffered = 0
    this.#needed = 1
    this.#skip = 0
    if (child !== undefined) endGroup(child)
    for (const { reject } of waiting) reject(failure)
  }

  #watchOver (): void {
    this.#timer ??= setTimeout(() => this.#drop(new Error(`git cat-file is silent for ${DEADLINE_MS} ms`)), DEADLINE_MS)
  }

  #heard (): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#waiting.length > 0) this.#watchOver()
  }

  #take (chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#buffered += chunk.length
    if (this.#buffered < this.#needed) return
    let rest = Buffer.concat(this.#chunks)
    for (let used = this.#next(rest); used > 0; used = this.#next(rest)) rest = rest.subarray(used)
    this.#chunks = rest.length === 0 ? [] : [rest]
    this.#buffered = rest.length
    this.#heard()
  }

  #next (bytes: Buffer): number {
    if (this.#skip === 0) return this.#answer(bytes)
    const used = Math.min(this.#skip, bytes.length)
    this.#skip -= used
    this.#needed = 1
    return used
  }

  /** Answers the first waiting read if its object is there as a whole; tells how many bytes that used. */
  #answer (bytes: Buffer): number {
    this.#needed = bytes.length + 1
    const end = bytes.indexOf(10)
    if (end < 0) return 0
    const [id = '', type = '', length] = bytes.toString('latin1', 0, end).split(' ')
    if (length === undefined) {
      this.#waiting.shift()?.resolve(undefined)
      return end + 1
    }
    const size = Number(length)
    const total = end + 1 + size + 1
    if (size > (type === 'blob' ? this.#maxBytes : MAX_TREE_BYTES)) {
      this.#waiting.shift()?.resolve({ id, type, size, content: undefined })
      this.#skip = total - end - 1
      return end + 1
    }
    if (bytes.length < total) {
      this.#needed = total
      return 0
    }
    const content = Buffer.from(bytes.subarray(end + 1, end + 1 + size))
    this.#waiting.shift()?.resolve({ id, type, size, content })
    return total
  }
}
