/** Puts right whatever went wrong, so that what is wrong afterwards is the product's doing. */
import type { KeyValueDisk } from '@breakwater/messaging/testing'
import { NODES, SQLITE, type ServiceName, type SqliteName } from './names.ts'
import type { Stage } from './stage.ts'

export function putRight (stage: Stage): void {
  const { world } = stage
  world.harm('calm')
  world.deliveries.lose = () => false
  for (const name of NODES) {
    const { machine } = stage.node(name)
    machine.wallOffsetMs = 0
    world.network.cut(machine, false)
  }
  for (const name of SQLITE) repair(stage, name)
  const inventory = stage.node('inventory').disk as KeyValueDisk
  inventory.setFull(false)
  inventory.setReadOnly(false)
  for (const name of stage.conditions.keys()) renew(stage, name as ServiceName)
}

function repair (stage: Stage, name: SqliteName): void {
  const disk = stage.sqlite(name)
  disk.unlock()
  disk.setFull(false)
  disk.setReadOnly(false)
  // After a flush that failed the store takes nothing until it is opened anew.
  if (disk.broken) begin(stage, name, 'power cut')
  disk.broken = false
}

/** A version that is slow or old is replaced; one that has a fault has none any more. */
function renew (stage: Stage, name: ServiceName): void {
  const condition = stage.conditions.get(name)!
  const replaced = condition.slowMs > 0 || condition.older
  Object.assign(condition, { slowMs: 0, faulty: false, older: false })
  if (replaced) begin(stage, name, 'kill')
}

function begin (stage: Stage, name: ServiceName | SqliteName, how: 'kill' | 'power cut'): void {
  stage.node(name).crash(how)
  stage.startAgain(name)
}
