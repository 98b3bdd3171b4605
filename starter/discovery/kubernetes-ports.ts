/**
 * Which port of a Service is the one that callers mean, and what is spoken there. Pure.
 *
 * A Service with a port for metrics or management beside its own must not be called there by accident: it would show
 * its actuator to whoever comes through the gateway. What is asked for by name counts first; then what names and
 * protocols say; a guess among several is told, so that somebody can say it.
 */

/** A port of an EndpointSlice: the name is the Service's, the number the pod's. */
export interface SlicePort {
  readonly name?: string | null
  readonly port?: number | null
  readonly protocol?: string | null
  readonly appProtocol?: string | null
}

export interface PortWishes {
  /** `breakwater.kubernetes.services.NAME.port-name`: this port or none. */
  readonly ofService?: string | undefined
  /** The Service's label `primary-port-name`, as Spring Cloud Kubernetes reads it; what is no port is passed over. */
  readonly ofLabel?: string | undefined
  /** `breakwater.kubernetes.port-name`: this port or none. */
  readonly ofAll?: string | undefined
}

export interface ChosenPort {
  readonly port: number
  readonly secure: boolean
  /** True: by prior knowledge, or by ALPN where it is secure; false: HTTP/1.1 only; undefined: nothing is said. */
  readonly http2: boolean | undefined
  /** Several could have been meant. */
  readonly guessed: boolean
}

const SECURE = new Set(['https', 'wss', 'kubernetes.io/wss'])
/** GEP-1911 and KEP-3726, and what Istio and older manifests write. */
const HTTP2 = new Set(['h2c', 'kubernetes.io/h2c', 'http2', 'grpc', 'grpc-web'])
const HTTP1 = new Set(['ws', 'wss', 'kubernetes.io/ws', 'kubernetes.io/wss'])
const CALLABLE = new Set(['http', 'https', ...HTTP2, ...HTTP1])
/** Names by which ports are scraped, probed and managed. */
const NOT_FOR_CALLERS = /(?:^|-)(?:metrics?|prometheus|prom|mgmt|management|actuator|admin|health|probes?|debug|jmx|monitor(?:ing)?)(?:-|$)/i

/** Undefined: there is none that may be called. */
export function choosePort (all: readonly SlicePort[], wishes: PortWishes): ChosenPort | undefined {
  const ports = all.filter(port => port.port != null && (port.protocol ?? 'TCP') === 'TCP')
  const named = (name: string | undefined): SlicePort | undefined =>
    ports.find(port => name !== undefined && port.name === name)
  if (wishes.ofService !== undefined) return read(named(wishes.ofService))
  const labelled = named(wishes.ofLabel)
  if (labelled !== undefined) return read(labelled)
  if (wishes.ofAll !== undefined) return read(named(wishes.ofAll))
  const clear = named('http') ?? named('https') ?? (ports.length === 1 ? ports[0] : undefined)
  return clear === undefined ? guess(ports) : read(clear)
}

function guess (ports: readonly SlicePort[]): ChosenPort | undefined {
  const possible = ports.filter(({ name }) => !NOT_FOR_CALLERS.test(name ?? ''))
  const chosen = read(possible.find(({ appProtocol }) => CALLABLE.has(wordOf(appProtocol))) ?? possible[0])
  return chosen && { ...chosen, guessed: true }
}

function read (chosen: SlicePort | undefined): ChosenPort | undefined {
  if (chosen?.port == null) return undefined
  const protocol = wordOf(chosen.appProtocol)
  const looksSecure = chosen.name === 'https' || chosen.port === 443
  return {
    port: chosen.port,
    // What the Service says of itself counts before what its name or number is usually used for.
    secure: SECURE.has(protocol) || (!CALLABLE.has(protocol) && looksSecure),
    http2: HTTP2.has(protocol) ? true : HTTP1.has(protocol) ? false : undefined,
    guessed: false
  }
}

function wordOf (appProtocol: string | null | undefined): string {
  return (appProtocol ?? '').toLowerCase()
}
