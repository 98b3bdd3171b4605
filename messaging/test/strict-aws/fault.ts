/** What AWS answers instead of doing what it was asked. */
export class AwsFault extends Error {
  override readonly name = 'AwsFault'
  readonly code: string
  readonly status: number
  /** False where AWS itself is at fault, and the same call may succeed later. */
  readonly senderFault: boolean

  constructor (code: string, message: string, status = 400) {
    super(message)
    this.code = code
    this.status = status
    this.senderFault = status < 500
  }
}

/** "Value X for parameter Y is invalid. Reason: ...", as both services put it. */
export function invalidValue (name: string, value: unknown, reason: string): AwsFault {
  return new AwsFault('InvalidParameterValue', `Value ${String(value)} for parameter ${name} is invalid. Reason: ${reason}`)
}

/** One entry of a batch that was not taken. */
export interface FailedEntry {
  readonly Id: string
  readonly Code: string
  readonly Message: string
  readonly SenderFault: boolean
}

/** What a batch came to: entries succeed or fail each by itself, and the call answers 200 ("SendMessageBatch"). */
export interface BatchAnswer<Success> {
  readonly Successful: Success[]
  readonly Failed: FailedEntry[]
}

/** Does `work` for each entry in turn; one that throws stops none behind it, its own group's neither. */
export function eachEntry<Entry extends { readonly Id: string }, Success> (
  entries: readonly Entry[], work: (entry: Entry) => Success
): BatchAnswer<Success> {
  const answer: BatchAnswer<Success> = { Successful: [], Failed: [] }
  for (const entry of entries) {
    try {
      answer.Successful.push(work(entry))
    } catch (error) {
      if (!(error instanceof AwsFault)) throw error
      answer.Failed.push({ Id: entry.Id, Code: error.code, Message: error.message, SenderFault: error.senderFault })
    }
  }
  return answer
}
