/** Faults of what services keep their data in. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '@breakwater/messaging/testing'
import type { Platform } from '../platform/platform.ts'
import { seen, storeIsDown } from './fault.ts'

const SQLITE = ['orders', 'payments', 'order-history'] as const

/** A stranger holds the lock, for longer than a command waits. */
export async function lockDatabase (platform: Platform, random: Random): Promise<boolean> {
  const service = random.pick(SQLITE)
  const file = join(platform.dir, 'data', service, `${service}.db`)
  if (!existsSync(file)) return false
  const database = new DatabaseSync(file, { timeout: 100 })
  try {
    if (!await seen(() => isLocked(database), 2000)) return false
    const [bit] = await Promise.all([seen(() => storeIsDown(platform.process(service)), 2000),
      delay(1500 + random.below(3500))])
    database.exec('ROLLBACK')
    return bit
  } finally {
    database.close()
  }
}

function isLocked (database: DatabaseSync): boolean {
  try {
    database.exec('BEGIN IMMEDIATE')
    return true
  } catch {
    // The service was faster; another try.
    return false
  }
}

export async function fillDisk (platform: Platform, random: Random): Promise<boolean> {
  const { disk } = platform
  if (disk === undefined) return false
  disk.fill()
  const bit = disk.isFull()
  await delay(1000 + random.below(5000))
  disk.free()
  return bit
}
