/** Ports of 127.0.0.1 for tests. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'

/**
 * A port where nobody listens, and nobody will while this process lives: a connection goes out from it, so that the
 * kernel gives it to no test beside this one.
 */
export async function deadPort (): Promise<number> {
  const server = createServer((socket) => { socket.unref() }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const holder = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await once(holder, 'connect')
  server.close().unref()
  return holder.unref().localPort!
}

/** A port that is free now, for a server that cannot choose one itself. */
export async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  return port
}
