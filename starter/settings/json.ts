/** A JSON number as written: `2.0` and 20-digit integers must reach the settings unharmed. */
export class JsonNumber {
  readonly text: string

  constructor (text: string) {
    this.text = text
  }

  toJSON (): number {
    return Number(this.text)
  }
}

/** `JSON.parse` that keeps numbers as {@link JsonNumber}. */
export function parseJson (text: string): unknown {
  return JSON.parse(text, keepNumber)
}

function keepNumber (this: unknown, _key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number') return value
  const text = context?.source ?? String(value)
  // Spring reads a whole number, and of those there is one zero; -0.0 keeps its sign.
  return new JsonNumber(text === '-0' ? '0' : text)
}
