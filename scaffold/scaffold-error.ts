/** What cannot be made, in one sentence with the next step. */
export class ScaffoldError extends Error {
  readonly code = 'E_SCAFFOLD'

  override toString (): string {
    return `${this.code} ${this.message}`
  }
}
