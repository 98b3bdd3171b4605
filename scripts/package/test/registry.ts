/**
 * What npm needs of a registry, on loopback and in memory: it takes what `npm publish` sends, checked as a registry
 * checks it, and gives it to `npm install`. Of other scopes it knows nothing: those come from npm's own.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

interface Version { readonly dist: { readonly integrity: string, tarball: string } }

/** The document that npm sends and asks for. */
interface Packument {
  readonly name: string
  readonly 'dist-tags': Record<string, string>
  readonly versions: Record<string, Version>
  readonly _attachments?: Readonly<Record<string, { readonly data: string }>>
}

export interface Registry {
  readonly url: string
  close (): void
}

export async function startRegistry (): Promise<Registry> {
  const [packuments, tarballs] = [new Map<string, Packument>(), new Map<string, Buffer>()]
  const server = createServer((request, response) => {
    answer(request, response, packuments, tarballs).catch((error: unknown) => {
      response.writeHead(400).end(JSON.stringify({ error: String(error) }))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => { server.close() } }
}

async function answer (
  request: IncomingMessage, response: ServerResponse, packuments: Map<string, Packument>, tarballs: Map<string, Buffer>
): Promise<void> {
  const path = decodeURIComponent(new URL(request.url!, 'http://registry').pathname).slice(1)
  if (request.method === 'PUT') {
    const packument = JSON.parse((await buffer(request)).toString()) as Packument
    for (const [name, { data }] of Object.entries(packument._attachments ?? {})) {
      tarballs.set(name, checked(packument, Buffer.from(data, 'base64'), `http://${request.headers.host}/-/${name}`))
    }
    packuments.set(path, { ...packument, _attachments: {} })
    response.writeHead(201).end('{}')
    return
  }
  const found = path.startsWith('-/') ? tarballs.get(path.slice(2)) : packuments.get(path)
  if (found === undefined) response.writeHead(404).end('{}')
  else response.writeHead(200).end(Buffer.isBuffer(found) ? found : JSON.stringify(found))
}

/** The tarball, when it is the one that its version promises; it is then to be had at `url`. */
function checked ({ versions }: Packument, tarball: Buffer, url: string): Buffer {
  const { dist } = Object.values(versions)[0]!
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`
  if (dist.integrity !== integrity) throw new Error(`the tarball is ${integrity}, and ${dist.integrity} was promised`)
  dist.tarball = url
  return tarball
}
