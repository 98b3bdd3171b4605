/** An answer of another service, whole in memory and bounded. */
import { starterError } from '../starter-errors.ts'

/** What a call resolves to, whatever the status: only a missing answer is an error. */
export class ServiceResponse {
  readonly status: number
  /** Lower-case names; repeated ones are lists. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
  readonly #where: string

  constructor (status: number, headers: Record<string, string | string[] | undefined>, body: Buffer, where: string) {
    this.status = status
    this.headers = headers
    this.body = body
    this.#where = where
  }

  /** 2xx. */
  get ok (): boolean {
    return this.status >= 200 && this.status < 300
  }

  text (): string {
    return this.body.toString('utf8')
  }

  /** The body as JSON; throws E_BODY_NOT_JSON. The type is the caller's claim: check it where it matters. */
  json<T = unknown> (): T {
    try {
      return JSON.parse(this.text()) as T
    } catch (cause) {
      const type = this.headers['content-type'] ?? 'no content type'
      throw starterError('E_BODY_NOT_JSON', [String(type), this.text().slice(0, 80)], { where: this.#where, cause })
    }
  }
}
