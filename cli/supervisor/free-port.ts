/** Ports for those who did not ask for one. */
import { createServer } from 'node:net'

/** Below what systems hand out to outgoing connections: those would take a port between our look and its use. */
const FIRST = 20_000
const LAST = 31_999

const given = new Set<number>()

/** A port that is free now, and that nobody was given by this process before. */
export async function freePort (random: () => number = Math.random): Promise<number> {
  const from = Math.floor(random() * (LAST - FIRST + 1))
  for (let step = 0; step <= LAST - FIRST; step++) {
    const port = FIRST + (from + step) % (LAST - FIRST + 1)
    if (given.has(port) || !await isFree(port)) continue
    given.add(port)
    return port
  }
  throw new Error(`no port from ${FIRST} to ${LAST} is free`)
}

function isFree (port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => { resolve(false) })
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => { server.close(() => { resolve(true) }) })
  })
}
