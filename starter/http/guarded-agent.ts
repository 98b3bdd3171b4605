/** Connections of undici that go only where a rule lets them, whoever chose the address. */
import type { Agent as UndiciAgent, buildConnector as BuildConnector } from 'undici'
import type { Destinations } from '../security/destinations.ts'
import { Agent, buildConnector, Pool } from './undici.ts'

export interface GuardedAgentOptions extends Omit<UndiciAgent.Options, 'connect' | 'factory'> {
  readonly connect: BuildConnector.BuildOptions
  /** Whether the operator wrote this origin. Default: none is. */
  readonly isWritten?: (origin: string) => boolean
}

/** A connection that is refused fails with E_DESTINATION. */
export function guardedAgent (
  destinations: Destinations, { connect, isWritten = () => false, ...options }: GuardedAgentOptions
): UndiciAgent {
  return new Agent({
    ...options,
    factory: (origin, rest: object) => {
      const { protocol, hostname, port, origin: name } = new URL(origin)
      const target = {
        host: hostname.replace(/^\[|\]$/g, ''),
        port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
        written: isWritten(name)
      }
      const dial = buildConnector({ ...connect, lookup: destinations.lookup(target) })
      return new Pool(origin, {
        ...rest,
        connect: (asked, callback) => {
          const refusal = destinations.refusal(target)
          if (refusal === undefined) dial(asked, callback)
          else callback(refusal, null)
        }
      })
    }
  })
}
