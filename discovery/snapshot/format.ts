import { crc32 } from 'node:zlib'
import { decodeInstance, decodeTime } from '../eureka/decode.ts'
import { isTree, type Tree } from '../eureka/body.ts'
import { instanceJson } from '../eureka/json.ts'
import { isStatus, type Instance, type Status } from '../registry/instance.ts'
import type { Lease } from '../registry/lease.ts'

/** What a snapshot file says of the log that it was taken from. */
export interface SnapshotHead {
  readonly epoch: string
  readonly n: number
  /** Written by a registry that stopped in peace: nothing can have changed after it. */
  readonly clean: boolean
}

/** One instance with what an operator set. */
export interface SnapshotEntry {
  readonly instance: Instance
  readonly override: Status | undefined
}

export interface Snapshot extends SnapshotHead {
  readonly entries: readonly SnapshotEntry[]
}

const FORMAT = 'breakwater-registry'
const VERSION = 1
/** So many instances are written between two breaths of the event loop. */
const CHUNK = 200

/**
 * The file, piece by piece: a head line, a line per instance, and a last line with their number and checksum, without
 * which the file is torn.
 */
export function * writeSnapshot (head: SnapshotHead, leases: readonly Lease[]): Generator<string> {
  let sum = 0
  let piece = `${JSON.stringify({ format: FORMAT, version: VERSION, ...head })}\n`
  for (let i = 0; i < leases.length; i++) {
    piece += line(leases[i]!)
    if (i % CHUNK !== CHUNK - 1) continue
    sum = crc32(piece, sum)
    yield piece
    piece = ''
  }
  sum = crc32(piece, sum)
  yield `${piece}${JSON.stringify({ end: leases.length, crc32: sum })}\n`
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
    return { epoch: String(head.epoch), n: Number(head.n), clean: head.clean === true, entries }
  } catch {
    return undefined
  }
}

function line ({ instance, override }: Lease): string {
  return `{"override":${override === undefined ? null : `"${override}"`},"instance":${instanceJson(instance)}}\n`
}

function entry (json: string): SnapshotEntry {
  const { override, instance: raw } = JSON.parse(json) as Tree
  if (!isTree(raw)) throw new Error('no instance')
  const instance = decodeInstance(raw)
  if (!('hostName' in instance)) throw new Error('an instance that would be refused')
  const times = isTree(raw.leaseInfo) ? raw.leaseInfo : {}
  const lease = {
    ...instance.lease,
    registeredAt: decodeTime(times.registrationTimestamp) ?? 0,
    serviceUpAt: decodeTime(times.serviceUpTimestamp) ?? 0
  }
  return { instance: { ...instance, lease }, override: isStatus(override) ? override : undefined }
}
