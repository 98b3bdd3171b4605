/** Asks whether somebody listens at an address, the cheapest question there is. */
import { connect } from 'node:net'

export type Probe = (host: string, port: number) => Promise<boolean>

const DEADLINE_MS = 1_000

/** Connects and closes; false on refusal or after a second. */
export function tcpProbe (host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host, port })
    const done = (well: boolean) => {
      socket.destroy()
      resolve(well)
    }
    socket.setTimeout(DEADLINE_MS, () => done(false))
    socket.once('connect', () => done(true))
    socket.once('error', () => done(false))
  })
}
