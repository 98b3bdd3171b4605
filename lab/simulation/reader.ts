/** Readers of the order history, who may be told "not yet", and never something older than what was promised. */
import type { Stage } from './stage.ts'

export function readOrder (stage: Stage, id: string, minVersion: number, waitMs: number): void {
  const { seen } = stage
  const before = seen.get(id) ?? 0
  const path = `/order-history/${id}?minVersion=${minVersion}&waitMs=${waitMs}`
  stage.ask('order-history', { method: 'GET', path }, 5000).then(({ status, body }) => {
    stage.count(`read: ${status}`)
    if (status !== 200) return
    const version = Number(body.version)
    if (version < minVersion) stage.violations.push(`READ ${id} in version ${version}, where ${minVersion} was asked for`)
    if (version < before) stage.violations.push(`READ ${id} went back from version ${before} to ${version}`)
    seen.set(id, Math.max(version, seen.get(id) ?? 0))
  }, () => { stage.count('read: no answer') })
}
