/** How the SNS/SQS bus is set up. The URL is `aws://REGION?endpoint=http://...&account=...`. */
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
  /** Seconds until an unsettled message goes to somebody else. Default 30. */
  readonly visibilitySeconds?: number
  /** Seconds a receive waits. Default 20. */
  readonly waitSeconds?: number
  /** For tests: waits before the second, third, ... try. */
  readonly retryDelaysMs?: readonly number[]
  /** Between two tries of a handler whose store is down. Default 1000. */
  readonly probeMs?: number
  /** @default the machine's */
  readonly clock?: Clock
}

/** Reads `aws://eu-central-1` and `aws://eu-central-1?endpoint=http://localhost:4566`. */
export function readAwsUrl (url: string, provision: boolean): AwsBusOptions {
  const { protocol, host, searchParams } = new URL(url)
  if (protocol !== 'aws:' || host === '') throw messagingError('E_BUS_URL', [url])
  const endpoint = searchParams.get('endpoint') ?? undefined
  // An emulator takes any keys, and the SDK refuses to go without.
  const credentials = endpoint === undefined ? undefined : { accessKeyId: 'test', secretAccessKey: 'test' }
  return { region: host, endpoint, provision, credentials }
}
