/** Faults for tests: of whole calls, of one entry of a batch, and of the way back. */
import { AwsFault } from './fault.ts'

/** One call as it came in. */
export interface Call {
  /** The API's word: `PublishBatch`. */
  readonly action: string
  readonly input: Readonly<Record<string, unknown>>
}

/** What a failing entry is chosen by. */
export interface SentEntry {
  readonly body: string
  readonly group: string
  readonly dedupe: string
}

interface Rule<Judged> {
  readonly action: string
  readonly fault: AwsFault
  readonly applies: (judged: Judged) => boolean
  /** Calls that are let through before. */
  skip: number
  left: number
}

/** The words of IAM for the batch calls: a batch needs the right to do one. */
export function rightOf (service: 'sns' | 'sqs', action: string): string {
  return `${service}:${action.replace(/Batch$/, '')}`
}

export class Hooks {
  /** Every call that was understood, those that were refused included. */
  readonly calls: Call[] = []
  readonly #refusals: Array<Rule<string>> = []
  readonly #entries: Array<Rule<SentEntry>> = []
  readonly #callsWith: Array<Rule<SentEntry>> = []
  readonly #cuts: Array<{ readonly action: string, left: number }> = []
  readonly #gates: Array<{ readonly action: string, readonly opened: Promise<void>, reached: () => void }> = []

  /** Takes a right away, on the resources whose ARN matches; the returned function gives it back. */
  deny (right: string, resource = /./): () => void {
    // "Common errors": 403, and never to be repeated.
    const [service] = right.split(':')
    const fault = new AwsFault(service === 'sns' ? 'AuthorizationError' : 'AccessDenied',
      `User: arn:aws:iam::000000000000:user/test is not authorized to perform: ${right}`, 403)
    return this.#add({ action: right, fault, applies: arn => resource.test(arn), skip: 0, left: Infinity })
  }

  /** Every call is answered so: `InvalidClientTokenId`, `ExpiredToken`, `SignatureDoesNotMatch`. */
  refuseKeys (code: string): () => void {
    const fault = new AwsFault(code, 'The security token included in the request is invalid.', 403)
    return this.#add({ action: '*', fault, applies: () => true, skip: 0, left: Infinity })
  }

  /** The next calls of an action are refused as too many. */
  throttle (action: string, times = 1): () => void {
    return this.fail(action, new AwsFault('ThrottlingException', 'Rate exceeded'), times)
  }

  /** The next calls of an action fail as a whole, but for the first `skip`. */
  fail (action: string, fault: AwsFault, times = 1, skip = 0): () => void {
    return this.#add({ action, fault, applies: () => true, skip, left: times })
  }

  /** Calls of an action fail as a whole that have such an entry. */
  failCallsWith (action: string, applies: (entry: SentEntry) => boolean, fault: AwsFault): void {
    this.#callsWith.push({ action, fault, applies, skip: 0, left: Infinity })
  }

  /** Fails the chosen entries of batches; the others of their calls are taken. */
  failEntries (
    action: string, applies: (entry: SentEntry) => boolean, times = 1,
    fault = new AwsFault('InternalError', 'We encountered an internal error. Please try again.', 500)
  ): void {
    this.#entries.push({ action, fault, applies, skip: 0, left: times })
  }

  /** The next calls of an action are done, and the connection is cut instead of answering. */
  cut (action: string, times = 1): void {
    this.#cuts.push({ action, left: times })
  }

  /** The next call of an action waits before it is done, until it is let go. */
  hold (action: string): { readonly reached: Promise<void>, readonly release: () => void } {
    const [reached, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    this.#gates.push({ action, opened: opened.promise, reached: reached.resolve })
    return { reached: reached.promise, release: opened.resolve }
  }

  async arrive (call: Call): Promise<void> {
    this.calls.push(call)
    const at = this.#gates.findIndex(gate => gate.action === call.action)
    if (at < 0) return
    const [gate] = this.#gates.splice(at, 1)
    gate!.reached()
    await gate!.opened
  }

  /** Throws when the call may not be made, or must fail. */
  check (service: 'sns' | 'sqs', action: string, arn: string): void {
    const words = ['*', action, rightOf(service, action)]
    const rule = this.#refusals.find(rule => rule.left > 0 && words.includes(rule.action) && rule.applies(arn))
    if (rule === undefined || rule.skip-- > 0) return
    rule.left--
    throw rule.fault
  }

  /** Throws when a call with these entries must fail. */
  checkEntries (action: string, entries: readonly SentEntry[]): void {
    const rule = this.#callsWith.find(rule => rule.action === action && entries.some(rule.applies))
    if (rule !== undefined) throw rule.fault
  }

  /** Throws when this entry must fail. */
  checkEntry (action: string, entry: SentEntry): void {
    const rule = this.#entries.find(rule => rule.left > 0 && rule.action === action && rule.applies(entry))
    if (rule === undefined) return
    rule.left--
    throw rule.fault
  }

  /** Whether the answer of this call is lost. */
  cuts (action: string): boolean {
    const cut = this.#cuts.find(cut => cut.left > 0 && cut.action === action)
    if (cut !== undefined) cut.left--
    return cut !== undefined
  }

  #add (rule: Rule<string>): () => void {
    this.#refusals.push(rule)
    return () => { rule.left = 0 }
  }
}
