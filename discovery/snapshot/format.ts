import { crc32 } from 'node:zlib'
import type { Tree } from '../eureka/body.ts'
import { readState, stateJson } from '../eureka/state-json.ts'
import type { InstanceState } from '../registry/state.ts'

/** What a snapshot file says of the log that it was taken from. */
export interface SnapshotHead {
  readonly epoch: string
  readonly n: number
  /** Written by a registry that stopped in peace: nothing can have changed after it. */
  readonly clean: boolean
  /** When it was written, in milliseconds since 1970. */
  readonly at: number
}

export interface Snapshot extends SnapshotHead {
  readonly entries: readonly InstanceState[]
}

const FORMAT = 'breakwater-registry'
const VERSION = 2
/** So many instances are written between two breaths of the event loop. */
const CHUNK = 200

/**
 * The file, piece by piece: a head line, a line per instance (those taken out, too, as long as they are remembered),
 * and a last line with their number and checksum, without which the file is torn.
 */
export function * writeSnapshot (head: SnapshotHead, states: readonly InstanceState[]): Generator<string> {
  let sum = 0
  let piece = `${JSON.stringify({ format: FORMAT, version: VERSION, ...head })}\n`
  for (let i = 0; i < states.length; i++) {
    piece += `${stateJson(states[i]!)}\n`
    if (i % CHUNK !== CHUNK - 1) continue
    sum = crc32(piece, sum)
    yield piece
    piece = ''
  }
  sum = crc32(piece, sum)
  yield `${piece}${JSON.stringify({ end: states.length, crc32: sum })}\n`
}

/** Reads a whole file; undefined when it is torn, changed, or none of ours. */
export function readSnapshot (text: string): Snapshot | undefined {
  try {
    const bodyEnd = text.lastIndexOf('\n', text.length - 2) + 1
    const body = text.slice(0, bodyEnd)
    const lines = body.trimEnd().split('\n')
    const end = JSON.parse(text.slice(bodyEnd)) as Tree
    if (end.crc32 !== crc32(body) || end.end !== lines.length - 1) return undefined
    const head = JSON.parse(lines[0]!) as Tree
    if (head.format !== FORMAT || head.version !== VERSION) return undefined
    const entries = lines.slice(1).map(entry)
    return { epoch: String(head.epoch), n: Number(head.n), clean: head.clean === true, at: Number(head.at), entries }
  } catch {
    return undefined
  }
}

function entry (json: string): InstanceState {
  const state = readState(JSON.parse(json))
  if (state === undefined) throw new Error('an instance that would be refused')
  return state
}
