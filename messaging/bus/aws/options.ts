/** How the SNS/SQS bus is set up. The URL is `aws://REGION?endpoint=http://...`. */
import type { Clock } from '../../clock.ts'
import { messagingError } from '../../errors.ts'

export interface AwsBusOptions {
  readonly region: string
  /** Only for emulators; without it the SDK finds AWS by itself. */
  readonly endpoint?: string | undefined
  /** Create topics, queues and subscriptions that are missing; otherwise a missing one is an error at start. */
  readonly provision: boolean
  /** Keys for emulators; without them the SDK's own chain is asked (IRSA on EKS). */
  readonly credentials?: { readonly accessKeyId: string, readonly secretAccessKey: string } | undefined
  /** Seconds until an unsettled message goes to somebody else. Default 30, at least 2. */
  readonly visibilitySeconds?: number
  /** Seconds a receive waits, and a stop at most for it. Default 5; 0 asks ten times a second. */
  readonly waitSeconds?: number
  /** For tests: waits before the second, third, ... try. */
  readonly retryDelaysMs?: readonly number[]
  /** Between two tries of a handler whose store is down. Default 1000. */
  readonly probeMs?: number
  /** Messages that a consumer holds at most, also those that wait. Default 1000. */
  readonly maxInHand?: number
  /** @default the machine's */
  readonly clock?: Clock
}

/**
 * Reads `aws://eu-central-1` and `aws://eu-central-1?endpoint=http://localhost:4566`. Keys do not belong into a URL,
 * which is shown in logs; one that has some is refused, and not repeated.
 */
export function readAwsUrl (url: string, provision: boolean): AwsBusOptions {
  const { protocol, host, searchParams, username, password } = URL.canParse(url) ? new URL(url) : NOTHING
  const endpoint = searchParams.get('endpoint') ?? undefined
  const given = endpoint === undefined || !URL.canParse(endpoint) ? undefined : new URL(endpoint)
  const hasKeys = [username, password, given?.username, given?.password].some(Boolean)
  if (protocol !== 'aws:' || host === '' || hasKeys || (endpoint !== undefined && given === undefined)) {
    throw messagingError('E_BUS_URL', [`${protocol}//${host}${endpoint === undefined ? '' : ' with this endpoint'}`])
  }
  // An emulator takes any keys, and the SDK refuses to go without.
  const credentials = endpoint === undefined ? undefined : { accessKeyId: 'test', secretAccessKey: 'test' }
  return { region: host, endpoint, provision, credentials }
}

const NOTHING = { protocol: '', host: '', searchParams: new URLSearchParams(), username: '', password: '' }
