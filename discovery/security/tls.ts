import { readFileSync } from 'node:fs'
import { discoveryError } from '../errors.ts'

/** PEM files, by Spring Boot's meaning. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
  /** Who signs the certificates of clients and peers that are trusted; undefined: the public authorities. */
  readonly ca?: string | undefined
  /** `need` refuses clients without a certificate, `want` asks for one, `none` does not. */
  readonly clientAuth: string
}

/** The same as texts. */
export interface TlsMaterial {
  readonly cert: string
  readonly key: string
  readonly ca?: string
  readonly requestCert: boolean
  readonly rejectUnauthorized: boolean
}

const CLIENT_AUTH = ['none', 'want', 'need']

/** Reads the files; throws E_DISCOVERY_TLS when one is missing. Read once: a new certificate takes a restart. */
export function readTls (files: TlsFiles): TlsMaterial {
  if (!CLIENT_AUTH.includes(files.clientAuth)) {
    throw discoveryError('E_DISCOVERY_OPTION', ['server.ssl.client-auth', 'none, want or need', files.clientAuth])
  }
  return {
    cert: read('server.ssl.certificate', files.cert),
    key: read('server.ssl.certificate-private-key', files.key),
    ...(files.ca === undefined ? {} : { ca: read('server.ssl.trust-certificate', files.ca) }),
    requestCert: files.clientAuth !== 'none',
    rejectUnauthorized: files.clientAuth === 'need'
  }
}

function read (setting: string, location: string): string {
  try {
    return readFileSync(location.replace(/^file:(\/\/)?/, ''), 'utf8')
  } catch (cause) {
    throw discoveryError('E_DISCOVERY_TLS', [location, (cause as NodeJS.ErrnoException).code], { where: setting, cause })
  }
}
