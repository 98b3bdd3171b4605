import type { Change } from '../registry/change-log.ts'
import { instanceJson } from '../eureka/json.ts'

/** The opaque position in the change log that clients hand back: an epoch, which no two logs share, and a number. */
export function formatIndex (epoch: string, n: number): string {
  return `${epoch}-${n}`
}

/** The number in an index of this epoch; undefined for anything else. */
export function parseIndex (epoch: string, index: string | undefined): number | undefined {
  if (index === undefined || !index.startsWith(`${epoch}-`)) return undefined
  const digits = index.slice(epoch.length + 1)
  return /^\d{1,15}$/.test(digits) ? Number(digits) : undefined
}

/** One change as the stream and the long poll write it. */
export function changeJson (epoch: string, { n, instance }: Change): string {
  return `{"index":"${formatIndex(epoch, n)}","action":"${instance.action}","instance":${instanceJson(instance)}}`
}

export function changeEvent (epoch: string, change: Change): string {
  return `event: change\nid: ${formatIndex(epoch, change.n)}\ndata: ${changeJson(epoch, change)}\n\n`
}

/** The first line and the last of a snapshot; the instances go between them. No JSON of ours holds a line break. */
export function snapshotHead (index: string): string {
  return `event: snapshot\nid: ${index}\ndata: {"index":"${index}","instances":[`
}

export const SNAPSHOT_TAIL = ']}\n\n'

/** A comment that keeps proxies from closing a quiet stream and finds readers that are gone. */
export const PING = Buffer.from(': ping\n\n')
