/** `{cipher}` values inside a structured text file, for operators who asked for it. */
import { CIPHER } from '@breakwater/starter/settings'
import { decryptValue } from './decrypt-environment.ts'
import type { KeyRing } from './key-ring.ts'

const STRUCTURED = /\.(?:json|ya?ml|properties)$/
const VALUE = /\{cipher\}(?:\{[^{}:]*:[^{}]*\})*[A-Za-z0-9+/_-]+={0,2}/g

/** The text with its ciphers replaced; one that cannot be read becomes `<n/a>`. */
export async function decryptFile (text: string, file: string, keys: KeyRing): Promise<string> {
  if (!STRUCTURED.test(file) || !text.includes(CIPHER)) return text
  const plain = new Map<string, string>()
  for (const [value] of text.matchAll(VALUE)) {
    if (!plain.has(value)) plain.set(value, inside(await decryptValue(value, keys) ?? '<n/a>', file))
  }
  return text.replace(VALUE, value => plain.get(value) ?? value)
}

// Inside JSON a quote or a line break of the secret would end the string around it.
function inside (text: string, file: string): string {
  return file.endsWith('.json') ? JSON.stringify(text).slice(1, -1) : text
}
