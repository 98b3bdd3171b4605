/** The `.properties` form: `key: value` lines without escaping and without a last newline, as Spring writes it. */
import type { FlatProperties } from './flat.ts'

export function flatText (flat: FlatProperties): string {
  return [...flat].map(([key, { text }]) => `${key}: ${text}`).join('\n')
}
