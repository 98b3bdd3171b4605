/** Makes a server of this machine reachable at another of its addresses, so that pods can use it. */
import { once } from 'node:events'
import net from 'node:net'

export interface Exposed {
  readonly port: number
  close (): void
}

/** Forwards connections to `host` on a free port to the target's. */
export async function expose (target: URL, host: string): Promise<Exposed> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer((from) => {
    const to = net.connect(Number(target.port), target.hostname)
    for (const [socket, other] of [[from, to], [to, from]] as const) {
      sockets.add(socket)
      socket.on('error', () => other.destroy())
      socket.on('close', () => sockets.delete(socket))
      socket.pipe(other)
    }
  })
  server.listen(0, host)
  await once(server, 'listening')
  return {
    port: (server.address() as net.AddressInfo).port,
    close () {
      server.close()
      for (const socket of sockets) socket.destroy()
    }
  }
}
