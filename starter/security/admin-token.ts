/**
 * Who administers a server that asks nobody who he is: whoever can read a file of the user that runs it. A request that
 * was forwarded, by whatever proxy and with whatever headers, cannot have that.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { link, mkdir, open, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { starterError } from '../starter-errors.ts'

/** `breakwater.security.admin-token-file`. */
export const TOKEN_FILE_KEY = 'breakwater.security.admin-token-file'
const TOKEN_BYTES = 32
const MAX_TOKEN_BYTES = 1024

export function defaultTokenFile (): string {
  return join(homedir(), '.breakwater', 'admin-token')
}

/** The token in the file, which is made at the first question; throws E_ADMIN_TOKEN when it cannot be had safely. */
export async function adminToken (file: string): Promise<string> {
  try {
    return await readToken(file) ?? await makeToken(file)
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message
    throw starterError('E_ADMIN_TOKEN', [file, why], { where: TOKEN_FILE_KEY, cause })
  }
}

/** Whether the Authorization header shows the token: as Bearer, or as the password of Basic, which browsers ask for. */
export function showsToken (authorization: string | undefined, token: string): boolean {
  const [scheme = '', value = ''] = (authorization ?? '').split(' ', 2)
  if (/^bearer$/i.test(scheme)) return isSame(value, token)
  if (!/^basic$/i.test(scheme)) return false
  const pair = Buffer.from(value, 'base64').toString()
  return isSame(pair.slice(pair.indexOf(':') + 1), token)
}

/** A file that others may read proves nothing. */
async function readToken (file: string): Promise<string | undefined> {
  const handle = await open(file, 'r').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined
    throw cause
  })
  if (handle === undefined) return undefined
  try {
    const { mode, size, uid } = await handle.stat()
    const own = process.getuid === undefined || uid === process.getuid()
    if (!own || (process.platform !== 'win32' && (mode & 0o077) !== 0)) throw new Error('others may read or write it')
    const token = size > MAX_TOKEN_BYTES ? '' : (await handle.readFile('utf8')).trim()
    if (token === '') throw new Error('it holds no token')
    return token
  } finally {
    await handle.close()
  }
}

/** Whole or not at all, and once: of two that make it, one has made it for both. */
async function makeToken (file: string): Promise<string> {
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const handle = await open(draft, 'wx', 0o600)
  try {
    await handle.writeFile(`${token}\n`)
    await handle.sync()
    await handle.close()
    await link(draft, file)
    return token
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
    return await readToken(file) ?? token
  } finally {
    await rm(draft, { force: true })
  }
}

function isSame (given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)]
  return a.length === b.length && timingSafeEqual(a, b)
}
