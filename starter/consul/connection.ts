/**
 * How a process reaches Consul: its agent on this machine, or one elsewhere, by TLS and with a token when told so.
 * Used by everything that talks to Consul, so that one set of settings answers for all of it.
 */
import { readFileSync } from 'node:fs'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import Consul from 'consul'
import { errorTable } from '../errors.ts'
import type { Settings } from '../settings/settings.ts'

/** What went wrong between us and Consul. */
export const consulError = errorTable({
  E_CONSUL_SETTING: { text: '%s.', next: 'Correct the setting.' },
  E_CONSUL_FILE: { text: 'cannot be read (%s).', next: 'Check the path and its permissions.' },
  E_CONSUL_KV: {
    text: 'Consul gave no configuration (%s).',
    next: 'Start it, correct spring.cloud.consul.*, or import it as "optional:consul:" to start without.',
    canRetry: true
  }
})

export interface ConsulConnection {
  /** `spring.cloud.consul.host`. @default localhost */
  readonly host: string
  /** `spring.cloud.consul.port`. @default 8500 */
  readonly port: number
  /** `spring.cloud.consul.scheme`. @default http */
  readonly secure: boolean
  /** `spring.cloud.consul.token`; never logged. @default none */
  readonly token: string | undefined
  /** `breakwater.consul.tls.*`: PEM files. */
  readonly tls: ConsulTls
}

export interface ConsulTls {
  /** `ca-file`: whose certificates are trusted. @default those of Node */
  readonly caFile: string | undefined
  /** `cert-file` and `key-file`: who we are, where Consul asks. @default none */
  readonly certFile: string | undefined
  readonly keyFile: string | undefined
}

/** Reads the connection from Spring's settings. */
export function readConsulConnection (settings: Settings): ConsulConnection {
  const key = (name: string) => `spring.cloud.consul.${name}`
  const scheme = settings.string(key('scheme'), 'http').toLowerCase()
  if (scheme !== 'http' && scheme !== 'https') {
    const where = settings.origin(key('scheme')) ?? key('scheme')
    throw consulError('E_CONSUL_SETTING', [`"${scheme}" is neither http nor https`], { where })
  }
  return {
    host: settings.string(key('host'), 'localhost'),
    port: settings.integer(key('port'), 8500),
    secure: scheme === 'https',
    token: settings.get(key('token')) || undefined,
    tls: {
      caFile: settings.get('breakwater.consul.tls.ca-file'),
      certFile: settings.get('breakwater.consul.tls.cert-file'),
      keyFile: settings.get('breakwater.consul.tls.key-file')
    }
  }
}

/** `consul https://localhost:8501`: for logs, without the token. */
export function describeConsul (connection: ConsulConnection): string {
  return `consul ${connection.secure ? 'https' : 'http'}://${connection.host}:${connection.port}`
}

/** An agent takes 200 connections from one address, so that one without a question is not kept for long. */
const SOCKETS = { keepAlive: true, maxSockets: 6, timeout: 2_000 }

/** Connections for one purpose, few and not kept idle. */
export function consulAgent ({ secure, tls }: ConsulConnection): HttpAgent | HttpsAgent {
  return secure
    ? new HttpsAgent({ ...SOCKETS, ca: pem(tls.caFile), cert: pem(tls.certFile), key: pem(tls.keyFile) })
    : new HttpAgent(SOCKETS)
}

/** The library's client with its own connections; `destroy()` ends them. */
export function connectConsul (connection: ConsulConnection): Consul {
  const { host, port, secure, token } = connection
  const defaults = token === undefined ? {} : { token }
  return new Consul({ host, port, secure, agent: consulAgent(connection), defaults })
}

function pem (file: string | undefined): Buffer | undefined {
  if (file === undefined) return undefined
  try {
    return readFileSync(file)
  } catch (cause) {
    throw consulError('E_CONSUL_FILE', [(cause as NodeJS.ErrnoException).code], { where: file, cause })
  }
}
