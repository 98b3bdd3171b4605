/** The keys as settings give them: `encrypt.key`, `encrypt.key-store.*`, `encrypt.rsa.*`. */
import { readFileSync } from 'node:fs'
import type { Settings } from '@breakwater/starter/settings'
import { error } from '../errors.ts'
import type { EncryptOptions, KeyStoreOptions } from './key-ring.ts'

/** Reads the key settings; the key store's file is read here, once. */
export function readEncryptOptions (settings: Settings, defaults: EncryptOptions): EncryptOptions {
  return {
    key: settings.get('encrypt.key'),
    salt: settings.string('encrypt.salt', defaults.salt),
    rsa: {
      algorithm: settings.string('encrypt.rsa.algorithm', defaults.rsa.algorithm).toUpperCase() === 'OAEP' ? 'OAEP' : 'DEFAULT',
      strong: settings.boolean('encrypt.rsa.strong', defaults.rsa.strong),
      salt: settings.string('encrypt.rsa.salt', defaults.rsa.salt)
    },
    keyStore: readKeyStoreOptions(settings)
  }
}

function readKeyStoreOptions (settings: Settings): KeyStoreOptions | undefined {
  const location = settings.get('encrypt.key-store.location')
  if (location === undefined || location === '') return undefined
  const password = settings.string('encrypt.key-store.password', '')
  return {
    location,
    content: readStore(location),
    password,
    secret: settings.string('encrypt.key-store.secret', password),
    alias: settings.string('encrypt.key-store.alias')
  }
}

function readStore (location: string): Buffer {
  try {
    return readFileSync(location.replace(/^file:(?:\/\/)?/, ''))
  } catch (cause) {
    throw error('E_CIPHER_STORE', [(cause as NodeJS.ErrnoException).code ?? 'it cannot be read'], { where: location, cause })
  }
}
