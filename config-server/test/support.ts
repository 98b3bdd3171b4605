/** What the tests of this package share: folders of files, a server over them, and requests with raw paths. */
import { mkdir, mkdtemp, realpath, rename, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createLogger, type Logger } from '@breakwater/starter'
import { createConfigServer, NATIVE_DEFAULTS, type NativeOptions, type ConfigServer, type ConfigServerContext, type ConfigServerOptions } from '../index.ts'

export interface Teardown {
  teardown (fn: () => unknown): void
}

/** A temporary folder with these files, removed at the end of the test. */
export async function folder (t: Teardown, files: Record<string, string | Buffer> = {}): Promise<string> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'config-server-')))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  await write(root, files)
  return root
}

/** Each file at once, as editors and `git` do: one that is written in place is empty for a moment, and read as such. */
export async function write (root: string, files: Record<string, string | Buffer>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const file = join(root, name)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(`${file}.new`, content)
    await rename(`${file}.new`, file)
  }
}

/** A server over one folder. */
export async function startNative (
  t: Teardown, files: Record<string, string | Buffer>, options: Partial<ConfigServerOptions> = {},
  native: Partial<NativeOptions> = {}, context: ConfigServerContext = {}
): Promise<ConfigServer & { root: string }> {
  const root = await folder(t, files)
  const server = await createConfigServer({
    port: 0, backends: [{ type: 'native', native: { ...NATIVE_DEFAULTS, searchLocations: [`file:${root}`], ...native } }], ...options
  }, context)
  t.teardown(() => server.stop())
  return { ...server, root }
}

export interface Reply {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: Buffer
  readonly text: string
  // oxlint-disable-next-line typescript/no-explicit-any -- the tests look into bodies of many shapes
  readonly json: any
}

export interface RequestOptions {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string | Buffer
}

/** One request whose path goes out exactly as written. */
export async function ask (url: string, path: string, options: RequestOptions = {}): Promise<Reply> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const request = http.request({
      hostname, port, path, method: options.method ?? 'GET', timeout: 30_000,
      headers: { ...options.headers, ...(options.body === undefined ? {} : { 'content-length': Buffer.byteLength(options.body) }) }
    }, response => {
      const chunks: Buffer[] = []
      response.on('data', chunk => chunks.push(chunk as Buffer))
      response.on('error', reject)
      response.on('end', () => {
        const body = Buffer.concat(chunks)
        const text = body.toString()
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body,
          text,
          get json () { return JSON.parse(text) }
        })
      })
    })
    request.on('timeout', () => request.destroy(new Error(`no answer from ${path} within 30 s`)))
    request.on('error', reject)
    request.end(options.body)
  })
}

/** Waits until a check holds; fails loudly after a minute and a half. */
export async function eventually<T> (what: string, check: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadline = Date.now() + 90_000
  for (;;) {
    const result = await check()
    if (result !== undefined && result !== false) return result
    if (Date.now() > deadline) throw new Error(`${what}: not within 90 s`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

export const V2 = 'application/vnd.spring-cloud.config-server.v2+json'

/** A logger that writes into a list, to look at what a server says. */
export function listLogger (): { log: Logger, lines: string[] } {
  const lines: string[] = []
  const destination = { write: (line: string) => { lines.push(line) } }
  return { log: createLogger({ name: 'config-server', level: 'debug', destination }), lines }
}
