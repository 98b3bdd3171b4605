/** The limits on connections are those of the gateway on one event loop and on four. */
import t from 'tap'
import { DATA_PLANE_DEFAULTS } from '../data-plane-options.ts'
import { createDataPlane } from '../workers/data-plane.ts'
import { until } from './harness.ts'
import { DYING, onOneAndFour } from './many-loops.ts'
import { RawClient, route, split, startDataPlane } from './raw.ts'

/** Connections that stay open after an answer; the others were closed without one. */
async function opened (port: number, count: number): Promise<RawClient[]> {
  const clients = Array.from({ length: count }, () => new RawClient(port).send('GET /none HTTP/1.1\r\nHost: h\r\n\r\n'))
  await Promise.all(clients.map(one => one.until(received => split(received).length === 1)))
  return clients.filter(one => !one.closed)
}

for (const limits of [{ maxConnections: 6 }, { maxConnectionsPerAddress: 6 }]) {
  onOneAndFour(`${Object.keys(limits)[0]}`, async (t, count) => {
    const { port, dataPlane } = await startDataPlane([route('all', 'no://op', '/**')], { workers: count, limits })
    t.teardown(() => dataPlane.stop(0))
    const first = await opened(port, 48)
    t.equal(first.length, 6)
    for (const one of first) one.socket.destroy()
    // The gateway hears of it a moment later.
    await until('room for others', async () => {
      const second = await opened(port, 48)
      for (const one of second) one.socket.destroy()
      t.ok(second.length <= 6)
      return second.length === 6
    })
  })

  t.test(`the connections of a loop that dies are no longer counted: ${Object.keys(limits)[0]}`, async t => {
    const logged: string[] = []
    const bounded = { ...DATA_PLANE_DEFAULTS.limits, ...limits }
    const options = { ...DATA_PLANE_DEFAULTS, port: 0, workers: 4, limits: bounded }
    const dataPlane = createDataPlane(options, (_, message) => { logged.push(message) }, { compilerModule: DYING })
    t.teardown(() => dataPlane.stop(0))
    const { port } = await dataPlane.start()
    t.equal((await opened(port, 48)).length, 6)
    await dataPlane.ask('die')
    await until('the loops to die', () => logged.filter(line => line.includes('died and is replaced')).length === 4)
    await until('room for others', async () => {
      const others = await opened(port, 12)
      t.ok(others.length <= 6)
      for (const one of others) one.socket.destroy()
      return others.length === 6
    })
  })
}
