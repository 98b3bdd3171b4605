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
  return typeof value === 'number' ? new JsonNumber(context?.source ?? String(value)) : value
}
