/** Stores that do not take what they are given. */
import { kind, type Kinds } from '../kind.ts'
import { SERVICES, SQLITE, type NodeName } from '../names.ts'
import type { Stage } from '../stage.ts'
import type { KeyValueDisk, Random, SqliteDisk } from '@breakwater/messaging/testing'

const ANY = [...SERVICES, 'bus'] as const

function planned (random: Random) {
  return { node: random.pick(ANY), ms: 100 + random.below(15_000) }
}

function withDisk (
  name: 'setFull' | 'setReadOnly'
): (stage: Stage, args: { node: NodeName, ms: number }) => void {
  return (stage, { node, ms }) => {
    const set = (on: boolean): void => {
      const { disk, machine } = stage.node(node)
      if (machine.process !== undefined) (disk as SqliteDisk | KeyValueDisk | undefined)?.[name](on)
    }
    stage.during(ms, () => { set(true) }, () => { set(false) })
  }
}

export const STORE_FAULTS: Kinds = {
  'store locked': kind(3, random => ({ node: random.pick(SQLITE), ms: 100 + random.below(5000) }), (stage, { node, ms }) => {
    const disk = stage.sqlite(node)
    stage.during(ms, () => { if (stage.node(node).running) disk.lock() }, () => { disk.unlock() })
  }),
  'disk full': kind(3, planned, withDisk('setFull')),
  'store read-only': kind(3, planned, withDisk('setReadOnly')),
  'flush fails': kind(2, random => ({ node: random.pick(SQLITE), ms: 100 + random.below(5000) }), (stage, { node, ms }) => {
    const disk = stage.sqlite(node)
    stage.during(ms, () => { disk.broken = true }, () => {
      disk.broken = false
      // The store takes nothing until it is opened anew; nobody knows what the disk has dropped.
      stage.crash(node, 'power cut', 500)
    })
  })
}
