/** Asks whether somebody listens at an address, the cheapest question there is. */
import type { Destinations } from '@breakwater/starter/security'
import { dial, type Address } from './dial.ts'

export type Probe = (instance: Address) => Promise<boolean>

const DEADLINE_MS = 1_000

/** Connects and closes; false on refusal or after a second. */
export function tcpProbe (instance: Address, destinations: Destinations): Promise<boolean> {
  return new Promise(resolve => {
    const socket = dial({ ...instance, secure: false }, {}, destinations)
    const done = (well: boolean) => {
      socket.destroy()
      resolve(well)
    }
    socket.setTimeout(DEADLINE_MS, () => done(false))
    socket.once('connect', () => done(true))
    socket.once('error', () => done(false))
  })
}
