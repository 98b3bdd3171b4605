/** Where a Redis is, and what is demanded of it. */
import type { Settings } from '@breakwater/starter/settings'
import type { Clock } from '../../clock.ts'
import { messagingError } from '../../errors.ts'
import { ASSUMPTIONS, type Assumption } from './fitness.ts'

export interface RedisOptions {
  /** `redis://host:6379/0` or `rediss://...` */
  readonly url: string
  /** Names the data: `inventory` keeps its entries at `{inventory}:data`. */
  readonly name: string
  /** What the operator answers for instead of the server. @default nothing */
  readonly assume?: readonly Assumption[]
  /** How many replicas must have a commit before it is acknowledged. @default 1 at a server that has had one */
  readonly replicas?: number
  /** How long a command may take before it is undone. @default 5000 */
  readonly commandMs?: number
  /** How often the server is asked again whether it is fit. @default 10000 */
  readonly recheckMs?: number
  /** How long the right to relay lasts without being renewed. @default 5000 */
  readonly leadMs?: number
  /** @default the machine's */
  readonly clock?: Clock
  readonly random?: () => number
}

/** Reads `breakwater.store.assume` and `breakwater.store.replicas`. */
export function readRedisOptions (settings: Pick<Settings, 'string'>): Pick<RedisOptions, 'assume' | 'replicas'> {
  const assume = settings.string('breakwater.store.assume', '').split(',').map(word => word.trim()).filter(Boolean)
  const unknown = assume.find(word => !ASSUMPTIONS.includes(word as Assumption))
  if (unknown !== undefined) throw impossible('assume', `"${unknown}"`, ASSUMPTIONS.join(', '))
  const replicas = settings.string('breakwater.store.replicas', '')
  if (!/^\d?$/.test(replicas)) throw impossible('replicas', `"${replicas}"`, '0 to 9')
  return { assume: assume as Assumption[], ...(replicas === '' ? {} : { replicas: Number(replicas) }) }
}

/** Throws E_STORE_SETTING when the URL is none of a Redis. */
export function checkUrl (url: string): void {
  const protocol = URL.canParse(url) ? new URL(url).protocol : 'no URL'
  if (!/^rediss?:$/.test(protocol)) throw impossible('url', protocol, 'redis://host:port/0 or rediss://host:port/0')
}

function impossible (setting: string, value: string, possible: string): Error {
  return messagingError('E_STORE_SETTING', [`breakwater.store.${setting}`, value, possible])
}
