/** How the last change of the settings went: refused ones leave the old settings in use, and nobody would see it. */
export interface Refusal {
  /** `settings` for the reading itself, else whoever could not use what was read. */
  readonly by: string
  readonly reason: string
  /** Milliseconds since 1970. */
  readonly at: number
}

export class Reloads {
  readonly #refusals = new Map<string, Refusal>()
  #takenAt = Date.now()

  /** What is not in use at present, and why. */
  get refusals (): readonly Refusal[] {
    return [...this.#refusals.values()]
  }

  /** When all was last read and taken, in milliseconds since 1970. */
  get takenAt (): number {
    return this.#takenAt
  }

  taken (by: string): void {
    this.#refusals.delete(by)
    if (this.#refusals.size === 0) this.#takenAt = Date.now()
  }

  refused (by: string, cause: unknown): void {
    this.#refusals.set(by, { by, reason: cause instanceof Error ? cause.message : String(cause), at: Date.now() })
  }
}
