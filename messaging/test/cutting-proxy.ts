import { connect, createServer, type AddressInfo } from 'node:net'

export interface CuttingProxy {
  readonly port: number
  /** The next call with these bytes reaches the server; when the server has answered, the connection is cut instead. */
  cutBehind (bytes: string): void
  /** Connections that were cut. */
  readonly cuts: number
  close (): Promise<void>
}

/** Stands before a server and loses answers: what was asked is done, and nobody hears of it. */
export async function cuttingProxy (targetPort: number): Promise<CuttingProxy> {
  let marker: string | undefined
  let cuts = 0
  const server = createServer(client => {
    const upstream = connect(targetPort, '127.0.0.1')
    let cutting = false
    client.on('data', data => {
      if (marker !== undefined && data.includes(marker)) {
        marker = undefined
        cutting = true
      }
      upstream.write(data)
    })
    upstream.on('data', data => {
      if (!cutting) return client.write(data)
      cuts++
      client.destroy()
    })
    for (const [one, other] of [[client, upstream], [upstream, client]] as const) {
      one.on('error', () => {})
      one.on('close', () => { other.destroy() })
    }
  })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  return {
    port: (server.address() as AddressInfo).port,
    cutBehind: bytes => { marker = bytes },
    get cuts () { return cuts },
    close: () => new Promise(resolve => { server.close(() => { resolve() }) })
  }
}
